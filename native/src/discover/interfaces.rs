//! The links of this machine: where beacons leave from, and which addresses are on them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use if_addrs::{IfAddr, Interface};
use shared::discovery::{GROUP_V4, GROUP_V6, PORT};

/// Most links that are used; a machine with more has mostly bridges of containers, and they come last.
const MAX_LINKS: usize = 64;

/// Which links of the machine take part; by default all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only the interface of this name.
    pub interface: Option<String>,
    /// Only the link with this address. `0.0.0.0` is every IPv4 link, `::` every link.
    pub address: Option<IpAddr>,
}

impl Scope {
    pub(super) fn allows(&self, interface: &Interface) -> bool {
        let named = self
            .interface
            .as_ref()
            .is_none_or(|name| *name == interface.name);
        named
            && match self.address {
                None => true,
                Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => interface.ip().is_ipv4(),
                Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => true,
                Some(address) => interface.ip() == address,
            }
    }
}

/// One IPv4 address of an interface, or its IPv6 side: what one socket is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) address: IpAddr,
    /// The number the system gives the interface; 0 is unknown (IPv4 only).
    pub(super) index: u32,
    broadcast: Option<Ipv4Addr>,
    /// Addresses of this machine here, each with the length of its prefix.
    subnets: Vec<(IpAddr, u8)>,
}

/// The links of this machine that are up and in `scope`; none where the system does not tell.
pub(super) fn links(scope: &Scope) -> Vec<Link> {
    let mut interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    // A packet for the subnet of an interface that is down would leave by another one.
    interfaces.retain(Interface::is_oper_up);
    group(&interfaces, scope)
}

/// Whether `address` is on a link of this machine or its loopback, so that no router stands between. Its own addresses do not
/// count: there may be one on it, for a container.
pub(crate) fn is_neighbour(address: &SocketAddr) -> bool {
    let links = links(&Scope::default());
    let own = |link: &Link| link.subnets.iter().any(|(own, _)| *own == address.ip());
    address.ip().is_loopback()
        || !links.iter().any(own) && links.iter().any(|link| link.reach(address).is_some())
}

fn group(interfaces: &[Interface], scope: &Scope) -> Vec<Link> {
    let mut v4 = Vec::new();
    let mut v6: Vec<Link> = Vec::new();
    for interface in interfaces
        .iter()
        .filter(|interface| scope.allows(interface))
    {
        let index = interface.index.unwrap_or(0);
        match &interface.addr {
            IfAddr::V4(own) => v4.push(Link {
                address: own.ip.into(),
                index,
                broadcast: own.broadcast.filter(|broadcast| *broadcast != own.ip),
                subnets: vec![(own.ip.into(), own.prefixlen)],
            }),
            // A group needs the interface's number.
            IfAddr::V6(_) if index == 0 => {}
            IfAddr::V6(own) => {
                let subnet = (own.ip.into(), own.prefixlen);
                match v6.iter_mut().find(|link| link.index == index) {
                    None => v6.push(Link {
                        address: own.ip.into(),
                        index,
                        broadcast: None,
                        subnets: vec![subnet],
                    }),
                    Some(link) => {
                        link.subnets.push(subnet);
                        // The link-local address outlives the global ones and is always on the link.
                        if own.ip.is_unicast_link_local() {
                            link.address = own.ip.into();
                        }
                    }
                }
            }
        }
    }
    v4.extend(v6);
    // Stable: the loopback comes first, so it is never cut off.
    v4.sort_by_key(|link| !link.address.is_loopback());
    v4.truncate(MAX_LINKS);
    v4
}

impl Link {
    /// Where a socket for this link is bound, on a port of the system's choice.
    pub(super) fn socket_address(&self) -> SocketAddr {
        self.with_port(self.address, 0)
    }

