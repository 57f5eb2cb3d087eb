//! The loop of a sender.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{FutureExt, future::pending, select_biased};
use shared::{Credentials, Output, Reason, Sender, Side, Slot, sender::Request};

use super::{
    FAREWELL, HANDSHAKE, Link, at,
    context::Context,
    feed::{Feed, Filling},
    lanes::{self, Outlet, Traffic},
    outlets::Lanes,
};
use crate::{
    Error, Progress, Sent,
    gate::Guess,
    web::LaneDesk,
    wire::{Carrier, Wire, WireCloser},
};

/// Payload from which a browser gets a lane, in bytes.
const WORTH_A_LANE: u64 = 128 << 20;

/// A session on its way.
struct Drive<W: Wire> {
    link: Link<W>,
    session: Sender,
    context: Rc<Context>,
    guess: Option<Guess>,
    paired: bool,
    accepted: bool,
    stopped: bool,
    mute: bool,
    started: Instant,
    deadline: Option<Instant>,
    outgoing: Option<Bytes>,
    /// Payload bytes of the blocks that wait to be transmitted, by index.
    lengths: BTreeMap<u64, u64>,
    done: u64,
    filling: Filling,
    lanes: Lanes,
    desk: Option<LaneDesk>,
    failure: Option<Error>,
}

