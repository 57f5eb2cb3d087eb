//! Whether a lane is faster than the wire: each carries the blocks alone for a while, and the faster one keeps them.

use std::time::{Duration, Instant};

/// Bytes that fill what is between this side and the link: handed over, they have not moved yet.
const WIRE_WARM: u64 = 8 << 20;
const LANE_WARM: u64 = 12 << 20;

/// Bytes that are timed.
const SPAN: u64 = 16 << 20;

/// How long a lane may take at least to show what it can.
const LEAST: Duration = Duration::from_secs(1);

/// A lane is kept if it reaches so much of the wire's speed: it costs less.
const ENOUGH: f64 = 0.9;

/// A lane on trial.
#[derive(Debug)]
pub(super) struct Trial {
    stage: Stage,
    moved: u64,
    since: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// Blocks go over the wire.
    Wire,
    /// Blocks go over the lane; bytes a second of the wire, and when the lane's time is up.
    Lane { wire: f64, until: Instant },
    /// It is decided, for the lane or the wire.
    Over { lane: bool },
}

impl Trial {
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Wire,
            moved: 0,
            since: None,
        }
    }

    /// Whether blocks go over the lane now.
    pub(super) fn is_for_lane(&self) -> bool {
        matches!(self.stage, Stage::Lane { .. } | Stage::Over { lane: true })
    }

    /// Whether it is decided.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over { .. })
    }

    /// When something is to be decided, whether or not blocks move.
    pub(super) fn until(&self) -> Option<Instant> {
        match self.stage {
            Stage::Lane { until, .. } => Some(until),
            Stage::Wire | Stage::Over { .. } => None,
        }
    }

    /// So many bytes of blocks went where they should; `joined` says whether there is a lane.
    pub(super) fn moved(&mut self, bytes: u64, joined: bool, now: Instant) {
        self.moved += bytes;
        match self.stage {
            Stage::Wire if joined => {
                if let Some(wire) = self.rate(WIRE_WARM, now) {
                    let fair = Duration::from_secs_f64((LANE_WARM + SPAN) as f64 / wire.max(1.0));
                    let until = now + LEAST.max(2 * fair);
                    *self = Self {
                        stage: Stage::Lane { wire, until },
                        ..Self::new()
                    };
                }
            }
            Stage::Wire => drop(self.rate(WIRE_WARM, now)),
            Stage::Lane { wire, .. } => {
                if let Some(lane) = self.rate(LANE_WARM, now) {
                    let lane = lane >= ENOUGH * wire;
                    self.stage = Stage::Over { lane };
                }
            }
            Stage::Over { .. } => {}
        }
    }

    /// The lane's time is up.
    pub(super) fn expire(&mut self) {
        self.stage = Stage::Over { lane: false };
    }

    /// Bytes a second behind the first `warm` ones, once enough were timed.
    fn rate(&mut self, warm: u64, now: Instant) -> Option<f64> {
        let timed = self.moved.checked_sub(warm)?;
        let since = *self.since.get_or_insert(now);
        let seconds = now.saturating_duration_since(since).as_secs_f64();
        (timed >= SPAN && seconds > 0.0).then(|| timed as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: u64 = 1 << 20;

    /// Moves `mib` blocks at so many MiB a second.
    fn carry(trial: &mut Trial, now: &mut Instant, mib: u64, speed: f64, joined: bool) {
        for _ in 0..mib {
            *now += Duration::from_secs_f64(1.0 / speed);
            trial.moved(BLOCK, joined, *now);
        }
    }

    #[test]
    fn a_lane_that_is_faster_keeps_the_blocks() {
        for (lane, kept) in [(1500.0, true), (480.0, true), (300.0, false)] {
            let (mut trial, mut now) = (Trial::new(), Instant::now());
            carry(&mut trial, &mut now, 23, 500.0, true);
            assert!(!trial.is_for_lane(), "the wire is timed first");
            carry(&mut trial, &mut now, 2, 500.0, true);
            assert!(trial.is_for_lane());
            carry(&mut trial, &mut now, 29, lane, true);
            assert_eq!(trial.until(), None);
            assert_eq!(trial.is_for_lane(), kept, "{lane} MiB/s");
        }
    }

    #[test]
    fn nothing_is_tried_before_the_lane_is_there() {
        let (mut trial, mut now) = (Trial::new(), Instant::now());
        carry(&mut trial, &mut now, 500, 500.0, false);
        assert!(!trial.is_for_lane());
        carry(&mut trial, &mut now, 1, 500.0, true);
        assert!(trial.is_for_lane());
    }

    #[test]
    fn a_lane_that_takes_nothing_is_given_up() {
        let (mut trial, mut now) = (Trial::new(), Instant::now());
        carry(&mut trial, &mut now, 40, 500.0, true);
        let until = trial.until().expect("the lane is on trial");
        assert!(until <= now + Duration::from_secs(2));
        trial.expire();
        assert!(!trial.is_for_lane());
        carry(&mut trial, &mut now, 500, 500.0, true);
        assert!(!trial.is_for_lane());
    }
}
