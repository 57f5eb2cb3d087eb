//! The announcing side.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use shared::discovery::{Announcement, Beacon, MAX_CHANNEL, MIN_PORT, PORT};

use super::{Common, Leash, NAP, REFRESH, interfaces::Scope, mdns::Registration, network::Network};

/// Mean time between two announcements; every one comes up to a quarter earlier or later.
const INTERVAL: Duration = Duration::from_millis(800);

/// Most answers a second, to all askers together: who forges questions gains nothing.
const MAX_ANSWERS: u32 = 20;

/// One question comes by several ways; it is answered once in this time.
const SAME_QUESTION: Duration = Duration::from_millis(100);

/// Tells the networks of this machine where to dial, until it is dropped.
#[derive(Debug)]
pub struct Announcer {
    leash: Leash,
}

impl Announcer {
    /// Starts a thread that announces on every link in `scope`, by beacon and by mDNS, the first time at once.
    ///
    /// Links that fail, or appear later, are its own business; nothing the network does ends it.
    ///
    /// # Errors
    /// An announcement that every receiver would ignore (a channel above 999, a port below 1024), or no thread.
    pub fn start(announcement: Announcement, scope: Scope) -> io::Result<Self> {
        if announcement.channel > MAX_CHANNEL || announcement.port < MIN_PORT {
            let what = format!(
                "cannot announce channel {} on port {}: channels end at {MAX_CHANNEL}, ports start at {MIN_PORT}",
                announcement.channel, announcement.port
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let common = Arc::new(Common::default());
        let leash = Leash(common.clone());
        thread::Builder::new()
            .name("hayate-announce".into())
            .spawn(move || run(&common, announcement, scope))?;
        Ok(Self { leash })
    }

    /// What went wrong since the last call, for the person to read; the announcer goes on with what works.
    pub fn warnings(&self) -> Vec<String> {
        self.leash.0.take_warnings()
    }
}

fn run(common: &Common, announcement: Announcement, scope: Scope) {
    let beacon = Beacon::Announce(announcement);
    let (mut network, refused) = Network::new(scope.clone());
    network.broadcast(&beacon);
    if let Some(error) = refused {
        common.warn(format!("cannot listen on UDP port {PORT} ({error}): receivers may need some seconds to find this machine"));
    }
    // Held for its drop, which takes the service back.
    let _registration = Registration::new(&announcement, &scope).inspect_err(|error| {
        common.warn(format!("no announcement by mDNS ({error}): beacons go on"));
    });

    let mut answers = Answers::new(Instant::now());
    let mut next_announcement = Instant::now() + jittered();
    let mut next_refresh = Instant::now() + REFRESH;
    while !common.is_stopped() {
        let now = Instant::now();
        if now >= next_refresh {
            next_refresh = now + REFRESH;
            if network.refresh() {
                next_announcement = now;
            }
        }
        if now >= next_announcement {
            next_announcement = now + jittered();
            network.broadcast(&beacon);
        }
        let wait = next_announcement
            .min(next_refresh)
            .saturating_duration_since(now)
            .min(NAP);
        network.hear(wait, |heard, from| {
            if heard
                == (Beacon::Ask {
                    channel: announcement.channel,
                })
                && !common.is_stopped()
                && answers.allow(from, Instant::now())
            {
                network.answer(&beacon, from);
            }
        });
    }
}

/// Announcers that started together must not stay in step.
fn jittered() -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    INTERVAL.mul_f64(0.75 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}

/// Which questions are answered: [`MAX_ANSWERS`] a second, and each asker once in [`SAME_QUESTION`].
struct Answers {
    left: u32,
    refilled: Instant,
    recent: VecDeque<(SocketAddr, Instant)>,
}

impl Answers {
    fn new(now: Instant) -> Self {
        Self {
            left: MAX_ANSWERS,
            refilled: now,
            recent: VecDeque::new(),
        }
    }

    fn allow(&mut self, asker: SocketAddr, now: Instant) -> bool {
        if now.duration_since(self.refilled) >= Duration::from_secs(1) {
            self.refilled = now;
            self.left = MAX_ANSWERS;
        }
        while self
            .recent
            .front()
            .is_some_and(|(_, at)| now.duration_since(*at) >= SAME_QUESTION)
        {
            self.recent.pop_front();
        }
        if self.left == 0 || self.recent.iter().any(|(address, _)| *address == asker) {
            return false;
        }
        self.left -= 1;
        // Never longer than the answers of two seconds.
        self.recent.push_back((asker, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(number: u16) -> SocketAddr {
        ([192, 168, 1, 31], 40000 + number).into()
    }

    #[test]
    fn a_question_that_comes_three_ways_is_answered_once() {
        let start = Instant::now();
        let mut answers = Answers::new(start);
        assert!(answers.allow(asker(0), start));
        assert!(!answers.allow(asker(0), start));
        assert!(answers.allow(asker(1), start));
        assert!(answers.allow(asker(0), start + SAME_QUESTION));
    }

    #[test]
    fn a_flood_of_questions_gets_twenty_answers_a_second() {
        let start = Instant::now();
        let mut answers = Answers::new(start);
        let given = (0..10_000_u16)
            .filter(|number| {
                answers.allow(
                    asker(*number),
                    start + Duration::from_micros(u64::from(*number) * 100),
                )
            })
            .count();
        assert_eq!(given, 20);
        assert!(answers.recent.len() <= 40);
        assert!(answers.allow(asker(1), start + Duration::from_secs(1)));
    }

    #[test]
    fn announcements_are_spread_by_a_quarter() {
        for _ in 0..100 {
            assert!((600..=1000).contains(&jittered().as_millis()));
        }
    }
}
