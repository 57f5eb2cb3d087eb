//! A browser's wire: on the session's side a [`Wire`], on the network's side a [`Far`], and bounded channels between the
//! two threads.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use shared::Binding;

use crate::{
    places::Place,
    wire::{Carrier, Wire, WireCloser, WireError, WireReader, WireWriter},
};

/// A wire to a browser.
#[derive(Debug)]
pub(crate) struct WebWire {
    peer: SocketAddr,
    carrier: Carrier,
    certificate: [u8; 32],
    reader: WebReader,
    writer: WebWriter,
    closer: WebCloser,
}

/// The network's side of a [`WebWire`]. Dropping all of it is the end of the wire.
#[derive(Debug)]
pub(super) struct Far {
    /// What the browser sent. Dropped, it is the end of the browser's half.
    pub(super) incoming: flume::Sender<Bytes>,
    /// What the browser shall get; disconnected when nothing follows.
    pub(super) outgoing: flume::Receiver<Outgoing>,
    /// What else the session wants; disconnected when it let go of the wire, which is then closed with code 0.
    pub(super) orders: flume::Receiver<Order>,
    pub(super) fate: Fate,
}

/// What goes to the browser.
#[derive(Debug)]
pub(super) enum Outgoing {
    Bytes(Bytes),
    /// Nothing follows; answered when the browser has everything.
    Finish(flume::Sender<()>),
}

/// What a session wants of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The peer knows the code.
    Authenticated,
    /// End the wire now.
    Close(u32),
}

/// How a wire ended, told by the network's side. The wire is over when this is dropped.
#[derive(Debug)]
pub(super) struct Fate {
    ending: Arc<Ending>,
    _over: flume::Sender<Infallible>,
}

#[derive(Debug, Default)]
struct Ending {
    finished: AtomicBool,
    reason: OnceLock<WireError>,
}

impl Fate {
    /// The browser's half came to its proper end.
    pub(super) fn finished(&self) {
        self.ending.finished.store(true, Ordering::Release);
    }

    /// Why the wire is over; the first reason counts.
    pub(super) fn over(&self, reason: WireError) {
        let _ = self.ending.reason.set(reason);
    }
}

/// A wire and its far side.
pub(super) fn wire(
    peer: SocketAddr,
    carrier: Carrier,
    certificate: [u8; 32],
    place: Place,
) -> (WebWire, Far) {
    let (incoming, from_browser) = flume::bounded(QUEUE);
    let (to_browser, outgoing) = flume::bounded(QUEUE);
    let (order, orders) = flume::unbounded();
    let (over, end) = flume::bounded(0);
    let ending = Arc::<Ending>::default();
    let near = Near {
        ending: Arc::clone(&ending),
        order,
    };
    let wire = WebWire {
        peer,
        carrier,
        certificate,
        reader: WebReader {
            incoming: from_browser,
            near: near.clone(),
        },
        writer: WebWriter {
            outgoing: to_browser,
            near: near.clone(),
        },
        closer: WebCloser {
            place: Some(place),
            end,
            near,
        },
    };
    let fate = Fate {
        ending,
        _over: over,
    };
    let far = Far {
        incoming,
        outgoing,
        orders,
        fate,
    };
    (wire, far)
}

impl Wire for WebWire {
    type Reader = WebReader;
    type Writer = WebWriter;
    type Closer = WebCloser;

    fn peer(&self) -> SocketAddr {
        self.peer
    }

    fn binding(&self) -> Binding {
        Binding {
            certificate: self.certificate,
            exporter: None,
        }
    }

    fn carrier(&self) -> Carrier {
        self.carrier
    }

    fn split(self) -> (WebReader, WebWriter, WebCloser) {
        (self.reader, self.writer, self.closer)
    }
}

/// What every part of a wire holds: when the last one is dropped, the wire is closed.
#[derive(Debug, Clone)]
struct Near {
    ending: Arc<Ending>,
    order: flume::Sender<Order>,
}

impl Near {
    fn reason(&self) -> WireError {
        let reason = self.ending.reason.get().cloned();
        reason.unwrap_or_else(|| WireError::Lost("the browser has gone".into()))
    }
}

/// The reading half of a [`WebWire`].
#[derive(Debug)]
pub(crate) struct WebReader {
    incoming: flume::Receiver<Bytes>,
    near: Near,
}

