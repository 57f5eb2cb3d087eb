//! A payload that becomes a tree: entries are created as the archive names them, below a directory
//! that nobody else can reach.

mod levels;
mod replay;

use std::{
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use cap_std::fs::Dir;
use shared::{
    BlockReceipt,
    archive::{Entry, Event, Kind, Policy, Reader},
    path::{SafeName, SafePath},
    tree::Tree,
};

use super::{
    OnConflict, Stored,
    durable::Durability,
    entries::Entries,
    file::{create_new, is_zero, set_mtime, stored_one, write_at},
    journal::RECORD,
    mismatch,
    owned::{open_kept, open_own, remove},
    publish::{Item, Target, publish},
    session,
    staging::{PAYLOAD, Staging},
};
use crate::{Error, name};
use levels::{Level, MAX_HELD, close_levels, parent, set_mtime_of};

/// What a tree must turn out to be, and what becomes of it.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    /// Whether symbolic links are taken.
    pub(super) links: bool,
    pub(super) becomes: Becomes,
    pub(super) conflict: OnConflict,
}

/// How a tree is published.
#[derive(Debug)]
pub(super) enum Becomes {
    /// As one directory of this name.
    Directory {
        name: OsString,
        /// Whole seconds since 1970; `None` for the time of writing.
        mtime: Option<i64>,
    },
    /// Each entry at its top under its own name.
    Items {
        /// The names that were agreed to, sorted, where the offer listed them all.
        names: Option<Vec<SafeName>>,
    },
}

#[derive(Debug)]
pub(super) struct TreeSink {
    reader: Reader,
    shape: Shape,
    /// The directories from the top to the one of the last entry.
    levels: Vec<Level>,
    current: Option<Current>,
    /// Entries at the top, in the order of the archive.
    items: Vec<Item>,
    top: Dir,
    durability: Durability,
    /// What came, where it is kept.
    entries: Option<Entries>,
    /// Entries that came.
    seen: usize,
    /// What comes is there already, from an earlier run.
    replaying: bool,
    /// Last, so that handles are closed before their directory is removed.
    staging: Staging,
}

/// The file whose content is coming.
#[derive(Debug)]
struct Current {
    file: File,
    entry: Entry,
    at: u64,
    /// Whether zeros were left out, so that the length must be set.
    sparse: bool,
}

impl TreeSink {
    /// A tree in the staging directory; it goes on behind the blocks that `records` are of, as far as they are there.
    pub(super) fn create(
        staging: Staging,
        records: &[[u8; RECORD]],
        shape: Shape,
    ) -> Result<(Self, Tree), Error> {
        let failed = |error| Error::disk("create a directory in", staging.parent_path(), error);
        let kept = match records {
            [] => None,
            _ => open_own(staging.dir(), Path::new(PAYLOAD)).ok(),
        };
        let is_kept = kept.is_some();
        let top = kept.map_or_else(|| fresh(staging.dir()), Ok);
        let top = top.map_err(failed)?;
        let durability = Durability::of(&top).map_err(failed)?;
        let mut tree = Self {
            reader: reader(&shape),
            shape,
            levels: Vec::new(),
            current: None,
            items: Vec::new(),
            top,
            durability,
            entries: None,
            seen: 0,
            replaying: false,
            staging,
        };
        let kept = match is_kept {
            true => tree.replay(records).filter(|kept| kept.blocks() > 0),
            false => None,
        };
        match kept {
            Some(kept) => return Ok((tree, kept)),
            None if is_kept => tree.restart()?,
            None => tree.record()?,
        }
        Ok((tree, Tree::new()))
    }

    /// Begins with nothing.
    pub(super) fn restart(&mut self) -> Result<(), Error> {
        self.levels.clear();
        self.items.clear();
        (self.current, self.seen, self.replaying) = (None, 0, false);
        self.reader = reader(&self.shape);
        let begin = || {
            let top = fresh(self.staging.dir())?;
            let durability = Durability::of(&top)?;
            Ok((top, durability))
        };
        let failed =
            |error| Error::disk("create a directory in", self.staging.parent_path(), error);
        (self.top, self.durability) = begin().map_err(failed)?;
        self.record()
    }

