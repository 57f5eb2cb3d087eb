//! What one block costs on its way out (hash, compress, seal) and on its way in (check, decompress, hash), by suite and
//! by kind of content: `cargo bench -p hayate --bench blocks`.
#![allow(clippy::unwrap_used, reason = "a measurement, not a product")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shared::{
    BLOCK, Binding, Code, Credentials, Kind, Offer, Output, Packer, Plain, Receiver, Seed, Sender,
    Side, Slot,
    cipher::{Suite, Suites},
    path::SafeName,
    receiver::Request as Receive,
    sender::Request as Send,
    tree::Tree,
};

criterion_group!(benches, blocks);
criterion_main!(benches);

fn blocks(criterion: &mut Criterion) {
    let contents = [("random", random()), ("text", text())];
    for (way, pick) in [
        ("fill", (|times: Times| times.fill) as fn(Times) -> Duration),
        ("open", |times| times.open),
    ] {
        let mut group = criterion.benchmark_group(way);
        group.throughput(Throughput::Bytes(BLOCK as u64));
        for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
            for (name, content) in &contents {
                let id = BenchmarkId::new(suite.name(), name);
                group.bench_with_input(id, content, |bencher, content| {
                    bencher.iter_custom(|blocks| pick(transfer(blocks, suite, content)));
                });
            }
        }
    }
}

/// One block that does not compress.
fn random() -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    blake3::Hasher::new().finalize_xof().fill(&mut block);
    block
}

/// One block with two bits of surprise in each byte.
fn text() -> Vec<u8> {
    let letters = random()
        .into_iter()
        .map(|byte| b"aeno"[usize::from(byte & 3)]);
    letters.collect()
}

#[derive(Clone, Copy, Default)]
struct Times {
    fill: Duration,
    open: Duration,
}

/// A whole session, since only a session has slots; the time of the blocks alone is taken.
fn transfer(blocks: u64, suite: Suite, content: &[u8]) -> Times {
    let mut sender = Sender::new(credentials(Side::Listener, suite));
    let mut receiver = Receiver::new(credentials(Side::Dialler, suite));
    let bytes = blocks * BLOCK as u64;
    let offer = Offer {
        name: SafeName::parse(b"payload").unwrap(),
        kind: Kind::File {
            mtime: 0,
            executable: false,
        },
        payload: Some(bytes),
        bytes,
        entries: 1,
    };
    let (mut packer, mut times) = (Packer::level(1).unwrap(), Times::default());
    let mut slots: Vec<Slot> = Vec::new();
    loop {
        match sender.poll().unwrap() {
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
                    let started = Instant::now();
                    let block = slot.fill(&mut packer, plain, last).unwrap();
                    times.fill += started.elapsed();
                    sender.submit(black_box(block));
                }
            }
        }
        loop {
            match receiver.poll().unwrap() {
                Output::Transmit(bytes) => sender.receive(&bytes),
                Output::Request(Receive::Pair) => receiver.pair(2),
                Output::Request(Receive::Join(_) | Receive::Widen(_) | Receive::Return(_)) => {}
                Output::Request(Receive::Decide(_)) => receiver.accept(Tree::new()),
                Output::Request(Receive::Open(sealed)) => {
                    let started = Instant::now();
                    let opened = sealed.open().unwrap();
                    times.open += started.elapsed();
                    receiver.opened(opened.receipt);
                    receiver.recycle(black_box(opened.bytes));
                }
                Output::Request(Receive::Commit) => receiver.committed(0),
                Output::Done => return times,
                Output::Wait => break,
            }
        }
    }
}

fn credentials(side: Side, suite: Suite) -> Credentials {
    Credentials {
        code: Code::parse("7-copper-lantern-violin").unwrap(),
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
