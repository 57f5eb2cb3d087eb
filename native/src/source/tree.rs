//! A payload that is an archive, made on the fly from the files of a directory or of several paths.

use std::{
    collections::VecDeque,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use cap_std::{ambient_authority, fs::Dir};
use shared::archive::{Extent, Layout};

use super::{read, stamp::Stamp};
use crate::{Error, name};

/// The entries of a directory or of several paths, and where their content is.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) layout: Layout,
    /// Parallel to the layout's entries.
    pub(super) stamps: Vec<Stamp>,
    pub(super) roots: Roots,
    /// Whether links below the roots were followed, so that files are opened by plain path.
    pub(super) follow: bool,
    pub(super) open: OpenFiles,
}

/// Where the entries are on this machine.
#[derive(Debug)]
pub(super) enum Roots {
    /// Every entry is below this directory.
    One(Root),
    /// The first component of an entry names the root; sorted by name.
    Many(Vec<(Vec<u8>, Root)>),
}

/// A path that a person named.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) path: PathBuf,
    /// Held open so that the entries are read from the directory that was walked; `None` for a file
    /// and for directories beyond [`MAX_HELD`].
    pub(super) dir: Option<Dir>,
}

/// Directories that are held open at most, so that `send *` does not run out of descriptors.
pub(super) const MAX_HELD: usize = 64;

impl Tree {
    pub(super) fn len(&self) -> u64 {
        self.layout.len()
    }

    pub(super) fn entry_at(&self, offset: u64) -> Option<Vec<u8>> {
        let entry = self.layout.entry_at(offset)?;
        Some(self.layout.entries()[entry].path.as_bytes().to_vec())
    }

    pub(super) fn entries(&self) -> Vec<(Vec<u8>, u64)> {
        let entries = self.layout.entries().iter();
        entries
            .map(|entry| (entry.path.as_bytes().to_vec(), entry.size))
            .collect()
    }

    pub(super) fn read(&self, offset: u64, len: usize, buffer: &mut Vec<u8>) -> Result<(), Error> {
        for extent in self.layout.extents(offset, len) {
            match extent {
                Extent::Bytes(bytes) => buffer.extend_from_slice(&bytes),
                Extent::Content { entry, offset, len } => {
                    self.content(entry, offset, len, buffer)?;
                }
            }
        }
        Ok(())
    }

    fn content(
        &self,
        entry: usize,
        offset: u64,
        len: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let (path, stamp) = (self.path(entry)?, &self.stamps[entry]);
        let ends = offset + len as u64 == stamp.size;
        let file = match self.open.find(entry, ends) {
            Some(file) => file,
            None => {
                let file = Arc::new(self.open(entry, &path)?);
                if !ends {
                    read::will_read_through(&file);
                    self.open.keep(entry, &file);
                }
                file
            }
        };
        read::read_unchanged(&file, &path, stamp, offset, len, buffer)
    }

    fn open(&self, entry: usize, path: &Path) -> Result<File, Error> {
        let bytes = self.layout.entries()[entry].path.as_bytes();
        let (root, rest) = self.root(bytes)?;
        let opened = if self.follow || rest.is_empty() {
            read::open(path)
        } else {
            name::to_path(rest)
                .map_err(io::Error::other)
                .and_then(|rest| read::open_beneath(&*root.directory()?, rest))
        };
        let became = |what| Error::SourceChanged {
            path: path.to_path_buf(),
            what,
        };
        let file = opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => became("vanished"),
            io::ErrorKind::NotADirectory => became("changed"),
            #[cfg(unix)]
            _ if rustix::io::Errno::from_io_error(&error) == Some(rustix::io::Errno::LOOP) => {
                became("changed")
            }
            _ => Error::disk("read", path, error),
        })?;
        match file.metadata() {
            Ok(now) if !now.is_file() => Err(became("changed")),
            _ => Ok(file),
        }
    }

    /// Where an entry is on this machine.
    fn path(&self, entry: usize) -> Result<PathBuf, Error> {
        let (root, rest) = self.root(self.layout.entries()[entry].path.as_bytes())?;
        if rest.is_empty() {
            return Ok(root.path.clone());
        }
        let rest = name::to_path(rest).map_err(|problem| Error::Internal(problem.to_string()))?;
        Ok(root.path.join(rest))
    }

    fn root<'a>(&self, entry: &'a [u8]) -> Result<(&Root, &'a [u8]), Error> {
        match &self.roots {
            Roots::One(root) => Ok((root, entry)),
            Roots::Many(roots) => {
                let end = entry.iter().position(|byte| *byte == b'/');
                let (first, rest) = match end {
                    Some(end) => (&entry[..end], &entry[end + 1..]),
                    None => (entry, &entry[entry.len()..]),
                };
                let at = roots
                    .binary_search_by(|(name, _)| name.as_slice().cmp(first))
                    .map_err(|_| Error::Internal("an entry without a root".into()))?;
                Ok((&roots[at].1, rest))
            }
        }
    }
}

impl Root {
    fn directory(&self) -> io::Result<Held<'_>> {
        Ok(match &self.dir {
            Some(dir) => Held::Kept(dir),
            None => Held::Now(Dir::open_ambient_dir(&self.path, ambient_authority())?),
        })
    }
}

enum Held<'a> {
    Kept(&'a Dir),
    Now(Dir),
}

impl std::ops::Deref for Held<'_> {
    type Target = Dir;

    fn deref(&self) -> &Dir {
        match self {
            Self::Kept(dir) => dir,
            Self::Now(dir) => dir,
        }
    }
}

/// Files that later blocks go on with, the latest last.
#[derive(Debug, Default)]
pub(super) struct OpenFiles(Mutex<VecDeque<(usize, Arc<File>)>>);

/// Blocks of at most this many files are under way at once: a window, whatever its size, touches few
/// files that are longer than a block.
const MAX_OPEN: usize = 16;

impl OpenFiles {
    /// The file of `entry`, taken out when this is its last use.
    fn find(&self, entry: usize, last: bool) -> Option<Arc<File>> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = files.iter().position(|(key, _)| *key == entry)?;
        if last {
            return files.remove(at).map(|(_, file)| file);
        }
        Some(Arc::clone(&files[at].1))
    }

    fn keep(&self, entry: usize, file: &Arc<File>) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() == MAX_OPEN {
            files.pop_front();
        }
        files.push_back((entry, Arc::clone(file)));
    }
}
