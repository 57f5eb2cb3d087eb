//! Peers that misuse lanes.

use hayate_shared::{
    BLOCK, Error, Receiver, Sealed, WINDOW,
    lane::{Heard, Inlet},
    receiver::Request,
};

use super::{
    Channel, abort_of,
    common::{binding, offer},
    hear, hear_sender,
    peer::{Offer, accept, complete, start, wire::clear},
    receiver::{failure, ready, root},
    receiver_of, sender_of,
};

const LANES: [u8; 5] = [8, 1, 1, 0xc3, 0x52];

/// A receiver of 99 blocks that was told of a lane.
fn wide() -> (Receiver, Channel) {
    let (mut machine, mut keys) = ready(&Offer::file(99 * BLOCK as u64));
    machine.receive(&keys.message(&LANES));
    assert!(matches!(hear(&mut machine).asked[..], [Request::Join(_)]));
    (machine, keys)
}

/// A block as it comes out of a lane of this receiver; the lane is opened by another machine with the same keys.
fn sealed(keys: &Channel, index: u64) -> Sealed {
    let (mut machine, _) = ready(&Offer::stream());
    machine.receive(&keys.equal(index % WINDOW, false, b'a', BLOCK));
    let mut asked = hear(&mut machine).asked;
    let Some(Request::Open(sealed)) = asked.pop() else {
        panic!("a block")
    };
    sealed
}

fn unexpected(machine: &mut Receiver, keys: &mut Channel) {
    let error = failure(machine, keys);
    assert!(matches!(error, Error::Unexpected(_)), "{error:?}");
}

#[test]
fn lanes_before_the_start_are_refused() {
    for message in [&LANES[..], &[7, 1, 1]] {
        let (mut machine, mut keys, _) = receiver_of(1);
        machine.receive(&keys.message(&Offer::file(5).encode()));
        let _ = hear(&mut machine);
        machine.receive(&keys.message(message));
        unexpected(&mut machine, &mut keys);
    }
}

#[test]
fn dialler_is_not_asked_to_listen() {
    let (mut machine, mut keys) = ready(&Offer::file(5));
    machine.receive(&keys.message(&[7, 1, 1]));
    unexpected(&mut machine, &mut keys);
}

#[test]
fn listener_does_not_dial() {
    let (mut machine, mut keys) = sender_of(offer(b"hello"));
    machine.receive(&keys.message(&accept(0, [0; 32])));
    let heard = hear_sender(&mut machine);
    assert_eq!(keys.open(&heard.said).unwrap(), start(0));
    machine.receive(&keys.message(&LANES));
    let heard = hear_sender(&mut machine);
    assert_eq!(abort_of(&mut keys, &heard.said), 6);
    assert!(heard.asked.is_empty());
    assert!(matches!(heard.end, Some(Err(Error::Unexpected(_)))));
}

#[test]
fn flood_of_lanes_ends_with_the_second() {
    let (mut machine, mut keys) = ready(&Offer::file(5));
    let flood: Vec<u8> = (0..1000).flat_map(|_| keys.message(&LANES)).collect();
    machine.receive(&flood);
    unexpected(&mut machine, &mut keys);
}

#[test]
fn lanes_behind_the_total_are_refused() {
    let (mut machine, mut keys) = ready(&Offer::file(5));
    machine.receive(&keys.equal(0, true, b'a', 5));
    machine.receive(&keys.message(&complete(1, 5, &root(5))));
    machine.receive(&keys.message(&LANES));
    unexpected(&mut machine, &mut keys);
}

#[test]
fn same_block_over_the_wire_and_a_lane_is_refused() {
    let (mut machine, mut keys) = wide();
    machine.receive(&keys.equal(3, false, b'a', BLOCK));
    assert!(matches!(hear(&mut machine).asked[..], [Request::Open(_)]));
    machine.arrive(sealed(&keys, 3));
    unexpected(&mut machine, &mut keys);
}

#[test]
fn block_of_the_wire_behind_the_total_is_refused_with_lanes_too() {
    let (mut machine, mut keys) = wide();
    machine.receive(&keys.message(&complete(99, 99 * BLOCK as u64, &[0; 32])));
    assert!(hear(&mut machine).end.is_none(), "it waits for the lane");
    machine.receive(&keys.equal(0, false, b'a', BLOCK));
    unexpected(&mut machine, &mut keys);
}

