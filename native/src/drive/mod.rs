//! The loops between a session, its wire, and the files: they move bytes and decide nothing.

use std::{
    cell::Cell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use compio::{runtime::JoinHandle, time};
use futures_util::future::pending;
use shared::Reason;

use crate::{
    Error,
    wire::{Carrier, Wire, WireCloser, WireError, WireReader, WireWriter},
};

pub(crate) mod context;
mod effort;
pub(crate) mod feed;
mod inlets;
pub(crate) mod lanes;
mod outlets;
pub(crate) mod receive;
pub(crate) mod send;
pub(crate) mod storage;
mod trial;

/// How long a peer may take to prove that it holds the code.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a peer that is there may keep the other waiting for a block: longer than a disk that wakes up, or a file that a
/// cloud brings first.
const STALL: Duration = Duration::from_secs(300);

/// How long the last words may take to arrive. What is on its way before them may take longer on a slow link; then the
/// code that closes the connection says it in short.
const FAREWELL: Duration = Duration::from_millis(800);

/// How long a sender may take to hear that all is well; a wire that is dark is known to be lost by then.
const PARTING: Duration = Duration::from_secs(20);

/// Closes a wire whose session is to be taken up again over another one: none of a [`Reason`]'s numbers.
const CUT: u32 = 9;

/// Writes that wait for the wire, and reads that wait for the session: a few, since each may be a whole block.
const QUEUE: usize = 2;

/// Waits until a deadline, for ever where there is none.
pub(crate) async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => time::sleep_until(deadline).await,
        None => pending().await,
    }
}

/// Whether a wire that ended so may be replaced by another one.
fn is_cut(end: &WireError) -> bool {
    match end {
        WireError::Silent | WireError::Lost(_) => true,
        WireError::Closed(code) => *code == CUT,
    }
}

/// A peer that holds its connection and does nothing more.
fn stalled(peer: SocketAddr) -> Error {
    Error::Disconnected {
        peer,
        why: format!("nothing has moved for {} minutes", STALL.as_secs() / 60),
    }
}

/// What the wire brings.
pub(crate) type Incoming = Result<Vec<Bytes>, End>;

/// How the peer's half of the wire ended.
#[derive(Debug, Clone)]
pub(crate) enum End {
    Finished,
    Failed(WireError),
}

/// A wire with a task for each direction, so that neither waits for the other.
pub(crate) struct Link<W: Wire> {
    pub(crate) peer: SocketAddr,
    pub(crate) carrier: Carrier,
    /// What is written is held back here.
    pub(crate) limited: bool,
    incoming: flume::Receiver<Incoming>,
    end: Option<End>,
    pub(crate) outgoing: flume::Sender<Bytes>,
    hurry: Rc<Cell<bool>>,
    pub(crate) closer: W::Closer,
    reader: JoinHandle<()>,
    writer: JoinHandle<()>,
}

