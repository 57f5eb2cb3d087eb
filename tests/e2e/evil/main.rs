//! Peers that hold the code and have no manners, against the whole program over real QUIC.
//!
//! The identifiers in the comments are those of the catalogue of hostile inputs. What single bytes do to the machines of the
//! protocol is held by its vectors; here it is that the program, its files and its screen come to no harm.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arena;
mod handshake;
mod order;
mod peer;
#[path = "../../../shared/tests/peer/mod.rs"]
mod protocol;
mod stream;

/// The exit codes of the README that are met here.
mod code {
    pub(crate) const WRONG_CODE: i32 = 4;
    pub(crate) const PROTOCOL: i32 = 7;
    pub(crate) const DISK: i32 = 8;
    pub(crate) const LOST: i32 = 9;
}
