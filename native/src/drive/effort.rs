//! Whether compression pays: it does while it is the link that limits, and costs where the processors do.
//!
//! What moves is measured in both states, and now and then again: no other figure tells how fast a link is that is never full.

use std::time::{Duration, Instant};

/// Bytes that fill the buffers in front of a link: before, and where nothing tells what left them, any link seems fast.
const FILL: u64 = 6 << 20;

/// Payload bytes after which the buffers count as full, however well it compresses.
const ENOUGH: u64 = 96 << 20;

/// Bytes up to which what was sent can be compared with what was written: it has headers and repetitions in it.
const EXACT: u64 = 32 << 20;

/// Bytes that leave at once over any link: a little more than the first congestion window.
const BURST: u64 = 5 << 18;

/// Payload bytes that are timed with compression; without it, where each is dear, more of them.
const SPAN_ON: u64 = 8 << 20;
const SPAN_OFF: u64 = 12 << 20;

/// Payload bytes that fill the buffers with what is not compressed, where no more are on their way.
const FLUSH: u64 = 8 << 20;

/// Payload bytes before compression is doubted again; each time twice as many.
const DOUBT: u64 = 512 << 20;

/// How much faster it has to be without compression: that takes more of the link, and zstd is slow in its first blocks.
const MARGIN: f64 = 1.2;

/// Where compression is so many times as fast, there is nothing more to measure.
const PLAIN: f64 = 1.5;

/// Spans in a row that have to be slow before compression comes back: one may be an accident.
const SLOW: u32 = 3;

/// Where no compression is so many times as fast, that is certain.
const CLEAR: f64 = 1.5;

/// Payload bytes before it is doubted where that is not certain; each time twice as many.
const RETRY: u64 = 64 << 20;

/// How long it is not doubted where it is certain, each time twice as long: a source that was slow may no longer be.
const PATIENCE: Duration = Duration::from_secs(10);

/// How blocks of one transfer are treated.
#[derive(Debug)]
pub(super) struct Effort {
    stage: Stage,
    tally: Tally,
    /// Bytes that were handed over to the link, and their payload.
    written: u64,
    given: u64,
    /// Payload bytes a second with compression, where that was the limit.
    packed: f64,
    /// Payload bytes that have to move with compression before it is doubted, and how many the next time.
    trust: u64,
    doubt: u64,
    /// The same without compression.
    distrust: u64,
    retry: u64,
    /// Since when blocks are left as they are, and how long that may be certain.
    plain: Option<Instant>,
    patience: Duration,
    /// Payload bytes that are on their way when it is decided how to treat blocks, and have to pass.
    flush: u64,
    /// The link was found to be the limit, or the data not to shrink.
    steady: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// Blocks are compressed; what leaves at once leaves.
    Filling,
    /// Blocks are compressed.
    On,
    /// Blocks are left as they are; the buffers fill with them.
    Flushing,
    /// Blocks are left as they are; so many more spans may be slow.
    Off { slow: u32 },
    /// Nothing is to be decided.
    Fixed,
}

#[derive(Debug, Default)]
struct Tally {
    payload: u64,
    frames: u64,
    blocks: u32,
    /// Blocks that the link had to wait for.
    hungry: u32,
    since: Option<Instant>,
}

impl Tally {
    /// Whether compression makes a difference.
    fn packs(&self) -> bool {
        self.frames < self.payload / 10 * 9
    }
}

impl Effort {
    /// Begins with compression: on slow links it counts from the first block on. `ahead` payload bytes at most are on
    /// their way, treated as it was decided before.
    pub(super) fn adaptive(ahead: u64) -> Self {
        Self {
            stage: Stage::Filling,
            tally: Tally::default(),
            written: 0,
            given: 0,
            packed: f64::MAX,
            trust: 0,
            doubt: DOUBT,
            distrust: RETRY,
            retry: RETRY,
            plain: None,
            patience: PATIENCE,
            flush: FLUSH.max(ahead),
            steady: false,
        }
    }

    /// Always does what was asked for.
    pub(super) fn fixed() -> Self {
        Self {
            stage: Stage::Fixed,
            ..Self::adaptive(0)
        }
    }

    /// Whether the next block is to be compressed.
    pub(super) fn is_on(&self) -> bool {
        matches!(self.stage, Stage::Filling | Stage::On | Stage::Fixed)
    }

    /// Whether blocks will be treated for a while as they are now, so that the speeds of lanes can be compared.
    pub(super) fn is_settled(&self) -> bool {
        match self.stage {
            Stage::Filling => false,
            Stage::On => self.steady || !self.tally.packs(),
            Stage::Flushing | Stage::Off { .. } | Stage::Fixed => true,
        }
    }

