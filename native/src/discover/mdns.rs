//! The announcement as a DNS-SD service (RFC 6763), for networks that pass mDNS only.
//!
//! It says what the beacon says: the instance and host names are the session id in hex, the TXT record holds the
//! channel. The machine's own host name is never used.

use std::net::SocketAddr;

use flume::Receiver;
use mdns_sd::{
    Error, IfKind, IfPredicate, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent, ServiceInfo,
};
use shared::discovery::{Announcement, FLAG_RECEIVER, MAX_CHANNEL, MIN_PORT, SERVICE};

use super::{interfaces::Scope, network::Network};

/// TXT keys: the channel, the port of the page, the flags; the last two only where they are not 0.
const CHANNEL: &str = "ch";
const WEB_PORT: &str = "web";
const FLAGS: &str = "fl";

/// Events that are taken at a time.
const BATCH: usize = 64;

/// Records in the daemon's cache, which has no limit of its own, from where on the search by mDNS is given up.
const MAX_RECORDS: i64 = 4096;

/// Looks at a daemon without an answer from where on it counts as flooded: it reads datagrams before commands.
const MAX_SILENT: u32 = 3;

/// The registered service; dropping it takes it back.
#[derive(Debug)]
pub(super) struct Registration(#[expect(dead_code, reason = "held for its drop")] Daemon);

impl Registration {
    pub(super) fn new(announcement: &Announcement, scope: &Scope) -> Result<Self, Error> {
        let service = service(announcement, scope)?;
        let daemon = Daemon::new(scope)?;
        daemon.0.register(service)?;
        Ok(Self(daemon))
    }
}

/// A search for services.
pub(super) struct Search {
    daemon: Daemon,
    events: Receiver<ServiceEvent>,
    /// The answer that is awaited, and how often it was not there.
    metrics: Option<Receiver<mdns_sd::Metrics>>,
    silent: u32,
}

impl Search {
    pub(super) fn new(scope: &Scope) -> Result<Self, Error> {
        let daemon = Daemon::new(scope)?;
        let events = daemon.0.browse(SERVICE)?;
        Ok(Self {
            daemon,
            events,
            metrics: None,
            silent: 0,
        })
    }

    /// Hands over what was resolved since the last call, one announcement for every address near this machine.
    pub(super) fn hear(&self, network: &Network, mut hear: impl FnMut(Announcement, SocketAddr)) {
        for event in self.events.try_iter().take(BATCH) {
            let ServiceEvent::ServiceResolved(service) = event else {
                continue;
            };
            let Some(announcement) = parse(&service) else {
                continue;
            };
            for address in service
                .get_addresses()
                .iter()
                .map(|address| socket_address(address, announcement.port))
            {
                // Anybody can claim that a service is at 127.0.0.1; true is that only where nobody else is.
                let own = address.ip().is_loopback() && !network.is_alone();
                if !own && network.is_near(&address) {
                    hear(announcement, address);
                }
            }
        }
    }

    /// Whether somebody floods mDNS: the cache grows, or the daemon is too busy to answer. Asked once in a while.
    pub(super) fn is_flooded(&mut self) -> bool {
        match self.metrics.as_ref().map(Receiver::try_recv) {
            Some(Ok(metrics)) => {
                self.metrics = None;
                self.silent = 0;
                let cached = metrics
                    .iter()
                    .filter(|(name, _)| name.starts_with("cached-"));
                if cached.map(|(_, count)| count).sum::<i64>() > MAX_RECORDS {
                    return true;
                }
            }
            Some(Err(_)) => self.silent += 1,
            None => {}
        }
        if self.metrics.is_none() {
            self.metrics = self.daemon.0.get_metrics().ok();
        }
        self.silent >= MAX_SILENT
    }
}

/// The daemon's thread, which ends with this handle.
struct Daemon(ServiceDaemon);

impl Daemon {
    fn new(scope: &Scope) -> Result<Self, Error> {
        let daemon = Self(ServiceDaemon::new()?);
        if *scope != Scope::default() {
            daemon.0.disable_interface(IfKind::All)?;
            daemon.0.enable_interface(kind(scope))?;
        }
        Ok(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // `Again` is a full queue of commands, which the daemon empties within moments.
        for _ in 0..20 {
            match self.0.shutdown() {
                Err(Error::Again) => std::thread::sleep(std::time::Duration::from_millis(5)),
                _ => return,
            }
        }
    }
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Daemon")
    }
}

fn kind(scope: &Scope) -> IfKind {
    let scope = scope.clone();
    IfKind::Predicate(IfPredicate::new(move |interface| scope.allows(interface)))
}

fn service(announcement: &Announcement, scope: &Scope) -> Result<ServiceInfo, Error> {
    let name = hex(announcement.session);
    let host = format!("{name}.local.");
    let mut properties = vec![(CHANNEL, announcement.channel)];
    let optional = [
        (WEB_PORT, announcement.web_port),
        (FLAGS, announcement.flags.into()),
    ];
    properties.extend(optional.into_iter().filter(|(_, value)| *value != 0));
    let service = ServiceInfo::new(
        SERVICE,
        &name,
        &host,
        (),
        announcement.port,
        &properties[..],
    )?;
    let mut service = service.enable_addr_auto();
    service.set_interfaces(vec![kind(scope)]);
    // The name is random: there is nobody to probe for, and it would take 750 ms.
    service.set_requires_probe(false);
    Ok(service)
}

/// The announcement in a record, by the rules of the beacon.
fn parse(service: &ResolvedService) -> Option<Announcement> {
    let instance = service
        .get_fullname()
        .strip_suffix(SERVICE)?
        .strip_suffix('.')?;
    let number = |key| {
        service
            .get_property_val_str(key)
            .map_or(Some(0), |value| value.parse::<u16>().ok())
    };
    let announcement = Announcement {
        channel: service.get_property_val_str(CHANNEL)?.parse().ok()?,
        session: unhex(instance)?,
        port: service.get_port(),
        web_port: number(WEB_PORT)?,
        flags: number(FLAGS)? as u8 & FLAG_RECEIVER,
    };
    (announcement.channel <= MAX_CHANNEL && announcement.port >= MIN_PORT).then_some(announcement)
}

fn socket_address(address: &ScopedIp, port: u16) -> SocketAddr {
    let mut socket_address = SocketAddr::new(address.to_ip_addr(), port);
    if let (SocketAddr::V6(v6), ScopedIp::V6(scoped)) = (&mut socket_address, address)
        && v6.ip().is_unicast_link_local()
    {
        v6.set_scope_id(scoped.scope_id().index);
    }
    socket_address
}

fn hex(session: [u8; 8]) -> String {
    format!("{:016x}", u64::from_be_bytes(session))
}

fn unhex(text: &str) -> Option<[u8; 8]> {
    let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = is_hex.then(|| u64::from_str_radix(text, 16))?.ok()?;
    Some(number.to_be_bytes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const SAMPLE: Announcement = Announcement {
        channel: 7,
        session: [0, 1, 2, 3, 4, 0xab, 0xcd, 0xef],
        port: 50001,
        web_port: 50003,
        flags: FLAG_RECEIVER,
    };

    fn record(instance: &str, port: u16, properties: &[(&str, &str)]) -> ResolvedService {
        ServiceInfo::new(
            SERVICE,
            instance,
            "host.local.",
            "192.168.1.20",
            port,
            properties,
        )
        .unwrap()
        .as_resolved_service()
    }

    #[test]
    fn a_service_says_what_the_beacon_says() {
        let service = service(&SAMPLE, &Scope::default()).unwrap();
        assert_eq!(
            service.get_fullname(),
            "0001020304abcdef._hayate._udp.local."
        );
        assert_eq!(service.get_hostname(), "0001020304abcdef.local.");
        assert_eq!(parse(&service.as_resolved_service()), Some(SAMPLE));
    }

    #[test]
    fn records_that_are_no_announcement_are_ignored() {
        let good = "0001020304abcdef";
        assert!(parse(&record(good, 50001, &[("ch", "0")])).is_some());
        for wrong in [
            record("0001020304abcde", 50001, &[("ch", "7")]),
            record("0001020304abcdef0", 50001, &[("ch", "7")]),
            record("+001020304abcdef", 50001, &[("ch", "7")]),
            record("\u{1b}]0;owned\u{7}", 50001, &[("ch", "7")]),
            record(good, 1023, &[("ch", "7")]),
            record(good, 50001, &[]),
            record(good, 50001, &[("ch", "1000")]),
            record(good, 50001, &[("ch", "-1")]),
            record(good, 50001, &[("ch", "7"), ("web", "65536")]),
            record(good, 50001, &[("ch", "7"), ("fl", "x")]),
        ] {
            assert_eq!(parse(&wrong), None, "{wrong:?}");
        }
    }
}
