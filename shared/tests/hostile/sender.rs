//! A receiver with the code and bad manners.

use hayate_shared::{
    BLOCK, Error, Kind, Offer, Packer, Plain, Reason, Sender, WINDOW,
    path::SafeName,
    sender::Request,
    tree::{BlockHash, Tree},
};

use super::{
    Channel, abort_of, hear_sender,
    peer::{abort, accept, stored},
    sender_of,
};

fn file(payload: usize) -> Offer {
    Offer {
        name: SafeName::parse(b"file").unwrap(),
        kind: Kind::File {
            mtime: 0,
            executable: false,
        },
        payload: Some(payload as u64),
        bytes: payload as u64,
        entries: 1,
    }
}

fn stream() -> Offer {
    Offer {
        kind: Kind::Stream,
        payload: None,
        bytes: 0,
        ..file(0)
    }
}

fn accepted(offer: Offer) -> (Sender, Channel) {
    let (mut machine, mut keys) = sender_of(offer);
    machine.receive(&keys.message(&accept(0, [0; 32])));
    (machine, keys)
}

fn failure(machine: &mut Sender, keys: &mut Channel) -> Error {
    let heard = hear_sender(machine);
    assert_eq!(abort_of(keys, &heard.said), 6);
    assert!(heard.asked.is_empty());
    heard.end.unwrap().unwrap_err()
}

#[test]
fn no_more_than_the_window_is_read_ahead() {
    for offer in [file(100 * BLOCK), stream()] {
        let (mut machine, _) = accepted(offer);
        assert_eq!(hear_sender(&mut machine).asked.len() as u64, WINDOW);
        assert!(hear_sender(&mut machine).asked.is_empty());
    }
}

#[test]
fn kept_blocks_that_the_payload_does_not_have_are_refused() {
    for blocks in [2, 3, 1 << 40, u64::MAX] {
        let (mut machine, mut keys) = sender_of(file(2 * BLOCK));
        machine.receive(&keys.message(&accept(blocks, [7; 32])));
        assert!(matches!(
            failure(&mut machine, &mut keys),
            Error::Malformed(_)
        ));
    }
}

#[test]
fn kept_blocks_of_something_else_are_sent_again() {
    let mut own = Tree::new();
    own.push(BlockHash::of(0, false, &vec![1; BLOCK]));
    for proof in [[7; 32], [0; 32]] {
        let (mut machine, mut keys) = sender_of(file(2 * BLOCK));
        machine.receive(&keys.message(&accept(1, proof)));
        let heard = hear_sender(&mut machine);
        let [Request::Compare(have)] = heard.asked[..] else {
            panic!("a question")
        };
        assert_eq!((have.blocks, have.proof), (1, proof));
        machine.resume(own.clone());
        let heard = hear_sender(&mut machine);
        assert_eq!(keys.open(&heard.said).unwrap(), [3, 0, 0, 0, 0, 0, 0, 0, 0]);
        let indices: Vec<u64> = heard
            .asked
            .iter()
            .map(|request| match request {
                Request::Read(slot) => slot.index(),
                _ => panic!("a slot"),
            })
            .collect();
        assert_eq!(indices, [0, 1]);
    }
}

#[test]
fn nothing_is_read_after_the_receiver_gave_up() {
    let (mut machine, mut keys) = accepted(file(9 * BLOCK));
    let slots = hear_sender(&mut machine).asked;
    machine.receive(&keys.message(&abort(1, b"")));
    let Some(Request::Read(slot)) = slots.into_iter().next() else {
        panic!("a slot")
    };
    let mut plain = Plain::new(Vec::new());
    plain.buffer().extend_from_slice(&vec![7; BLOCK]);
    let block = slot.fill(&mut Packer::off(), plain, false).unwrap();
    machine.submit(block);
    let heard = hear_sender(&mut machine);
    assert!(heard.said.is_empty() && heard.asked.is_empty());
    assert!(matches!(
        heard.end,
        Some(Err(Error::Peer {
            reason: Reason::Cancelled,
            ..
        }))
    ));
}

#[test]
fn stored_is_believed_only_at_the_end_and_with_the_right_root() {
    let root: [u8; 32] = blake3::hash(b"hello").into();
    let sent = || {
        let (mut machine, mut keys) = accepted(file(5));
        let asked = hear_sender(&mut machine);
        keys.received += 1;
        let [Request::Read(slot)] = <[_; 1]>::try_from(asked.asked).ok().unwrap() else {
            panic!("a slot")
        };
        (machine, keys, slot)
    };
    let (mut machine, mut keys, _slot) = sent();
    machine.receive(&keys.message(&stored(&root, 0)));
    assert!(matches!(
        failure(&mut machine, &mut keys),
        Error::Unexpected(_)
    ));

    for (claim, good) in [(root, true), ([0; 32], false)] {
        let (mut machine, mut keys, slot) = sent();
        let mut plain = Plain::new(Vec::new());
        plain.buffer().extend_from_slice(b"hello");
        machine.submit(slot.fill(&mut Packer::off(), plain, true).unwrap());
        let said = hear_sender(&mut machine).said;
        let frames = super::peer::wire::frames(&said);
        let (header, content) = keys.open_block(frames[0]).unwrap();
        assert_eq!(
            (header.index, header.flags, &content[..]),
            (0, 2, &b"hello"[..])
        );
        let total = keys.open(frames[1]).unwrap();
        assert_eq!(total, super::peer::complete(1, 5, &root));
        machine.receive(&keys.message(&stored(&claim, 3)));
        if good {
            let heard = hear_sender(&mut machine);
            assert_eq!((heard.end, machine.skipped()), (Some(Ok(())), 3));
        } else {
            assert!(matches!(
                failure(&mut machine, &mut keys),
                Error::Mismatch(_)
            ));
        }
    }
}

#[test]
fn reflected_frames_do_not_open() {
    let (mut machine, mut keys) = accepted(file(5));
    let start = hear_sender(&mut machine).said;
    machine.receive(&start);
    keys.received += 1;
    assert_eq!(failure(&mut machine, &mut keys), Error::Tampered);
}

#[test]
fn blocks_to_a_sender_are_refused() {
    let (mut machine, keys) = accepted(file(5));
    machine.receive(&keys.equal(0, true, 1, 5));
    let start = super::peer::wire::frames(&hear_sender(&mut machine).said).len();
    assert_eq!(start, 2, "the start was said before, then an abort");
    assert!(matches!(
        hear_sender(&mut machine).end,
        Some(Err(Error::Unexpected(_)))
    ));
}
