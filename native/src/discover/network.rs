//! The sockets on the links: one to send from on each, and one per family that hears port 50002.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    thread,
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use shared::discovery::{Beacon, GROUP_V4, GROUP_V6, LENGTH, PORT};
use socket2::{Domain, Protocol, Socket, Type};

use super::interfaces::{Link, Scope, is_unicast, links};

/// Datagrams that are read from one socket before time is looked at again: a flood must not starve the rest.
const BATCH: usize = 256;

/// The sockets of an announcer or a browser.
#[derive(Debug)]
pub(super) struct Network {
    scope: Scope,
    links: Vec<Attached>,
    listeners: Vec<UdpSocket>,
}

/// A link with its socket, which is missing while the link refuses one (an IPv6 address still being checked, say).
#[derive(Debug)]
struct Attached {
    link: Link,
    socket: Option<UdpSocket>,
    joined: bool,
}

impl Network {
    /// The links in `scope` as they are now, and the listeners on [`PORT`] that the system grants: `error` is why
    /// one is missing while neither is there.
    pub(super) fn new(scope: Scope) -> (Self, Option<io::Error>) {
        let mut error = None;
        let mut listeners = Vec::new();
        for address in [
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ] {
            match listen(address) {
                Ok(socket) => listeners.push(socket),
                Err(refused) => error = error.or(Some(refused)),
            }
        }
        let error = error.filter(|_| listeners.is_empty());
        let mut network = Self {
            scope,
            links: Vec::new(),
            listeners,
        };
        network.refresh();
        (network, error)
    }

    /// Follows the interfaces of the machine; true if a link can be used that could not before.
    pub(super) fn refresh(&mut self) -> bool {
        let mut gained = false;
        let mut old = std::mem::take(&mut self.links);
        for link in links(&self.scope) {
            let known = old.iter().position(|attached| attached.link == link);
            let mut attached = match known {
                Some(at) => old.swap_remove(at),
                None => Attached {
                    link,
                    socket: None,
                    joined: false,
                },
            };
            if attached.socket.is_none() {
                attached.socket = attach(&attached.link).ok();
                gained |= attached.socket.is_some();
            }
            if !attached.joined {
                attached.joined = self
                    .listeners
                    .iter()
                    .any(|listener| join(listener, &attached.link).is_ok());
            }
            self.links.push(attached);
        }
        gained
    }

    /// Sends a beacon to everybody on every link. A link that refuses is left alone: it may come back.
    pub(super) fn broadcast(&self, beacon: &Beacon) {
        let bytes = beacon.encode();
        for attached in &self.links {
            for to in attached.link.everybody() {
                if let Some(socket) = &attached.socket {
                    let _ = socket.send_to(&bytes, to);
                }
            }
        }
    }

    /// Sends a beacon to one address, from the link it is on.
    pub(super) fn answer(&self, beacon: &Beacon, to: SocketAddr) {
        if let Some(socket) = self
            .towards(&to)
            .and_then(|attached| attached.socket.as_ref())
        {
            let _ = socket.send_to(&beacon.encode(), to);
        }
    }

    /// Whether `address` is a single machine on one of the links.
    pub(super) fn is_near(&self, address: &SocketAddr) -> bool {
        is_unicast(address.ip()) && self.towards(address).is_some()
    }

    /// Whether no link leaves this machine.
    pub(super) fn is_alone(&self) -> bool {
        self.links
            .iter()
            .all(|attached| attached.link.address.is_loopback())
    }

    /// Waits for datagrams, `timeout` at most, and hands every beacon from a neighbour to `hear`.
    pub(super) fn hear(&self, timeout: Duration, mut hear: impl FnMut(Beacon, SocketAddr)) {
        let sockets = || {
            self.listeners.iter().chain(
                self.links
                    .iter()
                    .filter_map(|attached| attached.socket.as_ref()),
            )
        };
        let mut waiting: Vec<_> = sockets()
            .map(|socket| PollFd::new(socket, PollFlags::IN))
            .collect();
        let limit = Timespec::try_from(timeout).ok();
        if waiting.is_empty() || poll(&mut waiting, limit.as_ref()).is_err() {
            thread::sleep(timeout);
            return;
        }
        let ready: Vec<bool> = waiting
            .iter()
            .map(|entry| !entry.revents().is_empty())
            .collect();
        for (socket, _) in sockets().zip(ready).filter(|(_, ready)| *ready) {
            self.drain(socket, &mut hear);
        }
    }

    fn drain(&self, socket: &UdpSocket, hear: &mut impl FnMut(Beacon, SocketAddr)) {
        // One byte more than a beacon, so that a longer datagram shows.
        let mut datagram = [0; LENGTH + 1];
        for _ in 0..BATCH {
            match socket.recv_from(&mut datagram) {
                Ok((length, from)) => {
                    if let Ok(beacon) = Beacon::decode(&datagram[..length])
                        && self.is_near(&from)
                    {
                        hear(beacon, from);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Windows reports datagrams that were too long, and ports that were closed, as errors of this socket.
                Err(_) => {}
            }
        }
    }

    fn towards(&self, address: &SocketAddr) -> Option<&Attached> {
        self.links
            .iter()
            .filter_map(|attached| Some((attached.link.reach(address)?, attached)))
            .max_by_key(|(reach, _)| *reach)
            .map(|(_, attached)| attached)
    }
}

/// A socket that hears [`PORT`], which it shares with every other Hayate of this machine.
fn listen(address: IpAddr) -> io::Result<UdpSocket> {
    let socket = open(address)?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddr::new(address, PORT).into())?;
    Ok(socket.into())
}

/// A socket bound to the address of one link: by that Linux and Windows choose the interface of broadcasts too.
fn attach(link: &Link) -> io::Result<UdpSocket> {
    let socket = open(link.address)?;
    match link.address {
        IpAddr::V4(own) => {
            socket.set_broadcast(true)?;
            socket.set_multicast_if_v4(&own)?;
        }
        IpAddr::V6(_) => socket.set_multicast_if_v6(link.index)?,
    }
    #[cfg(target_vendor = "apple")]
    pin(&socket, link)?;
    socket.bind(&link.socket_address().into())?;
    Ok(socket.into())
}

/// Apple's systems choose the interface of a limited broadcast by this option only.
#[cfg(target_vendor = "apple")]
fn pin(socket: &Socket, link: &Link) -> io::Result<()> {
    let index = std::num::NonZeroU32::new(link.index);
    match link.address {
        IpAddr::V4(_) => socket.bind_device_by_index_v4(index),
        IpAddr::V6(_) => socket.bind_device_by_index_v6(index),
    }
}

fn open(address: IpAddr) -> io::Result<Socket> {
    let domain = if address.is_ipv4() {
        Domain::IPV4
    } else {
        Domain::IPV6
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

fn join(listener: &UdpSocket, link: &Link) -> io::Result<()> {
    match link.address {
        IpAddr::V4(own) => listener.join_multicast_v4(&GROUP_V4, &own),
        IpAddr::V6(_) => listener.join_multicast_v6(&GROUP_V6, link.index),
    }
}
