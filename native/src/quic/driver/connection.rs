//! A connection, as the application and the endpoint's task see it.

use std::{
    cell::{Cell, RefCell},
    fmt,
    future::poll_fn,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::Bytes;
use quinn_proto::{
    ConnectionError, ConnectionHandle, ConnectionStats, Dir, Event, StreamEvent, StreamId, VarInt,
    crypto::ExportKeyingMaterialError,
};
use rustls::pki_types::CertificateDer;

use super::{
    endpoint::Shared,
    stream::{RecvStream, SendStream},
};

/// One connection: its state, and who waits for what.
pub(super) struct Inner {
    handle: ConnectionHandle,
    shared: Rc<Shared>,
    state: RefCell<State>,
    /// On the list of connections that the task has to look at.
    due: Cell<bool>,
    /// When the task has to look at it in any case.
    deadline: Cell<Option<Instant>>,
}

/// What the application and the task both touch.
pub(super) struct State {
    pub(super) proto: quinn_proto::Connection,
    pub(super) error: Option<ConnectionError>,
    connected: bool,
    waiting: Vec<(Awaited, Waker)>,
}

/// What a task of the application can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    Connected,
    Closed,
    /// A stream that the peer opens.
    Opened(Dir),
    /// Permission to open a stream.
    Available(Dir),
    Readable(StreamId),
    Writable(StreamId),
    /// A stream of this side has arrived, or the peer wants no more of it.
    Finished(StreamId),
}

impl State {
    /// Has the task of `cx` woken when `what` comes about, or the connection ends.
    pub(super) fn wait(&mut self, what: Awaited, cx: &Context<'_>) {
        let waker = cx.waker();
        // Half a stream belongs to one task at a time: the latest one that asked.
        let alone = matches!(
            what,
            Awaited::Readable(_) | Awaited::Writable(_) | Awaited::Finished(_)
        );
        let known = |(awaited, other): &&mut (Awaited, Waker)| {
            *awaited == what && (alone || other.will_wake(waker))
        };
        match self.waiting.iter_mut().find(known) {
            Some((_, known)) => known.clone_from(waker),
            None => self.waiting.push((what, waker.clone())),
        }
    }

    fn ready(&mut self, what: Awaited, wake: &mut Vec<Waker>) {
        let met = self.waiting.extract_if(.., |(awaited, _)| *awaited == what);
        wake.extend(met.map(|(_, waker)| waker));
    }

    /// Ends it for the application.
    fn end(&mut self, error: ConnectionError, wake: &mut Vec<Waker>) {
        self.error.get_or_insert(error);
        wake.extend(self.waiting.drain(..).map(|(_, waker)| waker));
    }

    /// Takes from the protocol what concerns the application.
    pub(super) fn hear(&mut self, wake: &mut Vec<Waker>) {
        while let Some(event) = self.proto.poll() {
            match event {
                Event::Connected => {
                    self.connected = true;
                    self.ready(Awaited::Connected, wake);
                }
                Event::ConnectionLost { reason } => self.end(reason, wake),
                Event::Stream(StreamEvent::Opened { dir }) => {
                    self.ready(Awaited::Opened(dir), wake);
                }
                Event::Stream(StreamEvent::Available { dir }) => {
                    self.ready(Awaited::Available(dir), wake);
                }
                Event::Stream(StreamEvent::Readable { id }) => {
                    self.ready(Awaited::Readable(id), wake);
                }
                Event::Stream(StreamEvent::Writable { id }) => {
                    self.ready(Awaited::Writable(id), wake);
                }
                Event::Stream(StreamEvent::Finished { id }) => {
                    self.ready(Awaited::Finished(id), wake);
                }
                Event::Stream(StreamEvent::Stopped { id, .. }) => {
                    self.ready(Awaited::Finished(id), wake);
                    self.ready(Awaited::Writable(id), wake);
                }
                Event::HandshakeDataReady | Event::DatagramReceived | Event::DatagramsUnblocked => {
                }
            }
        }
    }
}

impl Inner {
    pub(super) fn new(
        handle: ConnectionHandle,
        proto: quinn_proto::Connection,
        shared: Rc<Shared>,
    ) -> Rc<Self> {
        let state = State {
            proto,
            error: None,
            connected: false,
            waiting: Vec::new(),
        };
        Rc::new(Self {
            handle,
            shared,
            state: RefCell::new(state),
            due: Cell::new(false),
            deadline: Cell::new(None),
        })
    }

    pub(super) fn handle(&self) -> ConnectionHandle {
        self.handle
    }

    pub(super) fn due(&self) -> &Cell<bool> {
        &self.due
    }

    pub(super) fn deadline(&self) -> &Cell<Option<Instant>> {
        &self.deadline
    }

    /// Looks at the state, or changes it.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.borrow_mut())
    }

    /// Has the task look at this connection, as there may be something to send.
    pub(super) fn touch(self: &Rc<Self>) {
        if !self.due.replace(true) {
            self.shared.due(self);
        }
    }

    /// Closes with `code`; what has not arrived is lost.
    pub(super) fn close(self: &Rc<Self>, code: VarInt) {
        let mut wake = Vec::new();
        self.with(|state| {
            state.proto.close(Instant::now(), code, Bytes::new());
            state.end(ConnectionError::LocallyClosed, &mut wake);
        });
        wake.into_iter().for_each(Waker::wake);
        self.touch();
    }

    /// Whether the peer has closed it, and needs no answer: its port can be given back (RFC 9000, 10.2).
    pub(super) fn is_over(&self) -> bool {
        self.with(|state| {
            matches!(
                state.error,
                Some(ConnectionError::ApplicationClosed(_) | ConnectionError::ConnectionClosed(_))
            )
        })
    }

    /// Ends it for the application, when there is no task any more that could say so to the peer.
    pub(super) fn abandon(&self) {
        let mut wake = Vec::new();
        self.with(|state| state.end(ConnectionError::LocallyClosed, &mut wake));
        wake.into_iter().for_each(Waker::wake);
    }
}

