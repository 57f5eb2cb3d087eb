//! Both ends of a session, a wire between them, and workers that take their time: all of it decided by chance, be that
//! a seed or a fuzzer.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test uses its part; a test may panic"
)]

use hayate_shared::{
    BLOCK, Error, Kind, Offer, Output, Packer, Plain, Receiver, Refusal, Sealed, Sender, Side,
    Slot,
    path::SafeName,
    receiver, sender,
    tree::{BlockHash, Tree},
};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::common::{CODE, credentials};

/// A payload that is large without being slow to make: bytes of a few kinds in turn.
pub(crate) fn payload(length: usize, seed: u8) -> Vec<u8> {
    let mut bytes = vec![seed; length];
    for (index, chunk) in bytes.chunks_mut(BLOCK / 2 + 77).enumerate() {
        if index % 3 == 0 {
            let head = chunk.len().min(5_000);
            ChaCha20Rng::from_seed([seed; 32]).fill_bytes(&mut chunk[..head]);
        }
        chunk[0] = index as u8;
    }
    bytes
}

pub(crate) fn tree_over(payload: &[u8], blocks: u64) -> Tree {
    let mut tree = Tree::new();
    for (index, block) in payload.chunks(BLOCK).take(blocks as usize).enumerate() {
        tree.push(BlockHash::of(index as u64, false, block));
    }
    tree
}

/// Both ends, a wire between them, and workers that take their time: all of it decided by `chance`.
pub(crate) struct World {
    chance: Chance,
    /// Whether somebody changes, drops and repeats what is on its way.
    pub(crate) hostile: bool,
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
    pub(crate) payload: Vec<u8>,
    pub(crate) stored: Vec<u8>,
    pub(crate) kept: u64,
    packer: Packer,
    slots: Vec<Slot>,
    sealed: Vec<Sealed>,
    to_sender: Vec<u8>,
    to_receiver: Vec<u8>,
    pub(crate) first: Option<u64>,
    /// The block that was transmitted last.
    sent: Option<u64>,
    pub(crate) done: [Option<Result<(), Error>>; 2],
}

/// The next number that decides something.
pub(crate) type Chance = Box<dyn FnMut() -> u32>;

impl World {
    /// All of it decided by `seed`.
    pub(crate) fn new(payload: Vec<u8>, receiver_dials: bool, seed: u64) -> Self {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let chance = Box::new(move || random.next_u32());
        Self::with(payload, receiver_dials, seed.is_multiple_of(2), chance)
    }

    pub(crate) fn with(
        payload: Vec<u8>,
        receiver_dials: bool,
        packed: bool,
        chance: Chance,
    ) -> Self {
        let (ours, theirs) = match receiver_dials {
            true => (Side::Listener, Side::Dialler),
            false => (Side::Dialler, Side::Listener),
        };
        Self {
            chance,
            hostile: false,
            sender: Sender::new(credentials(ours, CODE)),
            receiver: Receiver::new(credentials(theirs, CODE)),
            stored: Vec::new(),
            kept: 0,
            packer: match packed {
                #[cfg(feature = "native")]
                true => Packer::level(1).unwrap(),
                _ => Packer::off(),
            },
            slots: Vec::new(),
            sealed: Vec::new(),
            to_sender: Vec::new(),
            to_receiver: Vec::new(),
            first: None,
            sent: None,
            done: [None, None],
            payload,
        }
    }

    fn offer(&self, stream: bool) -> Offer {
        let length = self.payload.len() as u64;
        Offer {
            name: SafeName::parse(b"payload").unwrap(),
            kind: match stream {
                true => Kind::Stream,
                false => Kind::File {
                    mtime: 0,
                    executable: false,
                },
            },
            payload: (!stream).then_some(length),
            bytes: if stream { 0 } else { length },
            entries: 1,
        }
    }

    fn chance(&mut self, below: usize) -> usize {
        (self.chance)() as usize % below.max(1)
    }

