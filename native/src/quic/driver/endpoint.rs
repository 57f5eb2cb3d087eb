//! What connections of one socket share, and how they come about.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    fmt,
    future::poll_fn,
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    rc::Rc,
    sync::Arc,
    task::{Poll, Waker},
    time::Instant,
};

use quinn_proto::{
    ClientConfig, ConnectError, ConnectionError, ConnectionHandle, EndpointConfig, RetryError,
    ServerConfig, Transmit, VarInt,
};

use super::{
    connection::{Connecting, Inner},
    socket::Socket,
    task::Task,
};
use crate::quic::shared_port::Guest;

/// A UDP socket that speaks QUIC. With the last of its clones it ends as soon as its connections have.
#[derive(Clone)]
pub(in crate::quic) struct Endpoint(Rc<Hold>);

/// What the application, the connections and the task hold together.
pub(super) struct Shared {
    pub(super) state: RefCell<State>,
    /// Connections that the task has to look at.
    due: RefCell<Vec<Rc<Inner>>>,
    /// Wakes the task.
    task: RefCell<Option<Waker>>,
    local: SocketAddr,
}

pub(super) struct State {
    pub(super) proto: quinn_proto::Endpoint,
    pub(super) connections: BTreeMap<usize, Rc<Inner>>,
    pub(super) incoming: VecDeque<quinn_proto::Incoming>,
    /// Tasks of the application that wait for a newcomer.
    pub(super) hosts: Vec<Waker>,
    /// What is to be said to peers without a connection.
    pub(super) answers: VecDeque<(Transmit, Vec<u8>)>,
    /// Nobody is let in any more.
    pub(super) closed: bool,
    /// Nobody needs the endpoint any more, once its connections are gone.
    pub(super) released: bool,
}

impl Shared {
    /// Has the task look at `connection`.
    pub(super) fn due(&self, connection: &Rc<Inner>) {
        self.due.borrow_mut().push(Rc::clone(connection));
        self.wake();
    }

    /// Moves the connections that are due to `list`.
    pub(super) fn take_due(&self, list: &mut Vec<Rc<Inner>>) {
        list.append(&mut self.due.borrow_mut());
    }

    /// Says who is to be woken.
    pub(super) fn attend(&self, waker: &Waker) {
        let mut task = self.task.borrow_mut();
        match &mut *task {
            Some(known) => known.clone_from(waker),
            None => *task = Some(waker.clone()),
        }
    }

    fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    fn adopt(
        self: &Rc<Self>,
        state: &mut State,
        handle: ConnectionHandle,
        proto: quinn_proto::Connection,
    ) -> Rc<Inner> {
        let inner = Inner::new(handle, proto, Rc::clone(self));
        state.connections.insert(handle.0, Rc::clone(&inner));
        inner
    }
}

impl Endpoint {
    /// Starts an endpoint on `socket`; it accepts connections if there is a server's configuration. What is not ours
    /// goes to `guest`.
    pub(in crate::quic) fn new(
        socket: UdpSocket,
        config: EndpointConfig,
        server: Option<ServerConfig>,
        guest: Option<Guest>,
    ) -> io::Result<Self> {
        let socket = Socket::new(socket)?;
        let proto = quinn_proto::Endpoint::new(
            Arc::new(config),
            server.map(Arc::new),
            socket.keeps_whole(),
            None,
        );
        let shared = Rc::new(Shared {
            state: RefCell::new(State {
                proto,
                connections: BTreeMap::new(),
                incoming: VecDeque::new(),
                hosts: Vec::new(),
                answers: VecDeque::new(),
                closed: false,
                released: false,
            }),
            due: RefCell::new(Vec::new()),
            task: RefCell::new(None),
            local: socket.local(),
        });
        let (ended, end) = flume::bounded(0);
        let task = Task::new(Rc::clone(&shared), socket, guest, ended);
        compio::runtime::spawn(task.run()).detach();
        Ok(Self(Rc::new(Hold { shared, end })))
    }

    /// Dials `peer`.
    pub(in crate::quic) fn connect(
        &self,
        peer: SocketAddr,
        name: &str,
        config: ClientConfig,
    ) -> Result<Connecting, ConnectError> {
        let shared = &self.0.shared;
        if peer.is_ipv4() != shared.local.is_ipv4() {
            return Err(ConnectError::InvalidRemoteAddress(peer));
        }
        let mut state = shared.state.borrow_mut();
        if state.closed {
            return Err(ConnectError::EndpointStopping);
        }
        let (handle, proto) = state.proto.connect(Instant::now(), config, peer, name)?;
        let inner = shared.adopt(&mut state, handle, proto);
        drop(state);
        inner.touch();
        Ok(Connecting::new(inner))
    }