/// What all parts of a connection hold: with the last of them it closes, with code 0.
pub(super) struct Hold(Rc<Inner>);

impl Hold {
    pub(super) fn inner(&self) -> &Rc<Inner> {
        &self.0
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.0.with(|state| state.error.is_none()) {
            self.0.close(VarInt::from_u32(0));
        }
    }
}

/// A handshake under way.
pub(in crate::quic) struct Connecting(Option<Rc<Hold>>);

impl Connecting {
    pub(super) fn new(inner: Rc<Inner>) -> Self {
        Self(Some(Rc::new(Hold(inner))))
    }
}

impl Future for Connecting {
    type Output = Result<Connection, ConnectionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let hold = self.0.as_ref().expect("not polled again once it is ready");
        let result = hold.inner().with(|state| match &state.error {
            Some(error) => Some(Err(error.clone())),
            None if state.connected => Some(Ok(())),
            None => {
                state.wait(Awaited::Connected, cx);
                None
            }
        });
        match result {
            Some(result) => {
                let hold = self.0.take().expect("it was there a moment ago");
                Poll::Ready(result.map(|()| Connection(hold)))
            }
            None => Poll::Pending,
        }
    }
}

/// A connection whose handshake is complete.
#[derive(Clone)]
pub(in crate::quic) struct Connection(Rc<Hold>);

impl Connection {
    /// The next bidirectional stream that the peer opens.
    pub(in crate::quic) async fn accept_bi(
        &self,
    ) -> Result<(SendStream, RecvStream), ConnectionError> {
        let id = self
            .stream(Awaited::Opened(Dir::Bi), |proto| {
                proto.streams().accept(Dir::Bi)
            })
            .await?;
        Ok(self.halves(id))
    }

    /// Opens a bidirectional stream as soon as the peer allows one.
    pub(in crate::quic) async fn open_bi_wait(
        &self,
    ) -> Result<(SendStream, RecvStream), ConnectionError> {
        let id = self
            .stream(Awaited::Available(Dir::Bi), |proto| {
                proto.streams().open(Dir::Bi)
            })
            .await?;
        Ok(self.halves(id))
    }

    async fn stream(
        &self,
        awaited: Awaited,
        mut take: impl FnMut(&mut quinn_proto::Connection) -> Option<StreamId>,
    ) -> Result<StreamId, ConnectionError> {
        let inner = self.0.inner();
        let id = poll_fn(|cx| {
            inner.with(|state| match (&state.error, take(&mut state.proto)) {
                (Some(error), _) => Poll::Ready(Err(error.clone())),
                (None, Some(id)) => Poll::Ready(Ok(id)),
                (None, None) => {
                    state.wait(awaited, cx);
                    Poll::Pending
                }
            })
        })
        .await?;
        // The peer may open one more for each that was accepted.
        inner.touch();
        Ok(id)
    }

    fn halves(&self, id: StreamId) -> (SendStream, RecvStream) {
        (
            SendStream::new(Rc::clone(&self.0), id),
            RecvStream::new(Rc::clone(&self.0), id),
        )
    }

    /// Why it ended, if it did.
    pub(in crate::quic) fn close_reason(&self) -> Option<ConnectionError> {
        self.0.inner().with(|state| state.error.clone())
    }

    /// Ends it at once.
    pub(in crate::quic) fn close(&self, code: VarInt, _reason: &[u8]) {
        self.0.inner().close(code);
    }

    pub(in crate::quic) fn remote_address(&self) -> SocketAddr {
        self.0.inner().with(|state| state.proto.remote_address())
    }

    /// The certificates that the peer showed.
    pub(in crate::quic) fn peer_identity(&self) -> Option<Vec<CertificateDer<'static>>> {
        let identity = self
            .0
            .inner()
            .with(|state| state.proto.crypto_session().peer_identity());
        identity?.downcast().ok().map(|chain| *chain)
    }

    /// Fills `output` from the secrets of TLS (RFC 8446, 7.5).
    pub(in crate::quic) fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        self.0.inner().with(|state| {
            let session = state.proto.crypto_session();
            session.export_keying_material(output, label, context)
        })
    }

    /// How much the peer may send ahead of what was read, over all streams.
    pub(in crate::quic) fn set_receive_window(&self, window: VarInt) {
        let inner = self.0.inner();
        inner.with(|state| state.proto.set_receive_window(window));
        inner.touch();
    }

    pub(in crate::quic) fn stats(&self) -> ConnectionStats {
        self.0.inner().with(|state| state.proto.stats())
    }
}

/// Waits for the end of a connection, and says what it was. Dropping the future changes nothing.
pub(in crate::quic) async fn ended(connection: &Connection) -> ConnectionError {
    poll_fn(|cx| {
        connection.0.inner().with(|state| match &state.error {
            Some(error) => Poll::Ready(error.clone()),
            None => {
                state.wait(Awaited::Closed, cx);
                Poll::Pending
            }
        })
    })
    .await
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({:?})", self.0.inner().handle)
    }
}