    /// Everywhere a beacon for this whole link is sent to.
    pub(super) fn everybody(&self) -> Vec<SocketAddr> {
        match self.address {
            IpAddr::V4(own) if own.is_loopback() => {
                // Linux has no multicast on `lo`, but broadcasts there reach every process; others have the group.
                [
                    GROUP_V4,
                    Ipv4Addr::new(127, 255, 255, 255),
                    Ipv4Addr::LOCALHOST,
                ]
                .map(|to| SocketAddrV4::new(to, PORT).into())
                .to_vec()
            }
            IpAddr::V4(_) => [Some(GROUP_V4), self.broadcast, Some(Ipv4Addr::BROADCAST)]
                .into_iter()
                .flatten()
                .map(|to| SocketAddrV4::new(to, PORT).into())
                .collect(),
            IpAddr::V6(own) => {
                let group = SocketAddrV6::new(GROUP_V6, PORT, 0, self.index).into();
                if own.is_loopback() {
                    vec![group, self.with_port(self.address, PORT)]
                } else {
                    vec![group]
                }
            }
        }
    }

    /// The length of the prefix this link shares with `address`; `None` where it is not on this link.
    pub(super) fn reach(&self, address: &SocketAddr) -> Option<u8> {
        if let SocketAddr::V6(v6) = address
            && v6.ip().is_unicast_link_local()
        {
            return (self.address.is_ipv6() && v6.scope_id() == self.index).then_some(64);
        }
        let shared = |(own, prefix): &(IpAddr, u8)| match (own, address.ip()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => same_prefix(
                u128::from(own.to_bits()) << 96,
                u128::from(other.to_bits()) << 96,
                *prefix,
            ),
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                same_prefix(own.to_bits(), other.to_bits(), *prefix)
            }
            _ => None,
        };
        self.subnets.iter().filter_map(shared).max()
    }

    fn with_port(&self, address: IpAddr, port: u16) -> SocketAddr {
        match address {
            IpAddr::V4(v4) => SocketAddrV4::new(v4, port).into(),
            IpAddr::V6(v6) => {
                let scope = if v6.is_unicast_link_local() {
                    self.index
                } else {
                    0
                };
                SocketAddrV6::new(v6, port, 0, scope).into()
            }
        }
    }
}

/// An address that one peer can have at all; whether it is on a link is [`Link::reach`]'s question.
pub(super) fn is_unicast(address: IpAddr) -> bool {
    let broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    !address.is_multicast() && !address.is_unspecified() && !broadcast
}

