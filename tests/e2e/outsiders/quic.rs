//! A client of QUIC (RFC 9000, RFC 9001) without manners: it puts whatever frames a test wants into packets that are
//! sealed as they should be.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use rustls::quic::{Connection, KeyChange, Keys, PacketKeySet};

use crate::{
    frames::{self, Frame},
    packets::{self, INITIAL, Kind, Packet, varint},
    tls::{Term, open, tls},
};

/// Where a packet belongs: the first packets, those of the handshake, those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Initial,
    Handshake,
    Data,
}

/// One connection.
pub(crate) struct Client {
    socket: UdpSocket,
    pub(crate) tls: Connection,
    own: [u8; 8],
    theirs: Vec<u8>,
    token: Vec<u8>,
    level: Level,
    keys: [Option<Keys>; 3],
    /// The keys behind those of data, until the peer takes them.
    newer: Option<PacketKeySet>,
    /// The next packet's number in each level.
    next: [u64; 3],
    /// The largest number that came in each level.
    largest: [Option<u64>; 3],
    /// What TLS said and has still to hear, by offset.
    said: [Vec<u8>; 3],
    heard: [BTreeMap<u64, Vec<u8>>; 3],
    read: [u64; 3],
    /// What came on each stream, by offset.
    streams: BTreeMap<u64, BTreeMap<u64, Vec<u8>>>,
    /// The error code that the peer closed with.
    pub(crate) closed: Option<u64>,
    /// Packets that went out after the handshake, and the largest number of theirs that was acknowledged.
    pub(crate) sent: u64,
    pub(crate) acked: u64,
}

impl Client {
    /// A client of `at` on `socket`, with the mark of a dialler of Hayate or without it.
    pub(crate) fn new(socket: UdpSocket, at: SocketAddr, marked: bool) -> Self {
        Self::with(socket, at, marked, &[])
    }

    /// As [`Client::new`], with other transport parameters than usual.
    pub(crate) fn with(socket: UdpSocket, at: SocketAddr, marked: bool, terms: &[Term]) -> Self {
        socket.connect(at).unwrap();
        let theirs = packets::first_id(marked);
        let own = packets::random();
        let mut client = Self {
            socket,
            tls: tls(&own, marked, terms),
            own,
            keys: [Some(packets::first_keys(&theirs)), None, None],
            theirs,
            newer: None,
            token: Vec::new(),
            level: Level::Initial,
            next: [0; 3],
            largest: [None; 3],
            said: [const { Vec::new() }; 3],
            heard: [const { BTreeMap::new() }; 3],
            read: [0; 3],
            streams: BTreeMap::new(),
            closed: None,
            sent: 0,
            acked: 0,
        };
        client.advance();
        client
    }

    /// Sends the first packet; how many bytes that were.
    pub(crate) fn knock(&mut self) -> usize {
        let crypto = packets::crypto(&self.said[0]);
        self.send(Level::Initial, &crypto)
    }

    /// How many bytes have come, without a look at them.
    pub(crate) fn overhear(&self) -> usize {
        let mut datagram = [0; 2048];
        self.socket.set_nonblocking(true).unwrap();
        std::iter::from_fn(|| self.socket.recv(&mut datagram).ok()).sum()
    }

    /// Goes through the handshake; false where the peer does not let it in within `patience`.
    pub(crate) fn shake(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.level < Level::Data && self.closed.is_none() && Instant::now() < deadline {
            self.knock();
            self.listen(Duration::from_millis(200), |client| {
                client.level == Level::Data
            });
        }
        // what it says after its keys are those of data confirms the handshake
        self.listen(Duration::from_millis(100), |_| false);
        self.level == Level::Data && self.closed.is_none()
    }

    /// Sends frames; how many bytes that made.
    pub(crate) fn send(&mut self, level: Level, frames: &[u8]) -> usize {
        let datagram = self.seal(level, frames);
        // the peer may be gone, and that is an error on a connected socket
        let _ = self.socket.send(&datagram);
        datagram.len()
    }

    fn seal(&mut self, level: Level, frames: &[u8]) -> Vec<u8> {
        let keys = self.keys[level as usize]
            .as_ref()
            .expect("keys of the level");
        let number = self.next[level as usize];
        self.next[level as usize] += 1;
        self.sent = self.next[Level::Data as usize];
        let mut frames = frames.to_vec();
        let kind = match level {
            Level::Initial => {
                frames.resize(frames.len().max(1150), 0);
                Kind::Initial(&self.token)
            }
            Level::Handshake => Kind::Handshake,
            Level::Data => Kind::Data {
                updated: self.newer.is_none(),
            },
        };
        // too short to be protected otherwise
        frames.resize(frames.len().max(4), 0);
        packets::seal(kind, &keys.local, &self.theirs, &self.own, number, &frames)
    }

