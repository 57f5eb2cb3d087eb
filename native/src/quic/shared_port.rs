//! One UDP port for two servers: ours, and one over quinn on another thread, which is WebTransport.
//!
//! The driver reads the socket and hands over what is not for it; both send through it.

use std::{
    fmt,
    io::{self, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use flume::r#async::RecvStream;
use futures_util::StreamExt;
use quinn::{AsyncUdpSocket, UdpPoller};
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use tokio::time::{Sleep, sleep};

use super::marker::{Doorman, OwnIds};

/// The part of a [`Listener`](super::Listener)'s UDP port that belongs to another server: the socket for
/// [`quinn::Endpoint::new_with_abstract_socket`].
///
/// It belongs on a runtime of tokio. It receives for as long as the listener exists; after that the other server fails
/// with [`io::ErrorKind::NotConnected`]. The port is free when both are gone.
pub struct SharedPort {
    socket: UdpSocket,
    state: UdpSocketState,
    parcels: Mutex<RecvStream<'static, Parcel>>,
    /// The last send found no room.
    full: AtomicBool,
}

/// Datagrams for the other server.
struct Parcel {
    meta: RecvMeta,
    bytes: Bytes,
}

/// The driver's side of a shared port.
pub(super) struct Guest {
    doorman: Doorman,
    parcels: flume::Sender<Parcel>,
}

/// Shares the port of `socket` with another server. `own` makes the connection ids of ours.
pub(super) fn share(socket: &UdpSocket, own: OwnIds) -> io::Result<(SharedPort, Guest)> {
    let socket = socket.try_clone()?;
    let (parcels, received) = flume::bounded(PARCELS);
    let port = SharedPort {
        state: UdpSocketState::new((&socket).into())?,
        socket,
        parcels: Mutex::new(received.into_stream()),
        full: AtomicBool::new(false),
    };
    let doorman = Doorman::new(own);
    Ok((port, Guest { doorman, parcels }))
}

#[cfg_attr(
    any(not(target_os = "linux"), feature = "portable-quic"),
    expect(dead_code, reason = "only our own driver can share its port")
)]
impl Guest {
    /// Whether a batch from one peer is none of the guest's.
    pub(super) fn passes_by(&self, batch: &[u8]) -> bool {
        self.doorman.knows(batch)
    }

    /// Gives it a batch, or loses it where the guest is too slow.
    pub(super) fn hand_over(&self, meta: &RecvMeta, batch: &[u8]) {
        if self.parcels.is_full() {
            return;
        }
        let bytes = Bytes::copy_from_slice(batch);
        let _ = self.parcels.try_send(Parcel { meta: *meta, bytes });
    }
}

impl AsyncUdpSocket for SharedPort {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Retry {
            port: self,
            pause: None,
        })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let sent = self.state.send((&self.socket).into(), transmit);
        if sent.is_err() {
            self.full.store(true, Ordering::Relaxed);
        }
        sent
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        slots: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut parcels = self.parcels.lock().unwrap_or_else(PoisonError::into_inner);
        let mut count = 0;
        while count < slots.len().min(meta.len()) {
            match parcels.poll_next_unpin(cx) {
                // Larger than quinn takes, and so nothing that it waits for.
                Poll::Ready(Some(parcel)) if parcel.bytes.len() > slots[count].len() => {}
                Poll::Ready(Some(parcel)) => {
                    slots[count][..parcel.bytes.len()].copy_from_slice(&parcel.bytes);
                    meta[count] = parcel.meta;
                    count += 1;
                }
                Poll::Ready(None) if count == 0 => {
                    return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
                }
                Poll::Pending if count == 0 => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(count))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.state.gro_segments()
    }

    fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }
}

impl fmt::Debug for SharedPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedPort({:?})", self.local_addr())
    }
}

/// Waits for room to send: for a moment. To have the system tell would wake this thread for each packet that the other
/// one sends, and there is hardly ever no room.
#[derive(Debug)]
struct Retry {
    port: Arc<SharedPort>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl UdpPoller for Retry {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.pause.is_some() || this.port.full.swap(false, Ordering::Relaxed) {
            let pause = this.pause.get_or_insert_with(|| Box::pin(sleep(PAUSE)));
            ready!(pause.as_mut().poll(cx));
            this.pause = None;
        }
        Poll::Ready(Ok(()))
    }
}

/// Batches that wait for the other server: at most 8 MiB.
const PARCELS: usize = 128;
/// Until a full socket is tried again.
const PAUSE: Duration = Duration::from_millis(1);
