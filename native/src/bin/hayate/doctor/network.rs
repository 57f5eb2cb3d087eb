//! The interfaces of this machine, and whether discovery works on them.

use std::{net::IpAddr, time::Duration};

use hayate::discover::{Echo, echoes};

use super::Finding;

/// Which addresses there are.
pub(super) fn interfaces() -> Vec<Finding> {
    let addresses: Vec<_> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| interface.is_oper_up() && !interface.is_loopback())
        .map(|interface| interface.ip())
        .collect();
    judge_addresses(&addresses)
}

fn judge_addresses(addresses: &[IpAddr]) -> Vec<Finding> {
    let v4 = addresses.iter().filter(|ip| ip.is_ipv4()).count();
    let v6 = addresses.len() - v4;
    let link_local = |ip: &&IpAddr| matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let local = addresses.iter().filter(link_local).count();
    let v4 = match v4 {
        0 if addresses.is_empty() => Finding::warning(
            "ipv4",
            "no network is up",
            "connect this machine to the network of the other one",
        ),
        0 => Finding::note(
            "ipv4",
            "no address: peers and phones need IPv6 to come here",
        ),
        _ => Finding::fine("ipv4", "there is an address"),
    };
    let v6 = match v6 {
        0 => Finding::note("ipv6", "no address; IPv4 is enough"),
        all if all == local => Finding::fine("ipv6", "there is a link-local address"),
        _ => Finding::fine("ipv6", "there is an address"),
    };
    vec![v4, v6]
}

/// Whether beacons and mDNS get out of this machine and into it.
pub(super) fn discovery() -> Vec<Finding> {
    echoes(PATIENCE).iter().map(judge_echo).collect()
}

fn judge_echo(echo: &Echo) -> Finding {
    let what = "discovery";
    let name = &echo.interface;
    let refused = echo.refused.as_ref();
    let why = refused.map_or(String::new(), |why| format!(": {why}"));
    match (echo.beacon, echo.mdns) {
        (true, true) => Finding::fine(what, format!("{name}: beacons and mDNS are sent and heard")),
        (true, false) => Finding::note(
            what,
            format!("{name}: beacons are sent and heard, mDNS is not; one is enough"),
        ),
        (false, true) => Finding::note(
            what,
            format!("{name}: mDNS is sent and heard, beacons are not{why}; one is enough"),
        ),
        (false, false) if echo.point_to_point => Finding::note(
            what,
            format!("{name}: a tunnel without discovery; --from and --to work over it"),
        ),
        (false, false) => Finding::warning(
            what,
            format!("{name}: neither beacons nor mDNS come back{why}"),
            "let UDP ports 50002 and 5353 pass the firewall, or name one side with --from or --to",
        ),
    }
}

/// mDNS answers its own daemon within a second or two.
const PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::doctor::Level;

    fn levels(addresses: &[&str]) -> Vec<Level> {
        let addresses: Vec<_> = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
        let found = judge_addresses(&addresses);
        found.iter().map(|finding| finding.level).collect()
    }

    #[test]
    fn no_network_hinders_and_one_family_does_not() {
        assert_eq!(levels(&[]), [Level::Warning, Level::Note]);
        assert_eq!(levels(&["192.0.2.1"]), [Level::Fine, Level::Note]);
        assert_eq!(levels(&["fd12::1"]), [Level::Note, Level::Fine]);
        assert_eq!(levels(&["192.0.2.1", "fe80::1"]), [Level::Fine; 2]);
    }

    #[test]
    fn one_way_to_be_found_is_enough_but_none_is_not() {
        let echo = |beacon, mdns, point_to_point| {
            judge_echo(&Echo {
                interface: "lan".to_owned(),
                addresses: Vec::new(),
                point_to_point,
                beacon,
                mdns,
                refused: None,
            })
            .level
        };
        assert_eq!(echo(true, true, false), Level::Fine);
        assert_eq!(echo(true, false, false), Level::Note);
        assert_eq!(echo(false, true, false), Level::Note);
        assert_eq!(echo(false, false, false), Level::Warning);
        assert_eq!(echo(false, false, true), Level::Note);
    }
}
