//! How many instructions the way of a block takes, out (hash, compress, seal) and in (check, open, decompress, hash), by
//! suite and by kind of content: `cargo bench -p hayate --bench instructions`. It needs valgrind, and counts alike on any
//! machine, however busy: more than a tenth above what was counted last is a failure.
//!
//! valgrind knows no AVX-512, so the machine itself may need fewer.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement, not a product"
)]

#[path = "../src/bin/hayate/bench/session.rs"]
mod session;

use std::process::{Command, ExitCode};

use shared::{Packer, cipher::Suite};

/// Nobody looks at the clock: valgrind's is none.
mod clock {
    #[derive(Debug, Clone, Copy, Default)]
    pub(crate) struct Spent;

    impl Spent {
        #[expect(
            clippy::unused_self,
            clippy::needless_pass_by_ref_mut,
            reason = "the one with a clock adds up"
        )]
        pub(crate) fn on<T>(&mut self, work: impl FnOnce() -> T) -> T {
            work()
        }
    }
}

/// Suite, content, and thousands of instructions a MiB when they were counted last (valgrind 3.19, rustc 1.95).
const ROWS: [(&str, &str, u64); 4] = [
    ("aes", "random", 12_825),
    ("aes", "text", 65_445),
    ("chacha", "random", 19_067),
    ("chacha", "text", 67_379),
];

/// Blocks of the two sessions whose difference counts.
const FEW: u64 = 1;
const MORE: u64 = 9;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [suite, content, blocks] = &words[..] {
        run(suite, content, blocks.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("instructions: skipped, valgrind is not installed");
        return ExitCode::SUCCESS;
    }
    let mut grown = false;
    for (suite, content, known) in ROWS {
        let more = count(suite, content, MORE) - count(suite, content, FEW);
        let thousands = more / (MORE - FEW) / 1000;
        println!("{suite:7} {content:7} {thousands:7} thousand instructions a MiB, {known} before");
        grown |= thousands > known + known / 10;
    }
    match grown {
        true => {
            println!("more than a tenth above what it was");
            ExitCode::FAILURE
        }
        false => ExitCode::SUCCESS,
    }
}

/// One session.
fn run(suite: &str, content: &str, blocks: u64) {
    let suite = match suite {
        "aes" => Suite::Aes256Gcm,
        _ => Suite::ChaCha20Poly1305,
    };
    let content = match content {
        "text" => session::text(),
        _ => session::random(),
    };
    let mut packer = Packer::level(1).unwrap();
    session::transfer(blocks, suite, &mut packer, &content).unwrap();
}

/// Instructions of a process that runs one session of so many blocks.
fn count(suite: &str, content: &str, blocks: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args([suite, content, &blocks.to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "valgrind: {said}");
    let (_, count) = said.split_once("Collected : ").unwrap();
    count.lines().next().unwrap().trim().parse().unwrap()
}
