//! The task of an endpoint: the only one that touches its socket.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use compio::time::sleep_until;
use quinn_proto::{DatagramEvent, EndpointEvent, Transmit};

use super::{
    connection::Inner,
    endpoint::Shared,
    socket::{Inbox, Sent, Socket, mark},
};
use crate::quic::shared_port::Guest;

/// Drives an endpoint until nobody needs it.
pub(super) struct Task {
    shared: Rc<Shared>,
    socket: Option<Socket>,
    inbox: Inbox,
    /// The socket may hold something to receive.
    readable: bool,
    /// Calls in a row that failed without a reason to wait.
    failures: u32,
    /// A packet that the socket had no room for; its bytes are in `packet`.
    blocked: Option<Transmit>,
    packet: Vec<u8>,
    alarm: Alarm,
    /// Who takes what is not ours.
    guest: Option<Guest>,
    /// Lists that are used again in each turn.
    due: Vec<Rc<Inner>>,
    wake: Vec<Waker>,
    /// Dropped with the task, which is what [`super::Endpoint::shutdown`] waits for.
    _ended: flume::Sender<()>,
}

impl Task {
    pub(super) fn new(
        shared: Rc<Shared>,
        socket: Socket,
        guest: Option<Guest>,
        ended: flume::Sender<()>,
    ) -> Self {
        Self {
            shared,
            socket: Some(socket),
            inbox: Inbox::new(),
            readable: true,
            failures: 0,
            blocked: None,
            packet: Vec::new(),
            alarm: Alarm::default(),
            guest,
            due: Vec::new(),
            wake: Vec::new(),
            _ended: ended,
        }
    }

    pub(super) async fn run(mut self) {
        let Some(socket) = self.socket.take() else {
            return;
        };
        poll_fn(|cx| self.poll(&socket, cx)).await;
        self.abandon();
        socket.close().await;
    }

