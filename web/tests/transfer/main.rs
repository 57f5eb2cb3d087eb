//! Whole transfers in one thread: a sender of `shared` and the browser's side, with a store in memory.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod lanes;
mod pair;

use hayate_web::{event::Event, failure::Kind, transfer::Transfer};
use pair::{CERTIFICATE, Memory, Pair, code, file, noise};
use shared::{BLOCK, Reason};

#[test]
fn a_file_arrives_whatever_the_order_of_blocks_and_the_cut() {
    for length in [0, 1, BLOCK, 3 * BLOCK + 5] {
        for (backwards, cut) in [(false, 1000), (true, 3 << 20)] {
            let mut pair = Pair::new(file(), noise(length));
            (pair.backwards, pair.cut) = (backwards, cut);
            let store = pair.store.clone();
            let payload = pair.payload.clone();
            let outcome = pair.run();
            let (received, root) = outcome.received.unwrap();
            assert_eq!(root, *blake3::hash(&payload).as_bytes());
            assert!(*store.bytes.borrow() == payload, "{length} bytes");
            assert_eq!(received.files[0].size, length as u64);
        }
    }
}

#[test]
fn a_text_is_shown_and_not_stored() {
    let pair = Pair::new(shared::Kind::Text, "né".into());
    let store = pair.store.clone();
    let (received, _) = pair.run().received.unwrap();
    assert_eq!(received.text.as_deref(), Some("né"));
    assert!(store.bytes.borrow().is_empty());
    let outcome = Pair::new(shared::Kind::Text, b"\xff".to_vec()).run();
    assert_eq!(outcome.failure.unwrap().kind, Kind::Protocol);
    assert!(matches!(outcome.sender, Some(shared::Error::Peer { .. })));
}

#[test]
fn a_stream_arrives_without_a_length() {
    let pair = Pair::new(shared::Kind::Stream, noise(2 * BLOCK));
    let (received, _) = pair.run().received.unwrap();
    assert_eq!(received.length, 2 * BLOCK as u64);
}

#[test]
fn kept_blocks_are_not_sent_again() {
    let payload = noise(3 * BLOCK + 5);
    // All whole blocks, too many of them, and a torn one behind.
    for (stored, kept, first) in [(2 * BLOCK + 9, 2, 2), (payload.len(), 4, 3)] {
        let mut pair = Pair::new(file(), payload.clone());
        pair.kept = kept;
        pair.store.bytes.borrow_mut().extend(&payload[..stored]);
        let store = pair.store.clone();
        let outcome = pair.run();
        assert!(outcome.received.is_some(), "{:?}", outcome.failure);
        assert_eq!(outcome.sent[0], first);
        assert!(*store.bytes.borrow() == payload);
    }
}

#[test]
fn kept_blocks_of_something_else_are_replaced() {
    let payload = noise(4 * BLOCK);
    for backwards in [false, true] {
        let mut pair = Pair::new(file(), payload.clone());
        pair.kept = 2;
        pair.backwards = backwards;
        pair.store.bytes.borrow_mut().resize(2 * BLOCK, 1);
        let store = pair.store.clone();
        let outcome = pair.run();
        assert!(outcome.received.is_some(), "{:?}", outcome.failure);
        assert!(*store.bytes.borrow() == payload);
    }
}

#[test]
fn fewer_kept_blocks_than_were_announced_begin_again() {
    let payload = noise(4 * BLOCK);
    let mut pair = Pair::new(file(), payload.clone());
    pair.kept = 3;
    pair.store.bytes.borrow_mut().extend(&payload[..BLOCK + 7]);
    let store = pair.store.clone();
    let outcome = pair.run();
    assert_eq!(outcome.sent[0], 0);
    assert!(*store.bytes.borrow() == payload);
}

#[test]
fn a_full_store_ends_it_and_the_sender_hears_why() {
    let mut pair = Pair::new(file(), noise(3 * BLOCK));
    pair.store.room = Some(BLOCK);
    let outcome = pair.run();
    assert_eq!(outcome.failure.unwrap().kind, Kind::Disk);
    let reason = match outcome.sender {
        Some(shared::Error::Peer { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason, Reason::Disk);
}

#[test]
fn what_is_no_archive_is_refused() {
    let directory = shared::Kind::Directory { mtime: 0 };
    let outcome = Pair::new(directory, noise(BLOCK)).run();
    assert_eq!(outcome.failure.unwrap().kind, Kind::Protocol);
}

#[test]
fn a_wrong_code_is_named_with_the_tries_that_are_left() {
    let mut pair = Pair::new(file(), noise(1));
    pair.browser = Transfer::new(code([1, 2, 4]), CERTIFICATE, [2; 32]);
    let failure = pair.run().failure.unwrap();
    assert_eq!((failure.kind, failure.left), (Kind::WrongCode, Some(2)));
}

#[test]
fn another_certificate_is_a_wrong_code() {
    let mut pair = Pair::new(file(), noise(1));
    pair.browser = Transfer::new(code([1, 2, 3]), [8; 32], [2; 32]);
    assert_eq!(pair.run().failure.unwrap().kind, Kind::WrongCode);
}

#[test]
fn a_wire_that_was_closed_with_a_reason_tells_it() {
    for (code, kind) in [(1, Kind::Cancelled), (0, Kind::Gone), (99, Kind::Gone)] {
        let mut browser = Transfer::<Memory>::new(self::code([1, 2, 3]), CERTIFICATE, [2; 32]);
        browser.eof(code);
        let Some(Event::Failed(failure)) = browser.event() else {
            panic!("no failure");
        };
        assert_eq!(failure.kind, kind);
    }
}