#[test]
fn block_far_ahead_of_a_lane_waits_on_the_wire() {
    let (mut machine, keys) = wide();
    machine.receive(&keys.equal(90, false, b'a', BLOCK));
    machine.receive(&keys.equal(91, false, b'a', BLOCK));
    assert!(machine.is_full());
    let heard = hear(&mut machine);
    assert!(heard.asked.is_empty() && heard.end.is_none());
}

#[test]
fn lane_that_ends_early_is_a_loss() {
    let (mut machine, _) = wide();
    machine.lane_joined();
    machine.lane_ended();
    assert_eq!(hear(&mut machine).end, Some(Err(Error::Disconnected)));
}

#[test]
fn frame_that_is_no_block_ends_a_lane() {
    let (machine, _) = wide();
    for body in [&[1; 32][..], &[1; 34], &[1; 33]] {
        let joining = machine.lane(1).unwrap().join(binding());
        assert!(joining.hear(&clear(6, body)).is_err());
    }
    for kind in [1, 5, 0x10, 0x11, 7] {
        let joining = machine.lane(1).unwrap().join(binding());
        assert!(joining.hear(&clear(kind, &[0; 33])).is_err(), "{kind}");
    }
}

/// What a lane of this receiver, which dialled, makes of a greeting.
fn greeted(machine: &Receiver, number: u8, greeting: &[u8]) -> Result<Inlet, Error> {
    match machine
        .lane(number)
        .unwrap()
        .join(binding())
        .hear(greeting)?
    {
        (Heard::Joined(inlet), used) if used == greeting.len() => Ok(inlet),
        _ => panic!("a greeting is one frame"),
    }
}

#[test]
fn lane_is_joined_by_who_holds_the_keys_of_the_session_and_by_nobody_else() {
    let (machine, keys) = wide();
    let (certificate, exporter) = ([0xce; 32], [0xe4; 32]);
    let right = keys.greeting(2, 's', &certificate, &exporter);
    assert_eq!(right.len(), 38);
    assert!(greeted(&machine, 2, &right).is_ok());
    let lane = |number| machine.lane(number).unwrap().join(binding());
    assert!(lane(2).is_greeted_by(&right) && !lane(1).is_greeted_by(&right));
    assert!(
        !lane(2).is_greeted_by(&right[1..]) && !lane(2).is_greeted_by(&[&right[..], b"x"].concat())
    );

    let other = |number, side, certificate: &[u8], exporter: &[u8]| {
        let greeting = keys.greeting(number, side, certificate, exporter);
        greeted(&machine, 2, &greeting).err()
    };
    for (what, error) in [
        ("another lane's", other(1, 's', &certificate, &exporter)),
        ("its own, reflected", other(2, 'c', &certificate, &exporter)),
        (
            "over another certificate",
            other(2, 's', &[0xbb; 32], &exporter),
        ),
        (
            "over another TLS session",
            other(2, 's', &certificate, &[9; 32]),
        ),
        ("without the exporter", other(2, 's', &certificate, &[])),
    ] {
        assert_eq!(error, Some(Error::WrongCode { left: None }), "{what}");
    }
    for bit in 0..right.len() * 8 {
        let mut flipped = right.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let lane = machine.lane(2).unwrap().join(binding());
        assert!(!lane.is_greeted_by(&flipped), "bit {bit}");
        let joined = matches!(lane.hear(&flipped), Ok((Heard::Joined(_), _)));
        assert!(!joined, "bit {bit}");
    }
}

#[test]
fn block_on_a_lane_that_nobody_sealed_does_not_open() {
    let (machine, keys) = wide();
    let stranger = Channel {
        blocks: [7; 32],
        ..keys.clone()
    };
    let greeting = keys.greeting(1, 's', &[0xce; 32], &[0xe4; 32]);
    let mut inlet = greeted(&machine, 1, &greeting).unwrap();
    for (keys, opens) in [(keys, true), (stranger, false)] {
        let block = keys.equal(0, false, b'a', BLOCK);
        let (sealed, used) = inlet.push(&block).unwrap();
        assert_eq!(used, block.len());
        assert_eq!(sealed.unwrap().open().is_ok(), opens);
    }
}
