//! A private directory where everything is written before it gets its name.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use cap_std::fs::{Dir, DirBuilder};
use shared::BlockReceipt;

use super::{
    journal::{self, Identity, Journal, RECORD},
    owned::{create_own, open_kept, open_own, remove},
};
use crate::Error;

/// A directory of our own inside the one the payload goes to. On drop it is removed with everything in it, unless it has
/// something that is worth keeping.
#[derive(Debug)]
pub(super) struct Staging {
    /// Where the payload goes.
    parent: Dir,
    parent_path: PathBuf,
    name: String,
    dir: Dir,
    /// Keeps others out as long as it is open.
    _lock: Option<File>,
    /// What makes it worth keeping.
    journal: Option<Journal>,
    /// The parent was made for this, and goes as well where nothing comes of it.
    made: bool,
}

/// What a payload is called in the staging directory until it is published.
pub(super) const PAYLOAD: &str = "payload";

/// The file that is locked.
const LOCK: &str = "lock";

const PREFIX: &str = ".hayate-part-";

/// Whether this is the name of a staging directory, perhaps one that a killed process left behind.
pub fn is_staging(name: &str) -> bool {
    name.strip_prefix(PREFIX)
        .is_some_and(|id| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn name_of(id: [u8; 8]) -> String {
    format!("{PREFIX}{:016x}", u64::from_be_bytes(id))
}

/// The name of the directory that keeps what this identity belongs to.
fn name_for(identity: &Identity) -> String {
    let mut id = [0; 8];
    id.copy_from_slice(&identity[..8]);
    name_of(id)
}

/// Bytes on disk of what is kept in `parent` for this identity; of a tree about so many.
#[cfg(unix)]
pub(super) fn kept(parent: &Dir, identity: &Identity) -> u64 {
    let place = name_for(identity);
    let look = |name: &str| parent.symlink_metadata(Path::new(&place).join(name));
    match (look(PAYLOAD), look(journal::NAME)) {
        (Ok(file), Ok(_)) if file.is_file() => 512 * cap_std::fs::MetadataExt::blocks(&file),
        (Ok(_), Ok(journal)) => journal::covers(journal.len()),
        _ => 0,
    }
}

impl Staging {
    /// A new directory, which is not kept.
    pub(super) fn create(parent: Dir, parent_path: PathBuf) -> Result<Self, Error> {
        let mut id = [0; 8];
        getrandom::fill(&mut id)
            .map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
        let name = name_of(id);
        let made = make(&parent, &name).and_then(|()| open_own(&parent, &name));
        let dir =
            made.map_err(|error| Error::disk("create a directory in", &parent_path, error))?;
        // Nobody else knows the name; the lock is for who cleans.
        let lock = take(&dir).ok();
        Ok(Self {
            parent,
            parent_path,
            name,
            dir,
            _lock: lock,
            journal: None,
            made: false,
        })
    }

    /// The directory of an offer, which is kept; with the records of its journal, if it was kept already: `most` of them
    /// at most. Where somebody else uses it, or it is not ours, or cannot be locked, a new one.
    pub(super) fn keeping(
        parent: Dir,
        parent_path: PathBuf,
        identity: &Identity,
        most: u64,
    ) -> Result<(Self, Vec<[u8; RECORD]>), Error> {
        match kept_by(&parent, &name_for(identity), identity, most) {
            Ok((dir, lock, journal, records)) => {
                let staging = Self {
                    parent,
                    parent_path,
                    name: name_for(identity),
                    dir,
                    _lock: Some(lock),
                    journal: Some(journal),
                    made: false,
                };
                Ok((staging, records))
            }
            Err(_) => Ok((Self::create(parent, parent_path)?, Vec::new())),
        }
    }

    /// Has the parent removed on drop, if it is empty then.
    pub(super) fn in_new_parent(mut self) -> Self {
        self.made = true;
        self
    }

    /// Whether what comes is on record, and may be kept.
    pub(super) fn records(&self) -> bool {
        self.journal.is_some()
    }

    /// Records a block that is in its place, where that is done.
    pub(super) fn note(&mut self, receipt: &BlockReceipt) -> io::Result<()> {
        self.journal
            .as_mut()
            .map_or(Ok(()), |journal| journal.add(receipt))
    }

    /// Forgets the blocks behind the first `blocks`.
    pub(super) fn cut(&mut self, blocks: u64) -> io::Result<()> {
        self.journal
            .as_mut()
            .map_or(Ok(()), |journal| journal.cut(blocks))
    }

    /// Whether so much is there that it will not be removed.
    pub(super) fn is_kept(&self) -> bool {
        self.journal
            .as_ref()
            .is_some_and(|journal| journal.blocks() > 0)
    }

    /// Has it removed on drop, whatever is in it.
    pub(super) fn discard(&mut self) {
        self.journal = None;
    }

    /// Where it is.
    pub(super) fn path(&self) -> PathBuf {
        self.parent_path.join(&self.name)
    }

    pub(super) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// The directory the payload goes to.
    pub(super) fn parent(&self) -> &Dir {
        &self.parent
    }

    pub(super) fn parent_path(&self) -> &Path {
        &self.parent_path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.is_kept() {
            // An open file hinders the removal on network file systems.
            self.journal = None;
            // Nobody can be told.
            let _ = self.parent.remove_dir_all(&self.name);
            if self.made {
                let _ = std::fs::remove_dir(&self.parent_path);
            }
        }
    }
}

/// Creates a directory that is only ours.
fn make(parent: &Dir, name: &str) -> io::Result<()> {
    #[cfg_attr(windows, expect(unused_mut, reason = "Windows has no modes"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    cap_std::fs::DirBuilderExt::mode(&mut builder, 0o700);
    parent.create_dir_with(name, &builder)
}

/// Opens or creates the directory of an offer, locked, with its journal and the records in it.
fn kept_by(
    parent: &Dir,
    name: &str,
    identity: &Identity,
    most: u64,
) -> io::Result<(Dir, File, Journal, Vec<[u8; RECORD]>)> {
    match make(parent, name) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let dir = open_own(parent, name)?;
    let lock = take(&dir)?;
    let (journal, records) = match Journal::open(&dir, identity, most) {
        Ok(found) => found,
        Err(_) => {
            // None yet, or one that a crash has left in pieces.
            remove(&dir, Path::new(journal::NAME))?;
            (Journal::create(&dir, identity)?, Vec::new())
        }
    };
    Ok((dir, lock, journal, records))
}

/// What [`clean`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Directories that were removed.
    pub removed: Vec<PathBuf>,
    /// Directories that a transfer uses now, that are not ours, or that cannot be removed.
    pub left: Vec<PathBuf>,
}

/// Removes what transfers that failed or were killed left in this directory.
///
/// # Errors
/// [`Error::Disk`].
pub fn clean(directory: &Path) -> Result<Cleaned, Error> {
    let failed = |error| Error::disk("clean", directory, error);
    let parent = Dir::open_ambient_dir(directory, cap_std::ambient_authority()).map_err(failed)?;
    let mut cleaned = Cleaned::default();
    for entry in parent.entries().map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some(name) = name.to_str().filter(|name| is_staging(name)) else {
            continue;
        };
        let path = directory.join(name);
        // Locked until it is gone.
        let lock = open_own(&parent, name).and_then(|dir| take(&dir));
        let removed = lock.and_then(|_lock| parent.remove_dir_all(name));
        match removed {
            Ok(()) => cleaned.removed.push(path),
            Err(_) => cleaned.left.push(path),
        }
    }
    Ok(cleaned)
}

/// Keeps others from using the directory as long as the file is open. A regular file, because network file systems and
/// Windows lock no directories.
fn take(dir: &Dir) -> io::Result<File> {
    let name = Path::new(LOCK);
    let lock = match create_own(dir, name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_kept(dir, name)?,
        created => created?,
    };
    lock.try_lock()?;
    Ok(lock)
}
