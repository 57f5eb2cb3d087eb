//! The UDP socket: batches in, batches out, and when it is ready for more.

use std::{
    collections::VecDeque,
    io::{self, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    task::{Context, Poll},
};

use bytes::BytesMut;
use compio::{buf::IntoInner, runtime::fd::PollFd};
use quinn_proto::{EcnCodepoint, Transmit};
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};

/// A UDP socket that never blocks.
pub(super) struct Socket {
    fd: PollFd<UdpSocket>,
    state: UdpSocketState,
    local: SocketAddr,
}

/// What became of something that was to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It left, or is lost as any packet may be.
    Gone,
    /// The socket has no room for it now.
    Blocked,
}

impl Socket {
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        Ok(Self {
            local: socket.local_addr()?,
            state: UdpSocketState::new((&socket).into())?,
            fd: PollFd::new(socket)?,
        })
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether the system keeps a packet whole or drops it, so that its size can be tried out.
    pub(super) fn keeps_whole(&self) -> bool {
        !self.state.may_fragment()
    }

    /// How many packets of `size` bytes go into one send.
    pub(super) fn batch(&self, size: u16) -> usize {
        (MAX_SEND / usize::from(size.max(1)))
            .min(self.state.max_gso_segments())
            .max(1)
    }

    /// Sends what `transmit` describes. Errors are losses, which QUIC repairs: of a packet too large for the route, by
    /// a firewall, by a network that went away.
    pub(super) fn send(&self, transmit: &Transmit, contents: &[u8]) -> Sent {
        let datagrams = |contents, segment_size| quinn_udp::Transmit {
            destination: transmit.destination,
            ecn: transmit
                .ecn
                .and_then(|ecn| quinn_udp::EcnCodepoint::from_bits(ecn as u8)),
            contents,
            segment_size,
            src_ip: transmit.src_ip,
        };
        let batched = self.state.max_gso_segments() > 1;
        let sent = self.state.try_send(
            (&self.fd).into(),
            &datagrams(contents, transmit.segment_size),
        );
        match (sent, transmit.segment_size) {
            (Ok(()), _) => Sent::Gone,
            (Err(error), _) if error.kind() == io::ErrorKind::WouldBlock => Sent::Blocked,
            // This was the send that showed that the interface takes no batches.
            (Err(_), Some(size)) if batched && self.state.max_gso_segments() == 1 => {
                for datagram in contents.chunks(size) {
                    let _ = self
                        .state
                        .try_send((&self.fd).into(), &datagrams(datagram, None));
                }
                Sent::Gone
            }
            (Err(_), _) => Sent::Gone,
        }
    }

    /// Resolves when there may be something to receive.
    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.fd.poll_read_ready(cx).map(drop)
    }

    /// Resolves when there may be room to send.
    pub(super) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.fd.poll_write_ready(cx).map(drop)
    }

    /// Gives the port back.
    pub(super) async fn close(self) {
        drop(self.fd.into_inner().take().await);
    }
}

/// Where packets are received.
pub(super) struct Inbox {
    /// Memory for one call; each slot has [`SLOT`] bytes.
    memory: [BytesMut; BATCH_SIZE],
    /// Ends of slots that were handed out, to be used again when nobody holds the rest.
    lent: VecDeque<BytesMut>,
    meta: [RecvMeta; BATCH_SIZE],
    slots: usize,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self {
            memory: std::array::from_fn(|_| BytesMut::zeroed(SLOT)),
            lent: VecDeque::new(),
            meta: [RecvMeta::default(); BATCH_SIZE],
            slots: FEW,
        }
    }

    /// Takes waiting packets from the socket in one call; false when there was less to take than there was room for.
    pub(super) fn fill(&mut self, socket: &Socket) -> io::Result<(usize, bool)> {
        let mut slots = self.memory.each_mut().map(|slot| IoSliceMut::new(slot));
        let room = self.slots;
        let count = socket
            .state
            .recv((&socket.fd).into(), &mut slots[..room], &mut self.meta)?;
        // Batches of 64 KiB go through the caches a few at a time; single packets are worth a call only in numbers.
        let bytes: usize = self.meta[..count].iter().map(|meta| meta.len).sum();
        self.slots = match bytes < count * SMALL {
            true => BATCH_SIZE,
            false => FEW,
        };
        Ok((count, count == room))
    }

    /// What the last call took to one of its slots: datagrams from one peer, of one size but for the last.
    pub(super) fn batch(&self, slot: usize) -> (RecvMeta, &[u8]) {
        let meta = self.meta[slot];
        (meta, &self.memory[slot][..meta.len])
    }

    /// Takes a batch apart. What comes in full batches is handed out where it lies; the memory comes back with its last
    /// datagram.
    pub(super) fn split(&mut self, slot: usize, take: impl FnMut(BytesMut)) {
        let RecvMeta { len, stride, .. } = self.meta[slot];
        if len < SLOT / 2 || stride < SHARED {
            return split(&self.memory[slot][..len], stride, take);
        }
        let fresh = self.fresh();
        let mut end = std::mem::replace(&mut self.memory[slot], fresh);
        let batch = end.split_to(len);
        self.lent.push_back(end);
        cut(batch, stride, take);
    }

    fn fresh(&mut self) -> BytesMut {
        // The oldest first: they are the first to come back.
        if let Some(mut memory) = self.lent.pop_front() {
            memory.clear();
            if memory.try_reclaim(SLOT) {
                memory.resize(SLOT, 0);
                return memory;
            }
            if self.lent.len() < LENT {
                self.lent.push_front(memory);
            }
        }
        BytesMut::zeroed(SLOT)
    }
}

