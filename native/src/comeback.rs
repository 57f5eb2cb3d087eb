//! The dialler of a session whose connection was lost comes back (PROTOCOL.md, "Returning").

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use compio::time;
use futures_util::{FutureExt, select_biased};
use shared::{Reason, Ticket};

use crate::{
    Error,
    discover::Browser,
    gate::RETURN,
    quic::{Dialler, QuicWire, probe},
    sender::cancelled,
};

/// How long one attempt to reach the peer may take.
const DIAL: Duration = Duration::from_secs(3);

/// Between two attempts.
const RETRY: Duration = Duration::from_millis(300);

/// Addresses that are tried in turn: the peer's machine may have another one now.
const MOST: usize = 8;

/// One wait for a peer, and what is proved to it.
pub(crate) struct Comeback {
    peers: Vec<SocketAddr>,
    /// Those that the peer may know, the likeliest last: whether it got as far as this side before the connection broke is
    /// not known.
    tickets: Vec<Ticket>,
    until: Instant,
    next: usize,
}

impl Comeback {
    /// To the peer at this address.
    pub(crate) fn new(peer: SocketAddr, tickets: Vec<Ticket>) -> Self {
        Self {
            peers: vec![peer],
            tickets,
            until: Instant::now() + RETURN,
            next: 0,
        }
    }

    /// Where the peer was when the connection was lost.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peers[0]
    }

    /// When it is over.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// What may be proved, the likeliest last.
    pub(crate) fn tickets(&self) -> &[Ticket] {
        &self.tickets
    }

    /// A new wire to the peer, which may have turned up elsewhere; `None` when it is known to be gone, or time is up.
    ///
    /// # Errors
    /// When `stop` says so.
    pub(crate) async fn dial(
        &mut self,
        dialler: &Dialler,
        browser: Option<&Browser>,
        stop: &flume::Receiver<()>,
    ) -> Result<Option<QuicWire>, Error> {
        let mut left = std::pin::pin!(probe::left(self.peers[0]).fuse());
        loop {
            let peer = self.peers[self.next % self.peers.len()];
            let attempt = async {
                match dialler.dial(peer, DIAL).await {
                    Ok(wire) => Some(wire),
                    Err(_) => {
                        time::sleep(RETRY).await;
                        None
                    }
                }
            };
            let found = async {
                match browser {
                    Some(browser) => browser.next().await,
                    None => std::future::pending().await,
                }
            };
            select_biased! {
                _ = stop.recv_async().fuse() => return Err(cancelled()),
                wire = attempt.fuse() => match wire {
                    Some(wire) => return Ok(Some(wire)),
                    None => self.next += 1,
                },
                found = found.fuse() => if let Some(found) = found
                    && self.peers.len() < MOST
                    && !self.peers.contains(&found.address)
                {
                    self.peers.push(found.address);
                },
                () = left => return Ok(None),
                () = time::sleep_until(self.until).fuse() => return Ok(None),
            }
        }
    }

    /// Takes the failure of an attempt into account; whether another one makes sense.
    ///
    /// # Errors
    /// The failure, where it is one that lasts.
    pub(crate) async fn goes_on_after(&mut self, error: Error) -> Result<bool, Error> {
        self.next += 1;
        match &error {
            Error::Session {
                error: shared::Error::Ended(Reason::Cancelled),
                ..
            } => return Err(error),
            Error::Session {
                error: shared::Error::Over,
                ..
            } if self.peers.len() == 1 => {
                self.tickets.pop();
            }
            _ => {}
        }
        time::sleep(RETRY).await;
        Ok(!self.tickets.is_empty() && Instant::now() < self.until)
    }
}
