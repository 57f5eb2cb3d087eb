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

/// How long one attempt to reach a peer may take before the next one.
pub(crate) const DIAL: Duration = Duration::from_secs(3);

/// Between two attempts.
pub(crate) const RETRY: Duration = Duration::from_millis(300);

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
    /// In a row the peer has known a ticket no more.
    overs: usize,
}

impl Comeback {
    /// To the peer at this address.
    pub(crate) fn new(peer: SocketAddr, tickets: Vec<Ticket>) -> Self {
        Self {
            peers: vec![peer],
            tickets,
            until: Instant::now() + RETURN,
            next: 0,
            overs: 0,
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
        let mut over = std::pin::pin!(time::sleep_until(self.until).fuse());
        loop {
            let peer = self.peers[self.next % self.peers.len()];
            let mut attempt = std::pin::pin!(
                async {
                    let wire = dialler.dial(peer, DIAL).await.ok();
                    if wire.is_none() {
                        time::sleep(RETRY).await;
                    }
                    wire
                }
                .fuse()
            );
            let wire = loop {
                let found = std::pin::pin!(elsewhere(browser));
                select_biased! {
                    _ = stop.recv_async().fuse() => return Err(cancelled()),
                    wire = attempt => break wire,
                    address = found.fuse() => {
                        if self.peers.len() < MOST && !self.peers.contains(&address) {
                            self.peers.push(address);
                        }
                    }
                    () = left => return Ok(None),
                    () = over => return Ok(None),
                }
            };
            match wire {
                Some(wire) => return Ok(Some(wire)),
                None => self.next += 1,
            }
        }
    }

    /// Takes the failure of an attempt into account; whether another one makes sense.
    ///
    /// # Errors
    /// The failure, where it is one that lasts.
    pub(crate) async fn goes_on_after(&mut self, error: Error) -> Result<bool, Error> {
        let shared = match &error {
            Error::Session { error, .. } => Some(error),
            _ => None,
        };
        match shared {
            Some(shared::Error::Ended(Reason::Cancelled)) => return Err(error),
            Some(shared::Error::Over) => {
                // An older ticket may be the one that is known there; then another address.
                self.overs += 1;
                self.tickets.rotate_right(1);
                if self.overs.is_multiple_of(self.tickets.len().max(1)) {
                    self.next += 1;
                }
            }
            _ => {
                self.overs = 0;
                self.next += 1;
            }
        }
        time::sleep(RETRY).await;
        let known = self.overs < self.tickets.len() * self.peers.len();
        Ok(known && Instant::now() < self.until)
    }
}

/// Another address of a sender on this channel.
async fn elsewhere(browser: Option<&Browser>) -> SocketAddr {
    if let Some(browser) = browser
        && let Some(found) = browser.next().await
    {
        return found.address;
    }
    std::future::pending().await
}