/// Takes a batch apart that others are received over.
fn split(batch: &[u8], stride: usize, mut take: impl FnMut(BytesMut)) {
    if stride < SHARED {
        for datagram in batch.chunks(stride.max(1)) {
            take(datagram.into());
        }
        return;
    }
    cut(batch.into(), stride, take);
}

/// Cuts a batch into its datagrams.
fn cut(mut batch: BytesMut, stride: usize, mut take: impl FnMut(BytesMut)) {
    while !batch.is_empty() {
        take(batch.split_to(stride.min(batch.len())));
    }
}

/// The marks of a router, as both crates have them.
pub(super) fn mark(ecn: quinn_udp::EcnCodepoint) -> Option<EcnCodepoint> {
    EcnCodepoint::from_bits(ecn as u8)
}

/// The most that one send takes: UDP payload in an IPv4 packet of 64 KiB.
const MAX_SEND: usize = 65_507;
/// Room for one batch of the system's, and a little so that not all slots fall on the same lines of the caches.
const SLOT: usize = (64 << 10) + 1536;
/// Slots in a call while packets come in batches.
const FEW: usize = 4;
/// Most slots that are waited for; those beyond are given back to the system.
const LENT: usize = 64;
/// Below this many bytes a slot, batches are no batches.
const SMALL: usize = 8 << 10;
/// Datagrams of this size on share the memory of their batch. Smaller ones do not: a peer could make them hold more
/// memory than they count for.
const SHARED: usize = 1024;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn datagrams(batch: &[u8], stride: usize) -> Vec<BytesMut> {
        let mut datagrams = Vec::new();
        split(batch, stride, |datagram| datagrams.push(datagram));
        datagrams
    }

    #[test]
    fn a_batch_falls_into_its_datagrams() {
        for (length, stride) in [
            (0, 0),
            (1, 1),
            (100, 40),
            (1200, 1200),
            (5000, 1452),
            (65_535, 1023),
        ] {
            let batch: Vec<u8> = (0..length).map(|at: usize| at as u8).collect();
            let datagrams = datagrams(&batch, stride);
            assert_eq!(datagrams.concat(), batch);
            assert_eq!(datagrams.len(), length.div_ceil(stride.max(1)));
            assert!(datagrams.iter().all(|datagram| datagram.len() <= stride));
        }
    }

    #[test]
    fn small_datagrams_hold_no_memory_but_their_own() {
        let datagrams = datagrams(&[7; 60_000], 100);
        assert!(datagrams.iter().all(|datagram| datagram.capacity() < 200));
    }

    #[test]
    fn a_full_batch_is_not_copied_and_its_memory_comes_back() {
        let mut inbox = Inbox::new();
        let mut receive = |content: u8| {
            inbox.meta[0].len = 50_000;
            inbox.meta[0].stride = 1400;
            inbox.memory[0][..50_000].fill(content);
            let place = inbox.memory[0].as_ptr();
            let mut datagrams = Vec::new();
            inbox.split(0, |datagram| datagrams.push(datagram));
            assert_eq!(datagrams.concat(), vec![content; 50_000]);
            assert_eq!(datagrams[0].as_ptr(), place);
            assert_eq!(inbox.memory[0].len(), SLOT);
            (datagrams, place)
        };
        let (first, place) = receive(1);
        let (second, other) = receive(2);
        assert_ne!(place, other, "somebody holds the first");
        drop(first);
        receive(3);
        let (_, again) = receive(4);
        assert_eq!(again, place);
        assert_eq!(second.concat(), vec![2; 50_000]);
        assert!(inbox.lent.len() <= 4);
    }

    #[compio::test]
    async fn no_batch_is_larger_than_one_send_takes() {
        let socket = Socket::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).unwrap();
        for size in [1, 576, 1200, 1452, 9000, 65_507, u16::MAX] {
            let batch = socket.batch(size);
            assert!(
                batch == 1 || batch * usize::from(size) <= MAX_SEND,
                "{batch} of {size}"
            );
        }
        assert_eq!(socket.batch(65_000), 1);
    }

    #[compio::test]
    async fn what_was_sent_in_a_batch_is_received_in_order() {
        let bind = || Socket::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).unwrap();
        let (from, to) = (bind(), bind());
        let contents: Vec<u8> = (0..6000u32).map(|at| (at / 7) as u8).collect();
        let transmit = Transmit {
            destination: to.local(),
            ecn: Some(EcnCodepoint::Ect0),
            size: contents.len(),
            segment_size: Some(1400),
            src_ip: None,
        };
        assert_eq!(from.send(&transmit, &contents), Sent::Gone);
        std::future::poll_fn(|cx| to.poll_readable(cx)).await;
        let (mut inbox, mut received) = (Inbox::new(), Vec::new());
        let (count, more) = inbox.fill(&to).unwrap();
        for slot in 0..count {
            let (meta, batch) = inbox.batch(slot);
            assert_eq!(meta.addr, from.local());
            assert_eq!(meta.dst_ip, Some(Ipv4Addr::LOCALHOST.into()));
            assert_eq!(meta.ecn.and_then(mark), Some(EcnCodepoint::Ect0));
            received.extend_from_slice(batch);
        }
        assert!(received == contents);
        assert!(more || inbox.fill(&to).is_err());
        to.close().await;
    }
}
