//! What one block costs on its way out (hash, compress, seal) and on its way in (check, decompress, hash), by suite and
//! by kind of content: `cargo bench -p hayate --bench blocks`.
#![allow(clippy::unwrap_used, reason = "a measurement, not a product")]

#[path = "../src/bin/hayate/bench/clock.rs"]
mod clock;
#[path = "../src/bin/hayate/bench/session.rs"]
mod session;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use session::{Costs, random, text, transfer};
use shared::{BLOCK, Packer, cipher::Suite};

criterion_group!(benches, blocks);
criterion_main!(benches);

fn blocks(criterion: &mut Criterion) {
    let contents = [("random", random()), ("text", text())];
    for (way, pick) in [
        ("fill", (|costs| costs.fill.wall) as fn(Costs) -> Duration),
        ("open", |costs| costs.open.wall),
    ] {
        let mut group = criterion.benchmark_group(way);
        group.throughput(Throughput::Bytes(BLOCK as u64));
        for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
            for (name, content) in &contents {
                let id = BenchmarkId::new(suite.name(), name);
                group.bench_with_input(id, content, |bencher, content| {
                    let mut packer = Packer::level(1).unwrap();
                    bencher.iter_custom(|blocks| {
                        pick(transfer(blocks, suite, &mut packer, content).unwrap())
                    });
                });
            }
        }
    }
}
