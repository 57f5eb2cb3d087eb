//! Somebody who listens in: every frame that passes one machine.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SocketFlags, SocketType, eth, recv, socket_with,
        sockopt::{Timeout, set_socket_recv_buffer_size_force, set_socket_timeout},
    },
};

use crate::Space;

/// A running capture.
#[derive(Debug)]
pub struct Capture {
    over: Arc<AtomicBool>,
    listener: JoinHandle<Vec<Vec<u8>>>,
}

impl Capture {
    /// Captures on every interface of `space`; it listens when this returns.
    pub fn start(space: &Space) -> Self {
        let (ready, listening) = std::sync::mpsc::channel();
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let listener = space.thread(move || {
            let socket = socket_with(
                AddressFamily::PACKET,
                SocketType::RAW,
                SocketFlags::CLOEXEC,
                Some(eth::ALL),
            )
            .unwrap();
            set_socket_recv_buffer_size_force(&socket, 64 << 20).unwrap();
            set_socket_timeout(&socket, Timeout::Recv, Some(Duration::from_millis(50))).unwrap();
            ready.send(()).unwrap();
            let (mut frames, mut frame) = (Vec::new(), vec![0; 1 << 18]);
            loop {
                match recv(&socket, &mut frame[..], RecvFlags::empty()) {
                    Ok((length, _)) => frames.push(frame[..length].to_vec()),
                    Err(Errno::AGAIN) if ended.load(Ordering::Relaxed) => return frames,
                    Err(Errno::AGAIN | Errno::INTR | Errno::NETDOWN) => {}
                    Err(error) => panic!("capture: {error}"),
                }
            }
        });
        listening.recv().unwrap();
        Self { over, listener }
    }

    /// Ends it; the frames so far.
    pub fn stop(self) -> Vec<Vec<u8>> {
        self.over.store(true, Ordering::Relaxed);
        self.listener.join().unwrap()
    }
}

/// Whether `bytes` hold `needle`, letters in any case.
pub fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes
        .windows(needle.len())
        .any(|window| window.eq_ignore_ascii_case(needle))
}