    /// A block is ready; `idle` says that none waits to be handed over, `sent` how many bytes have left this machine,
    /// where that is known.
    pub(super) fn ready(&mut self, idle: bool, sent: Option<u64>) {
        let drained = match sent {
            Some(sent) => sent >= self.written || self.written >= EXACT,
            None => self.written >= FILL || self.given >= ENOUGH,
        };
        self.tally.blocks += 1;
        self.tally.hungry += u32::from(idle && drained);
    }

    /// A block of so many payload bytes left as so many. While `trying`, lanes are compared: what is faster without
    /// compression is seen on the one that is kept.
    pub(super) fn moved(&mut self, payload: u64, frame: u64, trying: bool, now: Instant) {
        self.written += frame;
        self.given += payload;
        self.tally.payload += payload;
        self.tally.frames += frame;
        let tally = &self.tally;
        let seconds = (now - tally.since.unwrap_or(now)).as_secs_f64();
        let rate = tally.payload as f64 / seconds.max(1e-6);
        match self.stage {
            Stage::Fixed => {}
            Stage::Filling if tally.frames >= BURST || tally.payload >= ENOUGH => {
                self.enter(Stage::On, now);
            }
            Stage::On if tally.payload >= SPAN_ON => {
                let starves = 2 * tally.hungry > tally.blocks;
                self.trust = self.trust.saturating_sub(tally.payload);
                if starves && tally.packs() && self.trust == 0 {
                    self.packed = rate;
                    self.plain = Some(now);
                    self.enter(Stage::Flushing, now);
                } else {
                    self.steady = true;
                    self.enter(Stage::On, now);
                }
            }
            Stage::Flushing if tally.payload >= self.flush => {
                if self.packed > PLAIN * rate {
                    self.trust(now);
                } else {
                    self.enter(Stage::Off { slow: 1 }, now);
                }
            }
            Stage::Off { .. } if trying => self.enter(self.stage, now),
            Stage::Off { slow } if tally.payload >= SPAN_OFF => {
                self.distrust = self.distrust.saturating_sub(tally.payload);
                let patient = self.plain.is_none_or(|plain| now - plain < self.patience);
                match (MARGIN * self.packed > rate, slow) {
                    (true, 2..) => self.enter(Stage::Off { slow: slow - 1 }, now),
                    (true, _) => self.trust(now),
                    (false, _) if rate < CLEAR * self.packed && self.distrust == 0 => {
                        self.retry = self.retry.saturating_mul(2);
                        self.distrust = self.retry;
                        self.enter(Stage::On, now);
                    }
                    (false, _) if !patient => {
                        self.patience = self.patience.saturating_mul(2);
                        self.enter(Stage::On, now);
                    }
                    (false, _) => self.enter(Stage::Off { slow: SLOW }, now),
                }
            }
            Stage::Filling | Stage::On | Stage::Flushing | Stage::Off { .. } => {}
        }
    }

    /// Compresses for long enough to have been worth the trial.
    fn trust(&mut self, now: Instant) {
        self.steady = true;
        self.trust = self.doubt;
        self.doubt = self.doubt.saturating_mul(2);
        self.enter(Stage::On, now);
    }

