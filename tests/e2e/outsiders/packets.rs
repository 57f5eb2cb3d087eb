//! Packets of QUIC version 1 as bytes (RFC 9000, 17; RFC 9001, 5).

use rustls::{
    Side, Tls13CipherSuite,
    crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
    quic::{Algorithm, DirectionalKeys, Keys, Version},
};

/// Kinds of long packets.
pub(crate) const INITIAL: u8 = 0;
pub(crate) const HANDSHAKE: u8 = 2;
pub(crate) const RETRY: u8 = 3;

/// What a packet to be sent is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind<'a> {
    /// With the token of a retry, or none.
    Initial(&'a [u8]),
    Handshake,
    /// Under the keys of the handshake, or the next ones.
    Data {
        updated: bool,
    },
}

/// Random bytes.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .unwrap();
    bytes
}

/// What a client calls the listener before it has heard of it, with the mark of Hayate's or without.
pub(crate) fn first_id(marked: bool) -> Vec<u8> {
    let mut id = random::<15>();
    if marked {
        id[..7].copy_from_slice(hayate::quic::MARKER);
    }
    id.into()
}

/// The suite of first packets.
pub(crate) fn cipher() -> (&'static Tls13CipherSuite, &'static dyn Algorithm) {
    let suite = TLS13_AES_128_GCM_SHA256.tls13().unwrap();
    (suite, suite.quic.unwrap())
}

/// The keys that a client's first packets have, which everybody knows who sees them.
pub(crate) fn first_keys(id: &[u8]) -> Keys {
    let (suite, quic) = cipher();
    Keys::initial(Version::V1, suite, quic, id, Side::Client)
}

/// A number as QUIC writes it.
pub(crate) fn varint(value: u64) -> Vec<u8> {
    match value {
        0..0x40 => vec![value as u8],
        0x40..0x4000 => (value as u16 | 0x4000).to_be_bytes().into(),
        0x4000..0x4000_0000 => (value as u32 | 0x8000_0000).to_be_bytes().into(),
        _ => (value | 0xc000_0000_0000_0000).to_be_bytes().into(),
    }
}

/// A frame of TLS's words.
pub(crate) fn crypto(said: &[u8]) -> Vec<u8> {
    [&[6, 0][..], &varint(said.len() as u64), said].concat()
}

/// A frame with bytes of a stream.
pub(crate) fn stream(id: u64, offset: u64, bytes: &[u8]) -> Vec<u8> {
    let length = varint(bytes.len() as u64);
    [&[0x0e][..], &varint(id), &varint(offset), &length, bytes].concat()
}

/// A sealed packet.
pub(crate) fn seal(
    kind: Kind<'_>,
    keys: &DirectionalKeys,
    to: &[u8],
    from: &[u8],
    number: u64,
    frames: &[u8],
) -> Vec<u8> {
    let long = |kind: u8| {
        [
            &[0xc3 | kind << 4, 0, 0, 0, 1, to.len() as u8],
            to,
            &[from.len() as u8],
            from,
        ]
        .concat()
    };
    let mut packet = match kind {
        Kind::Initial(token) => {
            [long(INITIAL), varint(token.len() as u64), token.to_vec()].concat()
        }
        Kind::Handshake => long(HANDSHAKE),
        Kind::Data { updated } => [&[0x43 | u8::from(updated) << 2][..], to].concat(),
    };
    if !matches!(kind, Kind::Data { .. }) {
        // the number, what is sealed and its tag
        packet.extend((0x4000 | (4 + frames.len() + 16) as u16).to_be_bytes());
    }
    let at = packet.len();
    packet.extend((number as u32).to_be_bytes());
    let mut sealed = frames.to_vec();
    let tag = keys
        .packet
        .encrypt_in_place(number, &packet, &mut sealed)
        .unwrap();
    packet.extend([&sealed, tag.as_ref()].concat());
    let sample: [u8; 16] = packet[at + 4..at + 20].try_into().unwrap();
    let (head, rest) = packet.split_at_mut(1);
    let number = &mut rest[at - 1..at + 3];
    keys.header
        .encrypt_in_place(&sample, &mut head[0], number)
        .unwrap();
    packet
}

