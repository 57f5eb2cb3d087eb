//! The loop of a sender.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, future::pending, select_biased};
use shared::{Credentials, Output, Reason, Sender, Slot, sender::Request};

use super::{
    FAREWELL, HANDSHAKE, Link, STALL, at,
    context::Context,
    feed::{Feed, Filling},
    outlets::{Outlets, Share},
    stalled,
    trial::Trial,
};
use crate::{
    Error, Lanes, Progress, Sent,
    gate::{
        Guess,
        returns::{Claim, Stay},
    },
    web::LaneDesk,
    wire::{Carrier, Wire, WireCloser, WireError},
};

mod admit;
mod widen;

/// A session on its way.
struct Drive<W: Wire> {
    link: Link<W>,
    session: Sender,
    context: Rc<Context>,
    guess: Option<Guess>,
    /// A guess was open when it failed.
    guessed: bool,
    /// Of somebody who was here before, until it goes on.
    claim: Option<Claim>,
    stay: Option<Stay>,
    paired: bool,
    placed: bool,
    /// It takes up what another connection began.
    returns: bool,
    agreed: bool,
    widened: bool,
    /// A lane broke, and the wire may go on or not.
    broken: Option<WireError>,
    /// Only the connection was lost, and not what was agreed.
    cut: bool,
    stopped: bool,
    mute: bool,
    started: Instant,
    deadline: Option<Instant>,
    /// When a block was taken last.
    moved: Instant,
    outgoing: Option<Bytes>,
    /// Payload bytes of the blocks that wait to be transmitted, by index.
    lengths: BTreeMap<u64, u64>,
    done: u64,
    filling: Filling,
    lanes: Outlets,
    desk: Option<LaneDesk>,
    failure: Option<Error>,
}

/// How a session ended.
pub(crate) struct Outcome {
    /// Whether its peer took a place: it proved the code, and did not go on over another connection.
    pub(crate) placed: bool,
    pub(crate) peer: SocketAddr,
    pub(crate) carrier: Carrier,
    /// Its network went dark, as far as can be told.
    pub(crate) silent: bool,
    /// What it can be taken up again with, where only the connection was lost.
    pub(crate) cut: Option<Stay>,
    pub(crate) result: Result<Sent, Error>,
}

/// Sends one payload over one wire; a long one with a lane from `desk`, where there is one.
pub(crate) async fn run<W: Wire>(
    link: Link<W>,
    credentials: Credentials,
    context: Rc<Context>,
    desk: Option<LaneDesk>,
) -> Outcome
where
    W::Reader: 'static,
    W::Writer: 'static,
{
    let side = credentials.side;
    let browser = link.carrier.is_browser();
    let (share, ahead) = match context.lanes {
        _ if browser => (Share::All, 2),
        Lanes::Auto => (Share::Trial(Trial::new()), 2),
        Lanes::Tcp => (Share::All, 2),
        Lanes::Quic(count) => (Share::Any, 2 * usize::from(count)),
    };
    let filling = Filling::new(context.feed.clone(), context.pool.clone(), ahead);
    let mut drive = Drive {
        link,
        context,
        guess: None,
        guessed: false,
        claim: None,
        stay: None,
        paired: false,
        placed: false,
        returns: credentials.ticket.is_some(),
        agreed: false,
        widened: false,
        broken: None,
        cut: false,
        stopped: false,
        mute: false,
        started: Instant::now(),
        deadline: Some(Instant::now() + HANDSHAKE),
        moved: Instant::now(),
        outgoing: None,
        lengths: BTreeMap::new(),
        done: 0,
        filling,
        lanes: Outlets::new(side, share),
        desk,
        failure: None,
        session: Sender::new(credentials),
    };
    let result = drive.run().await;
    let (peer, carrier, placed) = (drive.link.peer, drive.link.carrier, drive.placed);
    if let (false, false, Err(error)) = (drive.paired, drive.returns, &result) {
        drive.context.tell_stranger(peer, error, drive.guessed);
    }
    let (cut, silent) = (drive.cut, drive.link.is_silent());
    match &result {
        Err(_) if cut => drive.link.cut().await,
        Err(error) if !drive.session.heard_last_word() => {
            drive.link.finish(Some(error.reason())).await;
        }
        _ => drive.link.close().await,
    }
    let over = drive.stay.as_ref().is_some_and(Stay::is_over);
    Outcome {
        placed: placed && !over,
        peer,
        carrier,
        silent,
        cut: drive.stay.filter(|_| cut),
        result,
    }
}

