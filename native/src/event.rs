//! What happens during a transfer, for a person or a program to follow.

use std::net::SocketAddr;

/// How far a transfer is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Payload bytes done.
    pub done: u64,
    /// Payload bytes in all; `None` for a stream.
    pub total: Option<u64>,
    /// The file at this point, where the payload is an archive; hostile on a receiver, escape it.
    pub current: Option<Vec<u8>>,
}

/// An offer in the words of a person: what the receiver decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The peer's address.
    pub peer: SocketAddr,
    /// What is offered.
    pub offer: shared::Offer,
}

/// Something that happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The sender listens or dials and can be found under `code`.
    Waiting {
        /// The code phrase.
        code: String,
        /// Where this side listens; empty when it dials.
        addresses: Vec<SocketAddr>,
        /// Names of the interfaces, parallel to `addresses`.
        interfaces: Vec<String>,
    },
    /// The receiver looks for the sender and has not found it yet; a hint for the person.
    Searching {
        /// What was seen so far.
        seen: String,
    },
    /// A peer proved that it knows the code.
    Paired {
        /// The peer's address.
        peer: SocketAddr,
        /// The cipher suite that seals the session.
        cipher: &'static str,
    },
    /// A peer failed to prove the code.
    AuthFailed {
        /// The peer's address.
        peer: SocketAddr,
        /// Wrong codes that are still allowed.
        left: u32,
    },
    /// The offer: made (sender) or received (receiver).
    Offered(Offered),
    /// The receiver agreed.
    Accepted {
        /// The peer's address.
        peer: SocketAddr,
    },
    /// Some payload went through.
    Progress {
        /// The peer's address.
        peer: SocketAddr,
        /// How far it is.
        progress: Progress,
    },
    /// Something of the source is not sent, or something received could not be kept.
    Skipped {
        /// Its path; may be hostile, escape it.
        path: Vec<u8>,
        /// Why.
        why: String,
    },
    /// Something the person should know that does not stop the transfer.
    Warning(String),
    /// One transfer is complete, verified and stored.
    Done {
        /// The peer's address.
        peer: SocketAddr,
        /// Payload bytes.
        bytes: u64,
        /// BLAKE3 root of the payload: for a file, what `b3sum` prints.
        blake3: [u8; 32],
        /// Where it was stored; `None` on the sender, for a text or for standard output.
        path: Option<std::path::PathBuf>,
    },
}
