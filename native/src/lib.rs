//! Hayate as a library: send and receive files between the machines of one room.
#![warn(missing_docs)]

pub mod discover;
mod drive;
mod error;
mod event;
mod gate;
pub mod identity;
pub mod name;
mod options;
mod pool;
pub mod quic;
mod sender;
pub mod source;
pub mod wire;

pub use error::{Error, ErrorKind};
pub use event::{Event, Offered, Progress};
pub use options::{Cipher, Compression, DEFAULT_PORT, Target};
pub use sender::{HayateSender, Payload, Sent, Survey};
pub use source::Links;
