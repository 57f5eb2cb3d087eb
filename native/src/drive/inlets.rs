//! The lanes of one session as its receiver sees them: what they bring, and what they may bring next.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
};

use shared::{
    Receiver,
    lane::{LaneAt, LaneKind},
};

use super::lanes::{self, Arrival, Permit, Traffic};

/// The lanes of a session, as its receiver uses them.
pub(super) struct Inlets {
    bind: Option<IpAddr>,
    tell: flume::Sender<Arrival>,
    pub(super) arrivals: flume::Receiver<Arrival>,
    open: flume::Sender<Vec<LaneAt>>,
    pub(super) opened: flume::Receiver<Vec<LaneAt>>,
    pub(super) permits: HashMap<u64, Permit>,
    /// The sender asked for lanes: once, since each costs a thread and a socket.
    pub(super) asked: bool,
}

impl Inlets {
    pub(super) fn new(bind: Option<IpAddr>) -> Self {
        let (tell, arrivals) = flume::unbounded();
        let (open, opened) = flume::unbounded();
        Self {
            bind,
            tell,
            arrivals,
            open,
            opened,
            permits: HashMap::new(),
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
        );
    }

    pub(super) fn listen(&mut self, session: &Receiver, kinds: Vec<LaneKind>) {
        self.asked = true;
        let ends = (1..).zip(kinds);
        let ends = ends.filter_map(|(number, kind)| Some((kind, session.lane(number)?)));
        let ends = ends.collect();
        let (bind, traffic, open) = (self.bind, Traffic::In(self.tell.clone()), self.open.clone());
        compio::runtime::spawn(async move {
            let _ = open.send(lanes::listen(bind, ends, traffic).await);
        })
        .detach();
    }

    /// A block is where it belongs: its lane, if it came over one, may bring the next.
    pub(super) fn put_away(&mut self, index: u64) {
        self.permits.remove(&index);
    }
}
