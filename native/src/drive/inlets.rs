//! The lanes of one session as its receiver sees them: what they bring, and what they may bring next.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
};

use futures_channel::mpsc;
use shared::{
    Receiver,
    lane::{LaneAt, LaneKind},
};

use super::lanes::{self, Arrival, Permit, Traffic};

/// The lanes of a session, as its receiver uses them.
pub(super) struct Inlets {
    bind: Option<IpAddr>,
    tell: mpsc::UnboundedSender<Arrival>,
    pub(super) arrivals: mpsc::UnboundedReceiver<Arrival>,
    open: flume::Sender<Vec<LaneAt>>,
    pub(super) opened: flume::Receiver<Vec<LaneAt>>,
    pub(super) permits: HashMap<u64, Permit>,
    /// Lets go of the lanes when it is dropped.
    _tie: flume::Sender<()>,
    over: flume::Receiver<()>,
    /// The sender asked for lanes: once, since each costs a socket, and of QUIC a thread.
    pub(super) asked: bool,
}

impl Inlets {
    pub(super) fn new(bind: Option<IpAddr>) -> Self {
        let (tell, arrivals) = mpsc::unbounded();
        let (open, opened) = flume::unbounded();
        let (tie, over) = flume::bounded(0);
        Self {
            bind,
            tell,
            arrivals,
            open,
            opened,
            permits: HashMap::new(),
            _tie: tie,
            over,
            asked: false,
        }
    }

    pub(super) fn dial(&mut self, session: &Receiver, peer: SocketAddr, at: Vec<LaneAt>) {
        self.asked = true;
        let ends = (1..).zip(at);
        let ends = ends.filter_map(|(number, at)| Some((at, session.lane(number)?)));
        lanes::dial(
            peer,
            self.bind,
            ends.collect(),
            &Traffic::In(self.tell.clone()),
            &self.over,
        );
    }

    pub(super) fn listen(&mut self, session: &Receiver, kinds: Vec<LaneKind>) {
        self.asked = true;
        let ends = (1..).zip(kinds);
        let ends = ends.filter_map(|(number, kind)| Some((kind, session.lane(number)?)));
        let ends = ends.collect();
        let (bind, traffic, open) = (self.bind, Traffic::In(self.tell.clone()), self.open.clone());
        let over = self.over.clone();
        compio::runtime::spawn(async move {
            let _ = open.send(lanes::listen(bind, ends, traffic, over).await);
        })
        .detach();
    }

    /// A block is where it belongs: its lane, if it came over one, may bring the next.
    pub(super) fn put_away(&mut self, index: u64) {
        self.permits.remove(&index);
    }
}