fn same_prefix(own: u128, other: u128, prefix: u8) -> Option<u8> {
    // A prefix of 0 is what an interface without a subnet shows, and would be everybody.
    let rest = 128_u32
        .checked_sub(prefix.into())
        .filter(|rest| *rest < 128)?;
    (own >> rest == other >> rest).then_some(prefix)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use if_addrs::{IfOperStatus, Ifv4Addr, Ifv6Addr};

    use super::*;

    fn interface(name: &str, index: u32, addr: IfAddr) -> Interface {
        Interface {
            name: name.into(),
            addr,
            index: Some(index),
            oper_status: IfOperStatus::Up,
            is_p2p: false,
        }
    }

    fn v4(ip: [u8; 4], prefixlen: u8, broadcast: Option<[u8; 4]>) -> IfAddr {
        let netmask =
            Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(prefixlen)).unwrap_or(0));
        IfAddr::V4(Ifv4Addr {
            ip: ip.into(),
            netmask,
            prefixlen,
            broadcast: broadcast.map(Into::into),
        })
    }

    fn v6(ip: &str, prefixlen: u8) -> IfAddr {
        let netmask = Ipv6Addr::UNSPECIFIED;
        IfAddr::V6(Ifv6Addr {
            ip: ip.parse().unwrap(),
            netmask,
            prefixlen,
            broadcast: None,
        })
    }

    fn machine() -> Vec<Interface> {
        vec![
            interface(
                "eth0",
                2,
                v4([192, 168, 1, 20], 24, Some([192, 168, 1, 255])),
            ),
            interface("eth0", 2, v6("fd12::20", 64)),
            interface("eth0", 2, v6("fe80::20", 64)),
            interface("lo", 1, v4([127, 0, 0, 1], 8, None)),
            interface("lo", 1, v6("::1", 128)),
            interface("tun0", 3, v4([10, 8, 0, 2], 32, Some([10, 8, 0, 2]))),
        ]
    }

    fn on_some_link(links: &[Link], address: &str) -> bool {
        links
            .iter()
            .any(|link| link.reach(&address.parse().unwrap()).is_some())
    }

    #[test]
    fn every_ipv4_address_and_every_ipv6_interface_is_a_link() {
        let links = group(&machine(), &Scope::default());
        let addresses: Vec<_> = links.iter().map(|link| link.address.to_string()).collect();
        assert_eq!(
            addresses,
            ["127.0.0.1", "::1", "192.168.1.20", "10.8.0.2", "fe80::20"]
        );
        let everybody: Vec<_> = links.iter().map(Link::everybody).collect();
        let text = |at: usize| {
            everybody[at]
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            text(0),
            [
                "239.255.72.89:50002",
                "127.255.255.255:50002",
                "127.0.0.1:50002"
            ]
        );
        assert_eq!(text(1), ["[ff02::4859:7%1]:50002", "[::1]:50002"]);
        assert_eq!(
            text(2),
            [
                "239.255.72.89:50002",
                "192.168.1.255:50002",
                "255.255.255.255:50002"
            ]
        );
        assert_eq!(text(3), ["239.255.72.89:50002", "255.255.255.255:50002"]);
        assert_eq!(text(4), ["[ff02::4859:7%2]:50002"]);
    }

    #[test]
    fn only_neighbours_are_on_a_link() {
        let links = group(&machine(), &Scope::default());
        for near in [
            "192.168.1.31:9",
            "127.0.0.7:9",
            "[fd12::31]:9",
            "[fe80::31%2]:9",
            "[::1]:9",
            "10.8.0.2:9",
        ] {
            assert!(on_some_link(&links, near), "{near}");
        }
        for far in [
            "192.168.2.31:9",
            "8.8.8.8:9",
            "[fd13::31]:9",
            "[fe80::31%3]:9",
            "[fe80::31]:9",
            "10.8.0.3:9",
        ] {
            assert!(!on_some_link(&links, far), "{far}");
        }
    }

    #[test]
    fn an_interface_without_a_subnet_does_not_make_everybody_a_neighbour() {
        let links = group(
            &[interface("odd", 4, v4([10, 0, 0, 1], 0, None))],
            &Scope::default(),
        );
        assert!(!on_some_link(&links, "8.8.8.8:9"));
    }

    #[test]
    fn scope_picks_by_name_and_by_address() {
        let addresses = |scope: &Scope| {
            group(&machine(), scope)
                .iter()
                .map(|link| link.address.to_string())
                .collect::<Vec<_>>()
        };
        let named = Scope {
            interface: Some("eth0".into()),
            address: None,
        };
        assert_eq!(addresses(&named), ["192.168.1.20", "fe80::20"]);
        let at = |address: &str| Scope {
            interface: None,
            address: Some(address.parse().unwrap()),
        };
        assert_eq!(addresses(&at("fd12::20")), ["fd12::20"]);
        assert_eq!(addresses(&at("127.0.0.1")), ["127.0.0.1"]);
        assert_eq!(
            addresses(&at("0.0.0.0")),
            ["127.0.0.1", "192.168.1.20", "10.8.0.2"]
        );
        assert_eq!(addresses(&at("::")).len(), 5);
    }

    #[test]
    fn groups_and_nobody_are_not_peers() {
        for address in [
            "239.255.72.89",
            "0.0.0.0",
            "255.255.255.255",
            "ff02::1",
            "::",
        ] {
            assert!(!is_unicast(address.parse().unwrap()), "{address}");
        }
        assert!(is_unicast([192, 168, 1, 31].into()));
    }
}
