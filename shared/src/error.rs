//! What can go wrong, sorted by who is to blame, and what is said to the peer about it.

use std::fmt;

use crate::path::escape;

/// Why a session ended without success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer speaks another version of the protocol.
    #[error(
        "the peer speaks version {theirs} of the protocol, this is version {}",
        crate::VERSION
    )]
    Version {
        /// The version the peer named.
        theirs: u8,
    },
    /// The peer does not hold the same code phrase, or somebody sits between the two.
    #[error("the code phrase is not the peer's{}", tries(*left))]
    WrongCode {
        /// Wrong codes that the listening side still allows, where it has said so; not authenticated.
        left: Option<u8>,
    },
    /// The listening side saw too many wrong codes and accepts no more.
    #[error("the code phrase was tried too often and is no longer valid")]
    Burned,
    /// The listening side has no receiver to spare: it serves another one, or is done.
    #[error("the peer serves somebody else at the moment")]
    Busy,
    /// The listening side has given up a session that was to be taken up again.
    #[error("the peer waits no more for what was cut to be taken up again")]
    Over,
    /// A seal did not open: the bytes were changed on their way, or were never the peer's.
    #[error("a sealed message does not open: it was changed on its way")]
    Tampered,
    /// Bytes that do not follow the protocol.
    #[error("the peer broke the protocol: {0}")]
    Malformed(&'static str),
    /// A message that is well formed but has no place in this state.
    #[error("the peer broke the protocol: unexpected {0}")]
    Unexpected(&'static str),
    /// The payload is not the one that was announced or its BLAKE3 root differs.
    #[error("the content arrived changed: {0}")]
    Mismatch(&'static str),
    /// Content that would be unsafe to store.
    #[error(transparent)]
    Unsafe(#[from] UnsafeContent),
    /// The peer ended the session and said why.
    #[error("{}", peer_says(*reason, detail))]
    Peer {
        /// The peer's reason.
        reason: Reason,
        /// The peer's own words, at most [`crate::MAX_DETAIL`] bytes; hostile, escape before printing.
        detail: String,
    },
    /// This side ended the session with [`Reason`].
    #[error("ended here: {0}")]
    Ended(Reason),
    /// The wire ended before the session did.
    #[error("the connection was lost")]
    Disconnected,
    /// The driver answered what was not asked: a bug on this side.
    #[error("the session was driven wrongly: {0}")]
    Misuse(&'static str),
}

fn tries(left: Option<u8>) -> String {
    match left {
        None => String::new(),
        Some(0) => ", and it can be tried no more".into(),
        Some(1) => "; 1 try is left".into(),
        Some(left) => format!("; {left} tries are left"),
    }
}

fn peer_says(reason: Reason, detail: &str) -> String {
    if detail.is_empty() {
        format!("the other side {reason}")
    } else {
        format!("the other side {reason}: {}", escape(detail.as_bytes()))
    }
}

/// A name or an archive entry that was refused, with what is wrong about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsafeContent {
    /// What rule it breaks, for a sentence: "a path that leaves the target directory".
    pub what: &'static str,
    /// The offending name as it came, hostile bytes included.
    pub name: Vec<u8>,
}

impl fmt::Display for UnsafeContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unsafe content refused: {}: \"{}\"",
            self.what,
            shorten(&self.name)
        )
    }
}

impl std::error::Error for UnsafeContent {}

/// A hostile name, escaped, and no longer than what a person reads.
fn shorten(name: &[u8]) -> String {
    if name.len() <= SHOWN {
        return escape(name);
    }
    let inside = |byte: &u8| byte & 0xC0 == 0x80;
    let end = (SHOWN - 3..=SHOWN).rev().find(|end| !inside(&name[*end]));
    format!("{}…", escape(&name[..end.unwrap_or(SHOWN)]))
}

/// Bytes of a refused name that are shown.
const SHOWN: usize = 300;

/// What one side tells the other when it ends a session early: the code of an `Abort` message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// The person pressed Ctrl-C or closed the page.
    Cancelled = 1,
    /// The receiver did not want the offer.
    Declined = 2,
    /// The disk: no space, no permission, a name taken.
    Disk = 3,
    /// A source changed or vanished while it was sent.
    SourceChanged = 4,
    /// The content broke a safety rule of the receiver.
    Unsafe = 5,
    /// The peer broke the protocol or a seal did not open.
    Violation = 6,
    /// Something else failed; the detail says what.
    Failed = 7,
    /// The other side took too long.
    TimedOut = 8,
}

impl Reason {
    /// The reason with this code on the wire.
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Cancelled,
            2 => Self::Declined,
            3 => Self::Disk,
            4 => Self::SourceChanged,
            5 => Self::Unsafe,
            6 => Self::Violation,
            7 => Self::Failed,
            8 => Self::TimedOut,
            _ => return None,
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "cancelled",
            Self::Declined => "declined",
            Self::Disk => "could not store the files",
            Self::SourceChanged => "found a source changed while it was being sent",
            Self::Unsafe => "refused unsafe content",
            Self::Violation => "saw the protocol broken",
            Self::Failed => "failed",
            Self::TimedOut => "ran out of time",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_shown_in_part() {
        let refused = |name: Vec<u8>| UnsafeContent { what: "x", name }.to_string();
        let shown = refused("é".repeat(30_000).into());
        assert!(
            shown.len() < 2 * SHOWN && shown.ends_with("é…\""),
            "{shown}"
        );
        assert!(refused(vec![0xff; 64 << 10]).len() < 5 * SHOWN);
        assert!(refused(vec![0x80; SHOWN + 1]).ends_with("…\""));
        assert!(refused(vec![b'a'; SHOWN]).ends_with("a\""));
    }
}
