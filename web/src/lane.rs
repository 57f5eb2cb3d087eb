//! The browser's end of a lane: the answer of one request (PROTOCOL.md, "Lanes").

use bytes::Bytes;
use shared::{
    Binding, Sealed,
    lane::{Heard, Inlet, Joining, Lane},
};

/// One end of a lane.
pub enum LaneEnd {
    /// The sender has not greeted yet.
    Joining(Joining),
    /// Blocks come.
    Joined(Inlet),
}

/// What came over a lane.
pub enum Arrived {
    /// Nothing whole yet.
    Nothing,
    /// It is the sender's.
    Joined,
    /// A block.
    Block(Sealed),
}

impl LaneEnd {
    /// The end of `lane` and what it says first; it belongs to the host of the page.
    pub fn open(lane: Lane, certificate: [u8; 32]) -> (Self, Bytes) {
        let joining = lane.join(Binding {
            certificate,
            exporter: None,
        });
        let greeting = joining.greeting();
        (Self::Joining(joining), greeting)
    }

    /// Takes bytes up to the next thing that is whole; `bytes` is then what is left of them. `None` is the end: the
    /// bytes are not of this session.
    pub fn take(self, bytes: &mut &[u8]) -> Option<(Self, Arrived)> {
        let (end, arrived, used) = match self {
            Self::Joining(joining) => match joining.hear(bytes).ok()? {
                (Heard::Joining(joining), used) => (Self::Joining(joining), Arrived::Nothing, used),
                (Heard::Joined(inlet), used) => (Self::Joined(inlet), Arrived::Joined, used),
            },
            Self::Joined(mut inlet) => {
                let (sealed, used) = inlet.push(bytes).ok()?;
                let arrived = sealed.map_or(Arrived::Nothing, Arrived::Block);
                (Self::Joined(inlet), arrived, used)
            }
        };
        *bytes = &bytes[used..];
        Some((end, arrived))
    }
}
