//! The loop around the protocol: it asks the session what is wanted, does it at once, and keeps what is to be said.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use shared::{
    BLOCK, Binding, Code, Credentials, Error, Kind, Offer, Output, Reason, Receiver, Sealed, Seed,
    Side,
    cipher::{Suite, Suites},
    lane::LaneKind,
    receiver::Request,
    tree::Tree,
};

use crate::{
    event::Event,
    failure::Failure,
    lane::{Arrived, LaneEnd},
    payload::{Payload, Received},
    sink::Store,
};

/// One transfer over one wire.
pub struct Transfer<S> {
    session: Receiver,
    stage: Stage<S>,
    offer: Option<Offer>,
    received: Option<Received>,
    certificate: [u8; 32],
    lane: Option<LaneEnd>,
    /// What came over the lane and was not taken yet.
    ahead: BytesMut,
    outgoing: VecDeque<Bytes>,
    events: VecDeque<Event>,
    failure: Option<Failure>,
    wire_code: u32,
    close_code: u32,
    over: bool,
}

#[derive(Default)]
enum Stage<S> {
    /// Nothing is stored yet, or nothing any more.
    #[default]
    Idle,
    /// What was kept is read again, up to so many blocks.
    Checking(Box<Payload<S>>, Box<Tree>, u64),
    /// Accepted, and no block has come.
    Accepted(Box<Payload<S>>),
    Storing(Box<Payload<S>>),
}

impl<S: Store> Transfer<S> {
    /// A receiver that connected to a sender with this certificate (the SHA-256 of it). `seed` is fresh randomness.
    pub fn new(code: Code, certificate: [u8; 32], seed: [u8; 32]) -> Self {
        let session = Receiver::new(Credentials {
            code,
            ticket: None,
            side: Side::Dialler,
            binding: Binding {
                certificate,
                exporter: None,
            },
            // AES without hardware is three times slower.
            suites: Suites::only(Suite::ChaCha20Poly1305),
            seed: Seed::new(seed),
        });
        let mut transfer = Self {
            session,
            stage: Stage::Idle,
            offer: None,
            received: None,
            certificate,
            lane: None,
            ahead: BytesMut::new(),
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
            failure: None,
            wire_code: 0,
            close_code: 0,
            over: false,
        };
        transfer.advance();
        transfer
    }

