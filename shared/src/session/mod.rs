//! A session as a value: two machines that know no socket, file, clock or executor. A driver asks [`Sender::poll`] or
//! [`Receiver::poll`] what is wanted, does it, and says so by a method call.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    Error, Reason,
    cipher::{Aead, Suite},
    frame::{Deframer, Frame, KIND_REJECT},
    handshake::{Agreed, Credentials, Role, Side},
    keys::Secret,
    lane::{Lane, LaneAt, MAX_LANES},
    message::Message,
    ticket::{Ticket, TicketId},
};
use channel::Channel;
use sealer::Sealer;
use shaking::Shaking;
use widening::Widening;

mod channel;
mod progress;
pub mod receiver;
mod rejection;
mod sealer;
pub mod sender;
mod shaking;
mod widening;

pub use receiver::Receiver;
pub use rejection::Refusal;
pub use sender::Sender;

/// Blocks that may be between [`Slot`](crate::Slot) and [`Sender::submit`], or between
/// [`Request::Open`](receiver::Request::Open) and [`Receiver::opened`], at once; and how far ahead of the first block
/// that has not come another may come.
pub const WINDOW: u64 = 32;

/// What a session wants of its driver.
#[derive(Debug)]
pub enum Output<R> {
    /// Write these bytes to the wire, in this order.
    Transmit(Bytes),
    /// Do this, and answer it.
    Request(R),
    /// Nothing, until the peer or the driver says more.
    Wait,
    /// Everything was said and heard. The side that heard the last word (the sender) closes the wire; the other one
    /// waits for that.
    Done,
}

/// One side's part of the protocol after the handshake.
trait State: Sized {
    type Request;
    const ROLE: Role;

    fn start() -> Self;
    /// What a listener asks before it shows its share.
    fn pair(ticket: Option<TicketId>) -> Self::Request;
    /// Both sides have proved.
    fn paired(self, channel: &mut Channel<Self::Request>) -> Self;
    /// The protocol as a table: a message or block of the peer moves the state on, or is an error.
    fn on_input(self, input: Input, channel: &mut Channel<Self::Request>) -> Result<Self, Error>;
    /// Does what can be done without the peer.
    fn advance(&mut self, channel: &mut Channel<Self::Request>) -> Result<(), Error>;
    fn is_done(&self) -> bool;
    /// Whether the peer's next frame can be taken.
    fn has_room(&self) -> bool {
        true
    }
    /// The root of the payload, once it is known.
    fn root(&self) -> Option<[u8; 32]>;
}

enum Input {
    Message(Message),
    Block(crate::block::Sealed),
}

/// What both machines share: bytes in, frames out, and a failure that is told to the peer once and lasts.
struct Session<S: State> {
    side: Side,
    deframer: Deframer,
    shaking: Option<Shaking>,
    channel: Channel<S::Request>,
    state: Option<S>,
    failure: Option<Error>,
    widening: Widening,
    /// Bytes that came while the state had no room for another frame.
    backlog: BytesMut,
    /// Wrong codes that are still allowed if this one is wrong.
    tries: u8,
}

impl<S: State> Session<S> {
    fn new(credentials: Credentials) -> Self {
        let mut session = Self {
            side: credentials.side,
            deframer: Deframer::default(),
            shaking: None,
            channel: Channel::default(),
            state: Some(S::start()),
            failure: None,
            widening: Widening::default(),
            backlog: BytesMut::new(),
            tries: 0,
        };
        match Shaking::start(credentials, S::ROLE, &mut session.channel) {
            Ok(shaking) => session.shaking = Some(shaking),
            Err(error) => session.fail(error),
        }
        session
    }

    fn receive(&mut self, bytes: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        if self.backlog.is_empty() {
            let used = self.take(bytes);
            self.backlog.extend_from_slice(&bytes[used..]);
        } else {
            self.backlog.extend_from_slice(bytes);
        }
    }

