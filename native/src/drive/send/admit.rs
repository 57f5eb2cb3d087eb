//! Who comes in: by the code, or back by a ticket.

use std::time::Instant;

use shared::{Reason, Refusal, TicketId};

use super::{super::HANDSHAKE, Drive};
use crate::{
    drive::context::Context,
    wire::{Wire, WireCloser},
};

impl<W: Wire> Drive<W>
where
    W::Reader: 'static,
    W::Writer: 'static,
{
    /// Waits for its turn, and lets the peer try the code.
    pub(super) async fn pair(&mut self) {
        match self.context.gate.guess(self.link.peer.ip()).await {
            Ok(guess) => {
                self.guess = Some(guess);
                self.deadline = Some(Instant::now() + HANDSHAKE);
                self.session.pair(self.context.gate.left_after_this());
            }
            Err(refusal) => self.session.refuse(refusal),
        }
    }

    /// Lets somebody who was here prove it.
    pub(super) fn pair_again(&mut self, id: &TicketId) {
        match self.context.gate.returns().find(id) {
            Some((ticket, claim)) => {
                (self.claim, self.returns) = (Some(claim), true);
                self.session.pair_again(ticket);
            }
            None => self.session.refuse(Refusal::Over),
        }
    }

    pub(super) fn offer(&mut self) {
        self.paired = true;
        self.link.closer.authenticated();
        if let Some(guess) = self.guess.take() {
            guess.right();
        }
        let Context { events, offer, .. } = &*self.context;
        if !self.returns {
            events.paired(self.link.peer, self.session.suite(), self.link.carrier);
            events.offered(self.link.peer, offer);
        }
        let offer = offer.clone();
        if self.claim.is_none() {
            self.placed = true;
            self.deadline = None;
            self.settle_in();
        }
        self.session.offer(offer);
    }

    /// From here on this session can be taken up again.
    fn settle_in(&mut self) {
        if self.context.feed.can_be_read_again() {
            let returns = self.context.gate.returns();
            self.stay = self.session.ticket().map(|ticket| returns.enter(ticket));
        }
    }

    /// The receiver wants it. Who was here before gets its place back now that this connection is known to carry.
    pub(super) fn agree(&mut self) {
        if std::mem::replace(&mut self.agreed, true) {
            return;
        }
        if let Some(claim) = self.claim.take() {
            self.deadline = None;
            self.placed = self.context.gate.take_back(&claim);
            if self.placed {
                self.settle_in();
            }
        }
        match self.placed {
            true if self.returns => self.context.events.back(self.link.peer),
            true => self.context.events.accepted(self.link.peer),
            false => self.abort(Reason::Failed, "this was given up meanwhile"),
        }
    }
}
