//! The lanes of one session as its sender sees them: which have joined, and which have room.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use shared::Side;

use super::lanes::Outlet;

/// The lanes of a session, as its sender uses them.
pub(super) struct Lanes {
    pub(super) side: Side,
    pub(super) tell: flume::Sender<Outlet>,
    pub(super) told: flume::Receiver<Outlet>,
    pub(super) open: flume::Sender<Vec<u16>>,
    pub(super) opened: flume::Receiver<Vec<u16>>,
    pub(super) joined: HashMap<u8, flume::Sender<Bytes>>,
    pub(super) idle: VecDeque<u8>,
    /// The receiver said where to dial them.
    pub(super) dialled: bool,
    /// Once one has joined, no block goes over the wire: it would only cost more there.
    pub(super) instead: bool,
}

impl Lanes {
    pub(super) fn new(side: Side) -> Self {
        let (tell, told) = flume::unbounded();
        let (open, opened) = flume::unbounded();
        Self {
            side,
            tell,
            told,
            open,
            opened,
            joined: HashMap::new(),
            idle: VecDeque::new(),
            dialled: false,
            instead: false,
        }
    }

    /// Whether blocks stay off the wire.
    pub(super) fn take_all(&self) -> bool {
        self.instead && !self.joined.is_empty()
    }

    /// Gives a block to a lane that has room; without one it comes back.
    pub(super) fn take(&mut self, block: Bytes) -> Result<(), Bytes> {
        let Some(lane) = self
            .idle
            .pop_front()
            .and_then(|number| self.joined.get(&number))
        else {
            return Err(block);
        };
        lane.try_send(block)
            .map_err(flume::TrySendError::into_inner)
    }
}
