//! The Hayate protocol: everything two peers must agree on, and nothing else.
//!
//! No I/O, no async, no clock, no threads, no randomness of its own: a driver brings those. The wire
//! is written down, byte by byte, in `PROTOCOL.md` beside this crate.
//!
//! | module | what it holds |
//! |---|---|
//! | [`Sender`], [`Receiver`] | a session as a value: the two machines that a driver runs |
//! | [`code`] | code phrases and the word list |
//! | [`pake`], [`cipher`] | CPace and the AEADs, each behind a few lines of our own |
//! | [`Slot`], [`Sealed`] | one block: hashed, compressed, sealed; and the way back |
//! | [`lane`] | further connections of a session |
//! | [`tree`] | BLAKE3 of a payload out of its blocks |
//! | [`path`] | names from a peer, made safe by type |
//! | [`archive`] | trees as tar: a layout to send from, a strict reader to receive with |
//! | [`discovery`] | the beacon datagram |
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod archive;
mod block;
pub mod cipher;
pub mod code;
mod codec;
mod compress;
pub mod discovery;
mod error;
mod frame;
mod handshake;
mod keys;
pub mod lane;
mod memory;
mod message;
mod offer;
pub mod pake;
pub mod path;
mod session;
mod ticket;
pub mod tree;

pub use block::{Block, BlockReceipt, Opened, Plain, Sealed, Slot};
pub use code::Code;
pub use compress::Packer;
pub use error::{Error, Reason, UnsafeContent};
pub use handshake::{Binding, Credentials, Seed, Side};
pub use message::Have;
pub use offer::{Kind, Offer};
pub use session::{Output, Receiver, Refusal, Sender, WINDOW, receiver, sender};
pub use ticket::{Ticket, TicketId};

/// The version of the protocol this crate speaks; it is in the first message of every session.
pub const VERSION: u8 = 7;

/// Payload bytes in every block but the last, which is shorter or equal: 1 MiB.
pub const BLOCK: usize = 1 << 20;

/// Longest detail of an `Abort` message in bytes.
pub const MAX_DETAIL: usize = 512;

/// Most names at the top level that an offer of several items lists.
pub const MAX_TOP_LEVEL: usize = 64;

/// Whether `frame`, a whole transmission of a session, is a block.
pub fn is_block(frame: &[u8]) -> bool {
    frame.first() == Some(&frame::KIND_BLOCK)
}
