//! Peers that hold the code and have no manners, against the whole program over real QUIC.
//!
//! The identifiers in the comments are those of the catalogue of hostile inputs. What single bytes do to the machines of the
//! protocol is held by its vectors; here it is that the program, its files and its screen come to no harm.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod archives;
mod arena;
mod compression;
mod ends;
mod handshake;
mod line;
mod look;
mod names;
mod order;
mod patience;
mod peer;
#[path = "../../../shared/tests/peer/mod.rs"]
mod protocol;
#[path = "../../../shared/tests/archive/raw.rs"]
mod raw;
mod receiver;
mod returning;
mod seals;
mod stream;
mod terminal;

/// The exit codes of the README that are met here.
mod code {
    pub(crate) const NOT_FOUND: i32 = 3;
    pub(crate) const WRONG_CODE: i32 = 4;
    pub(crate) const PROTOCOL: i32 = 7;
    pub(crate) const DISK: i32 = 8;
    pub(crate) const LOST: i32 = 9;
    pub(crate) const UNSAFE: i32 = 10;
}
