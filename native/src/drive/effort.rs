//! Whether compression pays: it does while it is the link that limits, and costs where the processors do.
//!
//! What moves is measured in both states, once each: no other figure tells how fast a link is that is never full.

use std::time::Instant;

/// Bytes on their way that fill the buffers in front of a link: before, any link seems fast.
const FILL: u64 = 6 << 20;

/// Payload bytes after which the buffers count as full, however well it compresses.
const ENOUGH: u64 = 96 << 20;

/// Payload bytes that empty the buffers of what was compressed.
const FLUSH: u64 = 12 << 20;

/// Payload bytes that are timed.
const SPAN: u64 = 12 << 20;

/// Payload bytes before compression is doubted again; each time twice as many.
const DOUBT: u64 = 256 << 20;

/// What speaks against a change: measuring is not exact.
const MARGIN: f64 = 1.1;

/// How blocks of one transfer are treated.
#[derive(Debug)]
pub(super) struct Effort {
    stage: Stage,
    tally: Tally,
    /// Payload bytes a second with compression, where that was the limit.
    packed: f64,
    /// Payload bytes that have to move with compression before it is doubted, and how many the next time.
    trust: u64,
    doubt: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// Blocks are compressed; the buffers fill.
    Filling,
    /// Blocks are compressed.
    On,
    /// Blocks are left as they are; the buffers empty.
    Flushing,
    /// Blocks are left as they are.
    Off,
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

impl Effort {
    /// Begins with compression: on slow links it counts from the first block on.
    pub(super) fn adaptive() -> Self {
        Self {
            stage: Stage::Filling,
            tally: Tally::default(),
            packed: f64::MAX,
            trust: 0,
            doubt: DOUBT,
        }
    }

    /// Always does what was asked for.
    pub(super) fn fixed() -> Self {
        Self {
            stage: Stage::Fixed,
            ..Self::adaptive()
        }
    }

    /// Whether the next block is to be compressed.
    pub(super) fn is_on(&self) -> bool {
        matches!(self.stage, Stage::Filling | Stage::On | Stage::Fixed)
    }

    /// Whether speeds can be compared now.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.stage, Stage::On | Stage::Off | Stage::Fixed)
    }

    /// A block is ready; `hungry` says that the link had nothing left to carry.
    pub(super) fn ready(&mut self, hungry: bool) {
        self.tally.blocks += 1;
        self.tally.hungry += u32::from(hungry);
    }

    /// A block of so many payload bytes left as so many.
    pub(super) fn moved(&mut self, payload: u64, frame: u64, now: Instant) {
        self.tally.payload += payload;
        self.tally.frames += frame;
        let since = *self.tally.since.get_or_insert(now);
        let tally = &self.tally;
        let rate = |tally: &Tally| tally.payload as f64 / (now - since).as_secs_f64().max(1e-6);
        match self.stage {
            Stage::Fixed => {}
            Stage::Filling if tally.frames >= FILL || tally.payload >= ENOUGH => {
                self.enter(Stage::On, now);
            }
            Stage::Flushing if tally.payload >= FLUSH => self.enter(Stage::Off, now),
            Stage::On if tally.payload >= SPAN => {
                let starves = 2 * tally.hungry > tally.blocks;
                let packs = tally.frames < tally.payload / 10 * 9;
                self.trust = self.trust.saturating_sub(tally.payload);
                if starves && packs && self.trust == 0 {
                    self.packed = rate(tally);
                    self.enter(Stage::Flushing, now);
                } else {
                    self.enter(Stage::On, now);
                }
            }
            Stage::Off if tally.payload >= SPAN => {
                if self.packed > MARGIN * rate(tally) {
                    self.trust = self.doubt;
                    self.doubt = self.doubt.saturating_mul(2);
                    self.enter(Stage::On, now);
                } else {
                    self.enter(Stage::Off, now);
                }
            }
            Stage::Filling | Stage::On | Stage::Flushing | Stage::Off => {}
        }
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

    /// A sender that packs so many MiB a second at `ratio`, before a link that carries so many; the share of blocks
    /// that were packed, in each of the parts.
    fn shares(packs: f64, ratio: f64, links: &[f64]) -> Vec<f64> {
        let (mut effort, mut now) = (Effort::adaptive(), Instant::now());
        // bytes that wait for the link
        let mut waiting = 0.0_f64;
        let room = 5.0 * BLOCK;
        let part = 400;
        links
            .iter()
            .map(|link| {
                let mut packed = 0;
                for _ in 0..part {
                    let on = effort.is_on();
                    packed += u32::from(on);
                    let (frame, work) = match on {
                        true => (BLOCK / ratio, 1.0 / packs),
                        false => (BLOCK, 1.0 / 2000.0),
                    };
                    let drained = link * BLOCK * work;
                    effort.ready(waiting <= drained);
                    waiting = (waiting - drained).max(0.0) + frame;
                    let mut time = work;
                    if waiting > room {
                        time += (waiting - room) / (link * BLOCK);
                        waiting = room;
                    }
                    now += Duration::from_secs_f64(time);
                    effort.moved(BLOCK as u64, frame as u64, now);
                }
                f64::from(packed) / f64::from(part)
            })
            .collect()
    }

    #[test]
    fn a_fast_link_gets_blocks_as_they_are() {
        let shares = shares(400.0, 4.3, &[1000.0, 1000.0, 1000.0]);
        assert!(shares[0] < 0.15, "{shares:?}");
        assert!(shares[2] < 0.01, "{shares:?}");
    }

    #[test]
    fn a_slow_link_gets_packed_blocks() {
        for link in [1.0, 11.0, 60.0, 117.0, 250.0] {
            let shares = shares(400.0, 4.3, &[link, link, link]);
            assert!(
                shares.iter().all(|share| *share > 0.85),
                "{link}: {shares:?}"
            );
        }
    }

    #[test]
    fn what_does_not_shrink_is_never_in_doubt() {
        let shares = shares(900.0, 1.0, &[1000.0, 1000.0]);
        assert!(shares.iter().all(|share| *share > 0.99), "{shares:?}");
    }

    #[test]
    fn a_link_that_becomes_slow_gets_packed_blocks_again() {
        let shares = shares(400.0, 4.3, &[1000.0, 20.0, 20.0]);
        assert!(shares[0] < 0.15, "{shares:?}");
        assert!(shares[1] > 0.85, "{shares:?}");
    }
}
