//! The window itself: when it grows, and what cuts it.

use std::time::{Duration, Instant};

use super::{
    curve::{BETA, Curve},
    path::Path,
    round::{Glimpse, Round},
};

/// The window of one connection.
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// Bytes that may be on their way.
    pub(super) bytes: f64,
    pub(super) initial: u64,
    /// Bytes of a full packet.
    packet: f64,
    path: Path,
    phase: Phase,
    round: Round,
    glimpse: Glimpse,
    /// Bytes on their way after the latest acknowledgement, and what was sent since.
    in_flight: u64,
    sent: u64,
    /// The shortest round trip of the last round in seconds: what it has above the path's is queue.
    waited: f64,
    /// Losses up to here have been answered.
    answered: Option<Instant>,
    /// Somebody else keeps the queue full until here.
    contended: Option<Instant>,
    /// The share of packets that the path loses whatever is sent, as far as it was found out.
    lossy: f64,
    curve: Option<Curve>,
}

#[derive(Debug, Clone)]
enum Phase {
    /// Nothing has shown yet that the window is large enough.
    Start,
    Cruise,
    /// The window was cut to see what changes.
    Trial(Trial),
}

#[derive(Debug, Clone)]
struct Trial {
    reason: Reason,
    /// It ended the start.
    first: bool,
    /// The window before.
    before: f64,
    /// Seconds of a round trip before, and what it would be if nobody else filled the queue.
    waited: f64,
    alone: f64,
    rounds: u32,
    delivered: u64,
    lost: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Reason {
    Queue,
    /// This share of the packets.
    Loss(f64),
}

impl Window {
    pub(super) fn new(initial: u64, now: Instant, packet: u16) -> Self {
        Self {
            bytes: (initial as f64).max(LEAST * f64::from(packet)),
            initial,
            packet: packet.into(),
            path: Path::new(now),
            phase: Phase::Start,
            round: Round::new(now),
            glimpse: Glimpse::new(now),
            in_flight: 0,
            sent: 0,
            waited: 0.0,
            answered: None,
            contended: None,
            lossy: 0.0,
            curve: None,
        }
    }

    pub(super) fn sent(&mut self, bytes: u64) {
        self.sent += bytes;
    }

    /// A packet of `bytes` that was sent at `sent` has arrived; `limited`, when there was nothing more to send.
    pub(super) fn arrived(&mut self, now: Instant, sent: Instant, bytes: u64, limited: bool) {
        let round_trip = now.saturating_duration_since(sent);
        self.path.timed(now, round_trip);
        self.glimpse.arrived(round_trip);
        self.round.arrived(sent, round_trip, bytes, limited);
        // What is not used proves nothing (RFC 9002, 7.8).
        let used = self.in_flight.saturating_add(self.sent);
        if !limited && self.bytes < 2.0 * used as f64 {
            self.grow(now, bytes as f64);
        }
    }

    fn grow(&mut self, now: Instant, arrived: f64) {
        let more = match self.phase {
            Phase::Start if self.bytes < self.initial as f64 => arrived,
            // The initial window is large: to double from there would overshoot by megabytes.
            Phase::Start => arrived / 2.0,
            Phase::Cruise => {
                let step = if self.contended.is_some() {
                    CONTENDED_STEP
                } else {
                    STEP
                };
                let long = (self.path.base() / USUAL).max(1.0);
                let step = (step * self.packet * long).min(self.bytes / 8.0);
                let curve = self.curve.as_ref().map_or(f64::MAX, |curve| {
                    self.packet * curve.window(now, self.waited)
                });
                (step * (arrived / self.bytes).min(1.0)).min((curve - self.bytes).max(0.0))
            }
            Phase::Trial(_) => 0.0,
        };
        self.set(self.bytes + more);
    }

