//! Hayate as a library: send and receive files between the machines of one room.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod comeback;
pub mod discover;
mod drive;
mod error;
mod event;
mod gate;
pub mod identity;
mod name;
mod options;
mod places;
mod pool;
pub mod quic;
mod receiver;
mod sender;
pub mod sink;
pub mod source;
mod tcp;
mod web;
pub mod wire;

pub use error::{Error, ErrorKind};
pub use event::{Event, Offered, Page, Progress};
pub use options::{Cipher, Compression, DEFAULT_PORT, Lanes, Target};
pub use pool::workers;
pub use receiver::{Decision, HayateReceiver, Received};
pub use sender::{HayateSender, Payload, Sent, Survey};
pub use sink::{Cleaned, OnConflict, Output, Plan, clean};
pub use source::Links;