    fn enter(&mut self, stage: Stage, now: Instant) {
        self.stage = stage;
        self.tally = Tally {
            since: Some(now),
            ..Tally::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const BLOCK: f64 = (1 << 20) as f64;

    /// A sender that packs so many MiB a second at `ratio`.
    struct Sim {
        effort: Effort,
        packs: f64,
        ratio: f64,
        /// Whether the link tells what it has sent.
        tells: bool,
        start: Instant,
        /// When the last block was ready, and when the last three were handed over, in seconds.
        ready: f64,
        handed: [f64; 3],
        /// Bytes that waited for the link when the last one was handed over, and that were handed over.
        waiting: f64,
        total: f64,
        /// Whether lanes are compared.
        trying: bool,
    }

    impl Sim {
        fn new(packs: f64, ratio: f64, tells: bool) -> Self {
            Self {
                effort: Effort::adaptive(3 << 20),
                packs,
                ratio,
                tells,
                start: Instant::now(),
                ready: 0.0,
                handed: [0.0; 3],
                waiting: 0.0,
                total: 0.0,
                trying: false,
            }
        }

        /// Sends a block over a link that carries so many MiB a second; whether it was packed.
        fn block(&mut self, link: f64) -> bool {
            let (room, link) = (6.0 * BLOCK, link * BLOCK);
            let on = self.effort.is_on();
            let (frame, work) = match on {
                true => (BLOCK / self.ratio, 1.0 / self.packs),
                false => (BLOCK, 1.0 / 2000.0),
            };
            let [oldest, .., last] = self.handed;
            self.ready = self.ready.max(oldest) + work;
            let waits = |at: f64| (self.waiting - (at - last).max(0.0) * link).max(0.0);
            // The first window leaves at once, whatever is behind it.
            let held = (waits(self.ready) - BLOCK).max(0.0);
            let sent = self.tells.then_some((self.total - held) as u64);
            self.effort.ready(last <= self.ready, sent);
            let mut at = self.ready.max(last);
            at += (waits(at) + frame - room).max(0.0) / link;
            self.waiting = waits(at) + frame;
            self.total += frame;
            self.handed = [self.handed[1], last, at];
            let now = self.start + Duration::from_secs_f64(at);
            let trying = self.trying;
            self.effort.moved(BLOCK as u64, frame as u64, trying, now);
            on
        }

        /// Lets nothing move for so many seconds.
        fn pause(&mut self, seconds: f64) {
            let [.., last] = self.handed;
            self.ready = self.ready.max(last) + seconds;
        }

        /// How many of the next blocks are packed.
        fn packed(&mut self, blocks: u32, link: f64) -> u32 {
            (0..blocks).map(|_| u32::from(self.block(link))).sum()
        }
    }

    #[test]
    fn a_fast_link_gets_blocks_as_they_are() {
        for (tells, most) in [(true, 20), (false, 50)] {
            let mut sim = Sim::new(400.0, 4.3, tells);
            let packed = sim.packed(400, 1000.0);
            assert!(packed < most, "{tells}: {packed}");
            assert_eq!(sim.packed(400, 1000.0), 0, "{tells}");
        }
    }

    #[test]
    fn a_slow_link_gets_packed_blocks() {
        for tells in [true, false] {
            for link in [1.0, 11.0, 60.0, 117.0, 250.0] {
                let mut sim = Sim::new(400.0, 4.3, tells);
                for part in 0..3 {
                    let packed = sim.packed(400, link);
                    assert!(packed > 350, "{link}, {tells}, {part}: {packed}");
                }
            }
        }
    }

    #[test]
    fn a_link_that_is_always_busy_gets_packed_blocks_from_first_to_last() {
        for (tells, link) in [
            (true, 1.0),
            (true, 11.0),
            (true, 30.0),
            (false, 1.0),
            (false, 11.0),
        ] {
            let packed = Sim::new(400.0, 4.3, tells).packed(100, link);
            assert_eq!(packed, 100, "{link}, {tells}");
        }
    }

    #[test]
    fn what_does_not_shrink_is_never_in_doubt() {
        let mut sim = Sim::new(900.0, 1.0, true);
        assert_eq!(sim.packed(800, 1000.0), 800);
    }

    #[test]
    fn a_link_that_becomes_slow_gets_packed_blocks_again() {
        let mut sim = Sim::new(400.0, 4.3, true);
        assert!(sim.packed(400, 1000.0) < 20);
        assert!(sim.packed(400, 20.0) > 340);
    }

    #[test]
    fn a_packer_that_was_slow_at_first_gets_a_second_chance() {
        let mut sim = Sim::new(90.0, 4.3, true);
        sim.packed(60, 112.0);
        sim.packs = 300.0;
        sim.packed(100, 112.0);
        assert!(sim.packed(400, 112.0) > 350);
    }

    #[test]
    fn a_packer_that_was_much_slower_at_first_gets_a_second_chance_in_time() {
        let mut sim = Sim::new(60.0, 4.3, true);
        sim.packed(60, 112.0);
        sim.packs = 300.0;
        assert_eq!(sim.packed(400, 112.0), 0);
        sim.packed(1100, 112.0);
        assert!(sim.packed(400, 112.0) > 350);
    }

    #[test]
    fn a_slow_lane_on_trial_does_not_bring_compression_back() {
        for before in [10, 24, 40] {
            let mut sim = Sim::new(400.0, 4.3, true);
            while sim.block(600.0) {}
            sim.trying = true;
            sim.packed(before, 600.0);
            sim.packed(60, 150.0);
            sim.trying = false;
            assert_eq!(sim.packed(60, 600.0), 0, "{before}");
        }
    }

    #[test]
    fn one_pause_does_not_bring_compression_back() {
        let mut sim = Sim::new(400.0, 4.3, true);
        sim.packed(200, 1000.0);
        sim.pause(0.5);
        assert_eq!(sim.packed(400, 1000.0), 0);
    }
}
