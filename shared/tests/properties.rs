//! Whatever the payload, the cuts of the wire, the order of the workers and the moment of an interruption: the same
//! bytes arrive, or an error does. And nothing that arrives makes a machine panic.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
mod peer;
mod stages;
mod world;

use hayate_shared::{
    BLOCK, Code,
    archive::{Policy, Reader},
    discovery::Beacon,
    path::{SafeName, SafePath, escape},
};
use proptest::{prelude::*, test_runner::Config};
use stages::stages;
use world::{World, payload};

proptest! {
    #![proptest_config(Config { cases: 48, ..Config::default() })]

    #[test]
    fn payload_arrives_whatever_the_cuts_and_the_workers(
        blocks in 0..4_usize, over in 0..3_000_usize, stream: bool, receiver_dials: bool, seed: u64,
    ) {
        let payload = payload(blocks * BLOCK + over, seed as u8);
        let mut world = World::new(payload, receiver_dials, seed);
        prop_assert!(world.run(stream, 3_000_000));
        prop_assert_eq!(&world.done, &[Some(Ok(())), Some(Ok(()))]);
        prop_assert!(world.stored == world.payload);
        let root = Some(*blake3::hash(&world.payload).as_bytes());
        prop_assert_eq!((world.sender.root(), world.receiver.root()), (root, root));
    }

    #[test]
    fn interrupted_transfer_goes_on_behind_what_was_kept(
        blocks in 1..5_usize, over in 1..3_000_usize, steps in 0..4_000_usize, seed: u64,
    ) {
        let payload = payload(blocks * BLOCK + over, seed as u8);
        let mut world = World::new(payload.clone(), true, seed);
        world.run(false, steps);
        // What is kept is what the receiver finds when it reads again: whole blocks in front, less the last one.
        let whole = world.stored.chunks_exact(BLOCK).zip(payload.chunks_exact(BLOCK));
        let kept = whole.take_while(|(stored, block)| stored == block).count().min(blocks) as u64;
        let mut again = World::new(payload, false, seed ^ 1);
        again.kept = kept;
        again.stored = world.stored;
        prop_assert!(again.run(false, 3_000_000));
        prop_assert_eq!(&again.done, &[Some(Ok(())), Some(Ok(()))]);
        prop_assert_eq!(again.first, Some(kept));
        prop_assert!(again.stored == again.payload);
    }

    #[test]
    fn spoiled_wire_ends_in_an_error_or_in_the_payload(
        over in 0..3_000_usize, stream: bool, receiver_dials: bool, seed: u64,
    ) {
        let mut world = World::new(payload(BLOCK + over, seed as u8), receiver_dials, seed);
        world.hostile = true;
        world.run(stream, 20_000);
        for done in world.done.iter().flatten().filter(|done| done.is_ok()) {
            prop_assert!(world.stored == world.payload, "{:?}", done);
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 8, ..Config::default() })]

    #[test]
    fn many_small_blocks_outrun_a_slow_receiver(seed: u64) {
        let mut world = World::new(vec![seed as u8; 70 * BLOCK + 1], true, seed & !1);
        prop_assert!(world.run(false, 10_000_000));
        prop_assert_eq!(&world.done, &[Some(Ok(())), Some(Ok(()))]);
        prop_assert!(world.stored == world.payload);
    }
}

/// Bytes that look like frames more often than noise does.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let frame = (
        prop::sample::select(vec![0_u8, 1, 2, 3, 4, 5, 6, 0x10, 0x11, 0xff]),
        prop::collection::vec(any::<u8>(), 0..130),
        any::<bool>(),
    )
        .prop_map(|(kind, body, honest)| match honest {
            true => [&[kind][..], &(body.len() as u32).to_be_bytes(), &body].concat(),
            false => [&[kind][..], &body].concat(),
        });
    prop::collection::vec(frame, 0..5).prop_map(|frames| frames.concat())
}

proptest! {
    #![proptest_config(Config { cases: 512, ..Config::default() })]

    #[test]
    fn noise_at_any_stage_ends_in_an_error_and_not_in_a_panic(bytes in noise()) {
        for stage in stages() {
            stage(&bytes);
        }
    }

    #[test]
    fn good_bytes_with_a_change_never_panic(
        which in 0..3_usize, at: prop::sample::Index, value: u8, cut: prop::sample::Index,
    ) {
        let mut bytes = match which {
            0 => peer::wire::clear(1, &peer::Settings { listener_is: 2, ..Default::default() }.hello()),
            1 => peer::Offer::file(5).encode(),
            _ => peer::equal_bytes(7, BLOCK),
        };
        let at = at.index(bytes.len());
        bytes[at] = value;
        bytes.truncate(1 + cut.index(bytes.len()));
        for stage in stages() {
            stage(&bytes);
        }
    }

    #[test]
    fn parsers_of_strings_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), text in ".{0,80}") {
        let _ = (SafeName::parse(&bytes), SafePath::parse(&bytes), Beacon::decode(&bytes));
        let shown = escape(&bytes);
        prop_assert!(!shown.chars().any(char::is_control));
        let mut reader = Reader::new(Policy { links: true, max_entries: 9 });
        reader.push(bytes.into());
        while let Ok(Some(_)) = reader.next() {}
        let _ = Code::parse(&text);
    }

    #[test]
    fn code_that_is_shown_is_the_code_that_is_typed(typed in "[\\p{L}\\p{N}\\p{M} _.-]{8,40}") {
        if let Ok(code) = Code::parse(&typed) {
            let shown = code.to_string();
            prop_assert_eq!(Code::parse(&shown).ok().map(|again| again.to_string()), Some(shown));
        }
    }
}
