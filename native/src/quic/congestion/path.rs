//! What a path can take: how fast it delivers, and how long a packet needs where no queue is in its way.

use std::time::{Duration, Instant};

/// The two figures that a path is known by, each over a window, as paths change
/// (draft-cardwell-iccrg-bbr-congestion-control, 4.5.2 `BtlBw` and `RTprop`).
#[derive(Debug, Clone)]
pub(super) struct Path {
    /// Bytes a second that recent rounds delivered.
    rates: [f64; RATES],
    next: usize,
    /// The shortest round trip of this period and of the one before.
    shortest: [Option<Duration>; 2],
    period: Instant,
}

impl Path {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            rates: [0.0; RATES],
            next: 0,
            shortest: [None; 2],
            period: now,
        }
    }

    /// A packet took `round_trip` to be acknowledged.
    pub(super) fn timed(&mut self, now: Instant, round_trip: Duration) {
        if now.saturating_duration_since(self.period) > PERIOD {
            self.shortest = [None, self.shortest[0]];
            self.period = now;
        }
        let best = self.shortest[0].map_or(round_trip, |known| known.min(round_trip));
        self.shortest[0] = Some(best);
    }

    /// A round delivered `rate` bytes a second; `limited`, when there was less to send than the window allows.
    pub(super) fn delivered(&mut self, rate: f64, limited: bool) {
        // What was not asked of the path says only that it can do at least as much.
        if limited && rate < self.rate() {
            return;
        }
        self.rates[self.next] = rate;
        self.next = (self.next + 1) % RATES;
    }

    /// Bytes a second that the path delivers.
    pub(super) fn rate(&self) -> f64 {
        self.rates.iter().copied().fold(0.0, f64::max)
    }

    /// Seconds of a round trip without a queue; 0 as long as nothing is known.
    pub(super) fn base(&self) -> f64 {
        let shortest = self.shortest.into_iter().flatten().min();
        shortest.map_or(0.0, |shortest| shortest.as_secs_f64())
    }

    /// Forgets how fast it was.
    pub(super) fn slowed(&mut self) {
        self.rates = [0.0; RATES];
    }
}

/// Rounds in which the fastest counts: as BBR has it.
const RATES: usize = 10;
/// The shortest round trip of 5 to 10 s counts: as BBR has it.
const PERIOD: Duration = Duration::from_secs(5);