    /// Somebody on the wire does his worst.
    fn spoil(&mut self) {
        let (at, value) = (self.chance(1 << 16), self.chance(256) as u8);
        let bytes = match self.chance(2) {
            0 => &mut self.to_sender,
            _ => &mut self.to_receiver,
        };
        if !bytes.is_empty() {
            let at = at % bytes.len();
            match value % 4 {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, value),
                2 if bytes.len() <= 4 * BLOCK => bytes.extend_from_within(at..),
                _ => bytes[at] ^= value,
            }
        }
    }

    fn poll_sender(&mut self, stream: bool) {
        while self.done[0].is_none() {
            match self.sender.poll() {
                Ok(Output::Transmit(bytes)) => {
                    if hayate_shared::is_block(&bytes) {
                        let index = u64::from_be_bytes(bytes[1..9].try_into().unwrap());
                        assert!(self.sent < Some(index), "blocks ascend");
                        self.sent = Some(index);
                    }
                    self.to_receiver.extend_from_slice(&bytes);
                }
                Ok(Output::Request(sender::Request::Join(_))) => {}
                Ok(Output::Request(sender::Request::Pair)) => self.sender.pair(2),
                Ok(Output::Request(sender::Request::Return(_))) => {
                    self.sender.refuse(Refusal::Over);
                }
                Ok(Output::Request(sender::Request::Offer)) => {
                    let offer = self.offer(stream);
                    self.sender.offer(offer);
                }
                Ok(Output::Request(sender::Request::Compare(have))) => {
                    let own = tree_over(&self.payload, have.blocks);
                    self.sender.resume(own);
                }
                Ok(Output::Request(sender::Request::Read(slot))) => self.slots.push(slot),
                Ok(Output::Wait) => break,
                Ok(Output::Done) => self.done[0] = Some(Ok(())),
                Err(error) => self.done[0] = Some(Err(error)),
            }
        }
    }

    fn poll_receiver(&mut self) {
        while self.done[1].is_none() {
            match self.receiver.poll() {
                Ok(Output::Transmit(bytes)) => self.to_sender.extend_from_slice(&bytes),
                Ok(Output::Request(receiver::Request::Join(_) | receiver::Request::Widen(_))) => {}
                Ok(Output::Request(receiver::Request::Pair)) => self.receiver.pair(2),
                Ok(Output::Request(receiver::Request::Return(_))) => {
                    self.receiver.refuse(Refusal::Over);
                }
                Ok(Output::Request(receiver::Request::Decide(_))) => {
                    let kept = tree_over(&self.stored, self.kept);
                    self.receiver.accept(kept);
                }
                Ok(Output::Request(receiver::Request::Open(sealed))) => self.sealed.push(sealed),
                Ok(Output::Request(receiver::Request::Commit)) => self.receiver.committed(0),
                Ok(Output::Wait) => break,
                Ok(Output::Done) => self.done[1] = Some(Ok(())),
                Err(error) => self.done[1] = Some(Err(error)),
            }
        }
    }

    /// One of the sender's workers finishes.
    fn fill(&mut self) {
        let at = self.chance(self.slots.len().min(8));
        let slot = self.slots.remove(at);
        let start = slot.index() as usize * BLOCK;
        if start > self.payload.len() || (start == self.payload.len() && start > 0) {
            return;
        }
        let end = (start + BLOCK).min(self.payload.len());
        let mut plain = Plain::new(Vec::new());
        plain.buffer().extend_from_slice(&self.payload[start..end]);
        let last = end == self.payload.len();
        let block = slot.fill(&mut self.packer, plain, last).unwrap();
        self.sender.submit(block);
    }

    /// One of the receiver's workers finishes.
    fn open(&mut self) {
        let at = self.chance(self.sealed.len());
        let opened = self.sealed.remove(at).open().unwrap();
        let index = opened.receipt.index();
        self.first = Some(self.first.map_or(index, |first| first.min(index)));
        let start = index as usize * BLOCK;
        let end = start + opened.bytes.len();
        self.stored.resize(self.stored.len().max(end), 0);
        self.stored[start..end].copy_from_slice(&opened.bytes);
        self.receiver.opened(opened.receipt);
    }

    /// Runs until both are done, or so many steps.
    pub(crate) fn run(&mut self, stream: bool, steps: usize) -> bool {
        for _ in 0..steps {
            self.poll_sender(stream);
            self.poll_receiver();
            if self.done.iter().all(Option::is_some) {
                return true;
            }
            match self.chance(4 + usize::from(self.hostile)) {
                0 if !self.slots.is_empty() => self.fill(),
                1 if !self.sealed.is_empty() => self.open(),
                2 if !self.to_receiver.is_empty() && !self.receiver.is_full() => {
                    let most = 1 << self.chance(22);
                    let cut = 1 + self.chance(self.to_receiver.len().min(most));
                    let bytes: Vec<u8> = self.to_receiver.drain(..cut).collect();
                    self.receiver.receive(&bytes);
                }
                3 if !self.to_sender.is_empty() => {
                    let cut = 1 + self.chance(self.to_sender.len());
                    let bytes: Vec<u8> = self.to_sender.drain(..cut).collect();
                    self.sender.receive(&bytes);
                }
                4 => self.spoil(),
                _ => {}
            }
        }
        false
    }
}