    fn poll(&mut self, socket: &Socket, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.attend(cx.waker());
        loop {
            self.readable(socket, cx);
            let more = self.turn(socket);
            if self.is_done() {
                return Poll::Ready(());
            }
            if more {
                // Others have their turn first, and completions are collected.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let room = self.blocked.is_some() && socket.poll_writable(cx).is_ready();
            if !room && !self.alarm.poll(self.deadline(), cx) && !self.readable(socket, cx) {
                return Poll::Pending;
            }
        }
    }

    fn readable(&mut self, socket: &Socket, cx: &mut Context<'_>) -> bool {
        self.readable = self.readable || socket.poll_readable(cx).is_ready();
        self.readable
    }

    /// Does what there is to do, up to a limit; true when that was not all.
    fn turn(&mut self, socket: &Socket) -> bool {
        let more = self.receive(socket);
        self.time_out();
        let more = self.transmit(socket) || more;
        self.wake.drain(..).for_each(Waker::wake);
        more
    }

    /// Takes from the socket what it holds.
    fn receive(&mut self, socket: &Socket) -> bool {
        let mut budget = RECEIVED;
        while self.readable {
            if budget == 0 {
                return true;
            }
            match self.inbox.fill(socket) {
                Ok((count, more)) => {
                    (self.readable, self.failures) = (more, 0);
                    budget = budget.saturating_sub(self.deliver(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
                // What a router or the peer's machine says of an earlier packet (ICMP) may be forged.
                Err(_) => {
                    self.readable = false;
                    self.failures += 1;
                }
            }
        }
        false
    }

    /// Hands out what was received, and says how many bytes it was.
    fn deliver(&mut self, count: usize) -> usize {
        let now = Instant::now();
        let mut state = self.shared.state.borrow_mut();
        let (mut bytes, due) = (0, &mut self.due);
        for slot in 0..count {
            let (meta, batch) = self.inbox.batch(slot);
            bytes += batch.len();
            if let Some(guest) = &self.guest
                && !guest.passes_by(batch)
            {
                guest.hand_over(&meta, batch);
                continue;
            }
            self.inbox.split(slot, |datagram| {
                let mut answer = Vec::new();
                let event = state.proto.handle(
                    now,
                    meta.addr,
                    meta.dst_ip,
                    meta.ecn.and_then(mark),
                    datagram,
                    &mut answer,
                );
                match event {
                    Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                        let Some(connection) = state.connections.get(&handle.0) else {
                            return;
                        };
                        connection.with(|connection| connection.proto.handle_event(event));
                        if !connection.due().replace(true) {
                            due.push(Rc::clone(connection));
                        }
                    }
                    Some(DatagramEvent::NewConnection(incoming)) if state.closed => {
                        state.refuse(incoming);
                    }
                    Some(DatagramEvent::NewConnection(incoming)) => {
                        state.incoming.push_back(incoming);
                        self.wake.append(&mut state.hosts);
                    }
                    Some(DatagramEvent::Response(transmit)) => state.answer(transmit, answer),
                    None => {}
                }
            });
        }
        bytes
    }

    /// Tells connections that their time has come.
    fn time_out(&mut self) {
        let state = self.shared.state.borrow();
        let now = Instant::now();
        for connection in state.connections.values() {
            if connection.deadline().get().is_some_and(|at| at <= now) {
                connection.deadline().set(None);
                connection.with(|state| state.proto.handle_timeout(now));
                if !connection.due().replace(true) {
                    self.due.push(Rc::clone(connection));
                }
            }
        }
    }

    /// Sends what connections have to say, up to a limit.
    fn transmit(&mut self, socket: &Socket) -> bool {
        if let Some(transmit) = self.blocked.take()
            && socket.send(&transmit, &self.packet[..transmit.size]) == Sent::Blocked
        {
            self.blocked = Some(transmit);
        }
        let mut state = self.shared.state.borrow_mut();
        if self.blocked.is_none() {
            for (transmit, packet) in state.answers.drain(..) {
                let _ = socket.send(&transmit, &packet[..transmit.size]);
            }
        }
        drop(state);
        self.shared.take_due(&mut self.due);
        let mut due = std::mem::take(&mut self.due);
        let mut more = false;
        due.retain(|connection| {
            let rest = self.serve(socket, connection);
            connection.due().set(rest);
            more |= rest && self.blocked.is_none();
            rest
        });
        // Those that still have something to say come first the next time.
        self.due = due;
        more
    }

    /// Works off one connection; true when it has more to send.
    fn serve(&mut self, socket: &Socket, connection: &Rc<Inner>) -> bool {
        let mut drained = false;
        let (rest, deadline) = connection.with(|inner| {
            let mut rest = true;
            for _ in 0..SENDS {
                if self.blocked.is_some() {
                    break;
                }
                self.packet.clear();
                let batch = socket.batch(inner.proto.current_mtu());
                let Some(transmit) =
                    inner
                        .proto
                        .poll_transmit(Instant::now(), batch, &mut self.packet)
                else {
                    rest = false;
                    break;
                };
                if socket.send(&transmit, &self.packet[..transmit.size]) == Sent::Blocked {
                    self.blocked = Some(transmit);
                }
            }
            let mut state = self.shared.state.borrow_mut();
            while let Some(event) = inner.proto.poll_endpoint_events() {
                drained |= event.is_drained();
                if let Some(event) = state.proto.handle_event(connection.handle(), event) {
                    inner.proto.handle_event(event);
                    rest = true;
                }
            }
            inner.hear(&mut self.wake);
            (rest, inner.proto.poll_timeout())
        });
        connection.deadline().set(deadline);
        if drained {
            let key = connection.handle().0;
            self.shared.state.borrow_mut().connections.remove(&key);
        }
        rest && !drained
    }

    /// The next time at which there is something to do.
    fn deadline(&self) -> Option<Instant> {
        let state = self.shared.state.borrow();
        let connections = state.connections.values();
        connections
            .filter_map(|connection| connection.deadline().get())
            .min()
    }

    fn is_done(&self) -> bool {
        let state = self.shared.state.borrow();
        let mut connections = state.connections.values();
        self.failures > FAILURES
            || state.released && connections.all(|connection| connection.is_over())
    }

    /// Lets go of what is left; there is something only where the socket or the runtime fails.
    fn abandon(&mut self) {
        let mut state = self.shared.state.borrow_mut();
        (state.closed, state.released) = (true, true);
        let connections = std::mem::take(&mut state.connections);
        let hosts = std::mem::take(&mut state.hosts);
        for incoming in std::mem::take(&mut state.incoming) {
            state.proto.ignore(incoming);
        }
        for connection in connections.values() {
            let _ = state
                .proto
                .handle_event(connection.handle(), EndpointEvent::drained());
        }
        drop(state);
        hosts.into_iter().for_each(Waker::wake);
        for connection in connections.values() {
            connection.abandon();
        }
        self.shared.take_due(&mut self.due);
        self.due.clear();
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// A timer that is set anew only where it would come too late: deadlines move on with every packet.
#[derive(Default)]
struct Alarm(Option<(Instant, Sleep)>);

type Sleep = Pin<Box<dyn Future<Output = ()>>>;

impl Alarm {
    /// True once `deadline` has passed; the task of `cx` is woken then.
    fn poll(&mut self, deadline: Option<Instant>, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = deadline else {
            return false;
        };
        loop {
            if deadline <= Instant::now() {
                return true;
            }
            match &mut self.0 {
                Some((at, timer)) if *at <= deadline => match timer.as_mut().poll(cx) {
                    Poll::Ready(()) => self.0 = None,
                    Poll::Pending => return false,
                },
                _ => self.0 = Some((deadline, Box::pin(sleep_until(deadline)))),
            }
        }
    }
}

/// Bytes that are received before others have their turn.
const RECEIVED: usize = 512 << 10;
/// Batches that one connection sends before others have their turn.
const SENDS: usize = 16;
/// Failed calls after which a socket is given up.
const FAILURES: u32 = 100;
