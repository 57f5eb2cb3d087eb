//! What the sessions of one sender have in common.

use std::{cell::Cell, net::IpAddr};

use shared::{Offer, Reason};

use super::feed::Feed;
use crate::{Error, Event, event::Listener, gate::Gate, pool::Pool};

/// Failed connections of strangers that are told of: a flood of them shall not be one of words.
const STRANGERS: u32 = 16;

/// What all sessions of one sender share.
pub(crate) struct Context {
    pub(crate) offer: Offer,
    pub(crate) feed: Feed,
    pub(crate) pool: Pool,
    pub(crate) gate: Gate,
    pub(crate) events: Listener,
    /// Connections that each session may use, its own wire among them.
    pub(crate) lanes: u8,
    /// The address of this machine that they are bound to, where one was chosen.
    pub(crate) bind: Option<IpAddr>,
    /// Connections that failed before the code was proved.
    pub(crate) strangers: Cell<u32>,
    /// Ends every session politely.
    pub(crate) stop: flume::Receiver<()>,
}

impl Context {
    /// Tells of a connection that failed before the code was proved: no more than a warning.
    pub(super) fn tell_stranger(&self, error: &Error) {
        match error {
            Error::Session {
                peer: Some(peer),
                error: shared::Error::WrongCode { .. },
            } => {
                self.events.tell(Event::AuthFailed {
                    peer: *peer,
                    left: self.gate.left(),
                });
            }
            Error::Session {
                error: shared::Error::Ended(Reason::Cancelled),
                ..
            } => {}
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
    }
}
