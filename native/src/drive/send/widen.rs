//! How the blocks of a session spread over lanes.

use shared::{
    Side,
    lane::{LaneAt, LaneKind},
};

use super::{
    super::lanes::{self, Outlet, Traffic},
    Drive,
};
use crate::{options::WORTH_A_LANE, wire::Wire};

impl<W: Wire> Drive<W>
where
    W::Reader: 'static,
    W::Writer: 'static,
{
    /// Blocks go over any lane; messages stay on the wire.
    pub(super) fn use_lanes(&mut self) {
        let block = self.outgoing.take_if(|bytes| shared::is_block(bytes));
        if let Some(block) = block {
            let length = block.len();
            match self.lanes.take(block) {
                Ok(()) => self.handed_over(length),
                Err(block) => self.outgoing = Some(block),
            }
        }
    }

    /// Dials the lanes that the receiver listens for: once, since each costs a socket, and of QUIC a thread.
    pub(super) fn join(&mut self, at: Vec<LaneAt>) {
        if std::mem::replace(&mut self.lanes.dialled, true) {
            return;
        }
        let session = &self.session;
        let ends = (1..).zip(at);
        let ends = ends.filter_map(|(number, at)| Some((at, session.lane(number)?)));
        let traffic = Traffic::Out(self.lanes.tell.clone());
        let (peer, bind) = (self.link.peer, self.context.bind);
        lanes::dial(peer, bind, ends.collect(), &traffic, &self.lanes.over);
    }

    /// Opens lanes, or asks the receiver to.
    pub(super) fn widen(&mut self) {
        if self.link.carrier.is_browser() {
            return self.widen_by_request();
        }
        let kinds = self.context.lanes.kinds(self.context.offer.payload);
        match self.lanes.side {
            // What broke once is not spread again.
            _ if self.returns || kinds.is_empty() => {}
            Side::Dialler => self.session.widen(kinds),
            Side::Listener => {
                let ends = (1..).zip(kinds);
                let ends =
                    ends.filter_map(|(number, kind)| Some((kind, self.session.lane(number)?)));
                let ends = ends.collect();
                let (traffic, open) = (
                    Traffic::Out(self.lanes.tell.clone()),
                    self.lanes.open.clone(),
                );
                let (bind, over) = (self.context.bind, self.lanes.over.clone());
                compio::runtime::spawn(async move {
                    let _ = open.send(lanes::listen(bind, ends, traffic, over).await);
                })
                .detach();
            }
        }
    }

    /// Has a browser fetch the blocks of a long transfer by a request, which costs it less than WebTransport.
    fn widen_by_request(&mut self) {
        let long = self.context.offer.payload >= Some(WORTH_A_LANE);
        if let Some(desk) = self.desk.take().filter(|_| long)
            && let Some(lane) = self.session.lane(1)
        {
            desk.expect(lane, self.lanes.tell.clone());
            self.session.lanes(&[LaneAt {
                kind: LaneKind::Fetch,
                port: desk.port(),
            }]);
        }
    }

    pub(super) fn on_outlet(&mut self, outlet: Outlet) {
        match outlet {
            Outlet::Joined(number, blocks) => drop(self.lanes.joined.insert(number, blocks)),
            Outlet::Idle(number) => self.lanes.idle.push_back(number),
            // What is under way on the lane is lost, and with it the session; the receiver may come back.
            Outlet::Lost(error) => {
                self.broken.get_or_insert(error);
                self.session.eof();
            }
        }
    }
}
