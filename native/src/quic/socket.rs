//! UDP sockets as QUIC needs them: large buffers, both address families, and what a route carries.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::Tuning;

/// Binds a UDP socket with buffers of `buffer` bytes, or as much as the system allows.
///
/// `[::]` takes IPv4 as well when `dual` is set; nothing else ever does.
pub(super) fn bind(address: SocketAddr, dual: bool, buffer: usize) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(!(dual && address.ip().is_unspecified()))?;
    }
    // The system clamps them silently, or refuses: a small buffer is slow, not wrong.
    let _ = socket.set_recv_buffer_size(buffer);
    let _ = socket.set_send_buffer_size(buffer);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Opens a port of the address `bind`, or of all of this machine: of IPv4 alone where it has no IPv6.
pub(crate) fn on_one_or_all<T>(
    bind: Option<IpAddr>,
    open: impl Fn(IpAddr) -> io::Result<T>,
) -> io::Result<T> {
    match open(bind.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))) {
        Err(error) if bind.is_none() && error.kind() != io::ErrorKind::AddrInUse => {
            open(Ipv4Addr::UNSPECIFIED.into())
        }
        result => result,
    }
}

/// A socket at `address` as a connection of its own needs it; `[::]` takes IPv4 as well.
///
/// # Errors
/// What the system says when the address cannot be bound.
pub fn udp_socket(address: SocketAddr, tuning: &Tuning) -> io::Result<UdpSocket> {
    bind(address, true, tuning.socket_buffer)
}

/// Bytes of packets that can wait in `socket` until they are read.
pub(crate) fn receive_buffer(socket: &UdpSocket) -> usize {
    let size = socket2::SockRef::from(socket)
        .recv_buffer_size()
        .unwrap_or_default();
    // Linux counts its own overhead in, and reports the double of what was asked for.
    if cfg!(target_os = "linux") {
        size / 2
    } else {
        size
    }
}

/// The address to dial for `address`: plain IPv4 for a mapped one, and a scope only where one
/// belongs. Packets come back from that very address, and from no other are they accepted.
pub(crate) fn dialable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::new(ip.into(), v6.port()),
            None if is_link_local(v6.ip()) => {
                SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into()
            }
            None => SocketAddrV6::new(*v6.ip(), v6.port(), 0, 0).into(),
        },
        v4 => v4,
    }
}

/// The largest UDP payload that the route to `peer` takes at its first hop, as far as it is known.
pub(super) fn route_payload(peer: SocketAddr) -> Option<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::net::sockopt;
        let any = match peer.ip() {
            IpAddr::V4(_) => SocketAddr::from(([0, 0, 0, 0], 0)),
            IpAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        // Connecting a UDP socket looks the route up and sends nothing.
        let probe = UdpSocket::bind(any).ok()?;
        probe.connect(peer).ok()?;
        let (mtu, headers) = match peer.ip() {
            IpAddr::V4(_) => (sockopt::ip_mtu(&probe).ok()?, 28),
            IpAddr::V6(_) => (sockopt::ipv6_mtu(&probe).ok()?, 48),
        };
        usize::try_from(mtu).ok()?.checked_sub(headers)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = peer;
        None
    }
}

fn is_link_local(ip: &Ipv6Addr) -> bool {
    ip.segments()[0] & 0xffc0 == 0xfe80
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_dialled_as_ipv4() {
        let mapped: SocketAddr = "[::ffff:192.0.2.7]:50001".parse().unwrap();
        assert_eq!(dialable(mapped), "192.0.2.7:50001".parse().unwrap());
    }

    #[test]
    fn only_link_local_addresses_keep_their_scope() {
        let local = SocketAddrV6::new("fe80::1".parse().unwrap(), 1, 9, 3);
        let global = SocketAddrV6::new("fd12::1".parse().unwrap(), 1, 9, 3);
        assert_eq!(
            dialable(local.into()),
            SocketAddrV6::new(*local.ip(), 1, 0, 3).into()
        );
        assert_eq!(
            dialable(global.into()),
            SocketAddrV6::new(*global.ip(), 1, 0, 0).into()
        );
    }

    #[test]
    fn a_buffer_larger_than_allowed_is_no_error() {
        let socket = bind("127.0.0.1:0".parse().unwrap(), false, 1 << 30).unwrap();
        assert!(receive_buffer(&socket) > 0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_loopback_route_takes_large_datagrams() {
        assert!(route_payload("127.0.0.1:1".parse().unwrap()).unwrap() > 60_000);
    }
}
