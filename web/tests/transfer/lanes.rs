//! Blocks that come by a lane beside the wire.

use hayate_web::failure::Kind;
use shared::BLOCK;

use crate::pair::{Lane, Pair, file, noise};

#[test]
fn blocks_come_by_the_lane_that_the_sender_offers() {
    let payload = noise(6 * BLOCK + 5);
    for cut in [1000, 70_000, 3 << 20] {
        let mut pair = Pair::new(file(), payload.clone());
        (pair.lane, pair.cut) = (Lane::Carries, cut);
        let store = pair.store.clone();
        let outcome = pair.run();
        assert!(outcome.received.is_some(), "{:?}", outcome.failure);
        assert!(*store.bytes.borrow() == payload);
        assert!(outcome.over_lane.unwrap() > 5 * BLOCK);
    }
}

#[test]
fn a_strangers_lane_leaves_the_blocks_on_the_wire() {
    let mut pair = Pair::new(file(), noise(3 * BLOCK));
    pair.lane = Lane::Stranger;
    let (store, payload) = (pair.store.clone(), pair.payload.clone());
    let outcome = pair.run();
    assert!(outcome.received.is_some(), "{:?}", outcome.failure);
    assert!(*store.bytes.borrow() == payload);
}

#[test]
fn a_lane_that_breaks_ends_it() {
    let mut pair = Pair::new(file(), noise(3 * BLOCK));
    pair.lane = Lane::Breaks;
    let outcome = pair.run();
    assert!(outcome.received.is_none());
    assert_eq!(outcome.failure.unwrap().kind, Kind::Gone);
}

#[test]
fn a_lane_far_ahead_of_the_wire_waits_for_it() {
    let payload = vec![3; 70 * BLOCK];
    let mut pair = Pair::new(file(), payload.clone());
    pair.lane = Lane::Overtakes;
    let store = pair.store.clone();
    let outcome = pair.run();
    assert!(outcome.received.is_some(), "{:?}", outcome.failure);
    assert!(*store.bytes.borrow() == payload);
    assert!(outcome.over_lane.unwrap() > 60 * BLOCK);
}
