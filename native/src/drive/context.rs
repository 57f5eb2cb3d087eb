//! What the sessions of one sender have in common.

use std::{
    cell::Cell,
    net::{IpAddr, SocketAddr},
};

use shared::{Offer, Reason};

use super::feed::Feed;
use crate::{Error, Event, Lanes, event::Listener, gate::Gate, pool::Pool};

/// Failed connections of strangers that are told of: a flood of them shall not be one of words.
const STRANGERS: u32 = 16;

/// What all sessions of one sender share.
pub(crate) struct Context {
    pub(crate) offer: Offer,
    pub(crate) feed: Feed,
    pub(crate) pool: Pool,
    pub(crate) gate: Gate,
    pub(crate) events: Listener,
    /// What each session may spread over.
    pub(crate) lanes: Lanes,
    /// The address of this machine that they are bound to, where one was chosen.
    pub(crate) bind: Option<IpAddr>,
    /// Connections that failed before the code was proved.
    pub(crate) strangers: Cell<u32>,
    /// Ends every session politely.
    pub(crate) stop: flume::Receiver<()>,
}

impl Context {
    /// Tells of a connection that failed before the code was proved: no more than a warning, unless it was a guess.
    pub(super) fn tell_stranger(&self, peer: SocketAddr, error: &Error, guessed: bool) {
        let mut failed = guessed;
        match error {
            Error::Session {
                error: shared::Error::WrongCode { .. },
                ..
            } => failed = true,
            Error::Session {
                error: shared::Error::Ended(Reason::Cancelled),
                ..
            } => return,
            error => {
                let told = self.strangers.get();
                self.strangers.set(told.saturating_add(1));
                if told < STRANGERS {
                    self.events.warn(format!(
                        "a connection failed before the code was proved: {error}"
                    ));
                } else if told == STRANGERS {
                    self.events
                        .warn("more connections fail before the code is proved: they are not told of any more");
                }
            }
        }
        if failed {
            let left = self.gate.left();
            self.events.tell(Event::AuthFailed { peer, left });
        }
    }
}
