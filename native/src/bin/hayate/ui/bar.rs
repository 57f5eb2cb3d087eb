//! How far each transfer is: a bar that redraws, or plain lines.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

use hayate::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use shared::path::escape;

use super::text;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Bar,
    Plain,
    Nothing,
}

/// The progress of every peer.
pub(crate) struct Bars {
    style: Style,
    board: MultiProgress,
    peers: HashMap<SocketAddr, Transfer>,
}

struct Transfer {
    meter: Meter,
    bar: Option<ProgressBar>,
    drawn: Option<Instant>,
    tenth: u64,
}

impl Bars {
    /// No transfers yet.
    pub(crate) fn new(style: Style) -> Self {
        let target = match style {
            Style::Bar => ProgressDrawTarget::stderr_with_hz(REDRAWS),
            Style::Plain | Style::Nothing => ProgressDrawTarget::hidden(),
        };
        Self {
            style,
            board: MultiProgress::with_draw_target(target),
            peers: HashMap::new(),
        }
    }

    /// Notes progress; gives a line to print where bars are not drawn.
    pub(crate) fn update(
        &mut self,
        peer: SocketAddr,
        progress: &Progress,
        now: Instant,
    ) -> Option<String> {
        if self.style == Style::Nothing {
            return None;
        }
        let several = self.peers.keys().any(|other| *other != peer);
        let transfer = self.peers.entry(peer).or_insert_with(|| Transfer {
            meter: Meter::new(now),
            bar: None,
            drawn: None,
            tenth: 0,
        });
        transfer.meter.note(now, progress.done);
        let tenth = match progress.total {
            Some(total) if total > 0 => (u128::from(progress.done) * 10 / u128::from(total)) as u64,
            _ => 0,
        };
        let age = now.saturating_duration_since(transfer.drawn.unwrap_or(transfer.meter.start));
        let due = match (self.style, transfer.drawn) {
            (_, None) => age >= DELAY,
            (Style::Bar, _) => age >= FRAME,
            _ => age >= LINE || tenth > transfer.tenth,
        };
        if !due {
            return None;
        }
        transfer.drawn = Some(now);
        transfer.tenth = tenth;
        let numbers = transfer.meter.numbers(progress);
        let mut name = progress.current.as_deref().map(escape).unwrap_or_default();
        if several {
            name = format!("{}  {name}", text::host(&peer));
        }
        let name = text::harmless(&name).into_owned();
        if self.style == Style::Plain {
            return Some(format!("{numbers}  {name}").trim_end().to_owned());
        }
        let bar = transfer
            .bar
            .get_or_insert_with(|| self.board.add(bar(progress.total)));
        bar.set_position(progress.done);
        bar.set_prefix(numbers);
        bar.set_message(name);
        None
    }

    /// Prints around the bars, so that both stay readable.
    pub(crate) fn around<R>(&self, print: impl FnOnce() -> R) -> R {
        self.board.suspend(print)
    }

    /// The transfer with `peer` is over.
    pub(crate) fn finish(&mut self, peer: SocketAddr) {
        if let Some(bar) = self.peers.remove(&peer).and_then(|transfer| transfer.bar) {
            bar.finish_and_clear();
            self.board.remove(&bar);
        }
    }

    /// Every transfer is over.
    pub(crate) fn clear(&mut self) {
        for peer in self.peers.keys().copied().collect::<Vec<_>>() {
            self.finish(peer);
        }
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "[{bar:20}] {prefix}  {wide_msg}"),
        None => (ProgressBar::no_length(), "{prefix}  {wide_msg}"),
    };
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    bar.with_style(style.progress_chars("=> "))
}

/// The rate over the last seconds.
struct Meter {
    start: Instant,
    samples: VecDeque<(Instant, u64)>,
}

impl Meter {
    fn new(now: Instant) -> Self {
        Self {
            start: now,
            samples: VecDeque::new(),
        }
    }

