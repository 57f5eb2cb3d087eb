//! What can go wrong on this machine or with the peer, and which exit code follows.

use std::{io, net::SocketAddr, path::PathBuf};

use shared::{Reason, path::escape};

/// Why a transfer did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Options that do not fit together, a malformed code phrase, a path that is not there.
    #[error("{0}")]
    Usage(String),
    /// No peer was found or connected in time.
    #[error("{0}")]
    NotFound(String),
    /// A file or directory of this machine refused an operation.
    #[error("cannot {doing} \"{}\": {source}", escape(path.as_os_str().as_encoded_bytes()))]
    Disk {
        /// What was tried: "create", "write", "read".
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The name to store under is taken and may not be replaced.
    #[error("\"{}\" exists already; --on-conflict rename or overwrite decides what to do", escape(path.as_os_str().as_encoded_bytes()))]
    Exists {
        /// The name that is taken.
        path: PathBuf,
    },
    /// More than the receiver's own limit.
    #[error(
        "more is sent than the {limit} bytes that --max-size allows; receive with a larger one, or without it"
    )]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// A source is not what it was when it was offered.
    #[error("\"{}\" {what} while it was being sent; send it again", escape(path.as_os_str().as_encoded_bytes()))]
    SourceChanged {
        /// The file.
        path: PathBuf,
        /// "changed", "grew", "shrank", "vanished".
        what: &'static str,
    },
    /// The network of this machine: a port in use, no interface.
    #[error("{doing}: {source}")]
    Network {
        /// What was tried, as a clause: "cannot listen on port 50001".
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// The session with the peer at `peer` ended without success.
    #[error("{error}{}", peer.map(|peer| format!(" (peer {peer})")).unwrap_or_default())]
    Session {
        /// The peer's address, where one was known.
        peer: Option<SocketAddr>,
        /// What the protocol says.
        error: shared::Error,
    },
    /// The connection to the peer broke.
    #[error("the connection to {peer} was lost: {why}")]
    Disconnected {
        /// The peer's address.
        peer: SocketAddr,
        /// How, as a clause.
        why: String,
    },
    /// The peer speaks another version of the protocol.
    #[error(
        "{peer} speaks another version of Hayate's protocol than this one ({}); install the same version on both sides",
        shared::VERSION
    )]
    Version {
        /// The peer's address.
        peer: SocketAddr,
    },
    /// Three wrong codes: the code phrase is dead.
    #[error(
        "{count} wrong codes from {from}: somebody mistypes or guesses; run again for a new code phrase"
    )]
    Burned {
        /// How many.
        count: u32,
        /// The addresses they came from, comma separated.
        from: String,
    },
    /// Everything that could be transferred was, but some items were not.
    #[error("{count} items were skipped")]
    Skipped {
        /// How many.
        count: u64,
    },
    /// A bug of Hayate.
    #[error("internal error: {0}; please report it")]
    Internal(String),
}

/// The classes of error, one exit code each (the table of `README.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A bug.
    Internal,
    /// Wrong usage.
    Usage,
    /// Nobody was found in time.
    NotFound,
    /// A wrong or burned code phrase.
    Code,
    /// The other side declined.
    Declined,
    /// This side declined.
    DeclinedHere,
    /// The peer broke the protocol, or verification failed.
    Protocol,
    /// This machine's disk.
    Disk,
    /// The connection was lost.
    Disconnected,
    /// Unsafe content was refused.
    Unsafe,
    /// A source changed while it was sent.
    SourceChanged,
    /// Some items were skipped.
    Skipped,
    /// The protocol versions do not fit.
    Version,
    /// The other side failed or cancelled.
    Peer,
    /// Cancelled here.
    Cancelled,
}

