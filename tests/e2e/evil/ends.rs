//! What peers listen and dial with, and how both sides ended.

use std::{net::SocketAddr, time::Duration};

use compio::time::timeout;
use hayate::quic::{Dialler, Listener};
use hayate_tests::Outcome;

use crate::{line::Line, peer::Heard};

/// How the program and its peer ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) outcome: Outcome,
    pub(crate) heard: Heard,
    /// How long the program lived after its peer had said all.
    pub(crate) took: Duration,
}

impl Run {
    pub(crate) fn new(outcome: Outcome, heard: Heard, took: Duration) -> Self {
        Self {
            outcome,
            heard,
            took,
        }
    }
}

/// What a sender listens with.
pub(crate) struct Listening(pub(crate) Listener);

impl Listening {
    /// The next wire of somebody who dials.
    pub(crate) async fn line(&self) -> Line {
        let wire = timeout(SOON, self.0.accept()).await;
        Line::new(wire.expect("the receiver dials").unwrap(), 1)
    }
}

/// What a receiver dials with, and whom.
pub(crate) struct Door {
    pub(crate) dialler: Dialler,
    pub(crate) sender: SocketAddr,
}

impl Door {
    /// A wire of its own.
    pub(crate) async fn line(&self) -> Line {
        Line::new(self.dialler.dial(self.sender, SOON).await.unwrap(), 1)
    }
}

/// More than a start and a handshake take on a busy machine.
const SOON: Duration = Duration::from_secs(60);
