//! Whatever a peer says at any stage of a session: before the proofs, and sealed by one that proved.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/peer/mod.rs"]
mod peer;
#[path = "../../tests/stages/mod.rs"]
mod stages;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [stage, bytes @ ..] = input else { return };
    let stages = stages::stages();
    stages[usize::from(*stage) % stages.len()](bytes);
});
