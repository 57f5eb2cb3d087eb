//! Real browsers receive: `hayate send` on one machine, the browser on another.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accessibility;
mod mistakes;
mod payloads;
mod qr;
mod recovery;
mod weight;

use hayate_tests::Pair;

/// Hayate's page on the sender's machine.
fn page(pair: &Pair, scheme: &str) -> String {
    format!("{scheme}://{}:50001/", pair.net.a().v4())
}
