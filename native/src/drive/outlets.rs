//! The lanes of one session as its sender sees them: which have joined, and which have room.

use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

use bytes::Bytes;
use futures_channel::mpsc;
use shared::{Side, lane::LaneAt};

use super::{lanes::Outlet, trial::Trial};

/// Which blocks go over lanes.
#[derive(Debug)]
pub(super) enum Share {
    /// Any, over whatever has room.
    Any,
    /// All, once a lane has joined.
    All,
    /// All or none, as it proves faster.
    Trial(Trial),
}

/// The lanes of a session, as its sender uses them.
pub(super) struct Outlets {
    pub(super) side: Side,
    pub(super) tell: mpsc::UnboundedSender<Outlet>,
    pub(super) told: mpsc::UnboundedReceiver<Outlet>,
    pub(super) open: flume::Sender<Vec<LaneAt>>,
    pub(super) opened: flume::Receiver<Vec<LaneAt>>,
    pub(super) joined: HashMap<u8, flume::Sender<Bytes>>,
    pub(super) idle: VecDeque<u8>,
    /// Lets go of the lanes when it is dropped.
    _tie: flume::Sender<()>,
    pub(super) over: flume::Receiver<()>,
    /// The receiver said where to dial them.
    pub(super) dialled: bool,
    pub(super) share: Share,
}

impl Outlets {
    pub(super) fn new(side: Side, share: Share) -> Self {
        let (tell, told) = mpsc::unbounded();
        let (open, opened) = flume::unbounded();
        let (tie, over) = flume::bounded(0);
        Self {
            side,
            tell,
            told,
            open,
            opened,
            joined: HashMap::new(),
            idle: VecDeque::new(),
            _tie: tie,
            over,
            dialled: false,
            share,
        }
    }

    /// Whether blocks stay off the wire.
    pub(super) fn take_all(&self) -> bool {
        match &self.share {
            Share::Any => false,
            Share::All => !self.joined.is_empty(),
            Share::Trial(trial) => trial.is_for_lane(),
        }
    }

    /// A block of so many bytes was handed over, to whatever had room for it.
    pub(super) fn moved(&mut self, bytes: usize, now: Instant) {
        if let Share::Trial(trial) = &mut self.share {
            trial.moved(bytes as u64, !self.joined.is_empty(), now);
        }
    }

    /// Whether a lane is on trial.
    pub(super) fn are_tried(&self) -> bool {
        let joined = !self.joined.is_empty();
        matches!(&self.share, Share::Trial(trial) if joined && !trial.is_over())
    }

    /// Blocks are treated in another way now: a trial that is not over compares what cannot be compared.
    pub(super) fn try_again(&mut self) {
        if let Share::Trial(trial) = &mut self.share
            && !trial.is_over()
        {
            *trial = Trial::new();
        }
    }

    /// When a trial is over, however little it carried.
    pub(super) fn until(&self) -> Option<Instant> {
        match &self.share {
            Share::Trial(trial) => trial.until(),
            Share::Any | Share::All => None,
        }
    }

    /// A trial took too long.
    pub(super) fn expire(&mut self) {
        if let Share::Trial(trial) = &mut self.share {
            trial.expire();
        }
    }

    /// Gives a block to a lane that has room; without one it comes back.
    pub(super) fn take(&mut self, block: Bytes) -> Result<(), Bytes> {
        if matches!(&self.share, Share::Trial(trial) if !trial.is_for_lane()) {
            return Err(block);
        }
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
