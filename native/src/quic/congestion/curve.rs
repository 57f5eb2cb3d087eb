//! How a window grows that has to hold its own beside TCP: CUBIC (RFC 9438).

use std::time::Instant;

/// The growth since the window was last cut. All sizes are in packets here.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    start: Instant,
    /// The window that was too large.
    top: f64,
    /// The window right after the cut.
    bottom: f64,
    /// Seconds until it is `top` again.
    k: f64,
}

impl Curve {
    pub(super) fn new(now: Instant, top: f64, bottom: f64) -> Self {
        Self {
            start: now,
            top,
            bottom,
            k: ((top - bottom).max(0.0) / C).cbrt(),
        }
    }

    /// The window that `now` allows, where a round trip takes `round_trip` seconds.
    pub(super) fn window(&self, now: Instant, round_trip: f64) -> f64 {
        let t = now.saturating_duration_since(self.start).as_secs_f64();
        let cubic = self.top + C * (t + round_trip - self.k).powi(3);
        // As Reno would have it (4.3): on short paths that is more.
        let reno = self.bottom + ALPHA * t / round_trip.max(1e-4);
        cubic.max(reno)
    }

    /// The window is as large again as it was before the cut.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.start).as_secs_f64() > self.k
    }
}

/// What a window is cut to (RFC 9438, 4.6).
pub(super) const BETA: f64 = 0.7;
/// Packets a second to the third (RFC 9438, 5.1).
const C: f64 = 0.4;
/// Packets a round trip (RFC 9438, 4.3).
const ALPHA: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);