impl WireReader for WebReader {
    async fn read(&mut self) -> Result<Option<Vec<Bytes>>, WireError> {
        match self.incoming.recv_async().await {
            Ok(first) => {
                let mut pieces = vec![first];
                pieces.extend(self.incoming.try_iter().take(QUEUE));
                Ok(Some(pieces))
            }
            Err(_) if self.near.ending.finished.load(Ordering::Acquire) => Ok(None),
            Err(_) => Err(self.near.reason()),
        }
    }
}

/// The writing half of a [`WebWire`].
#[derive(Debug)]
pub(crate) struct WebWriter {
    outgoing: flume::Sender<Outgoing>,
    near: Near,
}

impl WebWriter {
    async fn send(&self, outgoing: Outgoing) -> Result<(), WireError> {
        let sent = self.outgoing.send_async(outgoing).await;
        sent.map_err(|_| self.near.reason())
    }
}

impl WireWriter for WebWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), WireError> {
        self.send(Outgoing::Bytes(bytes)).await
    }

    async fn finish(&mut self) -> Result<(), WireError> {
        let (arrived, arrival) = flume::bounded(1);
        self.send(Outgoing::Finish(arrived)).await?;
        arrival.recv_async().await.map_err(|_| self.near.reason())
    }
}

/// The end of a [`WebWire`].
#[derive(Debug)]
pub(crate) struct WebCloser {
    place: Option<Place>,
    end: flume::Receiver<Infallible>,
    near: Near,
}

impl WireCloser for WebCloser {
    fn authenticated(&mut self) {
        self.place = None;
        let _ = self.near.order.send(Order::Authenticated);
    }

    fn sent(&self) -> Option<u64> {
        None
    }

    async fn close(self, code: u32) {
        let _ = self.near.order.send(Order::Close(code));
    }

    async fn closed(&mut self) -> WireError {
        // Nothing is ever sent here: it is an error when the wire is over.
        let _ = self.end.recv_async().await;
        self.near.reason()
    }
}

/// Pieces that wait between the threads, in each direction; on the way to the browser each may be a whole block.
const QUEUE: usize = 8;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::places::Places;

    fn pair() -> (WebWire, Far) {
        let peer = SocketAddr::from(([192, 0, 2, 1], 9));
        let place = Places::for_strangers().take(peer.ip()).unwrap();
        wire(peer, Carrier::Fetch, [7; 32], place)
    }

    #[test]
    fn a_half_that_is_finished_is_read_to_its_end() {
        let (wire, far) = pair();
        let (mut reader, _writer, _closer) = wire.split();
        far.incoming.send(Bytes::from_static(b"a")).unwrap();
        far.incoming.send(Bytes::from_static(b"b")).unwrap();
        far.fate.finished();
        drop(far);
        let pieces = reader.read().now_or_never().unwrap().unwrap().unwrap();
        assert_eq!(pieces, ["a", "b"]);
        assert_eq!(reader.read().now_or_never().unwrap(), Ok(None));
    }

    #[test]
    fn what_ended_the_wire_is_told_by_every_part() {
        let (wire, far) = pair();
        let (mut reader, mut writer, mut closer) = wire.split();
        assert!(closer.closed().now_or_never().is_none());
        far.fate.over(WireError::Closed(9));
        far.fate.over(WireError::Silent);
        drop(far);
        let end = WireError::Closed(9);
        assert_eq!(closer.closed().now_or_never(), Some(end.clone()));
        assert_eq!(reader.read().now_or_never(), Some(Err(end.clone())));
        let written = writer.write(Bytes::from_static(b"x")).now_or_never();
        assert_eq!(written, Some(Err(end.clone())));
        assert_eq!(writer.finish().now_or_never(), Some(Err(end)));
    }

    #[test]
    fn writing_waits_for_the_browser() {
        let (wire, far) = pair();
        let (_reader, mut writer, _closer) = wire.split();
        for _ in 0..QUEUE {
            assert!(writer.write(Bytes::new()).now_or_never().is_some());
        }
        assert!(writer.write(Bytes::new()).now_or_never().is_none());
        assert!(matches!(far.outgoing.try_recv(), Ok(Outgoing::Bytes(_))));
        assert!(writer.write(Bytes::new()).now_or_never().is_some());
    }

    #[test]
    fn a_wire_that_is_let_go_asks_to_be_closed() {
        let (wire, far) = pair();
        let (reader, writer, closer) = wire.split();
        drop((reader, writer));
        assert_eq!(far.orders.try_recv(), Err(flume::TryRecvError::Empty));
        drop(closer);
        assert_eq!(
            far.orders.try_recv(),
            Err(flume::TryRecvError::Disconnected)
        );
    }
}
