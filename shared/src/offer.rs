//! The offer: what the sender proposes, before the receiver agrees to a byte of it.

use crate::path::SafeName;

/// What kind of thing is offered, and so what the payload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// One file; the payload is its bytes.
    File {
        /// Modification time in whole seconds since 1970 (UTC), negative before; from a peer, within
        /// [`crate::archive::MTIMES`].
        mtime: i64,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A short text to be shown; the payload is UTF-8.
    Text,
    /// One directory; the payload is an archive of what is in it.
    Directory {
        /// Modification time of the directory itself, as for a file.
        mtime: i64,
    },
    /// Several files or directories; the payload is an archive of them.
    Items {
        /// Names at the top level, as many as fit ([`crate::MAX_TOP_LEVEL`]).
        names: Vec<SafeName>,
    },
    /// A pipe; the payload's length is unknown until its last block.
    Stream,
}

/// What the sender proposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The name to store it under, where the receiver does not choose another.
    pub name: SafeName,
    /// What it is.
    pub kind: Kind,
    /// Payload length in bytes, at most `i64::MAX`; `None` for a stream.
    pub payload: Option<u64>,
    /// Bytes of content, without what the archive adds; equal to `payload` for a file or text, 0 for a stream.
    pub bytes: u64,
    /// Entries of the archive (files, directories, links); 1 for everything else.
    pub entries: u64,
}
