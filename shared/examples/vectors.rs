//! Runs every vector of `testdata/` without files, arguments or output: so it runs as wasm that imports nothing.
//!
//! The exit code is 0, or the 1-based index of the first vector that fails, at most 255.
#![forbid(unsafe_code)]

#[path = "../tests/peer/mod.rs"]
mod peer;
#[path = "../tests/vectors/run/mod.rs"]
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    let failed = run::list::ALL
        .iter()
        .position(|(_, text)| run::run(text).is_err());
    match failed {
        None => ExitCode::SUCCESS,
        Some(index) => ExitCode::from(u8::try_from(index + 1).unwrap_or(u8::MAX)),
    }
}
