//! Whether this machine hears itself: what its own system drops, no neighbour ever gets.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    thread,
    time::{Duration, Instant},
};

use if_addrs::Interface;
use shared::discovery::{Announcement, Beacon, MAX_CHANNEL, PORT};

use super::{
    interfaces::Scope,
    mdns::{Registration, Search},
    network::Network,
};
use crate::DEFAULT_PORT;

/// Between two questions of one interface.
const INTERVAL: Duration = Duration::from_millis(250);

/// The longest that beacons are waited for before mDNS is looked at again.
const NAP: Duration = Duration::from_millis(20);

/// Most interfaces that are tried; each takes a few threads.
const MOST: usize = 16;

/// What came back of what was said on one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    /// Its name.
    pub interface: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it leads to one machine alone, as a tunnel does: there need be nobody to find.
    pub point_to_point: bool,
    /// Whether a beacon came back.
    pub beacon: bool,
    /// Whether a service came back by mDNS.
    pub mdns: bool,
    /// Why nothing can be heard.
    pub refused: Option<String>,
}

/// Speaks on every interface that is up and leads to others, and listens for itself, for this time at most.
pub fn echoes(patience: Duration) -> Vec<Echo> {
    let mut interfaces: BTreeMap<String, Vec<Interface>> = BTreeMap::new();
    for interface in if_addrs::get_if_addrs().unwrap_or_default() {
        if interface.is_oper_up() && !interface.is_loopback() {
            let name = interface.name.clone();
            interfaces.entry(name).or_default().push(interface);
        }
    }
    thread::scope(|scope| {
        let started: Vec<_> = interfaces
            .into_iter()
            .take(MOST)
            .map(|(name, addresses)| scope.spawn(move || listen(name, &addresses, patience)))
            .collect();
        let ended = started.into_iter().filter_map(|thread| thread.join().ok());
        ended.collect()
    })
}

fn listen(name: String, interfaces: &[Interface], patience: Duration) -> Echo {
    let scope = Scope {
        interface: Some(name.clone()),
        address: None,
    };
    let (network, refused) = Network::new(scope.clone());
    let mut echo = Echo {
        interface: name,
        addresses: interfaces.iter().map(Interface::ip).collect(),
        point_to_point: interfaces.iter().any(|interface| interface.is_p2p),
        beacon: false,
        mdns: false,
        refused: refused.map(|error| format!("cannot listen on UDP port {PORT} ({error})")),
    };
    let mut random = [0; 10];
    if let Err(error) = getrandom::fill(&mut random) {
        echo.refused = Some(format!("the system has no randomness ({error})"));
        return echo;
    }
    let [session @ .., high, low] = random;
    let announcement = Announcement {
        channel: u16::from_be_bytes([high, low]) % MAX_CHANNEL + 1,
        session,
        port: DEFAULT_PORT,
        web_port: 0,
        flags: 0,
    };
    // Nobody dials who only asks. A service has to be announced to be found, on a channel that hardly anybody looks for.
    let ask = Beacon::Ask {
        channel: announcement.channel,
    };
    let _registration = Registration::new(&announcement, &scope);
    let search = Search::new(&scope).ok();
    let deadline = Instant::now() + patience;
    let mut next = Instant::now();
    while !(echo.beacon && echo.mdns) && Instant::now() < deadline {
        if Instant::now() >= next {
            next += INTERVAL;
            network.broadcast(&ask);
        }
        let Echo {
            addresses,
            beacon,
            mdns,
            ..
        } = &mut echo;
        network.hear(NAP, |heard, from| {
            *beacon |= heard == ask && addresses.contains(&from.ip());
        });
        if let Some(search) = &search {
            search.hear(&network, |heard, _| *mdns |= heard.session == session);
        }
    }
    echo
}
