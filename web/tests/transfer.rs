//! Whole transfers in one thread: a sender of `shared` and the browser's side, with a store in memory.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{cell::RefCell, rc::Rc};

use hayate_web::{
    event::Event,
    failure::{Failure, Kind},
    payload::Received,
    sink::Store,
    transfer::Transfer,
};
use shared::{
    BLOCK, Binding, Code, Credentials, Offer, Output, Packer, Plain, Reason, Seed, Sender, Side,
    cipher::{Suite, Suites},
    lane::Joining,
    path::SafeName,
    sender::Request,
    tree::{BlockHash, Tree},
};

const CERTIFICATE: [u8; 32] = [7; 32];

#[derive(Clone, Default)]
struct Memory {
    bytes: Rc<RefCell<Vec<u8>>>,
    room: Option<usize>,
}

impl Store for Memory {
    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Failure> {
        let mut stored = self.bytes.borrow_mut();
        let end = at as usize + bytes.len();
        if self.room.is_some_and(|room| end > room) {
            return Err(Failure::new(Kind::Disk, "full".into()));
        }
        let length = stored.len().max(end);
        stored.resize(length, 0);
        stored[at as usize..end].copy_from_slice(bytes);
        Ok(())
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> Result<bool, Failure> {
        let stored = self.bytes.borrow();
        let Some(from) = stored.get(at as usize..at as usize + bytes.len()) else {
            return Ok(false);
        };
        bytes.copy_from_slice(from);
        Ok(true)
    }

    fn truncate(&mut self, length: u64) -> Result<(), Failure> {
        self.bytes.borrow_mut().truncate(length as usize);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Both ends, and what they came to.
struct Pair {
    sender: Sender,
    offer: Offer,
    payload: Vec<u8>,
    /// Blocks that wait to be sent the other way round.
    held: Vec<(shared::Slot, u64)>,
    backwards: bool,
    sent: Vec<u64>,
    browser: Transfer<Memory>,
    store: Memory,
    kept: u64,
    /// Bytes a message may have.
    cut: usize,
    lane: Lane,
    joining: Option<Joining>,
    /// Bytes that went over the lane, once it has joined.
    over_lane: Option<usize>,
}

/// What becomes of the lane that the sender offers.
#[derive(Clone, Copy, PartialEq)]
enum Lane {
    /// It offers none.
    None,
    Carries,
    /// Somebody else answers.
    Stranger,
    /// It ends as soon as it has joined.
    Breaks,
}

#[derive(Debug, Default)]
struct Outcome {
    received: Option<(Received, [u8; 32])>,
    failure: Option<Failure>,
    sender: Option<shared::Error>,
    sent: Vec<u64>,
    over_lane: Option<usize>,
}

fn code(words: [u16; 3]) -> Code {
    Code::generate(7, &words)
}

impl Pair {
    fn new(kind: shared::Kind, payload: Vec<u8>) -> Self {
        let sender = Sender::new(Credentials {
            code: code([1, 2, 3]),
            side: Side::Listener,
            binding: Binding {
                certificate: CERTIFICATE,
                exporter: None,
            },
            suites: Suites::preferring(Suite::Aes256Gcm),
            seed: Seed::new([1; 32]),
        });
        let length = payload.len() as u64;
        Self {
            sender,
            offer: Offer {
                name: SafeName::parse(b"thing").unwrap(),
                payload: (kind != shared::Kind::Stream).then_some(length),
                bytes: match kind {
                    shared::Kind::Stream => 0,
                    _ => length,
                },
                kind,
                entries: 1,
            },
            payload,
            held: Vec::new(),
            backwards: false,
            sent: Vec::new(),
            browser: Transfer::new(code([1, 2, 3]), CERTIFICATE, [2; 32]),
            store: Memory::default(),
            kept: 0,
            cut: 70_000,
            lane: Lane::None,
            joining: None,
            over_lane: None,
        }
    }

    fn run(mut self) -> Outcome {
        let mut outcome = Outcome::default();
        for _ in 0..10_000 {
            let mut quiet = true;
            while let Some(bytes) = self.browser.outgoing() {
                self.sender.receive(&bytes);
                quiet = false;
            }
            while let Some(event) = self.browser.event() {
                quiet = false;
                match event {
                    Event::Offered(offer) => {
                        assert_eq!(*offer, self.offer);
                        self.browser.accept(self.store.clone(), self.kept);
                        while self.browser.check(1) {}
                    }
                    Event::Finished(received, root) => outcome.received = Some((*received, root)),
                    Event::Failed(failure) => outcome.failure = Some(failure),
                    Event::Lane(greeting) => self.open_lane(&greeting),
                    Event::Checked { .. } | Event::Progress { .. } => {}
                }
            }
            match self.sender.poll() {
                Ok(Output::Wait) if quiet => break,
                Ok(Output::Wait) => {}
                Ok(Output::Done) => break,
                Ok(Output::Transmit(bytes)) => {
                    let lane = self.over_lane.as_mut().filter(|_| shared::is_block(&bytes));
                    match lane {
                        Some(carried) => {
                            *carried += bytes.len();
                            for piece in bytes.chunks(self.cut) {
                                self.browser.lane_receive(piece);
                            }
                        }
                        None => {
                            for piece in bytes.chunks(self.cut) {
                                self.browser.receive(piece);
                            }
                        }
                    }
                }
                Ok(Output::Request(request)) => self.answer(request),
                Err(error) => {
                    outcome.sender = Some(error);
                    self.browser.eof(0);
                    if quiet {
                        break;
                    }
                }
            }
        }
        outcome.sent = self.sent;
        outcome.over_lane = self.over_lane;
        outcome
    }

    fn offer_lane(&mut self) {
        self.joining = self.sender.lane(1).map(|lane| {
            lane.join(Binding {
                certificate: CERTIFICATE,
                exporter: None,
            })
        });
        self.sender.lanes(&[443]);
    }

    fn open_lane(&mut self, greeting: &[u8]) {
        let joining = self.joining.take().unwrap();
        assert!(joining.is_greeted_by(greeting));
        match self.lane {
            Lane::None => unreachable!("none was offered"),
            Lane::Stranger => self.browser.lane_receive(&[9; 100]),
            Lane::Carries | Lane::Breaks => {
                for piece in joining.greeting().chunks(self.cut) {
                    self.browser.lane_receive(piece);
                }
                self.over_lane = Some(0);
            }
        }
        if self.lane == Lane::Breaks {
            self.browser.lane_eof();
        }
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Pair => self.sender.pair(2),
            Request::Offer => self.sender.offer(self.offer.clone()),
            Request::Compare(have) => {
                let mut tree = Tree::new();
                for index in 0..have.blocks {
                    let block = &self.payload[index as usize * BLOCK..][..BLOCK];
                    tree.push(BlockHash::of(index, false, block));
                }
                self.sender.resume(tree);
            }
            Request::Join(_) => {}
            Request::Read(slot) => {
                let index = slot.index();
                if index > 0 && index as usize * BLOCK >= self.payload.len() {
                    // A stream is asked for more than it has.
                    return;
                }
                if index == 0 && self.lane != Lane::None {
                    self.offer_lane();
                }
                self.held.push((slot, index));
                let blocks = self.payload.len().div_ceil(BLOCK).max(1);
                let asked = self.sent.len() + self.held.len();
                let first = self
                    .sent
                    .first()
                    .or_else(|| self.held.first().map(|(_, index)| index));
                let all = asked + *first.unwrap() as usize >= blocks;
                if self.backwards && !all {
                    return;
                }
                if self.backwards {
                    self.held.reverse();
                }
                for (slot, index) in std::mem::take(&mut self.held) {
                    self.fill(slot, index);
                }
            }
        }
    }

    fn fill(&mut self, slot: shared::Slot, index: u64) {
        let start = index as usize * BLOCK;
        let end = self.payload.len().min(start + BLOCK);
        let mut plain = Plain::new(Vec::new());
        plain.buffer().extend_from_slice(&self.payload[start..end]);
        let last = end == self.payload.len();
        let block = slot.fill(&mut Packer::off(), plain, last).unwrap();
        self.sent.push(index);
        self.sender.submit(block);
    }
}

fn noise(length: usize) -> Vec<u8> {
    let mut noise = vec![0; length];
    let mut x: u32 = 1;
    for byte in &mut noise {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (x >> 24) as u8;
    }
    noise
}

fn file() -> shared::Kind {
    shared::Kind::File {
        mtime: 5,
        executable: false,
    }
}

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
