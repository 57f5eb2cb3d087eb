//! Who is on the network and does not know the code phrase: three tries at it, and nothing else, is what he gets. And who
//! knows it and misuses QUIC, which everybody can before he has proved anything.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod disclosure;
mod forger;
mod frames;
mod guesses;
mod handshake;
mod http;
mod injection;
mod insider;
mod packets;
mod points;
#[path = "../../../shared/tests/peer/mod.rs"]
mod protocol;
#[allow(dead_code, reason = "the floods use the rest")]
mod quic;
mod rogues;
mod siege;
mod stranger;
mod streams;
mod terms;
#[allow(dead_code, reason = "the floods use the rest")]
mod tls;
mod web;