    /// The next peer that wants to connect; `None` when the endpoint is closed.
    pub(in crate::quic) async fn wait_incoming(&self) -> Option<Incoming> {
        let shared = &self.0.shared;
        let incoming = poll_fn(|cx| {
            let mut state = shared.state.borrow_mut();
            match state.incoming.pop_front() {
                Some(incoming) => Poll::Ready(Some(incoming)),
                None if state.closed => Poll::Ready(None),
                None => {
                    if !state.hosts.iter().any(|host| host.will_wake(cx.waker())) {
                        state.hosts.push(cx.waker().clone());
                    }
                    Poll::Pending
                }
            }
        });
        Some(Incoming {
            incoming: Some(incoming.await?),
            shared: Rc::clone(shared),
        })
    }

    /// Closes all connections, refuses who waits to be let in, and lets nobody in any more.
    pub(in crate::quic) fn close(&self, code: VarInt, _reason: &[u8]) {
        let shared = &self.0.shared;
        let mut state = shared.state.borrow_mut();
        state.closed = true;
        let connections: Vec<Rc<Inner>> = state.connections.values().cloned().collect();
        let (hosts, waiting) = (
            std::mem::take(&mut state.hosts),
            std::mem::take(&mut state.incoming),
        );
        for incoming in waiting {
            state.refuse(incoming);
        }
        drop(state);
        hosts.into_iter().for_each(Waker::wake);
        for connection in connections {
            connection.close(code);
        }
        shared.wake();
    }

    /// Waits until every connection has come to its end, and gives the port back.
    pub(in crate::quic) async fn shutdown(self) {
        self.0.shared.state.borrow_mut().released = true;
        self.0.shared.wake();
        // Ends with an error when the task is gone, and with nothing else.
        let _ = self.0.end.recv_async().await;
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.0.shared.local)
    }
}

struct Hold {
    shared: Rc<Shared>,
    end: flume::Receiver<()>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.shared.state.borrow_mut().released = true;
        self.shared.wake();
    }
}

impl State {
    pub(super) fn refuse(&mut self, incoming: quinn_proto::Incoming) {
        let mut packet = Vec::new();
        let transmit = self.proto.refuse(incoming, &mut packet);
        self.answer(transmit, packet);
    }

    /// Queues an answer to somebody without a connection. It is dropped where too many wait: they may be forged.
    pub(super) fn answer(&mut self, transmit: Transmit, packet: Vec<u8>) {
        if self.answers.len() < ANSWERS {
            self.answers.push_back((transmit, packet));
        }
    }
}

/// A peer that wants to connect. Dropped, it is refused.
pub(in crate::quic) struct Incoming {
    incoming: Option<quinn_proto::Incoming>,
    shared: Rc<Shared>,
}

impl Incoming {
    fn inner(&self) -> &quinn_proto::Incoming {
        self.incoming.as_ref().expect("taken only by value")
    }

    fn take(&mut self) -> quinn_proto::Incoming {
        self.incoming.take().expect("taken only by value")
    }

    pub(in crate::quic) fn remote_address(&self) -> SocketAddr {
        self.inner().remote_address()
    }

    /// The address of this machine that it came to, where the system tells.
    pub(in crate::quic) fn local_ip(&self) -> Option<IpAddr> {
        self.inner().local_ip()
    }

    /// Whether it can be told to come again and prove its address.
    pub(in crate::quic) fn may_retry(&self) -> bool {
        self.inner().may_retry()
    }

    /// Tells it to come again and prove its address (RFC 9000, 8.1.2).
    pub(in crate::quic) fn retry(mut self) -> Result<(), RetryError> {
        let incoming = self.take();
        let mut packet = Vec::new();
        let mut state = self.shared.state.borrow_mut();
        let transmit = state.proto.retry(incoming, &mut packet)?;
        state.answer(transmit, packet);
        drop(state);
        self.shared.wake();
        Ok(())
    }

    /// Turns it away.
    pub(in crate::quic) fn refuse(self) {
        drop(self);
    }

    /// Lets it in, with a configuration for it alone.
    pub(in crate::quic) fn accept_with(
        mut self,
        config: ServerConfig,
    ) -> Result<Connecting, ConnectionError> {
        let incoming = self.take();
        let mut packet = Vec::new();
        let mut state = self.shared.state.borrow_mut();
        let now = Instant::now();
        match state
            .proto
            .accept(incoming, now, &mut packet, Some(Arc::new(config)))
        {
            Ok((handle, proto)) => {
                let inner = self.shared.adopt(&mut state, handle, proto);
                drop(state);
                inner.touch();
                Ok(Connecting::new(inner))
            }
            Err(error) => {
                if let Some(transmit) = error.response {
                    state.answer(transmit, packet);
                }
                drop(state);
                self.shared.wake();
                Err(error.cause)
            }
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(incoming) = self.incoming.take() {
            self.shared.state.borrow_mut().refuse(incoming);
            self.shared.wake();
        }
    }
}

/// Answers to strangers that may wait to be sent.
const ANSWERS: usize = 64;
