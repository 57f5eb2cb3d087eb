//! A bad link: a relay of UDP packets that loses, repeats, spoils, delays and reorders them, or lets nothing through.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    net::{SocketAddr, UdpSocket},
    os::fd::AsFd as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::Space;

/// What happens to packets, in either direction; each share is of 1.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Are lost.
    pub loss: f64,
    /// Come twice.
    pub repeat: f64,
    /// Have one byte changed.
    pub spoil: f64,
    /// Are overtaken by those of the next 10 ms.
    pub reorder: f64,
    /// Take up to so much longer, each at random.
    pub jitter: Duration,
}

/// A relay on its way; it ends when this is dropped.
#[derive(Debug)]
pub struct Relay {
    dark: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Relays on `space` to the port of a hayate that listens there; says at which address.
    pub fn before(space: &Space, faults: Faults) -> (Self, String) {
        let at = |port: u16| SocketAddr::from((space.v4(), port));
        let relay = Self::start(space, at(50010), at(50001), faults, 7);
        (relay, at(50010).to_string())
    }

    /// Relays on `space` between whoever sends to `at` and `target`. The same `seed` means the same faults.
    pub fn start(
        space: &Space,
        at: SocketAddr,
        target: SocketAddr,
        faults: Faults,
        seed: u64,
    ) -> Self {
        let (dark, over) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (ready, listening) = std::sync::mpsc::channel();
        let (dim, end) = (Arc::clone(&dark), Arc::clone(&over));
        let thread = space.thread(move || {
            let listener = UdpSocket::bind(at).unwrap();
            listener.set_nonblocking(true).unwrap();
            ready.send(()).unwrap();
            let mut link = Link {
                listener,
                target,
                faults,
                random: Random(seed.wrapping_mul(2).wrapping_add(1)),
                ends: Vec::new(),
                known: HashMap::new(),
                waiting: BinaryHeap::new(),
                sent: 0,
            };
            while !end.load(Ordering::Relaxed) {
                link.step(dim.load(Ordering::Relaxed));
            }
        });
        listening.recv().unwrap();
        Self {
            dark,
            over,
            thread: Some(thread),
        }
    }

    /// Lets nothing through, or everything again.
    pub fn black_out(&self, dark: bool) {
        self.dark.store(dark, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Which way a packet goes: to the target for this client, or to this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    There(usize),
    Back(usize),
}

/// A packet that is due at a time; the number keeps the order of those that are due at once.
type Due = Reverse<(Instant, u64, Way, Vec<u8>)>;

struct Link {
    listener: UdpSocket,
    target: SocketAddr,
    faults: Faults,
    random: Random,
    /// Each client, with the socket that stands for it before the target.
    ends: Vec<(SocketAddr, UdpSocket)>,
    known: HashMap<SocketAddr, usize>,
    waiting: BinaryHeap<Due>,
    sent: u64,
}

impl Link {
    /// Waits for what comes or is due, and moves it.
    fn step(&mut self, dark: bool) {
        let patience = Duration::from_millis(20);
        let wait = self.waiting.peek().map_or(patience, |Reverse((due, ..))| {
            due.saturating_duration_since(Instant::now()).min(patience)
        });
        let listener = self.listener.as_fd();
        let sockets = self.ends.iter().map(|(_, socket)| socket.as_fd());
        let mut sockets: Vec<_> = std::iter::once(listener)
            .chain(sockets)
            .map(|socket| PollFd::from_borrowed_fd(socket, PollFlags::IN))
            .collect();
        let _ = poll(&mut sockets, Some(&Timespec::try_from(wait).unwrap()));
        drop(sockets);
        let mut packet = [0; 2048];
        while let Ok((length, client)) = self.listener.recv_from(&mut packet) {
            let end = self.end(client);
            self.take(Way::There(end), &packet[..length], dark);
        }
        for end in 0..self.ends.len() {
            // The target may not be there yet, or not any more: that is an error on a connected socket.
            while let Ok(length) = self.ends[end].1.recv(&mut packet) {
                self.take(Way::Back(end), &packet[..length], dark);
            }
        }
        while let Some(Reverse((due, ..))) = self.waiting.peek()
            && *due <= Instant::now()
            && let Some(Reverse((_, _, way, packet))) = self.waiting.pop()
        {
            let _ = match way {
                Way::There(end) => self.ends[end].1.send(&packet),
                Way::Back(end) => self.listener.send_to(&packet, self.ends[end].0),
            };
        }
    }

    fn end(&mut self, client: SocketAddr) -> usize {
        *self.known.entry(client).or_insert_with(|| {
            let socket = UdpSocket::bind((self.target.ip(), 0)).unwrap();
            socket.connect(self.target).unwrap();
            socket.set_nonblocking(true).unwrap();
            self.ends.push((client, socket));
            self.ends.len() - 1
        })
    }

    fn take(&mut self, way: Way, packet: &[u8], dark: bool) {
        if dark || self.random.happens(self.faults.loss) {
            return;
        }
        let mut packet = packet.to_vec();
        if self.random.happens(self.faults.spoil) {
            let at = self.random.next() as usize % packet.len().max(1);
            if let Some(byte) = packet.get_mut(at) {
                *byte ^= 1 << (self.random.next() % 8);
            }
        }
        let copies = 1 + usize::from(self.random.happens(self.faults.repeat));
        for _ in 0..copies {
            let mut late = self.faults.jitter.mul_f64(self.random.share());
            if self.random.happens(self.faults.reorder) {
                late += Duration::from_millis(10);
            }
            self.sent += 1;
            let due = (Instant::now() + late, self.sent, way, packet.clone());
            self.waiting.push(Reverse(due));
        }
    }
}

/// Xorshift (Marsaglia, 2003).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 up to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn happens(&mut self, share: f64) -> bool {
        share > 0.0 && self.share() < share
    }
}
