//! What a window learns between two looks at it.

use std::time::{Duration, Instant};

/// What happened since the last round trip was over.
#[derive(Debug, Clone)]
pub(super) struct Round {
    pub(super) start: Instant,
    pub(super) delivered: u64,
    /// Of these, what arrived while there was nothing more to send.
    pub(super) limited: u64,
    pub(super) lost: u64,
    pub(super) shortest: Option<Duration>,
    /// When the latest packet was sent of those that have arrived.
    pub(super) newest: Option<Instant>,
}

/// The shortest round trip of some milliseconds: the start cannot wait for a round to be over.
#[derive(Debug, Clone)]
pub(super) struct Glimpse {
    start: Instant,
    shortest: Duration,
    batches: u32,
}

impl Glimpse {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            start,
            shortest: Duration::MAX,
            batches: 0,
        }
    }

    pub(super) fn arrived(&mut self, round_trip: Duration) {
        self.shortest = self.shortest.min(round_trip);
    }

    /// An acknowledgement is over; the seconds of the shortest round trip, once it can be trusted.
    pub(super) fn settle(&mut self, now: Instant) -> Option<f64> {
        self.batches += 1;
        if now.saturating_duration_since(self.start) < ROUND || self.batches < BATCHES {
            return None;
        }
        let seen = std::mem::replace(self, Self::new(now));
        Some(seen.shortest.as_secs_f64())
    }
}

impl Round {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            start,
            delivered: 0,
            limited: 0,
            lost: 0,
            shortest: None,
            newest: None,
        }
    }

    /// A packet that was sent at `sent` has arrived after `round_trip`; `limited`, when there was nothing more to send.
    pub(super) fn arrived(
        &mut self,
        sent: Instant,
        round_trip: Duration,
        bytes: u64,
        limited: bool,
    ) {
        self.delivered += bytes;
        self.limited += if limited { bytes } else { 0 };
        self.shortest = Some(
            self.shortest
                .map_or(round_trip, |known| known.min(round_trip)),
        );
        self.newest = self.newest.max(Some(sent));
    }

    /// The share of its packets that was lost.
    pub(super) fn loss(&self) -> f64 {
        self.lost as f64 / (self.lost + self.delivered).max(1) as f64
    }

    /// A packet that was sent in it has arrived.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.start) >= ROUND
            && self.newest.is_some_and(|sent| sent >= self.start)
    }
}

/// A round lasts at least this long: over less, a LAN's rate is mere chance.
const ROUND: Duration = Duration::from_millis(5);
/// Acknowledgements (RFC 9406, 4.3 takes as many).
const BATCHES: u32 = 8;
