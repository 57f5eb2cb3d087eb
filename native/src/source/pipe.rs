//! Standard input or another stream: read ahead in order by a thread of its own.

use std::{
    io::{self, Read},
    path::Path,
    thread,
};

use shared::{BLOCK, Kind, Offer};

use super::offered_name;
use crate::Error;

/// One block of a pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipeBlock {
    /// Counts from 0.
    pub index: u64,
    /// Exactly [`BLOCK`] bytes, fewer only in the last one.
    pub bytes: Vec<u8>,
    /// Whether the stream ended here.
    pub last: bool,
}

/// A stream whose length nobody knows before it ends.
#[derive(Debug)]
pub struct Pipe(flume::Receiver<Result<PipeBlock, Error>>);

impl Pipe {
    /// Starts to read `stream`; `name` is how errors call it. Dropping the pipe ends the thread after
    /// the read it is in.
    ///
    /// # Errors
    /// [`Error::Internal`] when the system gives no thread.
    pub fn start(stream: impl Read + Send + 'static, name: &str) -> Result<Self, Error> {
        let (blocks, receiver) = flume::bounded(READ_AHEAD);
        let name = name.to_owned();
        thread::Builder::new()
            .name("pipe".into())
            .spawn(move || {
                if let Err(error) = read_all(stream, &blocks) {
                    let error = Error::disk("read", Path::new(&name), error);
                    // Nobody is left to be told when this fails.
                    let _ = blocks.send(Err(error));
                }
            })
            .map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))?;
        Ok(Self(receiver))
    }

    /// Standard input.
    ///
    /// # Errors
    /// As [`Pipe::start`].
    pub fn stdin() -> Result<Self, Error> {
        Self::start(io::stdin(), "standard input")
    }

    /// The offer for a pipe, under `name` or "stdin".
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that cannot be offered.
    pub fn offer(name: Option<&str>) -> Result<Offer, Error> {
        Ok(Offer {
            name: offered_name(name.unwrap_or("stdin").as_bytes())?,
            kind: Kind::Stream,
            payload: None,
            bytes: 0,
            entries: 1,
        })
    }

    /// The next block, waiting for it on this thread; `None` after the last one.
    pub fn next_blocking(&self) -> Option<Result<PipeBlock, Error>> {
        self.0.recv().ok()
    }

    /// The next block; `None` after the last one.
    pub async fn next(&self) -> Option<Result<PipeBlock, Error>> {
        self.0.recv_async().await.ok()
    }
}

/// Blocks that wait to be taken.
const READ_AHEAD: usize = 4;

fn read_all(
    mut stream: impl Read,
    blocks: &flume::Sender<Result<PipeBlock, Error>>,
) -> io::Result<()> {
    let mut bytes = read_block(&mut stream)?;
    for index in 0.. {
        // A full block is the last one when nothing comes after it, which only the next read tells.
        let next = match bytes.len() {
            BLOCK => read_block(&mut stream)?,
            _ => Vec::new(),
        };
        let last = next.is_empty();
        let block = PipeBlock { index, bytes, last };
        if blocks.send(Ok(block)).is_err() || last {
            break;
        }
        bytes = next;
    }
    Ok(())
}

fn read_block(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(BLOCK);
    stream.take(BLOCK as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn blocks(len: usize) -> Vec<(u64, usize, bool)> {
        let pipe = Pipe::start(io::repeat(7).take(len as u64), "test").unwrap();
        std::iter::from_fn(|| pipe.next_blocking())
            .map(|block| block.unwrap())
            .map(|block| (block.index, block.bytes.len(), block.last))
            .collect()
    }

    #[test]
    fn exactly_the_block_where_a_stream_ends_is_last() {
        assert_eq!(blocks(0), [(0, 0, true)]);
        assert_eq!(blocks(1), [(0, 1, true)]);
        assert_eq!(blocks(BLOCK), [(0, BLOCK, true)]);
        assert_eq!(blocks(BLOCK + 1), [(0, BLOCK, false), (1, 1, true)]);
        assert_eq!(blocks(2 * BLOCK), [(0, BLOCK, false), (1, BLOCK, true)]);
    }

    #[test]
    fn a_failing_stream_ends_with_its_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let stream = io::repeat(1).take(BLOCK as u64 + 5).chain(Broken);
        let pipe = Pipe::start(stream, "test").unwrap();
        assert!(matches!(
            pipe.next_blocking(),
            Some(Err(Error::Disk { .. }))
        ));
        assert!(pipe.next_blocking().is_none());
    }
}
