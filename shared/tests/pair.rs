//! Both ends of a session, in one thread, on honest wires.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{CODE, Pair, binding, credentials, noise};
use hayate_shared::{
    BLOCK, Error, Kind, Reason, Receiver, Refusal, Sender, Side,
    cipher::{Suite, Suites},
    lane::{Heard, Inlet},
};

fn assert_equal(pair: &mut Pair) {
    assert_eq!(pair.run(), (Ok(()), Ok(())));
    assert!(
        pair.received == pair.payload,
        "{} bytes of {}",
        pair.received.len(),
        pair.payload.len()
    );
    let root = Some(*blake3::hash(&pair.payload).as_bytes());
    assert_eq!((pair.sender.root(), pair.receiver.root()), (root, root));
}

#[test]
fn payloads_around_block_boundaries_arrive() {
    let bytes = noise(3 * BLOCK + 1);
    for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 1] {
        assert_equal(&mut Pair::new(&bytes[..length]));
    }
}

#[test]
fn any_cut_of_the_bytes_gives_the_same_session() {
    for cut in [1, 2, 5, 64, 1_000, 65_536] {
        let mut pair = Pair::new(&noise(40_000));
        pair.cut = cut;
        assert_equal(&mut pair);
    }
}

#[test]
fn more_blocks_than_the_window_arrive() {
    assert_equal(&mut Pair::new(&vec![7; 70 * BLOCK + 9]));
}

