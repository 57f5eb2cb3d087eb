//! Where a payload goes: a file, a tree, standard output, a text in memory.
//!
//! Files are written to a staging directory next to their place and appear under their name only when
//! they are complete, checked by the caller and durable.

mod durable;
mod entries;
mod file;
mod journal;
mod owned;
mod plan;
mod publish;
mod rename;
mod staging;
mod stream;
mod tree;

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use shared::{BlockReceipt, tree::Tree};

use crate::Error;
use file::FileSink;
use stream::{StreamSink, TextSink};
use tree::TreeSink;

pub use plan::Plan;
pub use staging::{Cleaned, clean, is_staging};

/// Where a person wants the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// In this directory under the offered name; a text is shown, not stored.
    Directory(PathBuf),
    /// Under this name; or in this directory if it is one, or ends in `/`.
    Path(PathBuf),
    /// On standard output; only for what is one sequence of bytes.
    Stdout,
    /// Nowhere: what comes is checked and dropped, to measure a path.
    Nowhere,
}

/// What to do when a name is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Ask the person; until [`Plan::decide`] was told the answer, the same as `Fail`.
    #[default]
    Ask,
    /// Store under another name: `photo (1).jpg`.
    Rename,
    /// Replace what is there: a file by a file, a directory *as a whole* by a directory (it is not
    /// merged), a link itself and never what it leads to. A directory is never replaced by a file.
    Overwrite,
    /// Leave what is there and do not store the new one.
    Skip,
    /// Store nothing.
    Fail,
}

/// What came of a payload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// Where it is: the file or directory; for several items the directory they are in.
    pub path: Option<PathBuf>,
    /// Names that were taken and so not stored.
    pub skipped: u64,
    /// The text, where the payload is one to be shown; hostile, escape it for a terminal.
    pub text: Option<String>,
}

/// Takes the blocks of one payload and stores them at the end.
///
/// Shared by the threads that open blocks. Dropped before [`Sink::finish`] succeeded, it removes what
/// it wrote, unless that [stays](Sink::stays) for another run, and leaves everything else as it was.
#[derive(Debug)]
pub struct Sink {
    kind: Kind,
    kept: Tree,
}

#[derive(Debug)]
enum Kind {
    File(Box<FileSink>),
    Tree(Box<Ordered<TreeSink>>),
    Stream(Ordered<StreamSink>),
    Text(Ordered<TextSink>),
    Nowhere,
}

impl Sink {
    /// A file that has the blocks in `kept`.
    fn file(sink: FileSink, kept: Tree) -> Self {
        Self {
            kind: Kind::File(Box::new(sink)),
            kept,
        }
    }

    /// A tree that has the blocks in `kept`.
    fn tree(sink: TreeSink, kept: Tree) -> Self {
        Self {
            kind: Kind::Tree(Box::new(Ordered::behind(kept.blocks(), sink))),
            kept,
        }
    }

    fn stream(sink: StreamSink) -> Self {
        Self {
            kind: Kind::Stream(Ordered::behind(0, sink)),
            kept: Tree::new(),
        }
    }

    fn text(sink: TextSink) -> Self {
        Self {
            kind: Kind::Text(Ordered::behind(0, sink)),
            kept: Tree::new(),
        }
    }

    fn nowhere() -> Self {
        Self {
            kind: Kind::Nowhere,
            kept: Tree::new(),
        }
    }

    /// Whether blocks must come in order, one at a time.
    pub fn ordered(&self) -> bool {
        !matches!(self.kind, Kind::File(_) | Kind::Nowhere)
    }

    /// Takes the content of block `index`.
    ///
    /// # Errors
    /// [`Error::Disk`]; what the archive breaks, as [`Error::Session`]; [`Error::Internal`] for a block
    /// out of order where the order matters. The sink is then of no more use.
    pub fn write(&self, index: u64, block: Bytes) -> Result<(), Error> {
        match &self.kind {
            Kind::File(file) => file.write(index, &block),
            Kind::Tree(tree) => tree.push(index, |tree| tree.push(block)),
            Kind::Stream(stream) => stream.push(index, |stream| stream.push(&block)),
            Kind::Text(text) => text.push(index, |text| text.push(&block)),
            Kind::Nowhere => Ok(()),
        }
    }

    /// The first blocks of the payload that are there from an earlier run and were read again.
    pub fn kept(&self) -> Tree {
        self.kept.clone()
    }

