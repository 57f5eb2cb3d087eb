//! How a session begins, up to the offer: by the code, or by a ticket.

use std::time::Instant;

use shared::{Offer, Refusal, Ticket, TicketId, receiver::Request};

use super::{super::HANDSHAKE, Drive};
use crate::{
    Error,
    gate::{Gate, Guess},
    wire::{Wire, WireCloser},
};

/// By what a session begins.
pub(crate) enum Admission<'a> {
    /// This side dialled, and proves the code.
    Dials,
    /// This side listens: whoever proves the code comes in, one guess after the other.
    Gate(&'a Gate),
    /// This side dialled again, and proves this ticket.
    Returns(Ticket),
    /// This side listens for whoever proves one of these tickets.
    Awaits(&'a [Ticket]),
}

impl Admission<'_> {
    fn ticket(&self, id: TicketId) -> Option<Ticket> {
        let Self::Awaits(tickets) = self else {
            return None;
        };
        tickets.iter().find(|ticket| ticket.id() == id).cloned()
    }
}

impl<W: Wire> Drive<W>
where
    W::Reader: 'static,
    W::Writer: 'static,
{
    /// Proves the code, sees it proved, and hears the offer.
    pub(crate) async fn pair(&mut self, admission: Admission<'_>) -> Result<Offer, Error> {
        let mut guess: Option<Guess> = None;
        self.guessed = false;
        loop {
            let step = self.poll();
            // Whatever the sender does from here on, it knew the code.
            if self.has_proved()
                && let Some(guess) = guess.take()
            {
                self.guessed = false;
                guess.right();
            }
            match step {
                Ok(Some(Request::Pair)) => match admission {
                    Admission::Gate(gate) => match gate.guess(self.link.peer.ip()).await {
                        Ok(turn) => {
                            guess = Some(turn);
                            self.guessed = true;
                            self.deadline = Some(Instant::now() + HANDSHAKE);
                            self.session.pair(gate.left_after_this());
                        }
                        Err(refusal) => self.session.refuse(refusal),
                    },
                    _ => self.session.refuse(Refusal::Busy),
                },
                Ok(Some(Request::Return(id))) => match admission.ticket(id) {
                    Some(ticket) => self.session.pair_again(ticket),
                    None => self.session.refuse(Refusal::Over),
                },
                Ok(Some(Request::Decide(offer))) => {
                    self.deadline = None;
                    self.link.closer.authenticated();
                    let (peer, carrier) = (self.link.peer, self.link.carrier);
                    match admission {
                        Admission::Dials | Admission::Gate(_) => {
                            self.events.paired(peer, self.session.suite(), carrier);
                        }
                        Admission::Returns(_) | Admission::Awaits(_) => self.events.back(peer),
                    }
                    return Ok(offer);
                }
                Ok(Some(_)) => return Err(Error::Internal("a request before the offer".into())),
                Ok(None) => self.wait().await,
                // A guess that ends without proof was a wrong one: dropping it counts.
                Err(error) => return Err(self.failed(error)),
            }
        }
    }
}
