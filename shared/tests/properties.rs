//! Whatever the payload, the cuts of the wire, the order of the workers and the moment of an interruption: the same
//! bytes arrive, or an error does. And nothing that arrives makes a machine panic.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
mod peer;

use common::{CODE, credentials};
use hayate_shared::{
    BLOCK, Code, Error, Kind, Offer, Output, Packer, Plain, Receiver, Sealed, Sender, Side, Slot,
    archive::{Policy, Reader},
    discovery::Beacon,
    path::{SafeName, SafePath, escape},
    receiver, sender,
    tree::{BlockHash, Tree},
};
use proptest::{prelude::*, test_runner::Config};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

/// A payload that is large without being slow to make: bytes of a few kinds in turn.
fn payload(length: usize, seed: u8) -> Vec<u8> {
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

fn tree_over(payload: &[u8], blocks: u64) -> Tree {
    let mut tree = Tree::new();
    for (index, block) in payload.chunks(BLOCK).take(blocks as usize).enumerate() {
        tree.push(BlockHash::of(index as u64, false, block));
    }
    tree
}

/// Both ends, a wire between them, and workers that take their time: all of it decided by `chance`.
struct World {
    chance: ChaCha20Rng,
    sender: Sender,
    receiver: Receiver,
    payload: Vec<u8>,
    stored: Vec<u8>,
    kept: u64,
    packer: Packer,
    slots: Vec<Slot>,
    sealed: Vec<Sealed>,
    to_sender: Vec<u8>,
    to_receiver: Vec<u8>,
    first: Option<u64>,
    done: [Option<Result<(), Error>>; 2],
}

impl World {
    fn new(payload: Vec<u8>, receiver_dials: bool, seed: u64) -> Self {
        let (ours, theirs) = match receiver_dials {
            true => (Side::Listener, Side::Dialler),
            false => (Side::Dialler, Side::Listener),
        };
        #[cfg_attr(
            not(feature = "native"),
            expect(unused_mut, reason = "only `native` compresses")
        )]
        let mut world = Self {
            chance: ChaCha20Rng::seed_from_u64(seed),
            sender: Sender::new(credentials(ours, CODE)),
            receiver: Receiver::new(credentials(theirs, CODE)),
            stored: Vec::new(),
            kept: 0,
            packer: Packer::off(),
            slots: Vec::new(),
            sealed: Vec::new(),
            to_sender: Vec::new(),
            to_receiver: Vec::new(),
            first: None,
            done: [None, None],
            payload,
        };
        #[cfg(feature = "native")]
        if seed.is_multiple_of(2) {
            world.packer = Packer::level(1).unwrap();
        }
        world
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
        self.chance.next_u32() as usize % below.max(1)
    }

    fn poll_sender(&mut self, stream: bool) {
        while self.done[0].is_none() {
            match self.sender.poll() {
                Ok(Output::Transmit(bytes)) => self.to_receiver.extend_from_slice(&bytes),
                Ok(Output::Request(sender::Request::Join(_))) => {}
                Ok(Output::Request(sender::Request::Pair)) => self.sender.pair(2),
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
    fn run(&mut self, stream: bool, steps: usize) -> bool {
        for _ in 0..steps {
            self.poll_sender(stream);
            self.poll_receiver();
            if self.done.iter().all(Option::is_some) {
                return true;
            }
            match self.chance(4) {
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
                _ => {}
            }
        }
        false
    }
}

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

/// A machine that is fed these bytes at some stage of a session.
type Stage = Box<dyn Fn(&[u8])>;

/// Machines at every stage of a session, as drivers leave them waiting.
fn stages() -> Vec<Stage> {
    fn feed_receiver(mut machine: Receiver, bytes: &[u8]) {
        machine.receive(bytes);
        for _ in 0..64 {
            match machine.poll() {
                Ok(Output::Request(receiver::Request::Join(_) | receiver::Request::Widen(_))) => {}
                Ok(Output::Request(receiver::Request::Pair)) => machine.pair(2),
                Ok(Output::Request(receiver::Request::Decide(_))) => machine.accept(Tree::new()),
                Ok(Output::Request(receiver::Request::Open(sealed))) => match sealed.open() {
                    Ok(opened) => machine.opened(opened.receipt),
                    Err(_) => machine.abort(hayate_shared::Reason::Violation, ""),
                },
                Ok(Output::Request(receiver::Request::Commit)) => machine.committed(0),
                Ok(Output::Transmit(_)) => {}
                Ok(Output::Wait | Output::Done) | Err(_) => break,
            }
        }
        machine.eof();
        while let Ok(Output::Transmit(_)) = machine.poll() {}
    }
    let credentials_of = |side| credentials(side, CODE);
    vec![
        Box::new(move |bytes| feed_receiver(Receiver::new(credentials_of(Side::Listener)), bytes)),
        Box::new(move |bytes| feed_receiver(Receiver::new(credentials_of(Side::Dialler)), bytes)),
        Box::new(move |bytes| {
            let mut machine = Sender::new(credentials_of(Side::Listener));
            machine.receive(&peer::wire::clear(1, &peer::Settings::default().hello()));
            let _ = machine.poll();
            machine.pair(2);
            machine.receive(bytes);
            while let Ok(Output::Transmit(_)) = machine.poll() {}
        }),
        Box::new(move |bytes| feed_receiver(paired().0, bytes)),
        // Sealed as it should be: the bytes are a message.
        Box::new(move |bytes| {
            let (machine, mut keys) = paired();
            feed_receiver(machine, &keys.message(bytes));
        }),
        // Sealed as it should be: the bytes are a compressed block.
        Box::new(move |bytes| {
            let (machine, mut keys) = paired();
            let header = peer::Header::new(0, 3, BLOCK, bytes.len());
            let frames = [
                keys.message(&peer::Offer::stream().encode()),
                keys.message(&peer::start(0)),
                keys.block(header, bytes),
            ];
            let mut machine = machine;
            machine.receive(&frames[0]);
            while !matches!(machine.poll(), Ok(Output::Request(_))) {}
            machine.accept(Tree::new());
            feed_receiver(machine, &frames[1..].concat());
        }),
    ]
}

/// A receiver that has the keys, and those of its peer.
fn paired() -> (Receiver, peer::Channel) {
    let mut machine = Receiver::new(credentials(Side::Dialler, CODE));
    let said = |machine: &mut Receiver| match machine.poll() {
        Ok(Output::Transmit(bytes)) => bytes,
        _ => panic!("it speaks"),
    };
    let hello = said(&mut machine);
    let listener = peer::Listener::answer(peer::Settings::default(), &hello[5..], 1);
    machine.receive(&peer::wire::clear(2, &listener.m2));
    let (m4, keys) = listener.confirm(&said(&mut machine)[5..]);
    machine.receive(&peer::wire::clear(4, &m4));
    (machine, keys)
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
