//! The threads behind a sink: any worker opens a block; where the sink wants blocks in order, one thread feeds it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::poll_fn,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use compio::time;
use futures_channel::mpsc;
use futures_util::StreamExt;
use shared::{
    BlockReceipt, Reason, Sealed,
    tree::{BlockHash, Tree},
};

use crate::{
    Error, ErrorKind,
    pool::Pool,
    sink::{Sink, Stored},
};

/// How long a thread may hold a sink after its last word.
const PATIENCE: Duration = Duration::from_secs(5);

/// Blocks that wait behind those that the workers have.
const AHEAD: usize = 3;

/// What the threads report.
pub(super) enum Report {
    /// A block is where it belongs; its memory may be used again.
    Kept(BlockReceipt, Bytes),
    /// Everything is durable and under its final name.
    Stored(Arrived),
}

/// A payload that is verified and published.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) stored: Stored,
    /// Payload bytes.
    pub(crate) bytes: u64,
    /// BLAKE3 root of the payload.
    pub(crate) root: [u8; 32],
}

type Reports = mpsc::UnboundedSender<Result<Report, Error>>;

/// A sink, as the loop of a receiver sees it.
pub(crate) struct Storage {
    pool: Pool,
    sink: Arc<Sink>,
    /// Blocks on their way to where they belong.
    busy: Cell<usize>,
    /// To the thread that keeps the order, where there is one.
    line: RefCell<Option<flume::Sender<(BlockReceipt, Bytes)>>>,
    tell: Reports,
    reports: RefCell<mpsc::UnboundedReceiver<Result<Report, Error>>>,
    have: RefCell<Have>,
}

/// What is there already: all of it outlives the connection that brought it.
struct Have {
    /// The blocks from the first on; the last of the payload is never among them.
    tree: Tree,
    /// Blocks that are ahead of those.
    ahead: BTreeMap<u64, BlockHash>,
    /// The last block of the payload, once it is where it belongs.
    last: Option<(u64, BlockHash)>,
    /// Everything is published.
    arrived: Option<Arrived>,
}

impl Have {
    fn kept(tree: Tree) -> Self {
        Self {
            tree,
            ahead: BTreeMap::new(),
            last: None,
            arrived: None,
        }
    }

    fn note(&mut self, report: &Report) {
        match report {
            Report::Kept(receipt, _) if receipt.last() => {
                self.last = Some((receipt.index(), receipt.hash()));
            }
            Report::Kept(receipt, _) => {
                self.ahead.insert(receipt.index(), receipt.hash());
                while let Some(hash) = self.ahead.remove(&self.tree.blocks()) {
                    self.tree.push(hash);
                }
            }
            Report::Stored(arrived) => self.arrived = Some(arrived.clone()),
        }
    }
}

impl Storage {
    pub(crate) fn start(sink: Sink, pool: Pool) -> Self {
        let have = RefCell::new(Have::kept(sink.kept()));
        let sink = Arc::new(sink);
        let (tell, reports) = mpsc::unbounded();
        Self {
            have,
            pool,
            sink,
            busy: Cell::new(0),
            line: RefCell::new(None),
            tell,
            reports: RefCell::new(reports),
        }
    }

    /// Whether so many blocks wait that more would only leave the caches before their turn. Where the order counts it is
    /// never said: what they wait for may be the next one to come.
    pub(super) fn is_busy(&self) -> bool {
        !self.sink.ordered() && self.busy.get() >= self.pool.workers() + AHEAD
    }

    /// Whether everything that came is where it belongs.
    pub(super) fn is_idle(&self) -> bool {
        self.busy.get() == 0
    }

    /// Has a block opened and put where it belongs. The session bounds how many are on their way.
    pub(super) fn open(&self, sealed: Sealed) {
        self.busy.set(self.busy.get() + 1);
        let (sink, tell) = (Arc::clone(&self.sink), self.tell.clone());
        let line = self.line.borrow().clone();
        if self.sink.ordered() && line.is_none() {
            // It could not be begun, and the session ends.
            return;
        }
        let last = self.have.borrow().last;
        self.pool.run(move |_| {
            let session = |error| Error::Session { peer: None, error };
            let opened = match sealed.open() {
                Ok(opened) => opened,
                Err(error) => return drop(tell.unbounded_send(Err(session(error)))),
            };
            // The last block comes again with every new connection, and is not stored twice.
            if let Some((_, hash)) = last.filter(|(index, _)| *index == opened.receipt.index()) {
                let same = opened.receipt.last() && opened.receipt.hash() == hash;
                let other = session(shared::Error::Mismatch("the last block is another one now"));
                let report = Report::Kept(opened.receipt, opened.bytes);
                return drop(tell.unbounded_send(if same { Ok(report) } else { Err(other) }));
            }
            match line {
                Some(line) => drop(line.send((opened.receipt, opened.bytes))),
                None => drop(tell.unbounded_send(keep(&sink, opened.receipt, opened.bytes))),
            }
        });
    }

