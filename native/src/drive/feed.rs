//! Where a payload comes from: files and texts in any order, a pipe in its own.

use std::sync::Arc;

use shared::Slot;

use crate::{
    Error,
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

/// Reads a pipe, block by block, as slots for them come.
pub(super) fn pump(
    pipe: Arc<Pipe>,
    pool: Pool,
    fill: flume::Sender<Result<shared::Block, Error>>,
) -> flume::Sender<Slot> {
    let (slots, queue) = flume::unbounded::<Slot>();
    std::thread::spawn(move || {
        for slot in queue {
            let block = match pipe.next_blocking() {
                Some(Ok(block)) => block,
                Some(Err(error)) => return drop(fill.send(Err(error))),
                None => return,
            };
            let mut plain = pool.buffers().plain();
            plain.buffer().extend_from_slice(&block.bytes);
            let (last, fill) = (block.last, fill.clone());
            pool.run(move |worker| {
                let result = slot.fill(&mut worker.packer, plain, last);
                let _ = fill.send(result.map_err(|error| Error::Internal(error.to_string())));
            });
            if last {
                return;
            }
        }
    });
    slots
}