    /// Begins the records of what comes, where it is kept.
    fn record(&mut self) -> Result<(), Error> {
        if self.staging.records() {
            let cut = self.staging.cut(0);
            let entries = cut.and_then(|()| Entries::create(self.staging.dir()));
            let failed = |error| Error::disk("create a file in", self.staging.parent_path(), error);
            self.entries = Some(entries.map_err(failed)?);
        }
        Ok(())
    }

    /// Notes that a block was unpacked.
    pub(super) fn note(&mut self, receipt: &BlockReceipt) -> Result<(), Error> {
        let noted = self.staging.note(receipt);
        noted.map_err(|error| Error::disk("write to", self.staging.parent_path(), error))
    }

    /// Where something stays when this is dropped.
    pub(super) fn stays(&self) -> Option<PathBuf> {
        self.staging.is_kept().then(|| self.staging.path())
    }

    /// Has nothing stay.
    pub(super) fn discard(&mut self) {
        self.staging.discard();
    }

    /// The path of the last entry.
    pub(super) fn current(&self) -> Option<Vec<u8>> {
        if let Some(current) = &self.current {
            return Some(current.entry.path.as_bytes().to_vec());
        }
        let names = self
            .levels
            .iter()
            .map(|level| level.name.as_encoded_bytes());
        let path = names.collect::<Vec<_>>().join(&b'/');
        (!path.is_empty()).then_some(path)
    }