/// How a session ended, and whether its peer had proved the code.
pub(crate) struct Outcome {
    pub(crate) paired: bool,
    pub(crate) peer: SocketAddr,
    pub(crate) carrier: Carrier,
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
    let ahead = 2 * usize::from(context.lanes);
    let filling = Filling::new(context.feed.clone(), context.pool.clone(), ahead);
    let mut drive = Drive {
        session: Sender::new(credentials),
        link,
        context,
        guess: None,
        paired: false,
        accepted: false,
        stopped: false,
        mute: false,
        started: Instant::now(),
        deadline: Some(Instant::now() + HANDSHAKE),
        outgoing: None,
        lengths: BTreeMap::new(),
        done: 0,
        filling,
        lanes: Lanes::new(side),
        desk,
        failure: None,
    };
    let result = drive.run().await;
    let paired = drive.paired;
    let (peer, carrier) = (drive.link.peer, drive.link.carrier);
    if let (false, Err(error)) = (paired, &result) {
        drive.context.tell_stranger(error);
    }
    match &result {
        Err(error) if !drive.session.heard_last_word() => {
            drive.link.finish(Some(error.reason())).await;
        }
        _ => drive.link.close().await,
    }
    Outcome {
        paired,
        peer,
        carrier,
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
                Ok(Output::Transmit(bytes)) => self.outgoing = Some(bytes),
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

    /// Blocks go over any lane; messages stay on the wire.
    fn use_lanes(&mut self) {
        let block = self.outgoing.take_if(|bytes| shared::is_block(bytes));
        if let Some(block) = block {
            match self.lanes.take(block) {
                Ok(()) => self.handed_over(),
                Err(block) => self.outgoing = Some(block),
            }
        }
    }

    fn handed_over(&mut self) {
        self.done += self.lengths.pop_first().map_or(0, |(_, length)| length);
        self.filling.sent();
        self.progress();
    }

    async fn on_request(&mut self, request: Request) {
        match request {
            Request::Pair => match self.context.gate.guess(self.link.peer.ip()).await {
                Ok(guess) => {
                    self.guess = Some(guess);
                    self.deadline = Some(Instant::now() + HANDSHAKE);
                    self.session.pair(self.context.gate.left_after_this());
                }
                Err(refusal) => self.session.refuse(refusal),
            },
            Request::Offer => {
                self.paired = true;
                self.deadline = None;
                if let Some(guess) = self.guess.take() {
                    guess.right();
                }
                self.link.closer.authenticated();
                self.context
                    .events
                    .paired(self.link.peer, self.session.suite(), self.link.carrier);
                self.context
                    .events
                    .offered(self.link.peer, &self.context.offer);
                self.session.offer(self.context.offer.clone());
            }
            Request::Compare(have) => self.filling.compare(have.blocks),
            // Once, since each lane costs a thread and a socket.
            Request::Join(_) if std::mem::replace(&mut self.lanes.dialled, true) => {}
            Request::Join(ports) => {
                let session = &self.session;
                let ends = (1..).zip(ports).take(usize::from(self.context.lanes) - 1);
                let ends = ends.filter_map(|(number, port)| Some((port, session.lane(number)?)));
                let traffic = Traffic::Out(self.lanes.tell.clone());
                lanes::dial(self.link.peer, self.context.bind, ends.collect(), &traffic);
            }
            Request::Read(slot) => self.read(slot),
        }
    }

    fn read(&mut self, slot: Slot) {
        if !std::mem::replace(&mut self.accepted, true) {
            self.context.events.accepted(self.link.peer);
            self.widen();
        }
        self.filling.add(slot);
    }

    /// Opens lanes, or asks the receiver to.
    fn widen(&mut self) {
        if self.link.carrier.is_browser() {
            return self.widen_by_request();
        }
        let count = self.context.lanes.saturating_sub(1);
        match self.lanes.side {
            _ if count == 0 => {}
            Side::Dialler => self.session.widen(count),
            Side::Listener => {
                let ends = (1..=count)
                    .filter_map(|number| self.session.lane(number))
                    .collect();
                let (traffic, open) = (
                    Traffic::Out(self.lanes.tell.clone()),
                    self.lanes.open.clone(),
                );
                let bind = self.context.bind;
                compio::runtime::spawn(async move {
                    let _ = open.send(lanes::listen(bind, ends, traffic).await);
                })
                .detach();
            }
        }
    }

    /// Has a browser fetch the blocks of a long transfer by a request, which costs it less than WebTransport.
    fn widen_by_request(&mut self) {
        let long = self.context.offer.payload >= Some(WORTH_A_LANE);
        if let Some(desk) = self.desk.take().filter(|_| long)
            && let Some(lane) = self.session.lane(1)
        {
            self.lanes.instead = true;
            desk.expect(lane, self.lanes.tell.clone());
            self.session.lanes(&[desk.port()]);
        }
    }

    fn on_outlet(&mut self, outlet: Outlet) {
        match outlet {
            Outlet::Joined(number, blocks) => drop(self.lanes.joined.insert(number, blocks)),
            Outlet::Idle(number) => self.lanes.idle.push_back(number),
            Outlet::Lost(error) => self.fail(Error::Disconnected {
                peer: self.link.peer,
                why: format!("one of its lanes broke: {error}"),
            }),
        }
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
        let (stopped, signal) = (self.stopped, self.context.stop.clone());
        let stop = async {
            if stopped || signal.recv_async().await.is_ok() {
                pending::<()>().await;
            }
        };
        select_biased! {
            // First, so that a piece which was taken is never offered twice.
            sent = sending.fuse() => {
                let block = self.outgoing.take().is_some_and(|bytes| shared::is_block(&bytes));
                if block && sent {
                    self.handed_over();
                }
                // Where the wire is gone, the reading half brings the reason, if the peer gave one.
            },
            block = self.filling.filled.recv_async().fuse() => match block {
                Ok(Ok(block)) => self.submit(block),
                Ok(Err(error)) => self.fail(error),
                Err(_) => {}
            },
            pieces = self.link.next().fuse() => match pieces {
                Some(pieces) => pieces.iter().for_each(|piece| self.session.receive(piece)),
                None => self.session.eof(),
            },
            outlet = self.lanes.told.recv_async().fuse() => if let Ok(outlet) = outlet {
                self.on_outlet(outlet);
            },
            ports = self.lanes.opened.recv_async().fuse() => if let Ok(ports) = ports {
                self.session.lanes(&ports);
            },
            tree = self.filling.compared.recv_async().fuse() => if let Ok(tree) = tree {
                self.done = self.session.resume(tree) * shared::BLOCK as u64;
            },
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
        self.guess = None;
        self.failure
            .take()
            .unwrap_or_else(|| self.link.failed(error))
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
