//! Pouring datagrams, from many addresses, and how many of them were taken.

use std::{
    fs::File,
    net::{IpAddr, SocketAddr, UdpSocket},
    os::unix::fs::FileExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use hayate_tests::Space;

/// How many datagrams programs of a machine have read, and how many were lost for they did not.
pub(crate) struct Taken(File);

impl Taken {
    pub(crate) fn on(space: &Space) -> Self {
        // the file belongs to the network of the thread that opens it
        let open = || File::open("/proc/thread-self/net/snmp").unwrap();
        Self(space.thread(open).join().unwrap())
    }

    /// Read so far, and read or lost so far.
    pub(crate) fn count(&self) -> (u64, u64) {
        let mut text = [0; 8192];
        let length = self.0.read_at(&mut text, 0).unwrap();
        let text = String::from_utf8_lossy(&text[..length]);
        let line = text.lines().filter(|line| line.starts_with("Udp:")).nth(1);
        let fields = line.unwrap().split_whitespace().skip(1);
        let fields: Vec<u64> = fields.map(|field| field.parse().unwrap()).collect();
        (fields[0], fields[0] + fields[2])
    }
}

/// Gives a machine so many more addresses, and says which.
pub(crate) fn addresses(space: &Space, count: u8) -> Vec<IpAddr> {
    let last = (100..100 + count).map(|last| IpAddr::from([10, 77, 0, last]));
    last.inspect(|ip| space.ip(&format!("addr add {ip}/24 dev lan")))
        .collect()
}

/// Sockets at each of the addresses, so many in all; made on a thread of their machine.
pub(crate) fn sockets(at: &[IpAddr], count: usize) -> Vec<UdpSocket> {
    let bound = at.iter().cycle().take(count);
    bound.map(|ip| UdpSocket::bind((*ip, 0)).unwrap()).collect()
}

/// A flood that goes on until it is stopped.
pub(crate) struct Flood {
    over: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Flood {
    /// Calls `send` on a machine again and again, with the number of the call, and rests so long after each 64 calls.
    pub(crate) fn start<S: FnMut(u64)>(
        space: &Space,
        rest: Duration,
        prepare: impl FnOnce() -> S + Send + 'static,
    ) -> Self {
        let over = Arc::<AtomicBool>::default();
        let ended = Arc::clone(&over);
        let thread = space.thread(move || {
            let (mut send, mut count) = (prepare(), 0);
            while !ended.load(Ordering::Relaxed) {
                (0..64).for_each(|more| send(count + more));
                count += 64;
                std::thread::sleep(rest);
            }
            count
        });
        Self { over, thread }
    }

    /// Ends it; how often it sent.
    pub(crate) fn stop(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Sends until so many datagrams were read by the programs of `taken`'s machine, and no faster than they do: at most
/// `ahead` of them are on their way. Says how many it took.
pub(crate) fn pour(taken: &Taken, count: u64, ahead: u64, mut send: impl FnMut(u64)) -> u64 {
    let (before, mut last) = taken.count();
    let (mut sent, mut waiting, mut since) = (0, 0, Instant::now());
    loop {
        let (read, all) = taken.count();
        if read - before >= count {
            return sent;
        }
        waiting = u64::saturating_sub(waiting, all - last);
        if all != last {
            (last, since) = (all, Instant::now());
        } else if since.elapsed() > Duration::from_millis(100) {
            // these were lost on the way
            waiting = 0;
        }
        if waiting >= ahead {
            std::thread::sleep(Duration::from_micros(200));
        }
        for _ in 0..(ahead - waiting.min(ahead)).min(256) {
            send(sent);
            (sent, waiting) = (sent + 1, waiting + 1);
        }
    }
}

/// Sends to `at`; a queue that is full is no matter.
pub(crate) fn send(socket: &UdpSocket, at: SocketAddr, bytes: &[u8]) {
    let _ = socket.send_to(bytes, at);
}