    /// All packets of one acknowledgement are known, and `in_flight` bytes are still on their way.
    pub(super) fn settle(&mut self, now: Instant, in_flight: u64, limited: bool) {
        (self.in_flight, self.sent) = (in_flight, 0);
        if let Some(waited) = self.glimpse.settle(now)
            && matches!(self.phase, Phase::Start)
            && !limited
            && self.path.rate() > 0.0
        {
            self.watch(now, waited);
        }
        if self.round.is_over(now) {
            let round = std::mem::replace(&mut self.round, Round::new(now));
            self.turn(now, &round);
        }
    }

    /// A round is over.
    fn turn(&mut self, now: Instant, round: &Round) {
        let seconds = now.saturating_duration_since(round.start).as_secs_f64();
        let limited = round.limited > round.delivered / 2;
        let rate = round.delivered as f64 / seconds.max(1e-6);
        self.path.delivered(rate, limited);
        self.waited = round.shortest.unwrap_or_default().as_secs_f64();
        self.contended = self.contended.filter(|until| now < *until);
        if self.contended.is_none() {
            self.curve = self.curve.take().filter(|curve| !curve.is_over(now));
        }
        // The path may have become a better one.
        self.lossy -= self.lossy / 128.0;
        let loss = round.loss();
        let many = round.lost as f64 >= MANY * self.packet;
        if let Phase::Trial(trial) = &mut self.phase {
            trial.rounds += 1;
            if trial.rounds > 1 {
                trial.delivered += round.delivered;
                trial.lost += round.lost;
            }
            self.judge(now);
        } else if many && loss > (2.0 * self.lossy).clamp(LOSS, ANY_LOSS) {
            let least = self.bytes * BETA / 2.0;
            let bytes = (self.bytes * BETA).min(self.filled().max(least));
            self.attempt(now, Reason::Loss(loss), bytes);
        } else if !limited {
            self.watch(now, self.waited);
        }
    }

    /// Looks whether a round trip of `waited` seconds means too long a queue.
    fn watch(&mut self, now: Instant, waited: f64) {
        if self.contended.is_none() && waited > self.gate() {
            self.waited = waited;
            let bytes = self.bytes.min(DRAIN * self.filled());
            self.attempt(now, Reason::Queue, bytes);
        }
    }

    /// Cuts the window to `bytes` for a while.
    fn attempt(&mut self, now: Instant, reason: Reason, bytes: f64) {
        self.phase = Phase::Trial(Trial {
            reason,
            first: matches!(self.phase, Phase::Start),
            before: self.bytes,
            waited: self.waited,
            alone: self.path.base().max(bytes / self.path.rate().max(1.0)),
            rounds: 0,
            delivered: 0,
            lost: 0,
        });
        self.answered = Some(now);
        self.set(bytes);
    }

    /// Says what a trial has shown, once it has.
    fn judge(&mut self, now: Instant) {
        let Phase::Trial(trial) = &self.phase else {
            return;
        };
        let (before, first, done) = (trial.before, trial.first, trial.rounds >= TRIAL);
        match trial.reason {
            Reason::Queue if trial.waited - self.waited >= SHARE * (trial.waited - trial.alone) => {
                self.cruise(self.filled().min(before));
            }
            Reason::Queue if done => {
                // Too little of it was ours: whoever made the rest does not give way, nor do we.
                self.contended = Some(now + CONTENDED);
                self.cruise(before);
                if first {
                    self.phase = Phase::Start;
                }
            }
            Reason::Loss(loss) if done => {
                let still = trial.lost as f64 / (trial.lost + trial.delivered).max(1) as f64;
                if still > loss / 2.0 && still < ANY_LOSS {
                    self.lossy = still;
                    self.cruise(before);
                } else {
                    let (top, bottom) = (before / self.packet, self.bytes / self.packet);
                    self.curve = Some(Curve::new(now, top, bottom));
                    self.cruise(self.bytes);
                }
            }
            _ => {}
        }
    }

