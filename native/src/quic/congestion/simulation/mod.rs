//! Flows over one link, in simulated time: the same outcome in each run.

mod flow;

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

use self::flow::{Control, Cubic, Flow};
use super::window::Window;

/// A link that all flows share; it delays half a round trip there, and half back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    /// Bytes a second.
    pub(super) rate: f64,
    /// Seconds.
    pub(super) round_trip: f64,
    /// Bytes that wait at most.
    pub(super) queue: f64,
    /// Share of the packets that is lost whatever is sent.
    pub(super) loss: f64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Send(usize),
    Arrive(usize, u64),
    Late(usize, u64),
    Acknowledge(usize, Vec<u64>),
    Silence(usize),
}

/// The link and its flows.
#[derive(Debug)]
pub(super) struct Net {
    pub(super) link: Link,
    pub(super) flows: Vec<Flow>,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    number: u64,
    free: f64,
    random: u64,
    epoch: Instant,
    now: u64,
    /// Seconds that a packet waited at most, in each 100 ms.
    pub(super) waits: Vec<f64>,
    wait: f64,
}

impl Net {
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            flows: Vec::new(),
            events: BinaryHeap::new(),
            number: 0,
            free: 0.0,
            random: 88_172_645_463_325_252,
            epoch: Instant::now(),
            now: 0,
            waits: Vec::new(),
            wait: 0.0,
        }
    }

    /// A flow of ours from second `start` on.
    pub(super) fn ours(mut self, start: f64) -> Self {
        let at = self.epoch + Duration::from_secs_f64(start);
        self.add(
            start,
            Control::Ours(Box::new(Window::new(1 << 20, at, PACKET as u16))),
        );
        self
    }

    /// A flow of TCP from second `start` on.
    pub(super) fn cubic(mut self, start: f64) -> Self {
        self.add(start, Control::Cubic(Cubic::new()));
        self
    }

    fn add(&mut self, start: f64, control: Control) {
        let start = nanos(start);
        self.flows
            .push(Flow::new(control, start, self.link.round_trip));
        let flow = self.flows.len() - 1;
        self.at(start, Event::Send(flow));
        self.at(start + nanos(0.3), Event::Silence(flow));
    }

    /// Changes what the link loses by itself.
    pub(super) fn lose(&mut self, loss: f64) {
        self.link.loss = loss;
    }

    /// Lets time pass until second `until`.
    pub(super) fn run(&mut self, until: f64) {
        let until = nanos(until);
        while let Some(Reverse((at, _, _))) = self.events.peek()
            && *at <= until
        {
            let Some(Reverse((at, _, event))) = self.events.pop() else {
                return;
            };
            while (self.waits.len() as u64 + 1) * TICK <= at {
                self.waits.push(self.wait);
                self.wait = 0.0;
                for flow in &mut self.flows {
                    flow.windows.push(flow.window());
                    flow.progress.push(flow.arrived);
                }
            }
            self.now = at;
            match event {
                Event::Send(flow) => self.send(flow),
                Event::Arrive(flow, packet) => self.arrive(flow, packet),
                Event::Late(flow, first) => {
                    if self.flows[flow].unacknowledged.first() == Some(&first) {
                        self.acknowledge(flow);
                    }
                }
                Event::Acknowledge(flow, packets) => self.acknowledged(flow, &packets),
                Event::Silence(flow) => self.silence(flow),
            }
        }
    }

    /// Bytes a second that reached the receiver of `flow` between two seconds.
    pub(super) fn rate(&self, flow: usize, from: f64, to: f64) -> f64 {
        let at = |second: f64| self.flows[flow].progress[(second * 10.0) as usize - 1] as f64;
        (at(to) - at(from)) / (to - from)
    }

    fn at(&mut self, time: u64, event: Event) {
        self.number += 1;
        self.events.push(Reverse((time, self.number, event)));
    }

    fn send(&mut self, index: usize) {
        while let Some(delay) = self.flows[index].may_send(self.now) {
            if delay > 0 {
                if self.flows[index].alarm != self.now + delay {
                    self.flows[index].alarm = self.now + delay;
                    self.at(self.now + delay, Event::Send(index));
                }
                return;
            }
            self.transmit(index);
        }
    }

    fn transmit(&mut self, index: usize) {
        let flow = &mut self.flows[index];
        let packet = flow.sent;
        flow.sent += 1;
        flow.in_flight += PACKET;
        flow.tokens -= PACKET as f64;
        flow.packets.insert(packet, self.now);
        if let Control::Ours(window) = &mut flow.control {
            window.sent(PACKET);
        }
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let chance = (self.random >> 11) as f64 / (1u64 << 53) as f64;
        let start = self.free.max(self.now as f64);
        let wait = (start - self.now as f64) / 1e9;
        if chance < self.link.loss || wait * self.link.rate > self.link.queue {
            return;
        }
        self.wait = self.wait.max(wait);
        self.free = start + PACKET as f64 / self.link.rate * 1e9;
        let due = self.free as u64 + nanos(self.link.round_trip / 2.0);
        self.at(due, Event::Arrive(index, packet));
    }

    fn arrive(&mut self, index: usize, packet: u64) {
        let flow = &mut self.flows[index];
        flow.arrived += PACKET;
        let gap = packet != flow.expected;
        flow.expected = packet + 1;
        flow.unacknowledged.push(packet);
        let most = match flow.control {
            Control::Ours(_) => 32,
            Control::Cubic(_) => 2,
        };
        if gap || flow.unacknowledged.len() >= most {
            self.acknowledge(index);
        } else if flow.unacknowledged.len() == 1 {
            self.at(self.now + nanos(0.005), Event::Late(index, packet));
        }
    }

    fn acknowledge(&mut self, index: usize) {
        let packets = std::mem::take(&mut self.flows[index].unacknowledged);
        let due = self.now + nanos(self.link.round_trip / 2.0);
        self.at(due, Event::Acknowledge(index, packets));
    }

    fn acknowledged(&mut self, index: usize, packets: &[u64]) {
        let flow = &mut self.flows[index];
        flow.heard = self.now;
        let limited = flow.in_flight + PACKET > flow.ahead;
        flow.heard_of(self.epoch, self.now, packets, limited);
        flow.find_lost(self.epoch, self.now);
        self.send(index);
    }

    /// Nothing was heard for long: probes (RFC 9002, 6.2).
    fn silence(&mut self, index: usize) {
        let flow = &mut self.flows[index];
        let patience = nanos(3.0 * flow.smoothed + 0.01);
        if self.now >= flow.heard + patience {
            flow.heard = self.now;
            self.transmit(index);
        }
        let next = self.flows[index].heard + patience;
        self.at(next.max(self.now + 1), Event::Silence(index));
    }
}

fn time(epoch: Instant, nanos: u64) -> Instant {
    epoch + Duration::from_nanos(nanos)
}

fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

/// Bytes.
const PACKET: u64 = 1490;
/// Nanoseconds.
const TICK: u64 = 100_000_000;
