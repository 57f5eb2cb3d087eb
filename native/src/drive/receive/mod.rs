//! The loop of a receiver: first until the peer has proved the code and made its offer, then until everything is
//! stored.

use std::{
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, future::pending, select_biased};
use shared::{BLOCK, Credentials, Offer, Output, Reason, Receiver, Ticket, receiver::Request};

use super::{
    FAREWELL, HANDSHAKE, Link, STALL, at,
    inlets::Inlets,
    lanes::Arrival,
    stalled,
    storage::{Report, Storage},
};
use crate::{Error, Progress, event::Listener, wire::Wire};

mod pair;

pub(crate) use pair::Admission;

/// A session with a sender.
pub(crate) struct Drive<W: Wire> {
    link: Link<W>,
    session: Receiver,
    events: Listener,
    stop: flume::Receiver<()>,
    stopped: bool,
    mute: bool,
    deadline: Option<Instant>,
    /// When something came last, while more is waited for.
    moved: Option<Instant>,
    outgoing: Option<Bytes>,
    /// Nothing more is read from the wire for now.
    crowded: bool,
    /// A lane broke, and the wire may go on or not.
    broken: bool,
    lanes: Option<Inlets>,
    /// Only the connection was lost.
    cut: bool,
    /// A guess is open, or was when it failed.
    guessed: bool,
    failure: Option<Error>,
}

