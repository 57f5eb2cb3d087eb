//! The beacon: a datagram of 20 bytes by which the peers of one network find each other (PROTOCOL.md, "Discovery").
//!
//! It carries public numbers only: the channel of the code phrase, never a bit that depends on the words, no
//! host name, no user name. It is a hint, not a promise: who answers a dial still has to prove the code.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{
    Error,
    codec::{Decode, Encode},
};

/// The UDP port beacons are sent to.
pub const PORT: u16 = 50002;

/// The IPv4 group beacons are sent to, from the organisation-local block (RFC 2365); 72.89 is "HY".
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 72, 89);

/// The IPv6 group beacons are sent to, link-local scope (RFC 4291, 2.7): a router never passes it on.
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0x4859, 0x0007);

/// The service type of the same announcement by mDNS (RFC 6763); the instance is the session id in hex.
pub const SERVICE: &str = "_hayate._udp.local.";

/// Bytes of every beacon.
pub const LENGTH: usize = 20;

/// The highest channel; the lowest is 1, and 0 stands for code phrases a person made up.
pub const MAX_CHANNEL: u16 = 999;

/// The lowest port that may be announced: a beacon must not send people to a system service.
pub const MIN_PORT: u16 = 1024;

/// Flag of an announcement: a receiver listens, not a sender.
pub const FLAG_RECEIVER: u8 = 1;

const MAGIC: [u8; 4] = *b"HYT7";
const ANNOUNCE: u8 = 1;
const ASK: u8 = 2;

/// A datagram of the discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beacon {
    /// Somebody can be dialled.
    Announce(Announcement),
    /// Somebody looks for the one who announces this channel.
    Ask {
        /// The channel, 0 to [`MAX_CHANNEL`].
        channel: u16,
    },
}

/// Who can be dialled; where, is the source address of the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcement {
    /// The channel of the code phrase, 1 to [`MAX_CHANNEL`]; 0 when the phrase has none.
    pub channel: u16,
    /// Random for every run: tells two senders on one channel apart and joins the addresses of one.
    pub session: [u8; 8],
    /// The UDP port of the QUIC listener, at least [`MIN_PORT`].
    pub port: u16,
    /// The port of the page for browsers; 0 where there is none.
    pub web_port: u16,
    /// [`FLAG_RECEIVER`]; unknown bits are zero and ignored.
    pub flags: u8,
}

impl Beacon {
    /// The beacon as it travels. In a question everything after the channel is zero.
    pub fn encode(&self) -> [u8; LENGTH] {
        let (kind, announcement) = match *self {
            Self::Announce(announcement) => (ANNOUNCE, announcement),
            Self::Ask { channel } => (
                ASK,
                Announcement {
                    channel,
                    session: [0; 8],
                    port: 0,
                    web_port: 0,
                    flags: 0,
                },
            ),
        };
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes
            .raw(&MAGIC)
            .u8(kind)
            .raw(&announcement.channel.to_be_bytes())
            .raw(&announcement.session)
            .raw(&announcement.port.to_be_bytes())
            .raw(&announcement.web_port.to_be_bytes())
            .u8(announcement.flags);
        bytes.try_into().expect("the fields above are 20 bytes")
    }