    fn note(&mut self, now: Instant, done: u64) {
        let fresh = |&(at, _): &(Instant, u64)| now.saturating_duration_since(at) >= SAMPLE;
        if self.samples.back().is_none_or(fresh) {
            self.samples.push_back((now, done));
        } else if let Some(last) = self.samples.back_mut() {
            last.1 = done.max(last.1);
        }
        while self.samples.len() > 2
            && self
                .samples
                .front()
                .is_some_and(|&(at, _)| now.saturating_duration_since(at) > WINDOW)
        {
            self.samples.pop_front();
        }
    }

    /// Bytes per second; nothing until there is something to measure.
    fn rate(&self) -> Option<f64> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let seconds = last.0.saturating_duration_since(first.0).as_secs_f64();
        (seconds > 0.0).then(|| last.1.saturating_sub(first.1) as f64 / seconds)
    }

    /// `1.9/3.8 GB  50%  112 MB/s  17 s left`, as far as it is known.
    fn numbers(&self, progress: &Progress) -> String {
        let mut parts = Vec::new();
        match progress.total {
            Some(total) => {
                parts.push(text::bytes_of(progress.done, total));
                let percent = (u128::from(progress.done) * 100)
                    .checked_div(u128::from(total))
                    .unwrap_or(100);
                parts.push(format!("{percent}%"));
            }
            None => parts.push(text::bytes(progress.done)),
        }
        if let Some(rate) = self.rate() {
            parts.push(text::rate(rate));
            if let Some(total) = progress.total
                && rate >= 1.0
            {
                let seconds = total.saturating_sub(progress.done) as f64 / rate;
                // whole seconds: tenths would flicker
                let left = Duration::from_secs(seconds.min(1e9).ceil() as u64);
                if left >= Duration::from_secs(10) {
                    parts.push(format!("{} left", text::span(left)));
                } else {
                    parts.push(format!("{} s left", left.as_secs()));
                }
            }
        }
        parts.join("  ")
    }
}

/// A transfer shorter than this shows no progress.
const DELAY: Duration = Duration::from_millis(250);
/// Redraws a second.
const REDRAWS: u8 = 30;
/// The time between two redraws.
const FRAME: Duration = Duration::from_millis(33);
/// The time between two plain lines.
const LINE: Duration = Duration::from_secs(1);
/// The time between two points of the rate.
const SAMPLE: Duration = Duration::from_millis(100);
/// The time the rate looks back.
const WINDOW: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(done: u64) -> Progress {
        Progress {
            done,
            total: Some(3_800_000_000),
            current: Some(b"photos/a\x1b[31m.jpg".to_vec()),
        }
    }

    #[test]
    fn numbers_say_how_far_how_fast_and_how_long() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        meter.note(start, 0);
        meter.note(start + Duration::from_secs(2), 200_000_000);
        let mut now = progress(1_900_000_000);
        assert_eq!(meter.numbers(&now), "1.9/3.8 GB  50%  100 MB/s  19 s left");
        now.total = None;
        assert_eq!(meter.numbers(&now), "1.9 GB  100 MB/s");
    }

    #[test]
    fn the_rate_forgets_what_is_long_past() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        for second in 0..20 {
            let done = if second < 10 {
                0
            } else {
                (second - 10) * 1_000
            };
            meter.note(start + Duration::from_secs(second), done);
        }
        assert_eq!(meter.rate(), Some(1_000.0));
    }

    #[test]
    fn plain_lines_start_late_are_rare_and_harmless() {
        let peer = SocketAddr::from(([192, 0, 2, 1], 1));
        let start = Instant::now();
        let mut bars = Bars::new(Style::Plain);
        let mut lines = Vec::new();
        for step in 0..100 {
            let now = start + Duration::from_millis(step * 20);
            lines.extend(bars.update(peer, &progress(step * 10_000_000), now));
        }
        assert!(lines.len() <= 4, "{lines:?}");
        assert!(!lines.concat().contains('\u{1b}'));
    }

    #[test]
    fn an_empty_payload_is_complete() {
        let meter = Meter::new(Instant::now());
        let empty = Progress {
            done: 0,
            total: Some(0),
            current: None,
        };
        assert_eq!(meter.numbers(&empty), "0/0 B  100%");
    }
}
