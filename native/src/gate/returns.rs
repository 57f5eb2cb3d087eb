//! Who may come back: the tickets of sessions that are under way or were cut (PROTOCOL.md, "Returning").

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use futures_util::future::pending;
use shared::{Ticket, TicketId};

/// The tickets that this side would go on with.
#[derive(Clone, Default)]
pub(crate) struct Returns(Rc<RefCell<HashMap<TicketId, Known>>>);

struct Known {
    ticket: Ticket,
    /// Dropped when the dialler has come back.
    here: flume::Sender<()>,
    back: flume::Receiver<()>,
}

/// A session that can be taken up again as long as this lives.
pub(crate) struct Stay {
    returns: Returns,
    ticket: Ticket,
    back: flume::Receiver<()>,
}

/// Somebody who names a ticket, and may yet prove it.
pub(crate) struct Claim {
    id: TicketId,
    back: flume::Receiver<()>,
}

impl Returns {
    /// A session under this ticket begins.
    pub(crate) fn enter(&self, ticket: Ticket) -> Stay {
        let (here, back) = flume::bounded(0);
        let known = Known {
            ticket: ticket.clone(),
            here,
            back: back.clone(),
        };
        self.0.borrow_mut().insert(ticket.id(), known);
        Stay {
            returns: self.clone(),
            ticket,
            back,
        }
    }

    /// The ticket of this name, where somebody may come back with it.
    pub(crate) fn find(&self, id: &TicketId) -> Option<(Ticket, Claim)> {
        let known = self.0.borrow();
        let known = known.get(id)?;
        let claim = Claim {
            id: *id,
            back: known.back.clone(),
        };
        Some((known.ticket.clone(), claim))
    }

    /// The dialler is back: every other session under its ticket is over. Says whether it was waited for.
    pub(super) fn take(&self, claim: &Claim) -> bool {
        let known = self.0.borrow_mut().remove(&claim.id);
        known.map(|known| drop(known.here)).is_some()
    }
}

impl Stay {
    pub(super) fn is(&self, claim: &Claim) -> bool {
        self.ticket.id() == claim.id
    }

    /// Whether its dialler has come back on another connection.
    pub(crate) fn is_over(&self) -> bool {
        self.back.is_disconnected()
    }

    /// Whether somebody names the ticket at this moment, and may prove it.
    pub(super) fn is_claimed(&self) -> bool {
        // The registry has one receiver, and this has another.
        self.back.receiver_count() > 2
    }

    /// What it can be taken up again with.
    pub(crate) fn ticket(&self) -> Ticket {
        self.ticket.clone()
    }

    /// Waits until the dialler has come back on another connection.
    pub(crate) async fn replaced(&self) {
        replaced(&self.back).await;
    }
}

impl Claim {
    /// Waits until somebody else has taken what is claimed, or nobody waits for it any more.
    pub(crate) async fn lost(&self) {
        replaced(&self.back).await;
    }
}

async fn replaced(back: &flume::Receiver<()>) {
    // Nothing is ever sent: it ends when the other half is dropped.
    if back.recv_async().await.is_ok() {
        pending::<()>().await;
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.returns.0.borrow_mut().remove(&self.ticket.id());
    }
}