    /// Reads one datagram.
    ///
    /// # Errors
    /// [`Error::Malformed`] for anything but exactly one beacon of this version with a channel and port in range.
    pub fn decode(datagram: &[u8]) -> Result<Self, Error> {
        let mut fields = Decode::new(datagram);
        if fields.array()? != MAGIC {
            return Err(Error::Malformed("not a beacon"));
        }
        let kind = fields.u8()?;
        let announcement = Announcement {
            channel: u16::from_be_bytes(fields.array()?),
            session: fields.array()?,
            port: u16::from_be_bytes(fields.array()?),
            web_port: u16::from_be_bytes(fields.array()?),
            flags: fields.u8()? & FLAG_RECEIVER,
        };
        fields.end()?;
        if announcement.channel > MAX_CHANNEL {
            return Err(Error::Malformed("a beacon for no channel"));
        }
        match kind {
            ANNOUNCE if announcement.port < MIN_PORT => {
                Err(Error::Malformed("a beacon for a system port"))
            }
            ANNOUNCE => Ok(Self::Announce(announcement)),
            ASK => Ok(Self::Ask {
                channel: announcement.channel,
            }),
            _ => Err(Error::Malformed("a beacon of an unknown kind")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAMPLE: Announcement = Announcement {
        channel: 7,
        session: [1, 2, 3, 4, 5, 6, 7, 8],
        port: 50001,
        web_port: 50003,
        flags: FLAG_RECEIVER,
    };

    const VECTOR: [u8; LENGTH] = [
        b'H', b'Y', b'T', b'7', 1, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8, 0xc3, 0x51, 0xc3, 0x53, 1,
    ];

    #[test]
    fn announcement_matches_its_vector() {
        assert_eq!(Beacon::Announce(SAMPLE).encode(), VECTOR);
        assert_eq!(Beacon::decode(&VECTOR), Ok(Beacon::Announce(SAMPLE)));
    }

    #[test]
    fn ask_matches_its_vector() {
        let mut vector = [0; LENGTH];
        vector[..7].copy_from_slice(b"HYT7\x02\x03\xe7");
        assert_eq!(Beacon::Ask { channel: 999 }.encode(), vector);
        assert_eq!(Beacon::decode(&vector), Ok(Beacon::Ask { channel: 999 }));
    }

    #[test]
    fn unknown_flags_are_ignored() {
        let mut bytes = VECTOR;
        bytes[19] = 0xff;
        assert_eq!(Beacon::decode(&bytes), Ok(Beacon::Announce(SAMPLE)));
    }

    #[test]
    fn ports_do_not_matter_in_an_ask() {
        let mut bytes = VECTOR;
        bytes[4] = 2;
        bytes[15..17].fill(0);
        assert_eq!(Beacon::decode(&bytes), Ok(Beacon::Ask { channel: 7 }));
    }

    #[test]
    fn whatever_breaks_a_rule_is_refused() {
        let broken = |at: usize, value: &[u8]| {
            let mut bytes = VECTOR;
            bytes[at..at + value.len()].copy_from_slice(value);
            Beacon::decode(&bytes)
        };
        assert_eq!(broken(3, b"6"), Err(Error::Malformed("not a beacon")));
        for kind in [0, 3, 255] {
            assert_eq!(
                broken(4, &[kind]),
                Err(Error::Malformed("a beacon of an unknown kind"))
            );
        }
        assert_eq!(
            broken(5, &1000_u16.to_be_bytes()),
            Err(Error::Malformed("a beacon for no channel"))
        );
        assert_eq!(
            broken(15, &1023_u16.to_be_bytes()),
            Err(Error::Malformed("a beacon for a system port"))
        );
        assert!(broken(15, &1024_u16.to_be_bytes()).is_ok());
        assert!(
            broken(5, &[0, 0]).is_ok(),
            "channel 0 is for code phrases of one's own"
        );
    }

    #[test]
    fn only_the_exact_length_is_a_beacon() {
        for length in 0..LENGTH {
            assert!(Beacon::decode(&VECTOR[..length]).is_err(), "{length} bytes");
        }
        let mut long = VECTOR.to_vec();
        long.push(0);
        assert!(Beacon::decode(&long).is_err());
    }

    proptest! {
        #[test]
        fn what_is_announced_is_read(
            channel in 0..=MAX_CHANNEL, session: [u8; 8], port in MIN_PORT.., web_port: u16, flags in 0..=1_u8,
        ) {
            let beacon = Beacon::Announce(Announcement { channel, session, port, web_port, flags });
            prop_assert_eq!(Beacon::decode(&beacon.encode()), Ok(beacon));
        }

        #[test]
        fn noise_never_panics_and_reads_back_what_it_meant(mut bytes: [u8; LENGTH], kind in 0..4_u8, keep_magic: bool) {
            if keep_magic {
                bytes[..4].copy_from_slice(&MAGIC);
                bytes[4] = kind;
                bytes[5] &= 3;
            }
            if let Ok(beacon) = Beacon::decode(&bytes) {
                prop_assert_eq!(Beacon::decode(&beacon.encode()), Ok(beacon));
            }
        }
    }
}
