//! A sender of `shared` and the browser's side, in one thread, with a store in memory.

use std::{cell::RefCell, rc::Rc};

use hayate_web::{
    event::Event,
    failure::{Failure, Kind},
    payload::Received,
    sink::Store,
    transfer::Transfer,
};
use shared::{
    BLOCK, Binding, Code, Credentials, Offer, Output, Packer, Plain, Refusal, Seed, Sender, Side,
    cipher::{Suite, Suites},
    lane::{Joining, LaneAt, LaneKind},
    path::SafeName,
    sender::Request,
    tree::{BlockHash, Tree},
};

pub(crate) const CERTIFICATE: [u8; 32] = [7; 32];

#[derive(Clone, Default)]
pub(crate) struct Memory {
    pub(crate) bytes: Rc<RefCell<Vec<u8>>>,
    pub(crate) room: Option<usize>,
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
pub(crate) struct Pair {
    pub(crate) sender: Sender,
    pub(crate) offer: Offer,
    pub(crate) payload: Vec<u8>,
    /// Blocks that wait to be sent the other way round.
    pub(crate) held: Vec<(shared::Slot, u64)>,
    pub(crate) backwards: bool,
    pub(crate) sent: Vec<u64>,
    pub(crate) browser: Transfer<Memory>,
    pub(crate) store: Memory,
    pub(crate) kept: u64,
    /// Bytes a message may have.
    pub(crate) cut: usize,
    pub(crate) lane: Lane,
    pub(crate) joining: Option<Joining>,
    /// Bytes that went over the lane, once it has joined.
    pub(crate) over_lane: Option<usize>,
    /// What the lane and the wire bring when all else is said.
    late: (Vec<u8>, Vec<u8>),
}

/// What becomes of the lane that the sender offers.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Lane {
    /// It offers none.
    None,
    Carries,
    /// Somebody else answers.
    Stranger,
    /// It carries all but the first block, which the wire brings last.
    Overtakes,
    /// It ends as soon as it has joined.
    Breaks,
}

#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) received: Option<(Received, [u8; 32])>,
    pub(crate) failure: Option<Failure>,
    pub(crate) sender: Option<shared::Error>,
    pub(crate) sent: Vec<u64>,
    pub(crate) over_lane: Option<usize>,
}

pub(crate) fn code(words: [u16; 3]) -> Code {
    Code::generate(7, &words)
}

impl Pair {
    pub(crate) fn new(kind: shared::Kind, payload: Vec<u8>) -> Self {
        let sender = Sender::new(Credentials {
            code: code([1, 2, 3]),
            ticket: None,
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
            late: Default::default(),
        }
    }

    pub(crate) fn run(mut self) -> Outcome {
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
                Ok(Output::Wait) if quiet => {
                    if !self.bring_late() {
                        break;
                    }
                }
                Ok(Output::Wait) => {}
                Ok(Output::Done) => break,
                Ok(Output::Transmit(bytes)) => self.deliver(&bytes),
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

    fn deliver(&mut self, bytes: &[u8]) {
        let block = shared::is_block(bytes);
        let (overtakes, first) = (self.lane == Lane::Overtakes, self.late.1.is_empty());
        if overtakes && (block && first || !block && !first) {
            self.late.1.extend_from_slice(bytes);
        } else if let Some(carried) = self.over_lane.as_mut().filter(|_| block) {
            *carried += bytes.len();
            if overtakes {
                return self.late.0.extend_from_slice(bytes);
            }
            for piece in bytes.chunks(self.cut) {
                self.browser.lane_receive(piece);
            }
        } else {
            for piece in bytes.chunks(self.cut) {
                self.browser.receive(piece);
            }
        }
    }

    /// The lane brings all that it has in one piece, and then the wire.
    fn bring_late(&mut self) -> bool {
        let (lane, wire) = std::mem::take(&mut self.late);
        if wire.is_empty() {
            return false;
        }
        self.browser.lane_receive(&lane);
        assert!(self.browser.lane_is_ahead());
        self.browser.receive(&wire);
        assert!(!self.browser.lane_is_ahead());
        true
    }

    fn offer_lane(&mut self) {
        self.joining = self.sender.lane(1).map(|lane| {
            lane.join(Binding {
                certificate: CERTIFICATE,
                exporter: None,
            })
        });
        self.sender.lanes(&[LaneAt {
            kind: LaneKind::Fetch,
            port: 443,
        }]);
    }

    fn open_lane(&mut self, greeting: &[u8]) {
        let joining = self.joining.take().unwrap();
        assert!(joining.is_greeted_by(greeting));
        match self.lane {
            Lane::None => unreachable!("none was offered"),
            Lane::Stranger => self.browser.lane_receive(&[9; 100]),
            Lane::Carries | Lane::Overtakes | Lane::Breaks => {
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
            Request::Return(_) => self.sender.refuse(Refusal::Over),
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

pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut noise = vec![0; length];
    let mut x: u32 = 1;
    for byte in &mut noise {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (x >> 24) as u8;
    }
    noise
}

pub(crate) fn file() -> shared::Kind {
    shared::Kind::File {
        mtime: 5,
        executable: false,
    }
}