    pub(super) fn push(&mut self, block: Bytes) -> Result<(), Error> {
        self.reader.push(block);
        while let Some(event) = self.reader.next().map_err(session)? {
            match event {
                Event::Entry(entry) => self.entry(entry)?,
                Event::Content(bytes) => self.content(&bytes)?,
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> Result<Stored, Error> {
        let archive = std::mem::replace(&mut self.reader, reader(&self.shape));
        let summary = archive.finish().map_err(session)?;
        if self.current.is_some() {
            return Err(Error::Internal("an archive ended inside a file".into()));
        }
        let missing = match &self.shape.becomes {
            Becomes::Items { names: Some(names) } => names.len() != self.items.len(),
            _ => false,
        };
        if missing || (summary.entries, summary.bytes) != (self.shape.entries, self.shape.bytes) {
            return Err(mismatch("not the files that were offered"));
        }
        close_levels(&self.top, &mut self.levels, 0);
        if self.shape.conflict == OnConflict::Overwrite {
            // What was there before may be in its place from now on, and must not be taken for it.
            let cut = self.staging.cut(0);
            cut.map_err(|error| Error::disk("write to", self.staging.parent_path(), error))?;
        }
        let staging = &self.staging;
        let target = Target {
            dir: staging.parent(),
            path: staging.parent_path(),
        };
        if let Becomes::Directory {
            mtime: Some(mtime), ..
        } = self.shape.becomes
        {
            set_mtime_of(staging.dir(), Path::new(PAYLOAD), mtime);
        }
        self.durability
            .sync(staging.dir(), summary.entries)
            .map_err(|error| Error::disk("write to", target.path, error))?;
        match &self.shape.becomes {
            Becomes::Directory { name, .. } => {
                let item = Item {
                    staged: PAYLOAD.into(),
                    name: name.clone(),
                    directory: true,
                };
                let names = publish(staging.dir(), target, &[item], self.shape.conflict)?;
                Ok(stored_one(target.path, names))
            }
            Becomes::Items { .. } => {
                let names = publish(&self.top, target, &self.items, self.shape.conflict)?;
                Ok(Stored {
                    path: Some(target.path.to_path_buf()),
                    skipped: names.iter().filter(|name| name.is_none()).count() as u64,
                    text: None,
                })
            }
        }
    }

    fn entry(&mut self, entry: Entry) -> Result<(), Error> {
        let depth = entry.path.depth();
        // The archive comes in order, so the directory of an entry is the last one at its level.
        if self.levels.len() < depth - 1 {
            return Err(mismatch("an entry without its directory"));
        }
        close_levels(&self.top, &mut self.levels, depth - 1);
        let name = entry.path.name();
        let os_name = name::to_path(name.as_bytes())
            .map_err(|problem| session(problem.into()))?
            .as_os_str()
            .to_owned();
        if depth == 1 {
            // Nobody agreed to what was not named: a hidden file, for one.
            if let Becomes::Items { names: Some(names) } = &self.shape.becomes
                && names.get(self.items.len()).map(SafeName::as_bytes) != Some(name.as_bytes())
            {
                return Err(mismatch("not the files that were offered"));
            }
            self.items.push(Item {
                staged: os_name.clone(),
                name: os_name.clone(),
                directory: entry.kind == Kind::Directory,
            });
        }
        let shown = self.shown(&entry.path);
        let failed = |error| Error::disk("create", &shown, error);
        self.seen += 1;
        if let Some(entries) = self.entries.as_mut().filter(|_| !self.replaying) {
            entries.add(&entry).map_err(failed)?;
        }
        let parent = parent(&self.top, &mut self.levels).map_err(failed)?;
        let path = Path::new(&os_name);
        match &entry.kind {
            Kind::Directory => {
                match parent.create_dir(path) {
                    Err(error)
                        if self.replaying && error.kind() == io::ErrorKind::AlreadyExists => {}
                    made => made.map_err(failed)?,
                }
                let dir = open_own(parent, path).map_err(failed)?;
                self.levels.push(Level {
                    dir: Some(dir),
                    name: os_name,
                    mtime: entry.mtime,
                });
                if let Some(far) = self.levels.len().checked_sub(MAX_HELD + 1) {
                    self.levels[far].dir = None;
                }
            }
            Kind::File => {
                let created = || create_new(parent, path, entry.executable);
                let file = match self.replaying {
                    // Nothing tells that an empty one is missing.
                    true => open_kept(parent, path).or_else(|_| created()),
                    false => created(),
                };
                self.current = Some(Current {
                    file: file.map_err(failed)?,
                    entry,
                    at: 0,
                    sparse: self.replaying,
                });
                self.complete()?;
            }
            Kind::Symlink { target } => {
                if self.replaying {
                    // Where it leads was not read again.
                    remove(parent, path).map_err(failed)?;
                }
                link(parent, path, target).map_err(failed)?;
                set_mtime_of(parent, path, entry.mtime);
            }
        }
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(current) = &mut self.current else {
            return Err(Error::Internal("content without a file".into()));
        };
        if self.replaying || is_zero(bytes) {
            current.sparse = true;
        } else if let Err(error) = write_at(&current.file, bytes, current.at) {
            let path = current.entry.path.clone();
            return Err(Error::disk("write", self.shown(&path), error));
        }
        current.at += bytes.len() as u64;
        self.complete()
    }

    /// Closes the current file once all of it is there.
    fn complete(&mut self) -> Result<(), Error> {
        let done = self
            .current
            .take_if(|current| current.at >= current.entry.size);
        let Some(done) = done else { return Ok(()) };
        if done.sparse {
            let set = done.file.set_len(done.entry.size);
            set.map_err(|error| Error::disk("write", self.shown(&done.entry.path), error))?;
        }
        set_mtime(&done.file, Some(done.entry.mtime));
        Ok(())
    }

    /// Where an entry will be, for messages.
    fn shown(&self, path: &SafePath) -> PathBuf {
        let mut shown = self.staging.parent_path().to_path_buf();
        if let Becomes::Directory { name, .. } = &self.shape.becomes {
            shown.push(name);
        }
        shown.extend(name::to_path(path.as_bytes()));
        shown
    }
}

/// An empty directory to unpack in, whatever is in its place. It is one level further down, so that it has the mode of an
/// ordinary directory.
fn fresh(staging: &Dir) -> io::Result<Dir> {
    remove(staging, Path::new(PAYLOAD))?;
    staging.create_dir(PAYLOAD)?;
    open_own(staging, Path::new(PAYLOAD))
}

fn reader(shape: &Shape) -> Reader {
    Reader::new(Policy {
        links: shape.links,
        max_entries: shape.entries,
    })
}

#[cfg(unix)]
fn link(dir: &Dir, name: &Path, target: &[u8]) -> io::Result<()> {
    let target = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(target);
    dir.symlink(Path::new(target), name)
}

#[cfg(not(unix))]
fn link(_: &Dir, _: &Path, _: &[u8]) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system stores no symbolic links without special rights",
    ))
}
