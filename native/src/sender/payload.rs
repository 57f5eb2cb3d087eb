//! What a sender is given, and what it tells about it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::{
    Error,
    source::{self, Gathered, Pipe, Selection},
};

/// What is sent.
#[derive(Debug, Clone)]
pub enum Payload {
    /// Files and directories.
    Paths(Vec<PathBuf>),
    /// A text that the receiver shows.
    Text(String),
    /// Standard input, to its end.
    Stdin,
    /// So many bytes that do not compress, the same every time, out of memory: they measure a path.
    Noise(u64),
}

/// One transfer that arrived, was verified and stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The receiver's address.
    pub peer: SocketAddr,
    /// Payload bytes.
    pub bytes: u64,
    /// BLAKE3 root of the payload: for a file, what `b3sum` prints.
    pub blake3: [u8; 32],
    /// From the connection to the receiver's last word.
    pub elapsed: Duration,
    /// Items that the receiver could not keep, and items of the source that were not sent.
    pub skipped: u64,
}

/// What would be sent: see [`HayateSender::survey`](super::HayateSender::survey).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The name that is offered.
    pub name: Vec<u8>,
    /// Each entry's path and size in bytes.
    pub entries: Vec<(Vec<u8>, u64)>,
    /// What is left out, and why.
    pub skipped: Vec<(Vec<u8>, String)>,
    /// Bytes of content.
    pub bytes: u64,
}

/// What is offered and where it comes from.
pub(super) enum Ready {
    Gathered(Gathered),
    Pipe(shared::Offer, Pipe),
}

impl Ready {
    pub(super) fn new(selection: &Selection, payload: Payload) -> Result<Self, Error> {
        let name = selection.name.as_deref();
        Ok(match payload {
            Payload::Paths(paths) => Self::Gathered(source::gather(&Selection {
                paths,
                ..selection.clone()
            })?),
            Payload::Text(text) => Self::Gathered(Gathered::text(text, name)?),
            Payload::Noise(bytes) => Self::Gathered(Gathered::noise(bytes, name)?),
            Payload::Stdin => Self::Pipe(Pipe::offer(name)?, Pipe::stdin()?),
        })
    }
}
