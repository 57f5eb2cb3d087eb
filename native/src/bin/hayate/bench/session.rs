//! What the blocks of a session cost, in memory: only a session has slots for them.

use std::hint::black_box;

use shared::{
    BLOCK, Binding, Code, Credentials, Error, Kind, Offer, Output, Packer, Plain, Receiver, Seed,
    Sender, Side, Slot,
    cipher::{Suite, Suites},
    path::SafeName,
    receiver::Request as Receive,
    sender::Request as Send,
    tree::Tree,
};

use super::clock::Spent;

/// One block that does not compress.
pub(crate) fn random() -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    blake3::Hasher::new().finalize_xof().fill(&mut block);
    block
}

/// One block with two bits of surprise in each byte.
pub(crate) fn text() -> Vec<u8> {
    let letters = random()
        .into_iter()
        .map(|byte| b"aeno"[usize::from(byte & 3)]);
    letters.collect()
}

/// What all blocks of a session took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Costs {
    /// To hash, compress and seal them.
    pub(crate) fill: Spent,
    /// To check, decompress and hash them.
    pub(crate) open: Spent,
}

/// Moves so many blocks of `content` through a session; what is not done to blocks does not count.
///
/// # Errors
/// A bug: both ends are this process.
pub(crate) fn transfer(
    blocks: u64,
    suite: Suite,
    packer: &mut Packer,
    content: &[u8],
) -> Result<Costs, Error> {
    let mut sender = Sender::new(credentials(Side::Listener, suite));
    let mut receiver = Receiver::new(credentials(Side::Dialler, suite));
    let bytes = blocks * content.len() as u64;
    let offer = Offer {
        name: SafeName::parse(b"payload").expect("the name is a constant"),
        kind: Kind::File {
            mtime: 0,
            executable: false,
        },
        payload: Some(bytes),
        bytes,
        entries: 1,
    };
    let mut costs = Costs::default();
    let mut slots: Vec<Slot> = Vec::new();
    loop {
        match sender.poll()? {
            Output::Transmit(bytes) => receiver.receive(&bytes),
            Output::Request(Send::Pair) => sender.pair(2),
            Output::Request(Send::Join(_) | Send::Return(_)) => {}
            Output::Request(Send::Offer) => sender.offer(offer.clone()),
            Output::Request(Send::Compare(_)) => {
                sender.resume(Tree::new());
            }
            Output::Request(Send::Read(slot)) => slots.push(slot),
            Output::Wait | Output::Done => {
                // One at a time: only what is in a core's reach is measured, not how much memory is in flight.
                if let Some(slot) = (!slots.is_empty()).then(|| slots.remove(0))
                    && slot.index() < blocks
                {
                    let last = slot.index() + 1 == blocks;
                    let mut plain = Plain::new(Vec::new());
                    plain.buffer().extend_from_slice(content);
                    let block = costs.fill.on(|| slot.fill(packer, plain, last))?;
                    sender.submit(black_box(block));
                }
            }
        }
        loop {
            match receiver.poll()? {
                Output::Transmit(bytes) => sender.receive(&bytes),
                Output::Request(Receive::Pair) => receiver.pair(2),
                Output::Request(Receive::Join(_) | Receive::Widen(_) | Receive::Return(_)) => {}
                Output::Request(Receive::Decide(_)) => receiver.accept(Tree::new()),
                Output::Request(Receive::Open(sealed)) => {
                    let opened = costs.open.on(|| sealed.open())?;
                    receiver.opened(opened.receipt);
                    receiver.recycle(black_box(opened.bytes));
                }
                Output::Request(Receive::Commit) => receiver.committed(0),
                Output::Done => return Ok(costs),
                Output::Wait => break,
            }
        }
    }
}

fn credentials(side: Side, suite: Suite) -> Credentials {
    Credentials {
        code: Code::parse("7-copper-lantern-violin").expect("the phrase is a constant"),
        ticket: None,
        side,
        binding: Binding {
            certificate: [0; 32],
            exporter: None,
        },
        suites: Suites::only(suite),
        seed: Seed::new([side as u8; 32]),
    }
}