    /// Bytes of the sender, cut in any way.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.session.receive(bytes);
        self.advance();
        let mut ahead = std::mem::take(&mut self.ahead);
        let used = self.take_from_lane(&ahead);
        ahead.advance(used);
        self.ahead = ahead;
    }

    /// Whether the wire is so far ahead of the lane that it shall wait.
    pub fn is_full(&self) -> bool {
        self.session.is_full()
    }

    /// Bytes of the lane, cut in any way. What is too far ahead of the wire waits here.
    pub fn lane_receive(&mut self, bytes: &[u8]) {
        let used = match self.ahead.is_empty() {
            true => self.take_from_lane(bytes),
            false => 0,
        };
        self.ahead.extend_from_slice(&bytes[used..]);
    }

    /// Takes what the wire is no longer behind of, and says how many bytes that were.
    fn take_from_lane(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() && !self.session.is_ahead() {
            // Without a lane nobody wants them.
            let Some(lane) = self.lane.take() else {
                return bytes.len();
            };
            let joined = matches!(lane, LaneEnd::Joined(_));
            match lane.take(&mut rest) {
                Some((lane, arrived)) => {
                    self.lane = Some(lane);
                    match arrived {
                        Arrived::Nothing => {}
                        Arrived::Joined => self.session.lane_joined(),
                        Arrived::Block(sealed) => self.session.arrive(sealed),
                    }
                }
                None if joined => self.session.lane_ended(),
                // A stranger's; the blocks go on coming over the wire.
                None => {}
            }
            self.advance();
        }
        bytes.len() - rest.len()
    }

    /// The lane will bring no more.
    pub fn lane_eof(&mut self) {
        if let Some(LaneEnd::Joined(_)) = self.lane.take() {
            self.session.lane_ended();
            self.advance();
        }
    }

    /// Whether the lane is so far ahead of the wire that it shall wait.
    pub fn lane_is_ahead(&self) -> bool {
        !self.over && !self.ahead.is_empty()
    }

    /// The wire ended; `code` is what the sender closed it with, or 0.
    pub fn eof(&mut self, code: u32) {
        self.wire_code = code;
        self.session.eof();
        self.advance();
    }

    /// Takes what was offered into `store`, whose first `kept` blocks may be from before: [`Transfer::check`] reads them
    /// again, and must be called until it has no more to do.
    pub fn accept(&mut self, store: S, kept: u64) {
        let Some(offer) = self.offer.clone() else {
            return;
        };
        // The last block is never kept: only one that comes tells that the payload ends.
        let whole = offer
            .payload
            .map_or(0, |length| length.saturating_sub(1) / BLOCK as u64);
        let kept = match offer.kind {
            Kind::Text | Kind::Stream => 0,
            _ => kept.min(whole),
        };
        match Payload::new(store, offer) {
            Ok(payload) => {
                self.stage = Stage::Checking(Box::new(payload), Box::new(Tree::new()), kept);
            }
            Err(failure) => self.stop(failure),
        }
    }

    /// Reads up to `blocks` kept blocks again, and says whether there are more.
    pub fn check(&mut self, blocks: u64) -> bool {
        let (mut payload, mut tree, kept) = match std::mem::take(&mut self.stage) {
            Stage::Checking(payload, tree, kept) => (payload, tree, kept),
            other => {
                self.stage = other;
                return false;
            }
        };
        let end = kept.min(payload.blocks() + blocks);
        let mut whole = Ok(());
        while payload.blocks() < end && whole.is_ok() {
            whole = payload.check(&mut tree);
        }
        if whole.is_ok() && payload.blocks() < kept {
            self.events.push_back(Event::Checked {
                done: payload.bytes(),
                total: kept * BLOCK as u64,
            });
            self.stage = Stage::Checking(payload, tree, kept);
            return true;
        }
        let trimmed = match whole {
            Ok(()) => payload.trim(),
            // What was kept is of no use: the sender begins again.
            Err(_) => {
                *tree = Tree::new();
                payload.restart()
            }
        };
        match trimmed {
            Ok(()) => {
                self.stage = Stage::Accepted(payload);
                self.session.accept(*tree);
                self.advance();
            }
            Err(failure) => self.stop(failure),
        }
        false
    }

    /// Ends the transfer, and tells the sender why.
    pub fn stop(&mut self, failure: Failure) {
        self.abort(failure);
        self.advance();
    }

    /// The next bytes to write to the wire.
    pub fn outgoing(&mut self) -> Option<Bytes> {
        self.outgoing.pop_front()
    }

    /// What happened next.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether the sender spoke the last word: the wire may be closed at once.
    pub fn heard_last_word(&self) -> bool {
        self.session.heard_last_word()
    }

    /// What to close the wire with: the reason for a sender that the last words do not reach, or 0.
    pub fn close_code(&self) -> u32 {
        self.close_code
    }

    fn advance(&mut self) {
        while !self.over {
            match self.session.poll() {
                Ok(Output::Transmit(bytes)) => self.outgoing.push_back(bytes),
                Ok(Output::Request(request)) => {
                    if let Err(failure) = self.answer(request) {
                        self.abort(failure);
                    }
                }
                Ok(Output::Wait) => return,
                Ok(Output::Done) => {
                    self.over = true;
                    if let (Some(received), Some(root)) =
                        (self.received.take(), self.session.root())
                    {
                        self.events
                            .push_back(Event::Finished(Box::new(received), root));
                    }
                }
                Err(error) => {
                    self.over = true;
                    self.stage = Stage::Idle;
                    let failure = self.failure.take();
                    let failure = failure.unwrap_or_else(|| self.heard_in_short(error).into());
                    if !self.session.heard_last_word() {
                        self.close_code = failure.kind.reason() as u32;
                    }
                    self.events.push_back(Event::Failed(failure));
                }
            }
        }
    }

    /// A wire that was closed with a reason before the sender's own words came.
    fn heard_in_short(&self, error: Error) -> Error {
        let reason = u8::try_from(self.wire_code)
            .ok()
            .and_then(Reason::from_code);
        match (error, reason) {
            (Error::Disconnected, Some(reason)) => Error::Peer {
                reason,
                detail: String::new(),
            },
            (error, _) => error,
        }
    }

    fn answer(&mut self, request: Request) -> Result<(), Failure> {
        match request {
            Request::Decide(offer) => {
                self.offer = Some(offer.clone());
                self.events.push_back(Event::Offered(Box::new(offer)));
                Ok(())
            }
            Request::Open(sealed) => self.open(sealed),
            Request::Commit => {
                let (Stage::Storing(payload) | Stage::Accepted(payload)) =
                    std::mem::take(&mut self.stage)
                else {
                    return Err(misuse());
                };
                let received = payload.finish()?;
                self.session.committed(received.skipped.len() as u64);
                self.received = Some(received);
                Ok(())
            }
            Request::Join(at) => {
                // At whatever port: a browser's lane is a request to the host of the page.
                let fetch = at.first().is_some_and(|lane| lane.kind == LaneKind::Fetch);
                if let Some(lane) = self.session.lane(1).filter(|_| fetch) {
                    let (lane, greeting) = LaneEnd::open(lane, self.certificate);
                    self.lane = Some(lane);
                    self.events.push_back(Event::Lane(greeting));
                }
                Ok(())
            }
            // Nobody can dial a browser.
            Request::Widen(_) => Ok(()),
            Request::Pair | Request::Return(_) => Err(misuse()),
        }
    }

    fn open(&mut self, sealed: Sealed) -> Result<(), Failure> {
        self.stage = match std::mem::take(&mut self.stage) {
            Stage::Accepted(mut payload) => {
                if self.session.blocks() != payload.blocks() {
                    payload.restart()?;
                }
                Stage::Storing(payload)
            }
            other => other,
        };
        let Stage::Storing(payload) = &mut self.stage else {
            return Err(misuse());
        };
        payload.arrive(sealed.open()?);
        while let Some((receipt, block)) = payload.store()? {
            match &mut self.lane {
                Some(LaneEnd::Joined(inlet)) => inlet.recycle(block),
                _ => self.session.recycle(block),
            }
            self.session.opened(receipt);
        }
        let progress = Event::Progress {
            done: payload.bytes(),
            total: self.offer.as_ref().and_then(|offer| offer.payload),
        };
        match self.events.back_mut() {
            Some(last @ Event::Progress { .. }) => *last = progress,
            _ => self.events.push_back(progress),
        }
        Ok(())
    }

    fn abort(&mut self, failure: Failure) {
        if !self.over && !self.session.has_failed() {
            let reason = failure.kind.reason();
            let detail = match reason {
                // The reason says it all.
                Reason::Cancelled | Reason::Declined => "",
                _ => &failure.message,
            };
            self.session.abort(reason, detail);
            self.failure = Some(failure);
        }
    }
}

fn misuse() -> Failure {
    Error::Misuse("a request out of turn").into()
}