impl<W: Wire> Drive<W>
where
    W::Reader: 'static,
    W::Writer: 'static,
{
    pub(crate) fn new(
        link: Link<W>,
        credentials: Credentials,
        events: Listener,
        stop: flume::Receiver<()>,
    ) -> Self {
        Self {
            link,
            session: Receiver::new(credentials),
            events,
            stop,
            stopped: false,
            mute: false,
            deadline: Some(Instant::now() + HANDSHAKE),
            moved: None,
            outgoing: None,
            crowded: false,
            broken: false,
            lanes: None,
            cut: false,
            guessed: false,
            failure: None,
        }
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.link.peer
    }

    /// What this session can be taken up again with.
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        self.session.ticket()
    }

    /// Whether only the connection was lost, and not what was agreed.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether the sender has proved the code.
    pub(crate) fn has_proved(&self) -> bool {
        self.session.suite().is_some()
    }

    /// Whether the peer had a guess at the code, and it was none.
    pub(crate) fn has_guessed(&self) -> bool {
        self.guessed
    }

    /// Waits for `answer`, but no longer than the sender does.
    pub(crate) async fn while_waiting<T>(
        &mut self,
        answer: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let mut answer = std::pin::pin!(answer.fuse());
        loop {
            match self.poll() {
                Ok(None) => {}
                Ok(Some(_)) => return Err(Error::Internal("a request without an answer".into())),
                Err(error) => return Err(self.failed(error)),
            }
            select_biased! {
                answer = answer => return Ok(answer),
                () = self.wait().fuse() => {}
            }
        }
    }

    /// Ends the session with a reason.
    pub(crate) async fn decline(mut self, error: Error) -> Error {
        self.fail(error);
        self.drain().await
    }

    /// Says what is still to be said, and ends the wire.
    async fn drain(mut self) -> Error {
        let error = loop {
            match self.poll() {
                Ok(None) => self.wait().await,
                Ok(Some(_)) => {}
                Err(error) => break self.failed(error),
            }
        };
        self.end(Some(&error)).await;
        error
    }

    /// Ends the wire: at once where the peer had the last word, else when it arrived.
    pub(crate) async fn end(self, error: Option<&Error>) {
        if self.is_cut() {
            return self.link.cut().await;
        }
        match self.session.heard_last_word() {
            true => self.link.close().await,
            false => self.link.finish(error.map(Error::reason)).await,
        }
    }

    /// Says the last word of a transfer that succeeded, and waits until the sender has heard it; `false` if the connection
    /// was lost before.
    pub(crate) async fn part(self) -> bool {
        self.link.part().await
    }

    /// Receives the payload into `storage`, behind what is there already.
    pub(crate) async fn transfer(
        &mut self,
        offer: &Offer,
        storage: &Storage,
        limit: Option<u64>,
        bind: Option<IpAddr>,
    ) -> Result<(), Error> {
        self.session.accept(storage.kept());
        let mut lanes = Inlets::new(bind);
        let result = self.take(&mut lanes, offer, storage, limit).await;
        // A lane that ends before the last word is out would look like a loss.
        self.lanes = Some(lanes);
        result
    }

    async fn take(
        &mut self,
        lanes: &mut Inlets,
        offer: &Offer,
        storage: &Storage,
        limit: Option<u64>,
    ) -> Result<(), Error> {
        let mut done = 0;
        let (mut begun, mut complete) = (false, false);
        loop {
            self.crowded = storage.is_busy() && !self.session.has_failed();
            // A pipe has its pauses, and so has the disk.
            let waits = self.session.has_begun() && storage.is_idle() && !complete;
            self.moved =
                (waits && offer.payload.is_some()).then(|| self.moved.unwrap_or_else(Instant::now));
            match self.session_output() {
                Ok(Some(Step::Request(Request::Open(sealed)))) => {
                    if !std::mem::replace(&mut begun, true) {
                        done = self.session.blocks() * BLOCK as u64;
                        if let Err(error) = self.begin(storage) {
                            self.fail(error);
                            continue;
                        }
                    }
                    storage.open(sealed);
                }
                Ok(Some(Step::Request(Request::Join(_) | Request::Widen(_)))) if lanes.asked => {}
                Ok(Some(Step::Request(Request::Join(at)))) => {
                    lanes.dial(&self.session, self.link.peer, at);
                }
                Ok(Some(Step::Request(Request::Widen(kinds)))) => {
                    lanes.listen(&self.session, kinds);
                }
                Ok(Some(Step::Request(Request::Commit))) => {
                    complete = true;
                    storage.commit(done, self.session.root().unwrap_or_default());
                }
                Ok(Some(Step::Request(_))) => {
                    return Err(Error::Internal("a request out of turn".into()));
                }
                Ok(Some(Step::Done)) => {
                    return Ok(());
                }
                Err(error) => return Err(self.failed(error)),
                Ok(None) => select_biased! {
                    report = storage.next().fuse() => match report {
                        Ok(Report::Kept(receipt, block)) => {
                            done += block.len() as u64;
                            self.session.recycle(block);
                            if let Some(limit) = limit.filter(|limit| done > *limit) {
                                self.fail(Error::TooLarge { limit });
                                continue;
                            }
                            let current = storage.current();
                            let progress = Progress { done, total: offer.payload, current };
                            self.events.progress(self.link.peer, progress);
                            lanes.put_away(receipt.index());
                            self.session.opened(receipt);
                        }
                        Ok(Report::Stored(arrived)) => {
                            self.session.committed(arrived.stored.skipped);
                        }
                        Err(error) => self.fail(error),
                    },
                    arrival = lanes.arrivals.next() => match arrival {
                        Some(Arrival::Joined) => self.session.lane_joined(),
                        Some(Arrival::Block(sealed, permit)) => {
                            self.moved = None;
                            lanes.permits.insert(sealed.index(), permit);
                            self.session.arrive(sealed);
                        }
                        Some(Arrival::Ended) => {
                            let failed = self.session.has_failed();
                            self.session.lane_ended();
                            self.broken |= self.session.has_failed() && !failed;
                        }
                        None => {}
                    },
                    at = lanes.opened.recv_async().fuse() => if let Ok(at) = at {
                        self.session.lanes(&at);
                    },
                    () = self.wait().fuse() => {}
                },
            }
        }
    }

    /// The first block: with it is known whether the sender goes on behind the kept ones.
    fn begin(&self, storage: &Storage) -> Result<(), Error> {
        let from = self.session.blocks();
        storage.begin(from)?;
        if from > 0 {
            self.events.resumed(self.link.peer, from * BLOCK as u64);
        }
        Ok(())
    }

    fn session_output(&mut self) -> Result<Option<Step>, shared::Error> {
        // A peer that has said its last word reads no more.
        if self.session.heard_last_word() || self.mute {
            self.outgoing = None;
        }
        while self.outgoing.is_none() {
            match self.session.poll()? {
                Output::Transmit(bytes) => self.outgoing = Some(bytes),
                Output::Request(request) => return Ok(Some(Step::Request(request))),
                Output::Wait => break,
                Output::Done => return Ok(Some(Step::Done)),
            }
        }
        Ok(None)
    }

    fn poll(&mut self) -> Result<Option<Request>, shared::Error> {
        Ok(match self.session_output()? {
            Some(Step::Request(request)) => Some(request),
            Some(Step::Done) | None => None,
        })
    }

    /// Moves bytes in either direction, or notices that time is up or somebody wants to stop.
    async fn wait(&mut self) {
        let (outgoing, wire) = (self.outgoing.clone(), self.link.outgoing.clone());
        let sending = async {
            match outgoing {
                Some(bytes) => drop(wire.send_async(bytes).await),
                None => pending().await,
            }
        };
        let late = at(self.deadline);
        let stall = at(self.moved.map(|moved| moved + STALL));
        let (stopped, signal) = (self.stopped, self.stop.clone());
        let stop = async {
            if stopped || signal.recv_async().await.is_ok() {
                pending::<()>().await;
            }
        };
        let full = self.crowded || self.session.is_full();
        let link = &mut self.link;
        let pieces = async {
            match full {
                true => link.lost().await,
                false => link.next().await,
            }
        };
        select_biased! {
            // First, so that a piece which was taken is never offered twice.
            () = sending.fuse() => self.outgoing = None,
            pieces = pieces.fuse() => match pieces {
                Some(pieces) => {
                    self.moved = None;
                    pieces.iter().for_each(|piece| self.session.receive(piece));
                }
                None => self.session.eof(),
            },
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

    fn fail(&mut self, error: Error) {
        if !self.session.has_failed() {
            self.abort(error.reason(), &error.for_peer());
            self.failure = Some(error);
        }
    }

    fn abort(&mut self, reason: Reason, detail: &str) {
        self.session.abort(reason, detail);
        self.deadline = Some(Instant::now() + FAREWELL);
    }

    fn failed(&mut self, error: shared::Error) -> Error {
        let lost = self.broken || self.link.is_cut();
        self.cut = lost && self.failure.is_none() && matches!(error, shared::Error::Disconnected);
        self.failure
            .take()
            .unwrap_or_else(|| self.link.failed(error))
    }
}

enum Step {
    Request(Request),
    Done,
}