impl ErrorKind {
    /// The exit code of the command line for this class.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Code => 4,
            Self::Declined => 5,
            Self::DeclinedHere => 6,
            Self::Protocol => 7,
            Self::Disk => 8,
            Self::Disconnected => 9,
            Self::Unsafe => 10,
            Self::SourceChanged => 11,
            Self::Skipped => 12,
            Self::Version => 13,
            Self::Peer => 14,
            Self::Cancelled => 130,
        }
    }

    /// A stable name for machines: the `kind` of a JSON error event.
    pub fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Code => "wrong_code",
            Self::Declined => "declined",
            Self::DeclinedHere => "declined_here",
            Self::Protocol => "protocol",
            Self::Disk => "disk",
            Self::Disconnected => "disconnected",
            Self::Unsafe => "unsafe_content",
            Self::SourceChanged => "source_changed",
            Self::Skipped => "skipped",
            Self::Version => "version",
            Self::Peer => "peer",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Error {
    /// The class of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Usage(_) => ErrorKind::Usage,
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Disk { .. } | Self::Exists { .. } => ErrorKind::Disk,
            Self::TooLarge { .. } => ErrorKind::Unsafe,
            Self::SourceChanged { .. } => ErrorKind::SourceChanged,
            // A port or address that this machine has not to give is for the person to choose anew.
            Self::Network { source, .. } => match source.kind() {
                io::ErrorKind::AddrInUse
                | io::ErrorKind::AddrNotAvailable
                | io::ErrorKind::PermissionDenied => ErrorKind::Usage,
                _ => ErrorKind::NotFound,
            },
            Self::Disconnected { .. } => ErrorKind::Disconnected,
            Self::Version { .. } => ErrorKind::Version,
            Self::Burned { .. } => ErrorKind::Code,
            Self::Skipped { .. } => ErrorKind::Skipped,
            Self::Internal(_) => ErrorKind::Internal,
            Self::Session { error, .. } => session_kind(error),
        }
    }

    /// What to tell the peer when this error ends a session.
    pub fn reason(&self) -> Reason {
        match self.kind() {
            ErrorKind::Disk => Reason::Disk,
            ErrorKind::SourceChanged => Reason::SourceChanged,
            ErrorKind::Unsafe => Reason::Unsafe,
            ErrorKind::Protocol => Reason::Violation,
            ErrorKind::DeclinedHere => Reason::Declined,
            ErrorKind::Cancelled => Reason::Cancelled,
            _ => Reason::Failed,
        }
    }

    /// What a peer may know of this error: no path of this machine.
    pub(crate) fn for_peer(&self) -> String {
        match self {
            Self::Disk { source, .. } => source.to_string(),
            Self::SourceChanged { what, .. } => format!("a file {what}"),
            Self::Exists { .. } => "the name is taken".to_owned(),
            Self::TooLarge { .. } => "more bytes than its --max-size allows".to_owned(),
            Self::Session {
                error: shared::Error::Ended(_),
                ..
            } => String::new(),
            Self::Session { error, .. } => error.to_string(),
            _ => String::new(),
        }
    }

    pub(crate) fn disk(doing: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Disk {
            doing,
            path: path.into(),
            source,
        }
    }
}

fn session_kind(error: &shared::Error) -> ErrorKind {
    use shared::Error as E;
    match error {
        E::Version { .. } => ErrorKind::Version,
        E::WrongCode { .. } | E::Burned => ErrorKind::Code,
        E::Busy | E::Over => ErrorKind::NotFound,
        E::Tampered | E::Malformed(_) | E::Unexpected(_) | E::Mismatch(_) => ErrorKind::Protocol,
        E::Unsafe(_) => ErrorKind::Unsafe,
        E::Peer {
            reason: Reason::Declined,
            ..
        } => ErrorKind::Declined,
        E::Peer { .. } => ErrorKind::Peer,
        E::Ended(Reason::Declined) => ErrorKind::DeclinedHere,
        E::Ended(Reason::Cancelled) => ErrorKind::Cancelled,
        // Whoever answered never proved the code.
        E::Ended(Reason::TimedOut) => ErrorKind::NotFound,
        E::Disconnected => ErrorKind::Disconnected,
        _ => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_for_the_person_to_change() {
        let network = |kind: io::ErrorKind| Error::Network {
            doing: "cannot listen on UDP port 50001".into(),
            source: kind.into(),
        };
        assert_eq!(network(io::ErrorKind::AddrInUse).kind(), ErrorKind::Usage);
        assert_eq!(
            network(io::ErrorKind::NetworkUnreachable).kind(),
            ErrorKind::NotFound
        );
    }

    #[test]
    fn a_peer_that_proves_nothing_is_nobody_and_no_bug() {
        let late = Error::Session {
            peer: None,
            error: shared::Error::Ended(Reason::TimedOut),
        };
        assert_eq!(late.kind(), ErrorKind::NotFound);
    }
}