impl<W: Wire> Link<W>
where
    W::Reader: 'static,
    W::Writer: 'static,
{
    /// Takes a wire into use; `limit` bounds what is written, in bytes a second.
    pub(crate) fn new(wire: W, limit: Option<u64>) -> Self {
        let (peer, carrier) = (wire.peer(), wire.carrier());
        let (mut reader, mut writer, closer) = wire.split();
        let (pieces, incoming) = flume::bounded(QUEUE);
        let reader = compio::runtime::spawn(async move {
            loop {
                let piece = match reader.read().await {
                    Ok(Some(pieces)) => Ok(pieces),
                    Ok(None) => Err(End::Finished),
                    Err(error) => Err(End::Failed(error)),
                };
                let end = piece.is_err();
                if pieces.send_async(piece).await.is_err() || end {
                    return;
                }
            }
        });
        let (outgoing, queue) = flume::bounded::<Bytes>(QUEUE);
        let hurry = Rc::new(Cell::new(false));
        let hurried = Rc::clone(&hurry);
        let writer = compio::runtime::spawn(async move {
            let mut pace = limit.map(Pace::new);
            while let Ok(bytes) = queue.recv_async().await {
                let written = match &mut pace {
                    None => writer.write(bytes).await,
                    Some(pace) => pace.write(&mut writer, bytes, &hurried).await,
                };
                if written.is_err() {
                    // The reading half says why.
                    return;
                }
            }
            let _ = writer.finish().await;
        });
        Self {
            peer,
            carrier,
            limited: limit.is_some(),
            incoming,
            end: None,
            outgoing,
            hurry,
            closer,
            reader,
            writer,
        }
    }

    /// The next bytes from the peer; `None`, once, at the end of its half.
    pub(crate) async fn next(&mut self) -> Option<Vec<Bytes>> {
        if self.end.is_some() {
            pending::<()>().await;
        }
        match self
            .incoming
            .recv_async()
            .await
            .unwrap_or(Err(End::Finished))
        {
            Ok(pieces) => Some(pieces),
            Err(end) => {
                self.end = Some(end);
                None
            }
        }
    }

    /// As [`Link::next`], while nothing can be taken: only that the wire is gone is of interest.
    pub(crate) async fn lost(&mut self) -> Option<Vec<Bytes>> {
        if self.end.is_some() {
            pending::<()>().await;
        }
        self.end = Some(End::Failed(self.closer.closed().await));
        None
    }

    /// Ends the wire as the side that has heard the last word.
    pub(crate) async fn close(self) {
        drop(self.outgoing);
        self.closer.close(0).await;
    }

    /// Whether nothing was heard of the peer until it was given up: its network may come back.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self.end, Some(End::Failed(WireError::Silent)))
    }

    /// Whether the wire broke, and nobody closed it for good.
    pub(crate) fn is_cut(&self) -> bool {
        matches!(&self.end, Some(End::Failed(end)) if is_cut(end))
    }

    /// Drops a wire that is of no more use, so that its session can be taken up again.
    pub(crate) async fn cut(self) {
        drop(self.outgoing);
        self.reader.cancel().await;
        self.writer.cancel().await;
        self.closer.close(CUT).await;
    }

    /// As [`Link::finish`] after the last word of a success, which the peer is given time to hear; `false` if the wire was
    /// lost before.
    pub(crate) async fn part(mut self) -> bool {
        drop(self.outgoing);
        let heard = time::timeout(PARTING, async {
            let _ = self.writer.await;
            self.closer.closed().await
        });
        let lost = heard.await.is_ok_and(|end| is_cut(&end));
        self.reader.cancel().await;
        self.closer.close(0).await;
        !lost
    }

    /// Nothing but a farewell follows: it is not held back.
    pub(crate) fn hurry(&self) {
        self.hurry.set(true);
    }

    /// Ends the wire as the side that has spoken it: waits until it arrived and the peer closes, for a while. `reason`
    /// is for a peer that the farewell does not reach in time.
    pub(crate) async fn finish(mut self, reason: Option<Reason>) {
        drop(self.outgoing);
        let _ = time::timeout(FAREWELL, self.writer).await;
        let _ = time::timeout(FAREWELL, self.closer.closed()).await;
        self.reader.cancel().await;
        self.closer
            .close(reason.map_or(0, |reason| reason as u32))
            .await;
    }

    /// What a failure of the session is to the person: where the wire broke, how.
    pub(crate) fn failed(&self, error: shared::Error) -> Error {
        let said = match &self.end {
            Some(End::Failed(WireError::Closed(code))) => {
                u8::try_from(*code).ok().and_then(Reason::from_code)
            }
            _ => None,
        };
        match (&self.end, error) {
            (_, shared::Error::Disconnected) if let Some(reason) = said => Error::Session {
                peer: Some(self.peer),
                error: shared::Error::Peer {
                    reason,
                    detail: String::new(),
                },
            },
            (Some(End::Failed(wire)), shared::Error::Disconnected) => Error::Disconnected {
                peer: self.peer,
                why: wire.to_string(),
            },
            (_, error) => Error::Session {
                peer: Some(self.peer),
                error,
            },
        }
    }
}

/// Spreads writes over time.
struct Pace {
    rate: u64,
    due: Instant,
}

impl Pace {
    /// Bytes that are written at once.
    const STEP: usize = 64 << 10;

    fn new(rate: u64) -> Self {
        Self {
            rate: rate.max(1),
            due: Instant::now(),
        }
    }

    async fn write(
        &mut self,
        writer: &mut impl WireWriter,
        mut bytes: Bytes,
        hurry: &Cell<bool>,
    ) -> Result<(), WireError> {
        let step = Self::STEP.min((self.rate / 8).max(1) as usize);
        while !bytes.is_empty() {
            if hurry.get() {
                return writer.write(bytes).await;
            }
            let now = Instant::now();
            time::sleep(self.due.saturating_duration_since(now)).await;
            let piece = bytes.split_to(bytes.len().min(step));
            self.due =
                self.due.max(now) + Duration::from_secs_f64(piece.len() as f64 / self.rate as f64);
            writer.write(piece).await?;
        }
        Ok(())
    }
}