    /// Forgets what was kept: the sender begins again.
    ///
    /// # Errors
    /// [`Error::Disk`]; what standard output has cannot be taken back.
    pub fn restart(&self) -> Result<(), Error> {
        match &self.kind {
            Kind::File(file) => file.cut_back(0),
            Kind::Tree(tree) => tree.with(|due, tree| {
                tree.restart()?;
                *due = 0;
                Ok(())
            })?,
            Kind::Stream(stream) => stream.with(|due, stream| match due {
                0 => Ok(()),
                _ => Err(stream.written()),
            })?,
            Kind::Text(text) => text.with(|due, text| {
                *due = 0;
                *text = TextSink::default();
                Ok(())
            })?,
            Kind::Nowhere => Ok(()),
        }
    }

    /// Forgets what came behind the first `blocks`, where blocks need no order.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn cut_back(&self, blocks: u64) -> Result<(), Error> {
        match &self.kind {
            Kind::File(file) => file.cut_back(blocks),
            _ => Ok(()),
        }
    }

    /// Notes that the block of this receipt was [written](Sink::write), so that another run need not ask for it.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn note(&self, receipt: &BlockReceipt) -> Result<(), Error> {
        match &self.kind {
            Kind::File(file) => file.note(receipt),
            Kind::Tree(tree) => tree.with(|_, tree| tree.note(receipt))?,
            _ => Ok(()),
        }
    }

    /// Where something stays for another run when this sink is dropped without an end.
    pub fn stays(&self) -> Option<PathBuf> {
        match &self.kind {
            Kind::File(file) => file.stays(),
            Kind::Tree(tree) => tree.with(|_, tree| tree.stays()).ok()?,
            _ => None,
        }
    }

    /// Has nothing stay: what came is not to be trusted.
    pub fn discard(&self) {
        match &self.kind {
            Kind::File(file) => file.discard(),
            Kind::Tree(tree) => drop(tree.with(|_, tree| tree.discard())),
            Kind::Stream(_) | Kind::Text(_) | Kind::Nowhere => {}
        }
    }

    /// Makes everything durable and gives it its name. Call it once, after every block was written
    /// and the payload was verified; it may take seconds.
    ///
    /// # Errors
    /// [`Error::Disk`], [`Error::Exists`], or [`Error::Session`] where the content is not what was
    /// offered; nothing is stored then.
    pub fn finish(&self) -> Result<Stored, Error> {
        match &self.kind {
            Kind::File(file) => file.finish(),
            Kind::Tree(tree) => {
                let result = tree.with(|_, tree| tree.finish())?;
                if !matches!(result, Err(Error::Disk { .. } | Error::Exists { .. })) {
                    tree.take()?.discard();
                }
                result
            }
            Kind::Stream(stream) => stream.take()?.finish(),
            Kind::Text(text) => text.take()?.finish(),
            Kind::Nowhere => Ok(Stored::default()),
        }
    }

    /// The path of the entry that is being written, where the payload is an archive; hostile, escape
    /// it.
    pub fn describe(&self) -> Option<Vec<u8>> {
        match &self.kind {
            Kind::Tree(tree) => lock(&tree.0).as_ref()?.1.current(),
            _ => None,
        }
    }
}

/// A sink that takes blocks in order, and the index that is due; `None` once it was finished.
#[derive(Debug)]
struct Ordered<S>(Mutex<Option<(u64, S)>>);

impl<S> Ordered<S> {
    /// The first block that is due is this one.
    fn behind(due: u64, sink: S) -> Self {
        Self(Mutex::new(Some((due, sink))))
    }

    fn with<T>(&self, work: impl FnOnce(&mut u64, &mut S) -> T) -> Result<T, Error> {
        let mut ordered = lock(&self.0);
        let (due, sink) = ordered.as_mut().ok_or_else(finished)?;
        Ok(work(due, sink))
    }

    fn push(
        &self,
        index: u64,
        push: impl FnOnce(&mut S) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut ordered = lock(&self.0);
        let (due, sink) = ordered.as_mut().ok_or_else(finished)?;
        if *due != index {
            return Err(Error::Internal(format!(
                "block {index} came where {due} was due"
            )));
        }
        *due += 1;
        push(sink)
    }

    fn take(&self) -> Result<S, Error> {
        let (_, sink) = lock(&self.0).take().ok_or_else(finished)?;
        Ok(sink)
    }
}

fn finished() -> Error {
    Error::Internal("a sink was used after its end".into())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panicking thread left behind is a sink whose payload is incomplete; nobody finishes it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The content contradicts the offer.
fn mismatch(what: &'static str) -> Error {
    session(shared::Error::Mismatch(what))
}

fn session(error: shared::Error) -> Error {
    Error::Session { peer: None, error }
}
