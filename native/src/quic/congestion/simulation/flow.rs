//! One flow of the simulation: its sender and its receiver.

use std::{collections::BTreeMap, time::Instant};

use super::{
    super::{curve::Curve, window::Window},
    PACKET, nanos, time,
};

/// What one flow does.
#[derive(Debug)]
pub(in super::super) struct Flow {
    pub(super) control: Control,
    /// Bytes that may be on their way whatever the window.
    pub(in super::super) ahead: u64,
    pub(super) start: u64,
    pub(super) sent: u64,
    pub(super) in_flight: u64,
    pub(super) packets: BTreeMap<u64, u64>,
    pub(super) latest: u64,
    pub(super) smoothed: f64,
    pub(super) tokens: f64,
    pub(super) refilled: u64,
    pub(super) expected: u64,
    pub(super) unacknowledged: Vec<u64>,
    pub(super) alarm: u64,
    pub(super) heard: u64,
    pub(in super::super) lost: u64,
    pub(in super::super) arrived: u64,
    /// The window of each 100 ms.
    pub(in super::super) windows: Vec<u64>,
    /// What had arrived at the end of each 100 ms.
    pub(in super::super) progress: Vec<u64>,
}

#[derive(Debug)]
pub(super) enum Control {
    Ours(Box<Window>),
    Cubic(Cubic),
}

/// TCP as most of the world has it (RFC 9438, RFC 9406), with packets as its unit.
#[derive(Debug)]
pub(super) struct Cubic {
    window: f64,
    slow: bool,
    curve: Option<Curve>,
    recovery: u64,
    shortest: f64,
}

impl Flow {
    pub(super) fn new(control: Control, start: u64, round_trip: f64) -> Self {
        Self {
            control,
            ahead: u64::MAX,
            start,
            sent: 0,
            in_flight: 0,
            packets: BTreeMap::new(),
            latest: 0,
            smoothed: round_trip,
            tokens: 0.0,
            refilled: start,
            expected: 0,
            unacknowledged: Vec::new(),
            alarm: u64::MAX,
            heard: start,
            lost: 0,
            arrived: 0,
            windows: Vec::new(),
            progress: Vec::new(),
        }
    }

    pub(super) fn window(&self) -> u64 {
        match &self.control {
            Control::Ours(window) => window.bytes as u64,
            Control::Cubic(cubic) => (cubic.window * PACKET as f64) as u64,
        }
    }

    /// Nanoseconds until the next packet may leave, as quinn-proto paces; `None`, if it has to wait for others.
    pub(super) fn may_send(&mut self, now: u64) -> Option<u64> {
        let window = self.window();
        if now < self.start || self.in_flight + PACKET > window.min(self.ahead) {
            return None;
        }
        let capacity = (window as f64 * 0.002 / self.smoothed)
            .clamp(10.0 * PACKET as f64, 256.0 * PACKET as f64);
        let rate = 1.25 * window as f64 / self.smoothed;
        let passed = (now - self.refilled) as f64 / 1e9;
        self.tokens = (self.tokens + rate * passed).min(capacity);
        self.refilled = now;
        if self.tokens >= PACKET as f64 {
            return Some(0);
        }
        Some(nanos((capacity - self.tokens) / rate).max(1))
    }

    pub(super) fn heard_of(&mut self, epoch: Instant, now: u64, packets: &[u64], limited: bool) {
        let mut latest = None;
        for packet in packets {
            let Some(sent) = self.packets.remove(packet) else {
                continue;
            };
            self.in_flight -= PACKET;
            self.latest = self.latest.max(*packet);
            latest = Some((now - sent) as f64 / 1e9);
            match &mut self.control {
                Control::Ours(window) => {
                    window.arrived(time(epoch, now), time(epoch, sent), PACKET, limited);
                }
                Control::Cubic(cubic) => {
                    cubic.arrived(epoch, now, sent, self.smoothed);
                }
            }
        }
        if let Control::Ours(window) = &mut self.control {
            window.settle(time(epoch, now), self.in_flight, limited);
        }
        if let Some(latest) = latest {
            self.smoothed += (latest - self.smoothed) / 8.0;
        }
    }

    pub(super) fn find_lost(&mut self, epoch: Instant, now: u64) {
        let threshold = match self.control {
            Control::Ours(_) => 32,
            Control::Cubic(_) => 3,
        };
        let old = now.saturating_sub(nanos(2.0 * self.smoothed));
        let lost: Vec<_> = self
            .packets
            .range(..self.latest)
            .filter(|(packet, sent)| self.latest >= **packet + threshold || **sent < old)
            .map(|(packet, sent)| (*packet, *sent))
            .collect();
        let Some((_, sent)) = lost.last() else {
            return;
        };
        for (packet, _) in &lost {
            self.packets.remove(packet);
        }
        let bytes = lost.len() as u64 * PACKET;
        self.in_flight -= bytes;
        self.lost += bytes;
        match &mut self.control {
            Control::Ours(window) => {
                window.missed(time(epoch, now), time(epoch, *sent), false, bytes);
            }
            Control::Cubic(cubic) => cubic.missed(epoch, now, *sent),
        }
    }

    /// Share of its packets that were lost.
    pub(in super::super) fn loss(&self) -> f64 {
        self.lost as f64 / (self.lost + self.arrived) as f64
    }
}

impl Cubic {
    pub(super) fn new() -> Self {
        Self {
            window: 10.0,
            slow: true,
            curve: None,
            recovery: 0,
            shortest: f64::MAX,
        }
    }

    fn arrived(&mut self, epoch: Instant, now: u64, sent: u64, round_trip: f64) {
        let latest = (now - sent) as f64 / 1e9;
        self.shortest = self.shortest.min(latest);
        if self.slow {
            self.window += 1.0;
            // HyStart.
            if latest > self.shortest + (self.shortest / 8.0).clamp(0.004, 0.016) {
                self.slow = false;
            }
            return;
        }
        let window = self.window;
        let now = time(epoch, now);
        let curve = self
            .curve
            .get_or_insert_with(|| Curve::new(now, window, window));
        let step = (curve.window(now, round_trip) - window) / window;
        self.window += step.clamp(0.0, 0.5);
    }

    fn missed(&mut self, epoch: Instant, now: u64, sent: u64) {
        if sent <= self.recovery {
            return;
        }
        (self.recovery, self.slow) = (now, false);
        let top = self.window;
        self.window = (top * 0.7).max(2.0);
        self.curve = Some(Curve::new(time(epoch, now), top, self.window));
    }
}
