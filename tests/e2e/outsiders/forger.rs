//! Somebody who sees what two machines say to each other, and says more in their names.

use std::net::{SocketAddr, SocketAddrV4};

use hayate_tests::Space;
use rustix::{
    fd::OwnedFd,
    net::{AddressFamily, SendFlags, SocketFlags, SocketType, ipproto, sendto, socket_with},
};

/// A datagram over IPv4, as it was seen.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Who put it on the wire.
    pub(crate) card: [u8; 6],
    pub(crate) from: SocketAddrV4,
    pub(crate) to: SocketAddrV4,
    pub(crate) bytes: Vec<u8>,
}

/// The datagrams among Ethernet frames.
pub(crate) fn datagrams(frames: &[Vec<u8>]) -> Vec<Seen> {
    frames.iter().filter_map(|frame| datagram(frame)).collect()
}

fn datagram(frame: &[u8]) -> Option<Seen> {
    let packet = frame.get(14..).filter(|_| frame[12..14] == [8, 0])?;
    let header = usize::from(packet.first()? & 15) * 4;
    let udp = packet.get(header..).filter(|_| packet[9] == 17)?;
    let address = |at: usize, port: usize| -> Option<SocketAddrV4> {
        let ip: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        let port = u16::from_be_bytes(udp.get(port..port + 2)?.try_into().ok()?);
        Some(SocketAddrV4::new(ip.into(), port))
    };
    Some(Seen {
        card: frame[6..12].try_into().ok()?,
        from: address(12, 0)?,
        to: address(16, 2)?,
        bytes: udp.get(8..)?.to_vec(),
    })
}

/// A socket that sends in anybody's name.
pub(crate) struct Forger(OwnedFd);

impl Forger {
    pub(crate) fn on(space: &Space) -> Self {
        let open = || {
            let (kind, flags) = (SocketType::RAW, SocketFlags::CLOEXEC);
            socket_with(AddressFamily::INET, kind, flags, Some(ipproto::RAW)).unwrap()
        };
        Self(space.thread(open).join().unwrap())
    }

    /// Sends a datagram; the system completes the header's length and checksum, and UDP's is left out.
    pub(crate) fn send(&self, from: SocketAddrV4, to: SocketAddrV4, bytes: &[u8]) {
        let length = 8 + bytes.len() as u16;
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0];
        packet.extend([from.ip().octets(), to.ip().octets()].concat());
        for field in [from.port(), to.port(), length, 0] {
            packet.extend(field.to_be_bytes());
        }
        packet.extend(bytes);
        sendto(&self.0, &packet, SendFlags::empty(), &SocketAddr::V4(to)).unwrap();
    }
}