    /// Takes frames as long as the state has room for them, and says how many bytes that were.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() && self.failure.is_none() {
            if !self.state.as_ref().is_some_and(State::has_room) {
                return bytes.len() - rest.len();
            }
            let result = self.deframer.push(rest).and_then(|used| {
                rest = &rest[used..];
                self.deframer
                    .next()
                    .map_or(Ok(()), |frame| self.on_frame(frame))
            });
            if let Err(error) = result {
                self.fail(error);
            }
        }
        bytes.len()
    }

    /// Takes up what had no room when it came.
    fn resume_backlog(&mut self) {
        let mut backlog = std::mem::take(&mut self.backlog);
        let used = self.take(&backlog);
        backlog.advance(used);
        self.backlog = backlog;
    }

    fn on_frame(&mut self, frame: Frame) -> Result<(), Error> {
        if let Frame::Clear(KIND_REJECT, body) = &frame {
            self.channel.rejected = true;
            // Only a listener has a code to burn: a stranger who dials must not end the wait by saying so.
            let dialled = self.shaking.as_ref().is_some_and(Shaking::dialled);
            return Err(match dialled {
                true => rejection::read(body),
                false => Error::Malformed("the peer rejected the handshake"),
            });
        }
        if let Some(shaking) = self.shaking.take() {
            let (next, agreed) = shaking.on_frame(frame, &mut self.channel, S::pair)?;
            self.shaking = next;
            if let Some(agreed) = agreed {
                self.paired(agreed);
            }
            return Ok(());
        }
        let input = match frame {
            Frame::Message(body) => match self.channel.open(body)? {
                Message::Abort { reason, detail } => return Err(Error::Peer { reason, detail }),
                message => {
                    let from = match self.side {
                        Side::Dialler => Side::Listener,
                        Side::Listener => Side::Dialler,
                    };
                    if !self.widening.allows(&message, from, self.listener()) {
                        return Err(Error::Unexpected(message.name()));
                    }
                    Input::Message(message)
                }
            },
            Frame::Block(header, body) => Input::Block(self.channel.sealed(header, body)?),
            Frame::Clear(..) => return Err(Error::Unexpected("handshake message")),
        };
        let state = self
            .state
            .take()
            .ok_or(Error::Misuse("a session that failed"))?;
        self.state = Some(state.on_input(input, &mut self.channel)?);
        Ok(())
    }

    fn paired(&mut self, agreed: Agreed) {
        self.deframer.seal();
        self.channel.seal(&agreed, S::ROLE);
        self.state = self
            .state
            .take()
            .map(|state| state.paired(&mut self.channel));
    }

    /// Answers a listener's `Pair`, or `Return` with a ticket.
    fn pair(&mut self, tries: u8, ticket: Option<Ticket>) {
        self.tries = tries;
        let Some(shaking) = self.shaking.take() else {
            return self.fail(Error::Misuse("pair() without a request"));
        };
        match shaking.pair(ticket, &mut self.channel) {
            Ok(shaking) => self.shaking = Some(shaking),
            Err(error) => self.fail(error),
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.fail(match refusal {
            Refusal::Burned => Error::Burned,
            Refusal::Busy => Error::Busy,
            Refusal::Over => Error::Over,
        });
    }

    fn eof(&mut self) {
        if !self.is_done() {
            self.fail(Error::Disconnected);
        }
    }

    fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    fn is_done(&self) -> bool {
        self.state.as_ref().is_some_and(State::is_done)
    }

    /// This side's end of a lane; the numbers begin at 1.
    fn lane(&self, number: u8) -> Option<Lane> {
        self.channel.lane(number, self.side)
    }

    /// The role of the side that listens.
    fn listener(&self) -> Role {
        match (self.side, S::ROLE) {
            (Side::Listener, role) => role,
            (Side::Dialler, Role::Sender) => Role::Receiver,
            (Side::Dialler, Role::Receiver) => Role::Sender,
        }
    }

    /// Tells the peer where it may dial lanes, and says whether that was in place.
    fn lanes(&mut self, at: &[LaneAt]) -> bool {
        (1..=MAX_LANES).contains(&at.len())
            && self.say_of_lanes(&Message::Lanes { at: at.to_vec() })
    }

    /// Says something of lanes, if this side may.
    fn say_of_lanes(&mut self, message: &Message) -> bool {
        let allowed =
            self.failure.is_none() && self.widening.allows(message, self.side, self.listener());
        if allowed {
            self.channel.send(message);
        }
        allowed
    }

    fn heard_last_word(&self) -> bool {
        let done = self.is_done();
        let told = matches!(self.failure, Some(Error::Peer { .. } | Error::Disconnected));
        self.channel.rejected || told || done && S::ROLE == Role::Sender
    }

    fn abort(&mut self, reason: Reason, detail: &str) {
        if self.failure.is_none() && !self.is_done() {
            self.farewell(Some(reason), detail, None);
            self.failure = Some(Error::Ended(reason));
            self.state = None;
            self.shaking = None;
        }
    }

    /// Changes the state by an answer of the driver.
    fn answer(&mut self, change: impl FnOnce(S, &mut Channel<S::Request>) -> Result<S, Error>) {
        if self.failure.is_some() {
            return;
        }
        let result = self
            .state
            .take()
            .ok_or(Error::Misuse("a session that failed"))
            .and_then(|state| change(state, &mut self.channel));
        match result {
            Ok(state) => {
                self.state = Some(state);
                self.resume_backlog();
            }
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, mut error: Error) {
        if self.failure.is_some() {
            return;
        }
        if let (Side::Listener, Error::WrongCode { left }) = (self.side, &mut error) {
            *left = Some(self.tries);
        }
        let reason = match &error {
            Error::Peer { .. } | Error::Disconnected => None,
            Error::Ended(reason) => Some(*reason),
            Error::Unsafe(_) => Some(Reason::Unsafe),
            Error::Misuse(_) => Some(Reason::Failed),
            _ => Some(Reason::Violation),
        };
        // A peer's own rejection is not answered by another one.
        let rejected = self.channel.rejected;
        self.farewell(
            reason.filter(|_| !rejected),
            &error.to_string(),
            Some(&error),
        );
        self.failure = Some(error);
        self.state = None;
        self.shaking = None;
    }

    fn farewell(&mut self, reason: Option<Reason>, detail: &str, error: Option<&Error>) {
        self.channel.forget();
        self.backlog = BytesMut::new();
        let Some(reason) = reason else { return };
        if self.channel.is_sealed() {
            self.channel.send(&Message::Abort {
                reason,
                detail: detail.to_owned(),
            });
        } else {
            let body = rejection::body(error, self.tries);
            self.channel.clear(KIND_REJECT, &body);
        }
    }

    fn poll(&mut self) -> Result<Output<S::Request>, Error> {
        if self.failure.is_none()
            && self.channel.is_sealed()
            && let Some(state) = self.state.as_mut()
            && let Err(error) = state.advance(&mut self.channel)
        {
            self.fail(error);
        }
        if let Some(output) = self.channel.next() {
            return Ok(output);
        }
        match &self.failure {
            Some(error) => Err(error.clone()),
            None if self.is_done() => Ok(Output::Done),
            None => Ok(Output::Wait),
        }
    }
}

/// The keys of a session, as [`Channel`] uses them.
struct Keys {
    suite: Suite,
    outgoing: Sealer,
    incoming: Sealer,
    blocks: Arc<dyn Aead>,
    master: Secret,
}