/// A packet that came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet<'a> {
    bytes: &'a [u8],
    /// Where the ids end, behind their lengths; of short ones where the id ends.
    head: usize,
    /// Where the number begins.
    number: usize,
}

impl<'a> Packet<'a> {
    /// Its kind, where it is a long one.
    pub(crate) fn kind(&self) -> Option<u8> {
        (self.bytes[0] & 0x80 != 0).then_some(self.bytes[0] >> 4 & 3)
    }

    /// The id that its sender wants to have; of long ones only.
    pub(crate) fn source(&self) -> &'a [u8] {
        let mut rest = Reader(&self.bytes[5..]);
        rest.id();
        rest.id()
    }

    /// The token of a retry.
    pub(crate) fn token(&self) -> &'a [u8] {
        &self.bytes[self.head..self.bytes.len() - 16]
    }

    /// Its number and its frames.
    pub(crate) fn open(&self, keys: &DirectionalKeys, expected: u64) -> Option<(u64, Vec<u8>)> {
        let mut bytes = self.bytes.to_vec();
        let sample: [u8; 16] = bytes
            .get(self.number + 4..self.number + 20)?
            .try_into()
            .ok()?;
        let (head, rest) = bytes.split_at_mut(1);
        let number = &mut rest[self.number - 1..self.number + 3];
        keys.header
            .decrypt_in_place(&sample, &mut head[0], number)
            .ok()?;
        let length = usize::from(bytes[0] & 3) + 1;
        let end = self.number + length;
        let short = bytes[self.number..end]
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        // RFC 9000, A.3, without what cannot happen so early
        let window = 1 << (8 * length);
        let mut full = (expected & !(window - 1)) | short;
        if full + window / 2 <= expected {
            full += window;
        }
        let (head, sealed) = bytes.split_at_mut(end);
        let opened = keys.packet.decrypt_in_place(full, head, sealed).ok()?;
        Some((full, opened.to_vec()))
    }
}

/// The packets of a datagram; short ones have ids of `length` bytes.
pub(crate) fn split(datagram: &[u8], length: usize) -> Vec<Packet<'_>> {
    let (mut packets, mut bytes) = (Vec::new(), datagram);
    while let Some(first) = bytes.first() {
        let mut rest = Reader(bytes);
        if first & 0x80 == 0 {
            let head = 1 + length;
            packets.push(Packet {
                bytes,
                head,
                number: head,
            });
            break;
        }
        rest.take(5);
        rest.id();
        rest.id();
        let head = bytes.len() - rest.0.len();
        let kind = first >> 4 & 3;
        if bytes[1..].starts_with(&[0; 4]) || kind == RETRY {
            packets.push(Packet {
                bytes,
                head,
                number: head,
            });
            break;
        }
        if kind == INITIAL {
            let token = rest.varint().unwrap_or(0);
            rest.take(token as usize);
        }
        let Some(left) = rest.varint() else { break };
        let number = bytes.len() - rest.0.len();
        let end = (number + left as usize).min(bytes.len());
        packets.push(Packet {
            bytes: &bytes[..end],
            head,
            number,
        });
        bytes = &bytes[end..];
    }
    packets
}

/// Reads fields.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// So many bytes, or what is left.
    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A connection id behind its length.
    fn id(&mut self) -> &'a [u8] {
        let length = self.take(1).first().copied().unwrap_or(0);
        self.take(length.into())
    }

    /// A number; none at the end.
    pub(crate) fn varint(&mut self) -> Option<u64> {
        let first = *self.0.first()?;
        let bytes = self.take(1 << (first >> 6));
        let value = bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Some(value & (u64::MAX >> (66 - 8 * bytes.len().max(1) as u32)))
    }
}
