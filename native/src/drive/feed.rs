//! Where a payload comes from: files and texts in any order, a pipe in its own.

use std::{collections::VecDeque, sync::Arc};

use futures_channel::mpsc;
use shared::{
    Block, Slot,
    tree::{BlockHash, Tree},
};

use super::effort::Effort;
use crate::{
    Compression, Error,
    pool::Pool,
    source::{Pipe, Source},
};

/// Where the payload comes from.
#[derive(Clone)]
pub(crate) enum Feed {
    /// Files or a text: any block at any time.
    Source(Arc<Source>),
    /// A pipe: one block after the other, for one receiver.
    Pipe(Arc<Pipe>),
}

impl Feed {
    /// Whether a second session may have what a first one had.
    pub(super) fn can_be_read_again(&self) -> bool {
        matches!(self, Self::Source(_))
    }
}

/// What the pool does for one session: blocks for slots, a few at a time.
pub(super) struct Filling {
    feed: Feed,
    pool: Pool,
    /// Slots that wait, and how many are being filled or wait to be sent.
    slots: VecDeque<Slot>,
    busy: usize,
    pub(super) effort: Effort,
    most: usize,
    pub(super) filled: mpsc::UnboundedReceiver<Result<Block, Error>>,
    tell: mpsc::UnboundedSender<Result<Block, Error>>,
    /// The blocks that were compared.
    pub(super) compared: flume::Receiver<Tree>,
    compare: flume::Sender<Tree>,
    pipe: Option<flume::Sender<(Slot, bool)>>,
}

impl Filling {
    /// Has as many slots filled at a time as there are workers, and `ahead` more: what is ready too early has left the
    /// caches when it is needed.
    pub(super) fn new(feed: Feed, pool: Pool, ahead: usize) -> Self {
        let (tell, filled) = mpsc::unbounded();
        let (compare, compared) = flume::unbounded();
        let most = pool.workers() + ahead;
        let effort = match pool.compression() {
            Compression::Auto => Effort::adaptive((most * shared::BLOCK) as u64),
            Compression::Off | Compression::Level(_) => Effort::fixed(),
        };
        Self {
            feed,
            pool,
            slots: VecDeque::new(),
            busy: 0,
            effort,
            most,
            filled,
            tell,
            compared,
            compare,
            pipe: None,
        }
    }

    /// Fills `slot` when its turn comes.
    pub(super) fn add(&mut self, slot: Slot) {
        self.slots.push_back(slot);
        self.dispatch();
    }

    /// One of the blocks was sent.
    pub(super) fn sent(&mut self) {
        self.busy = self.busy.saturating_sub(1);
        self.dispatch();
    }

    fn dispatch(&mut self) {
        while self.busy < self.most
            && let Some(slot) = self.slots.pop_front()
        {
            self.busy += 1;
            self.fill(slot);
        }
    }

    fn fill(&mut self, slot: Slot) {
        match &self.feed {
            Feed::Source(source) => {
                let (source, tell) = (Arc::clone(source), self.tell.clone());
                let buffers = self.pool.buffers().clone();
                let pack = self.effort.is_on();
                self.pool.run(move |worker| {
                    let mut plain = buffers.plain();
                    let result = source.read(slot.index(), plain.buffer()).and_then(|last| {
                        slot.fill(worker.packer(pack), plain, last)
                            .map_err(|error| Error::Internal(error.to_string()))
                    });
                    let _ = tell.unbounded_send(result);
                });
            }
            Feed::Pipe(pipe) => {
                let (pool, tell) = (&self.pool, &self.tell);
                let slots = self
                    .pipe
                    .get_or_insert_with(|| pump(Arc::clone(pipe), pool.clone(), tell.clone()));
                let _ = slots.send((slot, self.effort.is_on()));
            }
        }
    }

    /// Hashes the first blocks of the source, to see whether the receiver kept the same ones.
    pub(super) fn compare(&self, blocks: u64) {
        let compare = self.compare.clone();
        let Feed::Source(source) = &self.feed else {
            // What went through a pipe is gone.
            let _ = compare.send(Tree::new());
            return;
        };
        let (source, tell) = (Arc::clone(source), self.tell.clone());
        let buffers = self.pool.buffers().clone();
        self.pool.run(move |_| {
            let mut tree = Tree::new();
            for index in 0..blocks {
                if compare.is_disconnected() {
                    // The session is over: nobody waits for the rest.
                    return;
                }
                let mut plain = buffers.plain();
                match source.read(index, plain.buffer()) {
                    Ok(last) => {
                        tree.push(BlockHash::of(index, last, plain.payload()));
                    }
                    Err(error) => return drop(tell.unbounded_send(Err(error))),
                }
            }
            let _ = compare.send(tree);
        });
    }
}

/// Reads a pipe, block by block, as slots for them come; the flag says whether to compress.
pub(super) fn pump(
    pipe: Arc<Pipe>,
    pool: Pool,
    fill: mpsc::UnboundedSender<Result<Block, Error>>,
) -> flume::Sender<(Slot, bool)> {
    let (slots, queue) = flume::unbounded::<(Slot, bool)>();
    std::thread::spawn(move || {
        for (slot, pack) in queue {
            let block = match pipe.next_blocking() {
                Some(Ok(block)) => block,
                Some(Err(error)) => return drop(fill.unbounded_send(Err(error))),
                None => return,
            };
            let mut plain = pool.buffers().plain();
            plain.buffer().extend_from_slice(&block.bytes);
            let (last, fill) = (block.last, fill.clone());
            pool.run(move |worker| {
                let result = slot.fill(worker.packer(pack), plain, last);
                let _ =
                    fill.unbounded_send(result.map_err(|error| Error::Internal(error.to_string())));
            });
            if last {
                return;
            }
        }
    });
    slots
}
