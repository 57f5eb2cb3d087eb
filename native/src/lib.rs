//! Hayate as a library: send and receive files between the machines of one room.
#![warn(missing_docs)]

mod error;
mod event;
pub mod identity;
pub mod quic;
pub mod wire;

pub use error::{Error, ErrorKind};
pub use event::{Event, Offered, Progress};
