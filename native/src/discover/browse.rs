//! The browsing side.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use flume::{Receiver, Sender, TrySendError};
use shared::discovery::{Announcement, Beacon, PORT};

use super::{
    Common, Found, Leash, NAP, REFRESH, Seen, candidates::Candidates, interfaces::Scope,
    mdns::Search, network::Network,
};

/// Time between two questions in the first seconds, [`EAGER`], and later.
const FIRST_INTERVAL: Duration = Duration::from_millis(500);
const LATER_INTERVAL: Duration = Duration::from_secs(1);
const EAGER: Duration = Duration::from_secs(5);

/// Candidates that wait to be fetched; what comes when it is full is told when it is heard again.
const MAX_WAITING: usize = 32;

/// Most announcers of other channels that are remembered.
const MAX_SEEN: usize = 16;

/// Looks for who announces a channel, until it is dropped.
#[derive(Debug)]
pub struct Browser {
    leash: Leash,
    found: Receiver<Found>,
    seen: Arc<Mutex<VecDeque<Seen>>>,
}

impl Browser {
    /// Starts a thread that asks for `channel` on every link in `scope`, the first time at once, and listens for
    /// announcements by beacon and by mDNS.
    ///
    /// # Errors
    /// Only that there is no thread to be had; nothing the network does ends the search.
    pub fn start(channel: u16, scope: Scope) -> io::Result<Self> {
        let common = Arc::new(Common::default());
        let leash = Leash(common.clone());
        let (sender, found) = flume::bounded(MAX_WAITING);
        let seen = Arc::default();
        let finds = Finds {
            channel,
            candidates: Candidates::default(),
            sender,
            seen: Arc::clone(&seen),
        };
        thread::Builder::new()
            .name("hayate-browse".into())
            .spawn(move || run(&common, finds, scope))?;
        Ok(Self { leash, found, seen })
    }

    /// The next way to somebody who announces the channel; each is told once. `None` if the search broke down.
    pub async fn next(&self) -> Option<Found> {
        self.found.recv_async().await.ok()
    }

    /// Who announced other channels, the latest last; at most 16.
    pub fn seen(&self) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().copied().collect()
    }

    /// What went wrong since the last call, for the person to read; the search goes on with what works.
    pub fn warnings(&self) -> Vec<String> {
        self.leash.0.take_warnings()
    }
}

fn run(common: &Common, mut finds: Finds, scope: Scope) {
    let ask = Beacon::Ask {
        channel: finds.channel,
    };
    let started = Instant::now();
    let (mut network, refused) = Network::new(scope.clone());
    network.broadcast(&ask);
    if let Some(error) = refused {
        common.warn(format!(
            "cannot listen on UDP port {PORT} ({error}): asking goes on"
        ));
    }
    let mut search = Search::new(&scope)
        .inspect_err(|error| common.warn(format!("no search by mDNS ({error}): beacons go on")))
        .ok();

    let mut next_question = started + FIRST_INTERVAL;
    let mut next_refresh = started + REFRESH;
    while !common.is_stopped() {
        let now = Instant::now();
        if now >= next_refresh {
            next_refresh = now + REFRESH;
            if network.refresh() {
                next_question = now;
            }
            if search.as_mut().is_some_and(|search| search.is_flooded()) {
                search = None;
                common.warn("somebody floods mDNS: the search goes on by beacons".into());
            }
        }
        if now >= next_question {
            let early = now.duration_since(started) < EAGER;
            next_question = now
                + if early {
                    FIRST_INTERVAL
                } else {
                    LATER_INTERVAL
                };
            network.broadcast(&ask);
        }
        let wait = next_question
            .min(next_refresh)
            .saturating_duration_since(now)
            .min(NAP);
        network.hear(wait, |heard, from| {
            if let Beacon::Announce(announcement) = heard {
                finds.note(&announcement, from);
            }
        });
        if let Some(search) = &search {
            search.hear(&network, |announcement, from| {
                finds.note(&announcement, from);
            });
        }
    }
}

/// Sorts what is heard: candidates to the owner, the rest into the summary.
struct Finds {
    channel: u16,
    candidates: Candidates,
    sender: Sender<Found>,
    seen: Arc<Mutex<VecDeque<Seen>>>,
}

impl Finds {
    /// `from` is where the announcement came from; its port does not matter.
    fn note(&mut self, announcement: &Announcement, from: SocketAddr) {
        if announcement.channel != self.channel {
            self.summarise(Seen {
                channel: announcement.channel,
                address: from.ip(),
            });
            return;
        }
        let mut address = from;
        address.set_port(announcement.port);
        let found = Found {
            session: announcement.session,
            address,
            web_port: announcement.web_port,
            flags: announcement.flags,
        };
        if self.candidates.insert(found)
            && let Err(TrySendError::Full(found)) = self.sender.try_send(found)
        {
            self.candidates.forget(&found);
        }
    }

    fn summarise(&self, new: Seen) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.contains(&new) {
            if seen.len() == MAX_SEEN {
                seen.pop_front();
            }
            seen.push_back(new);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn finds() -> (Finds, Receiver<Found>) {
        let (sender, found) = flume::bounded(MAX_WAITING);
        (
            Finds {
                channel: 7,
                candidates: Candidates::default(),
                sender,
                seen: Arc::default(),
            },
            found,
        )
    }

    fn announcement(channel: u16, session: u8) -> Announcement {
        Announcement {
            channel,
            session: [session; 8],
            port: 50001,
            web_port: 0,
            flags: 0,
        }
    }

    #[test]
    fn the_address_is_the_source_with_the_announced_port() {
        let (mut finds, found) = finds();
        finds.note(&announcement(7, 1), "[fe80::31%2]:40000".parse().unwrap());
        assert_eq!(
            found.try_recv().unwrap().address,
            "[fe80::31%2]:50001".parse().unwrap()
        );
    }

    #[test]
    fn what_finds_no_room_is_told_when_it_is_heard_again() {
        let (mut finds, found) = finds();
        let flood = |finds: &mut Finds| {
            for number in 0..=MAX_WAITING as u8 {
                finds.note(
                    &announcement(7, number % 8),
                    ([10, 0, 0, number], 40000).into(),
                );
            }
        };
        flood(&mut finds);
        assert_eq!(found.drain().count(), MAX_WAITING);
        flood(&mut finds);
        assert_eq!(
            found
                .drain()
                .map(|found| found.address.ip())
                .collect::<Vec<_>>(),
            ["10.0.0.32".parse::<std::net::IpAddr>().unwrap()]
        );
    }

    #[test]
    fn other_channels_are_summarised_in_bounded_memory() {
        let (mut finds, found) = finds();
        for channel in 100..900 {
            finds.note(&announcement(channel, 1), ([10, 0, 0, 1], 40000).into());
            finds.note(&announcement(channel, 1), ([10, 0, 0, 1], 40001).into());
        }
        assert!(found.is_empty());
        let seen = finds.seen.lock().unwrap();
        assert_eq!((seen.len(), seen.back().unwrap().channel), (MAX_SEEN, 899));
    }
}