    /// Has everything made durable and published.
    pub(super) fn commit(&self, bytes: u64, root: [u8; 32]) {
        let (sink, tell) = (Arc::clone(&self.sink), self.tell.clone());
        if let Some(arrived) = self.arrived() {
            return drop(tell.unbounded_send(Ok(Report::Stored(arrived))));
        }
        self.pool.run(move |_| {
            let arrived = |stored| Arrived {
                stored,
                bytes,
                root,
            };
            drop(tell.unbounded_send(sink.finish().map(arrived).map(Report::Stored)));
        });
    }

    pub(super) async fn next(&self) -> Result<Report, Error> {
        let report = poll_fn(|cx| self.reports.borrow_mut().poll_next_unpin(cx))
            .await
            .unwrap_or_else(|| Err(Error::Internal("the sink ended early".into())));
        self.heard(report)
    }

    fn heard(&self, report: Result<Report, Error>) -> Result<Report, Error> {
        let report = report?;
        if let Report::Kept(..) = report {
            self.busy.set(self.busy.get().saturating_sub(1));
        }
        self.have.borrow_mut().note(&report);
        Ok(report)
    }

    /// Waits until nothing of the connection that was lost is on its way any more: another one may go on.
    ///
    /// # Errors
    /// What went wrong meanwhile.
    pub(crate) async fn settle(&self) -> Result<(), Error> {
        // What waits for a block that did not come is dropped with the line.
        self.line.replace(None);
        loop {
            let busy = Arc::strong_count(&self.sink) > 1;
            // Who let go of the sink has reported before: what it reported is seen below.
            fence(Ordering::Acquire);
            while let Ok(report) = self.reports.borrow_mut().try_recv() {
                self.heard(report)?;
            }
            if !busy {
                break;
            }
            time::sleep(Duration::from_millis(1)).await;
        }
        self.busy.set(0);
        let mut have = self.have.borrow_mut();
        have.ahead.clear();
        if have.arrived.is_none() && !self.sink.ordered() {
            have.last = None;
            self.sink.cut_back(have.tree.blocks())?;
        }
        Ok(())
    }

    /// What came of the payload, where that is settled whatever becomes of the connection.
    pub(crate) fn arrived(&self) -> Option<Arrived> {
        self.have.borrow().arrived.clone()
    }

    /// Waits, for a while, until no thread holds the sink any more: a sink that did not finish removes what it wrote
    /// when the last of them lets go. Says where something stays for another run after `failure`.
    pub(crate) async fn end(self, failure: Option<&Error>) -> Option<PathBuf> {
        if let Some(error) = failure {
            self.judge(error);
        }
        let Self {
            sink,
            line,
            tell,
            reports,
            ..
        } = self;
        drop((line, tell));
        let mut reports = reports.into_inner();
        // A thread may write to a pipe that nobody reads.
        let _ = time::timeout(PATIENCE, async {
            while reports.next().await.is_some() {}
            while Arc::strong_count(&sink) > 1 {
                time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        failure.and_then(|_| sink.stays())
    }

    /// The blocks that are there already, from an earlier run or an earlier connection.
    pub(crate) fn kept(&self) -> Tree {
        self.have.borrow().tree.clone()
    }

    /// The first block is about to be opened, and the sender goes on from block `from`.
    pub(super) fn begin(&self, from: u64) -> Result<(), Error> {
        if from < self.kept().blocks() {
            if self.arrived().is_some() {
                let error = shared::Error::Mismatch("the sender has something else now");
                return Err(Error::Session { peer: None, error });
            }
            self.have.replace(Have::kept(Tree::new()));
            self.sink.restart()?;
        }
        if self.sink.ordered() {
            let (line, queue) = flume::unbounded();
            let (sink, tell) = (Arc::clone(&self.sink), self.tell.clone());
            thread::spawn(move || keep_in_order(&sink, from, &queue, &tell));
            self.line.replace(Some(line));
        }
        Ok(())
    }

    /// Has nothing stay after an error that makes it useless.
    fn judge(&self, error: &Error) {
        // What came from somebody who breaks the protocol is not built upon, and what has changed is not offered again.
        let useless = match error {
            Error::Session {
                error: shared::Error::Peer { reason, .. },
                ..
            } => matches!(reason, Reason::SourceChanged | Reason::Violation),
            error => matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Unsafe),
        };
        if useless {
            self.sink.discard();
        }
    }

    /// The file that is being written, where the payload is an archive.
    pub(super) fn current(&self) -> Option<Vec<u8>> {
        self.sink.describe()
    }
}

fn keep(sink: &Sink, receipt: BlockReceipt, bytes: Bytes) -> Result<Report, Error> {
    sink.write(receipt.index(), bytes.clone())?;
    sink.note(&receipt)?;
    Ok(Report::Kept(receipt, bytes))
}

/// Workers finish in any order; the sink gets blocks by index. The session's window bounds what waits here.
fn keep_in_order(
    sink: &Sink,
    mut due: u64,
    queue: &flume::Receiver<(BlockReceipt, Bytes)>,
    tell: &Reports,
) {
    let mut waiting = BTreeMap::new();
    for (receipt, bytes) in queue {
        waiting.insert(receipt.index(), (receipt, bytes));
        while let Some((receipt, bytes)) = waiting.remove(&due) {
            due += 1;
            let report = keep(sink, receipt, bytes);
            let failed = report.is_err();
            if tell.unbounded_send(report).is_err() || failed {
                return;
            }
        }
    }
}