    /// Takes what comes for so long, or until `enough`.
    pub(crate) fn listen(&mut self, patience: Duration, enough: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + patience;
        let mut datagram = [0; 2048];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || enough(self) {
                return;
            }
            self.socket.set_read_timeout(Some(left)).unwrap();
            if let Ok(length) = self.socket.recv(&mut datagram) {
                self.take(&datagram[..length]);
            }
        }
    }

    fn take(&mut self, datagram: &[u8]) {
        let mut acknowledge = [false; 3];
        for packet in packets::split(datagram, self.own.len()) {
            let level = match packet.kind() {
                Some(INITIAL) => Level::Initial,
                Some(packets::HANDSHAKE) => Level::Handshake,
                Some(packets::RETRY) => return self.retry(&packet),
                Some(_) => return,
                None => Level::Data,
            };
            let expected = self.largest[level as usize].map_or(0, |number| number + 1);
            let opened = match &mut self.keys[level as usize] {
                Some(keys) if level == Level::Data => {
                    open(keys, &mut self.newer, &packet, expected)
                }
                Some(keys) => packet.open(&keys.remote, expected),
                None => None,
            };
            let Some((number, frames)) = opened else {
                continue;
            };
            if level == Level::Initial {
                self.theirs = packet.source().to_vec();
            }
            let largest = &mut self.largest[level as usize];
            *largest = (*largest).max(Some(number));
            acknowledge[level as usize] = self.frames(level, &frames);
            self.advance();
        }
        for level in [Level::Initial, Level::Handshake, Level::Data] {
            let (Some(largest), true) = (self.largest[level as usize], acknowledge[level as usize])
            else {
                continue;
            };
            // the largest, without delay, and no others
            let frame = [&[2][..], &varint(largest), &[0, 0, 0]].concat();
            self.send(level, &frame);
        }
    }

    /// The peer wants to know whether this address is ours.
    fn retry(&mut self, packet: &Packet<'_>) {
        self.theirs = packet.source().to_vec();
        self.token = packet.token().to_vec();
        self.keys[0] = Some(packets::first_keys(&self.theirs));
    }

    /// Reads what matters; true where something has to be acknowledged.
    fn frames(&mut self, level: Level, frames: &[u8]) -> bool {
        let mut rest = packets::Reader(frames);
        let mut important = false;
        while let Some(frame) = frames::next(&mut rest) {
            let came = match frame {
                Frame::Padding => continue,
                Frame::Ack(largest) => {
                    if level == Level::Data {
                        self.acked = self.acked.max(largest);
                    }
                    continue;
                }
                Frame::Close(code) => {
                    self.closed = Some(code);
                    return false;
                }
                Frame::Crypto(offset, bytes) => {
                    Some((&mut self.heard[level as usize], offset, bytes))
                }
                Frame::Stream(id, offset, bytes) => {
                    Some((self.streams.entry(id).or_default(), offset, bytes))
                }
                Frame::Other => None,
            };
            if let Some((pieces, offset, bytes)) = came {
                let piece = pieces.entry(offset).or_default();
                if piece.len() < bytes.len() {
                    *piece = bytes.to_vec();
                }
            }
            important = true;
        }
        important
    }

    /// All that came on a stream so far, up to the first gap.
    pub(crate) fn heard(&self, stream: u64) -> Vec<u8> {
        let mut heard = Vec::new();
        for (offset, bytes) in self.streams.get(&stream).into_iter().flatten() {
            let known = heard.len() as u64;
            match known.checked_sub(*offset) {
                Some(again) => heard.extend(bytes.iter().skip(again as usize)),
                None => break,
            }
        }
        heard
    }

    /// Lets TLS hear what came, and sends what it says to that.
    fn advance(&mut self) {
        let level = self.level as usize;
        while let Some(bytes) = self.heard[level].remove(&self.read[level]) {
            self.read[level] += bytes.len() as u64;
            self.tls.read_hs(&bytes).expect("the peer's TLS is right");
        }
        loop {
            let (level, mut said) = (self.level, Vec::new());
            match self.tls.write_hs(&mut said) {
                Some(KeyChange::Handshake { keys }) => {
                    self.keys[1] = Some(keys);
                    self.level = Level::Handshake;
                }
                Some(KeyChange::OneRtt { keys, mut next }) => {
                    self.newer = Some(next.next_packet_keys());
                    self.keys[2] = Some(keys);
                    self.level = Level::Data;
                }
                None if said.is_empty() => return,
                None => {}
            }
            if level == Level::Handshake && !said.is_empty() {
                let crypto = packets::crypto(&said);
                self.send(level, &crypto);
            }
            self.said[level as usize].extend(said);
            if self.level != level {
                // some of the next level may have come before its keys
                return self.advance();
            }
        }
    }
}
