//! Which datagrams are ours, where a UDP port serves two protocols (PROTOCOL.md, "Transports"): by the connection id
//! that they are for, the only thing QUIC shows of itself (RFC 8999).

use std::io;

use quinn_proto::{ConnectionId, ConnectionIdGenerator, HashedConnectionIdGenerator};

/// What the first connection id of a dialler begins with; random bytes follow.
pub const MARKER: &[u8; 7] = b"hayate7";

/// The connection id that a dialler gives to a listener before that chooses one itself.
pub(super) fn first_id() -> ConnectionId {
    let mut id = [0; MARKER.len() + RANDOM];
    id[..MARKER.len()].copy_from_slice(MARKER);
    // Without randomness TLS fails soon after; until then any id will do.
    let _ = getrandom::fill(&mut id[MARKER.len()..]);
    ConnectionId::new(&id)
}

/// Connection ids that a listener can tell from those of others.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnIds {
    key: u64,
}

impl OwnIds {
    pub(super) fn new() -> io::Result<Self> {
        let mut key = [0; 8];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        Ok(Self {
            key: u64::from_ne_bytes(key),
        })
    }

    /// What makes such ids.
    pub(super) fn generator(self) -> Box<dyn ConnectionIdGenerator> {
        Box::new(HashedConnectionIdGenerator::from_key(self.key))
    }
}

/// Tells by its connection id whom a datagram is for.
pub(super) struct Doorman(Box<dyn ConnectionIdGenerator>);

impl Doorman {
    pub(super) fn new(own: OwnIds) -> Self {
        Self(own.generator())
    }

    /// Whether it is for us: for an id that we gave out, or with the mark of a dialler of ours.
    pub(super) fn knows(&self, datagram: &[u8]) -> bool {
        let Some((first, rest)) = datagram.split_first() else {
            return false;
        };
        let length = self.0.cid_len();
        if first & LONG == 0 {
            // Without a length: ids of ours are all alike.
            return rest.get(..length).is_some_and(|id| self.gave(id));
        }
        // Behind the version: the length of the id, and the id.
        let id = rest
            .get(4)
            .and_then(|length| rest.get(5..5 + usize::from(*length)));
        id.is_some_and(|id| {
            id.len() <= MOST && (id.starts_with(MARKER) || id.len() == length && self.gave(id))
        })
    }

    fn gave(&self, id: &[u8]) -> bool {
        self.0.validate(&ConnectionId::new(id)).is_ok()
    }
}

/// The bit of a long header.
const LONG: u8 = 0x80;
/// Random bytes of a first connection id; at least 8 (RFC 9000, 7.2).
const RANDOM: usize = 8;
/// The longest connection id of QUIC version 1.
const MOST: usize = 20;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn long(id: &[u8]) -> Vec<u8> {
        let head = [0xc3, 0, 0, 0, 1, id.len() as u8];
        [&head[..], id, &[4, 1, 2, 3, 4, 0, 0]].concat()
    }

    fn short(id: &[u8]) -> Vec<u8> {
        [&[0x41], id, &[9; 30]].concat()
    }

    #[test]
    fn a_first_packet_is_ours_by_its_mark() {
        let doorman = Doorman::new(OwnIds::new().unwrap());
        assert!(doorman.knows(&long(&first_id())));
        assert!(!doorman.knows(&long(b"hayate8-12345678")));
        assert!(!doorman.knows(&long(&[7; 8])));
        assert!(!doorman.knows(&short(b"hayate7-")));
    }

    #[test]
    fn later_packets_are_ours_by_the_id_that_was_given_out() {
        let (own, other) = (OwnIds::new().unwrap(), OwnIds::new().unwrap());
        let doorman = Doorman::new(own);
        let (id, foreign) = (
            own.generator().generate_cid(),
            other.generator().generate_cid(),
        );
        assert!(doorman.knows(&short(&id)) && doorman.knows(&long(&id)));
        assert!(!doorman.knows(&short(&foreign)) && !doorman.knows(&long(&foreign)));
    }

    #[test]
    fn whatever_is_cut_short_is_not_ours() {
        let own = OwnIds::new().unwrap();
        let doorman = Doorman::new(own);
        let id = own.generator().generate_cid();
        assert!((0..6 + id.len()).all(|end| !doorman.knows(&long(&id)[..end])));
        assert!((0..1 + id.len()).all(|end| !doorman.knows(&short(&id)[..end])));
        assert!(!doorman.knows(&long(&[&MARKER[..], &[0; 14]].concat())));
    }
}
