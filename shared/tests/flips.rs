//! Every single bit of a handshake and of a sealed stream, flipped on its way: all of it is noticed.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
mod peer;

use common::{CODE, credentials};
use hayate_shared::{
    Credentials, Error, Output, Receiver, Refusal, Sender, Side, Ticket, receiver, sender,
    tree::Tree,
};
use peer::{BLOCK, Channel, Listener, Offer, Settings, complete, start, wire};

/// A receiver with nothing in its way, and what came of it.
struct Taker {
    machine: Receiver,
    said: Vec<u8>,
    offered: bool,
    opened: Vec<u64>,
    end: Option<Result<(), Error>>,
    /// Of who may come back.
    ticket: Option<Ticket>,
}

impl Taker {
    fn new(side: Side, ticket: Option<&Ticket>) -> Self {
        Self {
            machine: Receiver::new(with(ticket, side)),
            ticket: ticket.cloned(),
            said: Vec::new(),
            offered: false,
            opened: Vec::new(),
            end: None,
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.machine.receive(bytes);
        self.drive();
    }

    fn drive(&mut self) {
        while self.end.is_none() {
            match self.machine.poll() {
                Ok(Output::Transmit(bytes)) => self.said.extend_from_slice(&bytes),
                Ok(Output::Request(receiver::Request::Join(_) | receiver::Request::Widen(_))) => {}
                Ok(Output::Request(receiver::Request::Pair)) => self.machine.pair(2),
                Ok(Output::Request(receiver::Request::Return(id))) => match self.ticket.clone() {
                    Some(ticket) if ticket.id() == id => self.machine.pair_again(ticket),
                    _ => self.machine.refuse(Refusal::Over),
                },
                Ok(Output::Request(receiver::Request::Decide(_))) => {
                    self.offered = true;
                    self.machine.accept(Tree::new());
                }
                Ok(Output::Request(receiver::Request::Open(sealed))) => match sealed.open() {
                    Ok(opened) => {
                        self.opened.push(opened.receipt.index());
                        self.machine.opened(opened.receipt);
                    }
                    Err(error) => self.end = Some(Err(error)),
                },
                Ok(Output::Request(receiver::Request::Commit)) => self.machine.committed(0),
                Ok(Output::Wait) => break,
                Ok(Output::Done) => self.end = Some(Ok(())),
                Err(error) => self.end = Some(Err(error)),
            }
        }
    }

    /// How it ends when nothing more comes.
    fn end(mut self) -> (Result<(), Error>, bool, Vec<u64>) {
        self.machine.eof();
        self.drive();
        (self.end.unwrap(), self.offered, self.opened)
    }
}

/// Those of a side that begins, or comes back with this ticket.
fn with(ticket: Option<&Ticket>, side: Side) -> Credentials {
    Credentials {
        ticket: ticket.filter(|_| side == Side::Dialler).cloned(),
        ..credentials(side, CODE)
    }
}

fn flip(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// What a sender said until it waits, offers included.
fn say(machine: &mut Sender, known: Option<&Ticket>) -> (Vec<u8>, bool, Option<Error>) {
    let (mut said, mut paired) = (Vec::new(), false);
    loop {
        match machine.poll() {
            Ok(Output::Transmit(bytes)) => said.extend_from_slice(&bytes),
            Ok(Output::Request(sender::Request::Join(_))) => {}
            Ok(Output::Request(sender::Request::Pair)) => machine.pair(2),
            Ok(Output::Request(sender::Request::Return(id))) => match known {
                Some(ticket) if ticket.id() == id => machine.pair_again(ticket.clone()),
                _ => machine.refuse(Refusal::Over),
            },
            Ok(Output::Request(sender::Request::Offer)) => paired = true,
            Ok(_) => return (said, paired, None),
            Err(error) => return (said, paired, Some(error)),
        }
    }
}

/// A handshake between the two machines with one bit flipped in the frame of this number: 0 is the first one.
/// True if either side holds the other for genuine and has gone further than it may.
fn handshake(
    frame: usize,
    bit: Option<usize>,
    receiver_dials: bool,
    ticket: Option<&Ticket>,
) -> (usize, bool, bool) {
    let (sender_side, receiver_side) = match receiver_dials {
        true => (Side::Listener, Side::Dialler),
        false => (Side::Dialler, Side::Listener),
    };
    let mut sender = Sender::new(with(ticket, sender_side));
    let mut taker = Taker::new(receiver_side, ticket);
    let (mut count, mut length) = (0, 0);
    let mut sender_paired = false;
    let mut carry = |bytes: Vec<u8>| {
        let mut carried = Vec::new();
        for one in wire::frames(&bytes) {
            if count == frame {
                length = one.len() * 8;
            }
            carried.extend(match bit {
                Some(bit) if count == frame => flip(one, bit),
                _ => one.to_vec(),
            });
            count += 1;
        }
        carried
    };
    loop {
        let (said, paired, _) = say(&mut sender, ticket);
        sender_paired |= paired;
        let to_taker = carry(said);
        taker.hear(&to_taker);
        let to_sender = carry(std::mem::take(&mut taker.said));
        if to_taker.is_empty() && to_sender.is_empty() {
            break;
        }
        sender.receive(&to_sender);
    }
    (length, sender_paired, taker.machine.suite().is_some())
}

/// The ticket that a session leaves.
fn ticket() -> Ticket {
    let mut pair = common::Pair::new(b"payload");
    pair.run_until_blocks();
    pair.sender.ticket().unwrap()
}

#[test]
fn every_bit_of_the_handshake_counts() {
    assert!(flips(None) > 4_600);
    assert!(flips(Some(&ticket())) > 4_800);
}

fn flips(ticket: Option<&Ticket>) -> usize {
    let mut flips = 0;
    for receiver_dials in [true, false] {
        assert!(matches!(
            handshake(9, None, receiver_dials, ticket),
            (_, true, true)
        ));
        for frame in 0..4 {
            let bits = handshake(frame, None, receiver_dials, ticket).0;
            assert!(bits >= 37 * 8, "frame {frame} has {bits} bits");
            for bit in 0..bits {
                let (_, sender, receiver) = handshake(frame, Some(bit), receiver_dials, ticket);
                // The listener is satisfied before the last message leaves; the dialler that hears it never is.
                let (listener, dialler) = match receiver_dials {
                    true => (sender, receiver),
                    false => (receiver, sender),
                };
                assert!(!dialler, "frame {frame} bit {bit}");
                assert_eq!(listener, frame == 3, "frame {frame} bit {bit}");
                flips += 1;
            }
        }
    }
    flips
}

/// A receiver as far as the start of the blocks, its peer's keys, and what the sender says from then on.
fn three_blocks() -> (impl Fn() -> Taker, Vec<Vec<u8>>) {
    let mut first = Taker::new(Side::Dialler, None);
    first.drive();
    let hello = std::mem::take(&mut first.said);
    let listener = Listener::answer(Settings::default(), &hello[5..], 2);
    let answer = wire::clear(2, &listener.m2);
    first.hear(&answer);
    let (m4, mut keys): (_, Channel) = listener.confirm(&first.said[5..]);
    let shaken = [answer, wire::clear(4, &m4)].concat();

    let length = 2 * BLOCK + 60_000;
    let root = blake3::hash(&vec![7; length]);
    let frames = vec![
        keys.message(&Offer::file(length as u64).encode()),
        keys.message(&start(0)),
        keys.equal(0, false, 7, BLOCK),
        keys.equal(1, false, 7, BLOCK),
        keys.equal(2, true, 7, 60_000),
        keys.message(&complete(3, length as u64, root.as_bytes())),
    ];
    let make = move || {
        let mut taker = Taker::new(Side::Dialler, None);
        taker.drive();
        for frame in wire::frames(&shaken) {
            taker.hear(frame);
        }
        taker
    };
    (make, frames)
}

#[test]
fn every_bit_of_a_stream_counts() {
    let (make, frames) = three_blocks();
    let mut taker = make();
    frames.iter().for_each(|frame| taker.hear(frame));
    assert_eq!(taker.end(), (Ok(()), true, vec![0, 1, 2]));

    let mut flips = 0;
    for (number, frame) in frames.iter().enumerate() {
        for bit in 0..frame.len() * 8 {
            let mut taker = make();
            // Blocks come in any order: what is flipped comes as soon as it is judged, so that nothing else is hashed.
            let before = number.min(2);
            frames[..before].iter().for_each(|frame| taker.hear(frame));
            taker.hear(&flip(frame, bit));
            let (end, offered, opened) = taker.end();
            assert!(end.is_err(), "frame {number} bit {bit} passed");
            assert_eq!(offered, number > 0, "frame {number} bit {bit}");
            assert_eq!(opened, [0; 0], "frame {number} bit {bit}");
            flips += 1;
        }
    }
    assert!(flips > 2_500, "{flips} flips");
}

#[test]
fn every_bit_of_the_last_word_counts() {
    let (make, frames) = three_blocks();
    let (last, before) = frames.split_last().unwrap();
    for bit in (0..last.len() * 8).step_by(7) {
        let mut taker = make();
        before.iter().for_each(|frame| taker.hear(frame));
        taker.hear(&flip(last, bit));
        let (end, _, opened) = taker.end();
        assert!(end.is_err(), "bit {bit} passed");
        assert_eq!(opened, [0, 1, 2]);
    }
}
