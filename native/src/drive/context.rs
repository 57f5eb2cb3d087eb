//! What the sessions of one sender have in common.

use std::net::IpAddr;

use shared::{Offer, Reason};

use super::feed::Feed;
use crate::{Error, Event, event::Listener, gate::Gate, pool::Pool};

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
            error => self.events.warn(format!(
                "a connection failed before the code was proved: {error}"
            )),
        }
    }
}
