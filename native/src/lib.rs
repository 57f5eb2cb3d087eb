//! Hayate as a library: send and receive files between the machines of one room.
#![warn(missing_docs)]

mod error;
mod event;
mod name;
pub mod source;

pub use error::{Error, ErrorKind};
pub use event::{Event, Offered, Progress};
