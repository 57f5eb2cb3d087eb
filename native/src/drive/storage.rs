//! The threads behind a sink: any worker opens a block; where the sink wants blocks in order, one thread feeds it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    thread,
    time::Duration,
};

use bytes::Bytes;
use compio::time;
use shared::{BlockReceipt, Reason, Sealed, tree::Tree};

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
    Stored(Stored),
}

type Reports = flume::Sender<Result<Report, Error>>;

/// A sink, as the loop of a receiver sees it.
pub(super) struct Storage {
    pool: Pool,
    sink: Arc<Sink>,
    /// Blocks on their way to where they belong.
    busy: Cell<usize>,
    /// To the thread that keeps the order, where there is one.
    line: RefCell<Option<flume::Sender<(BlockReceipt, Bytes)>>>,
    tell: Reports,
    reports: flume::Receiver<Result<Report, Error>>,
}

impl Storage {
    pub(super) fn start(sink: Sink, pool: Pool) -> Self {
        let sink = Arc::new(sink);
        let (tell, reports) = flume::unbounded();
        Self {
            pool,
            sink,
            busy: Cell::new(0),
            line: RefCell::new(None),
            tell,
            reports,
        }
    }

    /// Whether so many blocks wait that more would only leave the caches before their turn. Where the order counts it is
    /// never said: what they wait for may be the next one to come.
    pub(super) fn is_busy(&self) -> bool {
        !self.sink.ordered() && self.busy.get() >= self.pool.workers() + AHEAD
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
        self.pool.run(move |_| {
            let opened = match sealed.open() {
                Ok(opened) => opened,
                Err(error) => return drop(tell.send(Err(Error::Session { peer: None, error }))),
            };
            match line {
                Some(line) => drop(line.send((opened.receipt, opened.bytes))),
                None => drop(tell.send(keep(&sink, opened.receipt, opened.bytes))),
            }
        });
    }

    /// Has everything made durable and published.
    pub(super) fn commit(&self) {
        let (sink, tell) = (Arc::clone(&self.sink), self.tell.clone());
        self.pool
            .run(move |_| drop(tell.send(sink.finish().map(Report::Stored))));
    }

    pub(super) async fn next(&self) -> Result<Report, Error> {
        let report = self
            .reports
            .recv_async()
            .await
            .unwrap_or_else(|_| Err(Error::Internal("the sink ended early".into())));
        if let Ok(Report::Kept(..)) = report {
            self.busy.set(self.busy.get().saturating_sub(1));
        }
        report
    }

    /// Waits, for a while, until no thread holds the sink any more: a sink that did not finish removes what it wrote
    /// when the last of them lets go. Says where something stays for another run after `failure`.
    pub(super) async fn end(self, failure: Option<&Error>) -> Option<PathBuf> {
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
        // A thread may write to a pipe that nobody reads.
        let _ = time::timeout(PATIENCE, async {
            while reports.recv_async().await.is_ok() {}
            while Arc::strong_count(&sink) > 1 {
                time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        failure.and_then(|_| sink.stays())
    }

    /// The blocks that are there from an earlier run.
    pub(super) fn kept(&self) -> Tree {
        self.sink.kept()
    }

    /// The first block is about to be opened, and the sender goes on from block `from`.
    pub(super) fn begin(&self, from: u64) -> Result<(), Error> {
        if from < self.sink.kept().blocks() {
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
            if tell.send(report).is_err() || failed {
                return;
            }
        }
    }
}