impl<W: Wire> Drive<W>
where
    W::Reader: 'static,
    W::Writer: 'static,
{
    async fn run(&mut self) -> Result<Sent, Error> {
        loop {
            self.give_up_what_is_stuck();
            self.use_lanes();
            if self.outgoing.is_some() {
                self.wait().await;
                continue;
            }
            match self.session.poll() {
                Ok(Output::Transmit(bytes)) => {
                    self.outgoing = Some(bytes);
                    self.moved = Instant::now();
                }
                Ok(Output::Request(request)) => self.on_request(request).await,
                Ok(Output::Wait) => self.wait().await,
                Ok(Output::Done) => return self.sent(),
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    /// A peer that has said its last word reads no more, and a block is nothing that a failed session still needs.
    fn give_up_what_is_stuck(&mut self) {
        let block = self.outgoing.as_deref().is_some_and(shared::is_block);
        if self.session.heard_last_word() || self.mute || block && self.session.has_failed() {
            self.outgoing = None;
        }
    }

    fn handed_over(&mut self, bytes: usize) {
        let (length, now) = (
            self.lengths.pop_first().map_or(0, |(_, length)| length),
            Instant::now(),
        );
        let effort = &mut self.filling.effort;
        let packed = effort.is_on();
        effort.moved(length, bytes as u64, self.lanes.are_tried(), now);
        if effort.is_on() != packed {
            self.lanes.try_again();
        } else if effort.is_settled() {
            self.lanes.moved(bytes, now);
        }
        self.done += length;
        self.filling.sent();
        self.moved = Instant::now();
        self.progress();
    }

    async fn on_request(&mut self, request: Request) {
        match request {
            Request::Pair => self.pair().await,
            Request::Return(id) => self.pair_again(&id),
            Request::Offer => self.offer(),
            Request::Compare(have) => {
                self.agree();
                self.filling.compare(have.blocks);
            }
            Request::Join(at) => self.join(at),
            Request::Read(slot) => self.read(slot),
        }
    }

    fn read(&mut self, slot: Slot) {
        self.agree();
        if !std::mem::replace(&mut self.widened, true) {
            self.widen();
        }
        self.filling.add(slot);
    }

    async fn wait(&mut self) {
        let outgoing = self
            .outgoing
            .clone()
            .filter(|bytes| !(self.lanes.take_all() && shared::is_block(bytes)));
        let wire = self.link.outgoing.clone();
        let sending = async {
            match outgoing {
                Some(bytes) => wire.send_async(bytes).await.is_ok(),
                None => pending().await,
            }
        };
        let late = at(self.deadline);
        let tried = at(self.lanes.until());
        let stalls = self.outgoing.is_some() && self.agreed && !self.link.limited;
        let stall = at(stalls.then(|| self.moved + STALL));
        let (stopped, signal) = (self.stopped, self.context.stop.clone());
        let stop = async {
            if stopped || signal.recv_async().await.is_ok() {
                pending::<()>().await;
            }
        };
        let (stay, claim) = (&self.stay, &self.claim);
        let replaced = async {
            match (claim, stay) {
                (Some(claim), _) => claim.lost().await,
                (None, Some(stay)) => stay.replaced().await,
                (None, None) => pending().await,
            }
        };
        select_biased! {
            // First, so that a piece which was taken is never offered twice.
            sent = sending.fuse() => {
                let block = self.outgoing.take().filter(|bytes| shared::is_block(bytes));
                if let Some(block) = block.filter(|_| sent) {
                    self.handed_over(block.len());
                }
                // Where the wire is gone, the reading half brings the reason, if the peer gave one.
            },
            block = self.filling.filled.next() => match block {
                Some(Ok(block)) => self.submit(block),
                Some(Err(error)) => self.fail(error),
                None => {}
            },
            pieces = self.link.next().fuse() => match pieces {
                Some(pieces) => pieces.iter().for_each(|piece| self.session.receive(piece)),
                None => self.session.eof(),
            },
            outlet = self.lanes.told.next() => if let Some(outlet) = outlet {
                self.on_outlet(outlet);
            },
            at = self.lanes.opened.recv_async().fuse() => if let Ok(at) = at {
                self.session.lanes(&at);
            },
            tree = self.filling.compared.recv_async().fuse() => if let Ok(tree) = tree {
                self.done = self.session.resume(tree) * shared::BLOCK as u64;
                if self.done > 0 {
                    self.context.events.resumed(self.link.peer, self.done);
                }
            },
            () = replaced.fuse() => {
                (self.stay, self.claim, self.placed) = (None, None, false);
                self.abort(Reason::Failed, "it goes on over another connection");
            }
            () = tried.fuse() => self.lanes.expire(),
            () = stall.fuse() => self.fail(stalled(self.link.peer)),
            () = stop.fuse() => {
                self.stopped = true;
                self.abort(Reason::Cancelled, "");
            }
            () = late.fuse() => match self.session.has_failed() {
                false => self.abort(Reason::TimedOut, "the code phrase was not proved in time"),
                // The peer does not even take the farewell.
                true => self.mute = true,
            },
        }
    }

    fn submit(&mut self, block: shared::Block) {
        let (idle, sent) = (self.lengths.is_empty(), self.link.closer.sent());
        self.filling.effort.ready(idle, sent);
        self.lengths.insert(block.index(), block.length() as u64);
        let buffers = self.context.pool.buffers().clone();
        self.session.submit_as(block, |frame| buffers.lend(frame));
    }

    fn progress(&self) {
        let current = match &self.context.feed {
            Feed::Source(source) => {
                source.describe(self.done.saturating_sub(1) / shared::BLOCK as u64)
            }
            Feed::Pipe(_) => None,
        };
        let progress = Progress {
            done: self.done,
            total: self.context.offer.payload,
            current,
        };
        self.context.events.progress(self.link.peer, progress);
    }

    fn fail(&mut self, error: Error) {
        if !self.session.has_failed() {
            self.abort(error.reason(), &error.for_peer());
            self.failure = Some(error);
        }
    }

    fn abort(&mut self, reason: Reason, detail: &str) {
        self.session.abort(reason, detail);
        self.link.hurry();
        self.deadline = Some(Instant::now() + FAREWELL);
    }

    fn failed(&mut self, error: shared::Error) -> Error {
        // A guess that ends without proof was a wrong one.
        self.guessed = self.guess.take().is_some();
        let lost = self.broken.is_some() || self.link.is_cut();
        self.cut = lost
            && (self.agreed || self.returns && self.paired)
            && self.failure.is_none()
            && matches!(error, shared::Error::Disconnected);
        let peer = self.link.peer;
        let lane = self.broken.as_ref();
        let lane = lane.filter(|_| matches!(error, shared::Error::Disconnected));
        match (self.failure.take(), lane) {
            (Some(failure), _) => failure,
            (None, Some(lane)) => Error::Disconnected {
                peer,
                why: format!("one of its lanes broke: {lane}"),
            },
            (None, None) => self.link.failed(error),
        }
    }

    fn sent(&self) -> Result<Sent, Error> {
        Ok(Sent {
            peer: self.link.peer,
            bytes: self.done,
            blake3: self.session.root().unwrap_or_default(),
            elapsed: self.started.elapsed().max(Duration::from_millis(1)),
            skipped: self.session.skipped(),
        })
    }
}