#[test]
fn blocks_are_filled_in_any_order_and_leave_in_theirs() {
    let mut pair = Pair::new(&noise(5 * BLOCK + 9));
    pair.reorder = true;
    assert_equal(&mut pair);
    assert_eq!(pair.sent, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn stream_of_unknown_length_arrives() {
    for length in [0, 1, BLOCK, 2 * BLOCK + 7, 40 * BLOCK] {
        let mut pair = Pair::new(&vec![3; length]);
        pair.offer.kind = Kind::Stream;
        (pair.offer.payload, pair.offer.bytes) = (None, 0);
        assert_equal(&mut pair);
    }
}

#[test]
fn roles_do_not_depend_on_who_dialled() {
    let mut pair = Pair::with(
        Sender::new(credentials(Side::Dialler, CODE)),
        Receiver::new(credentials(Side::Listener, CODE)),
        &noise(BLOCK + 1),
    );
    assert_equal(&mut pair);
}

#[test]
fn listener_chooses_among_what_the_dialler_offers() {
    for (listener, dialler, agreed) in [
        (
            Suites::preferring(Suite::Aes256Gcm),
            Suites::preferring(Suite::ChaCha20Poly1305),
            Suite::Aes256Gcm,
        ),
        (
            Suites::preferring(Suite::ChaCha20Poly1305),
            Suites::preferring(Suite::Aes256Gcm),
            Suite::ChaCha20Poly1305,
        ),
        (
            Suites::preferring(Suite::Aes256Gcm),
            Suites::only(Suite::ChaCha20Poly1305),
            Suite::ChaCha20Poly1305,
        ),
    ] {
        let mut ours = credentials(Side::Listener, CODE);
        ours.suites = listener;
        let mut theirs = credentials(Side::Dialler, CODE);
        theirs.suites = dialler;
        let mut pair = Pair::with(Sender::new(ours), Receiver::new(theirs), &noise(BLOCK + 1));
        assert_equal(&mut pair);
        assert_eq!(
            (pair.sender.suite(), pair.receiver.suite()),
            (Some(agreed), Some(agreed))
        );
    }
}

#[test]
fn dialler_without_exporter_is_served() {
    let mut theirs = credentials(Side::Dialler, CODE);
    theirs.binding.exporter = None;
    let mut pair = Pair::with(
        Sender::new(credentials(Side::Listener, CODE)),
        Receiver::new(theirs),
        &noise(9),
    );
    assert_equal(&mut pair);
}

#[test]
fn wrong_word_ends_both_sides_before_the_offer() {
    for listener in [Side::Listener, Side::Dialler] {
        let dialler = if listener == Side::Listener {
            Side::Dialler
        } else {
            Side::Listener
        };
        let mut pair = Pair::with(
            Sender::new(credentials(listener, CODE)),
            Receiver::new(credentials(dialler, "7-copper-lantern-zoo")),
            b"secret",
        );
        let wrong = Error::WrongCode { left: Some(2) };
        assert_eq!(pair.run(), (Err(wrong.clone()), Err(wrong)));
    }
}

#[test]
fn another_connection_under_the_same_code_is_refused() {
    for (what, change) in [
        (
            "another certificate",
            (|b| b.certificate[31] ^= 1) as fn(&mut hayate_shared::Binding),
        ),
        ("another TLS session", |b| b.exporter = Some([9; 32])),
    ] {
        let mut theirs = credentials(Side::Dialler, CODE);
        theirs.binding = binding();
        change(&mut theirs.binding);
        let mut pair = Pair::with(
            Sender::new(credentials(Side::Listener, CODE)),
            Receiver::new(theirs),
            b"secret",
        );
        let wrong = Error::WrongCode { left: Some(2) };
        assert_eq!(pair.run(), (Err(wrong.clone()), Err(wrong)), "{what}");
    }
}

#[test]
fn two_senders_do_not_pair() {
    let mut dialler = Sender::new(credentials(Side::Dialler, CODE));
    let mut listener = Sender::new(credentials(Side::Listener, CODE));
    let Ok(hayate_shared::Output::Transmit(hello)) = dialler.poll() else {
        panic!("a dialler speaks first")
    };
    listener.receive(&hello);
    assert!(
        matches!(listener.poll(), Ok(hayate_shared::Output::Transmit(_))),
        "it says why"
    );
    assert!(matches!(listener.poll(), Err(Error::Malformed(_))));
}

#[test]
fn refused_dialler_is_told_why() {
    for (refusal, error) in [
        (Refusal::Burned, Error::Burned),
        (Refusal::Busy, Error::Busy),
    ] {
        let mut dialler = Receiver::new(credentials(Side::Dialler, CODE));
        let mut listener = Sender::new(credentials(Side::Listener, CODE));
        let Ok(hayate_shared::Output::Transmit(hello)) = dialler.poll() else {
            panic!("a dialler speaks first")
        };
        listener.receive(&hello);
        assert!(matches!(
            listener.poll(),
            Ok(hayate_shared::Output::Request(_))
        ));
        listener.refuse(refusal);
        let Ok(hayate_shared::Output::Transmit(bytes)) = listener.poll() else {
            panic!("a rejection")
        };
        dialler.receive(&bytes);
        assert_eq!(
            (listener.poll().err(), dialler.poll().err()),
            (Some(error.clone()), Some(error))
        );
    }
}

#[test]
fn decline_reaches_the_sender() {
    let mut pair = Pair::new(b"unwanted");
    pair.accept = false;
    let declined = Error::Peer {
        reason: Reason::Declined,
        detail: String::new(),
    };
    assert_eq!(
        pair.run(),
        (Err(declined), Err(Error::Ended(Reason::Declined)))
    );
}

#[test]
fn failure_is_told_once_and_lasts() {
    let mut pair = Pair::new(b"something");
    pair.accept = false;
    let _ = pair.run();
    for _ in 0..3 {
        assert_eq!(
            pair.receiver.poll().err(),
            Some(Error::Ended(Reason::Declined))
        );
        assert!(matches!(pair.sender.poll(), Err(Error::Peer { .. })));
    }
}

#[test]
fn resumed_session_sends_only_what_is_missing() {
    let payload = noise(6 * BLOCK + 5);
    for kept in [1, 3, 6] {
        let mut pair = Pair::new(&payload);
        pair.kept = kept;
        pair.received = payload[..kept * BLOCK].to_vec();
        assert_equal(&mut pair);
        assert_eq!(pair.first_index, Some(kept as u64));
    }
}

#[test]
fn kept_blocks_of_something_else_are_sent_again() {
    let payload = noise(4 * BLOCK + 5);
    let mut pair = Pair::new(&payload);
    pair.kept = 3;
    pair.received = vec![1; 3 * BLOCK];
    assert_equal(&mut pair);
    assert_eq!(pair.first_index, Some(0));
}

#[test]
fn more_kept_blocks_than_the_payload_has_are_refused() {
    let mut pair = Pair::new(&noise(2 * BLOCK));
    pair.kept = 2;
    pair.received = noise(2 * BLOCK);
    let (sender, receiver) = pair.run();
    assert!(matches!(sender, Err(Error::Malformed(_))), "{sender:?}");
    assert!(
        matches!(
            receiver,
            Err(Error::Peer {
                reason: Reason::Violation,
                ..
            })
        ),
        "{receiver:?}"
    );
}

#[test]
fn tiny_blocks_that_come_at_once_wait_for_room() {
    let mut pair = Pair::new(&vec![0; 100 * BLOCK]);
    assert_equal(&mut pair);
}

/// Greets over a lane, both ways, and gives back the receiving end.
fn join(pair: &Pair, number: u8) -> Inlet {
    let (ours, theirs) = (
        pair.sender.lane(number).unwrap(),
        pair.receiver.lane(number).unwrap(),
    );
    let (ours, theirs) = (ours.join(binding()), theirs.join(binding()));
    let (hello, answer) = (theirs.greeting(), ours.greeting());
    assert!(matches!(ours.hear(&hello), Ok((Heard::Joined(_), 38))));
    let Ok((Heard::Joined(inlet), 38)) = theirs.hear(&answer) else {
        panic!("the sender's greeting holds");
    };
    inlet
}

#[test]
fn lanes_carry_blocks_past_the_wire_and_behind_the_total() {
    let mut pair = Pair::new(&noise(70 * BLOCK + 9));
    pair.lanes = Some(Vec::new());
    pair.run_until_blocks();
    let inlets = [join(&pair, 1), join(&pair, 2), join(&pair, 3)];
    pair.lanes = Some(
        inlets
            .into_iter()
            .map(|inlet| (inlet, Vec::new()))
            .collect(),
    );
    for _ in 0..3 {
        pair.receiver.lane_joined();
    }
    assert_equal(&mut pair);
}

#[test]
fn a_block_takes_no_more_than_it_lacks() {
    let mut pair = Pair::new(&noise(2 * BLOCK));
    pair.lanes = Some(Vec::new());
    pair.run_until_blocks();
    let mut inlet = join(&pair, 1);
    assert!(inlet.lend().is_none(), "no block is on its way");
    // Block 0, the last one: 8 bytes, and a tag.
    let lengths = [8_u32.to_be_bytes(), 24_u32.to_be_bytes()].concat();
    let head = [&[0x11][..], &[0; 8], &[2], &lengths].concat();
    assert!(matches!(inlet.push(&head), Ok((None, 18))));
    let mut room = inlet.lend().unwrap();
    assert_eq!(room.missing(), 24);
    room.memory().extend_from_slice(&[0; 25]);
    assert!(inlet.fill(room).is_err());
}

#[test]
fn stranger_cannot_join_a_lane() {
    let mut pair = Pair::new(&noise(9));
    pair.lanes = Some(Vec::new());
    pair.run_until_blocks();
    let lane = |number| pair.receiver.lane(number).unwrap();
    let greeting = pair.sender.lane(1).unwrap().greeting(&binding());
    assert!(matches!(
        lane(1).join(binding()).hear(&greeting),
        Ok((Heard::Joined(_), _))
    ));
    assert!(
        lane(2).join(binding()).hear(&greeting).is_err(),
        "another lane"
    );
    let mut other = binding();
    other.certificate[0] ^= 1;
    assert!(
        lane(1).join(other).hear(&greeting).is_err(),
        "another connection"
    );
    let own = lane(1).greeting(&binding());
    assert!(
        lane(1).join(binding()).hear(&own).is_err(),
        "its own greeting sent back"
    );
    for bit in 0..greeting.len() * 8 {
        let mut flipped = greeting.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let heard = lane(1).join(binding()).hear(&flipped);
        assert!(!matches!(heard, Ok((Heard::Joined(_), _))), "bit {bit}");
    }
}

#[test]
fn lane_that_ends_too_soon_is_a_loss() {
    let mut pair = Pair::new(&noise(9 * BLOCK));
    pair.lanes = Some(Vec::new());
    pair.run_until_blocks();
    pair.receiver.lane_joined();
    pair.receiver.lane_ended();
    assert!(matches!(pair.receiver.poll(), Err(Error::Disconnected)));
}
