//! Who is on the network and does not know the code phrase: three tries at it, and nothing else, is what he gets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod guesses;
mod packets;
mod quic;
mod siege;
mod stranger;
