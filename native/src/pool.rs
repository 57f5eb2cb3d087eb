//! Worker threads for what would stall a lane: reading, compressing, hashing and sealing blocks, and the way back.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use bytes::Bytes;
use shared::{Packer, Plain};

use crate::{Compression, Error};

/// Most threads: beyond them one lane has nothing more to do for a worker.
const MAX_WORKERS: usize = 8;

/// Most buffers that wait for their next use; more are given back to the system.
const MAX_SPARE: usize = 16;

/// How many threads seal or open blocks on this machine: one for each core but that of the lane, at most 8.
pub fn workers() -> usize {
    thread::available_parallelism()
        .map_or(1, |cores| usize::from(cores).saturating_sub(1))
        .clamp(1, MAX_WORKERS)
}

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// What a worker keeps between two jobs.
pub(crate) struct Worker {
    packer: Packer,
    plain: Packer,
}

impl Worker {
    /// What packs a block, or leaves it as it is.
    pub(crate) fn packer(&mut self, pack: bool) -> &mut Packer {
        match pack {
            true => &mut self.packer,
            false => &mut self.plain,
        }
    }
}

/// Threads that work off what lanes hand to them. They end when the last handle is dropped.
#[derive(Clone)]
pub(crate) struct Pool {
    jobs: flume::Sender<Job>,
    buffers: Buffers,
    workers: usize,
    compression: Compression,
}

impl Pool {
    /// Starts [`workers`] threads.
    pub(crate) fn start(compression: Compression) -> Result<Self, Error> {
        let (jobs, queue) = flume::unbounded::<Job>();
        let count = workers();
        for index in 0..count {
            let queue = queue.clone();
            let mut worker = Worker {
                packer: compression.packer()?,
                plain: Packer::off(),
            };
            thread::Builder::new()
                .name(format!("hayate-worker-{index}"))
                .spawn(move || queue.iter().for_each(|job| job(&mut worker)))
                .map_err(|error| Error::Internal(format!("no thread can be started: {error}")))?;
        }
        Ok(Self {
            jobs,
            buffers: Buffers::default(),
            workers: count,
            compression,
        })
    }

    /// Has `job` done on one of the threads. The lane bounds how many it hands out.
    pub(crate) fn run(&self, job: impl FnOnce(&mut Worker) + Send + 'static) {
        let _ = self.jobs.send(Box::new(job));
    }

    /// How many threads there are.
    pub(crate) fn workers(&self) -> usize {
        self.workers
    }

    /// What they do to blocks.
    pub(crate) fn compression(&self) -> Compression {
        self.compression
    }

    /// Memory that goes round between blocks.
    pub(crate) fn buffers(&self) -> &Buffers {
        &self.buffers
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

/// Block-sized buffers that are used again: asking the system for 1 MiB a block costs more than filling it.
#[derive(Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// An empty block over used or new memory.
    pub(crate) fn plain(&self) -> Plain {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Plain::new(spare.unwrap_or_default())
    }

    /// Makes a buffer a `Bytes` that comes back when its last reader is done.
    pub(crate) fn lend(&self, buffer: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent {
            buffer,
            home: self.clone(),
        })
    }
}

struct Lent {
    buffer: Vec<u8>,
    home: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut spare = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MAX_SPARE {
            spare.push(std::mem::take(&mut self.buffer));
        }
    }
}