    fn cruise(&mut self, bytes: f64) {
        self.set(bytes);
        self.phase = Phase::Cruise;
    }

    /// Packets that were sent up to `sent` are lost, `bytes` of them; 0, if routers only complain.
    pub(super) fn missed(&mut self, now: Instant, sent: Instant, persistent: bool, bytes: u64) {
        self.round.lost += bytes;
        let lost = self.round.lost as f64;
        if lost > MANY * self.packet && lost > ANY_LOSS * self.bytes {
            // What did not fit is not sent again at once.
            let fits = self.filled().min(self.bytes);
            self.set((self.bytes - bytes as f64).max(fits));
        }
        if self.answered.is_some_and(|answered| sent <= answered) {
            return;
        }
        if persistent {
            self.path.slowed();
            self.phase = Phase::Start;
            self.curve = None;
            self.set(0.0);
        } else if bytes == 0 || self.waited > self.gate() && !matches!(self.phase, Phase::Trial(_))
        {
            let before = self.bytes;
            self.set((before * BETA).max(self.filled()).min(before));
            let (top, bottom) = (before / self.packet, self.bytes / self.packet);
            self.curve = Some(Curve::new(now, top, bottom));
            self.phase = Phase::Cruise;
        } else {
            return;
        }
        self.answered = Some(now);
    }

    /// Bytes that keep the path busy.
    fn filled(&self) -> f64 {
        let rate = self.path.rate();
        // Acknowledgements come for several packets at once, and hosts have other things to do.
        let together = (rate * HOST).min(TOGETHER * self.packet);
        (rate * self.path.base().max(HOST) + together).max(self.least())
    }

    /// Seconds of a round trip above which a queue is too long.
    fn gate(&self) -> f64 {
        let rate = self.path.rate().max(1.0);
        self.filled() / rate + (self.path.base() / 4.0).max(HOST / 2.0)
    }

    fn least(&self) -> f64 {
        LEAST * self.packet
    }

    /// A full packet has `packet` bytes from now on.
    pub(super) fn resized(&mut self, packet: u16) {
        self.packet = packet.into();
        self.set(self.bytes);
    }

    fn set(&mut self, bytes: f64) {
        self.bytes = bytes.clamp(self.least(), MOST);
    }
}

/// Seconds that a host may take to answer: the most it delays acknowledgements, and what a busy one was seen to take.
const HOST: f64 = 0.005;
/// Packets: twice what is acknowledged together.
const TOGETHER: f64 = 64.0;
/// Packets that a window gains in a round trip of [`USUAL`]. A path of 1 Gbit/s that loses 5 % is filled to 94 % in its
/// first 5 s, with 4 packets to 85 % (simulated).
const STEP: f64 = 8.0;
/// The same where others hold the queue: they have no less than we do.
const CONTENDED_STEP: f64 = 4.0;
/// Seconds: longer round trips gain more, for there are fewer of them.
const USUAL: f64 = 0.02;
/// Packets: what it takes to hear of a loss soon.
const LEAST: f64 = 4.0;
/// Bytes: more is never on its way.
const MOST: f64 = 256.0 * 1024.0 * 1024.0;
/// What a trial leaves of the window that fills the path, so that its queue runs empty.
const DRAIN: f64 = 0.9;
/// What of the queue must go in a trial: more than this share of what flows is then ours.
const SHARE: f64 = 0.4;
/// Share of the packets in a round above which it may be the window's fault. BBR has 2 %.
const LOSS: f64 = 0.03;
/// Share of the packets that is too much whoever's fault it is.
const ANY_LOSS: f64 = 0.15;
/// Packets: fewer losses in a round are chance.
const MANY: f64 = 8.0;
/// Rounds after which a smaller window must have changed something.
const TRIAL: u32 = 3;
/// A trial costs half a window for some rounds: not more often than this where it shows the same again.
const CONTENDED: Duration = Duration::from_secs(4);
