//! The measure of Hayate: a whole transfer, file to file, beside the bare transport, memory to memory.
//!
//! `cargo bench -p hayate --bench transfer [-- key=value ...]` as root on Linux. It makes two network namespaces joined
//! by a veth pair (MTU 1500), puts a file of random bytes on a tmpfs (of huge pages, for a virtual machine pays its host
//! for each small one), and runs them in turns, so that whatever else the machine does meets all alike: `stock` is
//! compio-quic as it comes, `bare` with our configuration, `wire` our own driver, `quic` Hayate over QUIC alone, `hayate`
//! as it is without options. `mib`, `rounds` and `ratio` change the size (1024), the rounds (5) and the least ratio of the
//! medians of `quic` and `bare` (0.60, below which it fails); `data=text` sends bytes that compress, `offload=off` has each
//! packet travel alone.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement, not a product"
)]

mod bench;
#[allow(
    dead_code,
    reason = "the bare transport is a bench of its own and runs here as a child"
)]
#[path = "../quic.rs"]
mod quic;

use std::process::ExitCode;

use bench::Bench;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if matches!(
        words.first().map(String::as_str),
        Some("stock" | "bare" | "wire")
    ) {
        quic::main();
        return ExitCode::SUCCESS;
    }
    let set = |key: &str, default: f64| {
        let given = words
            .iter()
            .find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        given.map_or(default, |value| value.parse().unwrap())
    };
    let (mib, rounds) = (set("mib", 1024.0) as u64, set("rounds", 5.0) as usize);
    let least = set("ratio", 0.6);
    let has = |word: &str| words.iter().any(|given| given == word);
    if !rustix::process::geteuid().is_root() {
        println!("transfer: skipped, network namespaces need root");
        return ExitCode::SUCCESS;
    }

    let bench = Bench::new(mib, has("data=text"));
    if has("offload=off") {
        bench.send_packets_alone();
    }
    println!(
        "{:8} {:>7} {:>7}   {:>9} {:>9}   {:>8} {:>8}   lost",
        "", "GiB/s", "wall s", "send cpu", "recv cpu", "send MiB", "recv MiB"
    );
    let mut runs = ROWS.map(|_| Vec::new());
    for round in 0..rounds {
        for (row, runs) in ROWS.into_iter().zip(&mut runs) {
            let run = match row {
                "quic" => bench.whole(round == 0, &["--lanes", "quic"]),
                "hayate" => bench.whole(round == 0, &[]),
                stack => bench.memory(stack),
            };
            run.print(row);
            runs.push(run);
        }
    }
    println!("medians of {rounds} rounds of {mib} MiB:");
    let medians = runs.map(|runs| Run::median(&runs));
    for (row, median) in ROWS.into_iter().zip(&medians) {
        median.print(row);
    }
    let [stock, bare, _, quic, whole] = medians;
    for (name, base) in [("stock", stock), ("bare", bare)] {
        println!(
            "ratios of the median speeds to {name}: quic {:.2}, hayate {:.2}",
            quic.speed / base.speed,
            whole.speed / base.speed
        );
    }
    let ratio = quic.speed / bare.speed;
    if ratio < least {
        println!("below {least:.2}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What is measured, in turns.
const ROWS: [&str; 5] = ["stock", "bare", "wire", "quic", "hayate"];

/// What one run took.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// GiB a second, from the connection to the last word.
    speed: f64,
    /// Seconds from the start of the receiving process to the end of both.
    wall: f64,
    sender: Usage,
    receiver: Usage,
    /// Packets that were lost, where that is known.
    lost: Option<f64>,
}

/// What one process used.
#[derive(Debug, Clone, Copy)]
struct Usage {
    /// User and system time in seconds.
    cpu: f64,
    /// Peak resident memory in MiB.
    memory: f64,
}

impl Run {
    fn print(&self, name: &str) {
        let lost = self
            .lost
            .map_or_else(|| "-".to_owned(), |lost| lost.to_string());
        println!(
            "{name:8} {:7.2} {:7.2}   {:9.2} {:9.2}   {:8.0} {:8.0}   {}",
            self.speed,
            self.wall,
            self.sender.cpu,
            self.receiver.cpu,
            self.sender.memory,
            self.receiver.memory,
            lost
        );
    }

    /// The median of each figure for itself.
    fn median(runs: &[Self]) -> Self {
        let of = |figure: &dyn Fn(&Self) -> f64| {
            let mut figures: Vec<f64> = runs.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures[figures.len() / 2]
        };
        let usage = |side: &dyn Fn(&Self) -> Usage| Usage {
            cpu: of(&|run| side(run).cpu),
            memory: of(&|run| side(run).memory),
        };
        Self {
            speed: of(&|run| run.speed),
            wall: of(&|run| run.wall),
            sender: usage(&|run| run.sender),
            receiver: usage(&|run| run.receiver),
            lost: runs[0]
                .lost
                .map(|_| of(&|run| run.lost.unwrap_or(f64::NAN))),
        }
    }
}
