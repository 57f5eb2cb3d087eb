//! A private directory where everything is written before it gets its name.

use std::{
    io,
    path::{Path, PathBuf},
};

use cap_std::fs::{Dir, DirBuilder};

use super::journal::{Identity, Journal, RECORD};
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
    /// What makes it worth keeping.
    journal: Option<Journal>,
}

/// What a payload is called in the staging directory until it is published.
pub(super) const PAYLOAD: &str = "payload";

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

/// Bytes on disk of what is kept in `parent` for this identity.
#[cfg(unix)]
pub(super) fn kept(parent: &Dir, identity: &Identity) -> u64 {
    let path = Path::new(&name_for(identity)).join(PAYLOAD);
    let found = parent.symlink_metadata(path);
    found.map_or(0, |found| 512 * cap_std::fs::MetadataExt::blocks(&found))
}

impl Staging {
    /// A new directory, which is not kept.
    pub(super) fn create(parent: Dir, parent_path: PathBuf) -> Result<Self, Error> {
        let mut id = [0; 8];
        getrandom::fill(&mut id)
            .map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
        Self::named(parent, parent_path, name_of(id))
    }

    /// The directory of an offer, which is kept; with the records of its journal, if it was kept already. Where somebody
    /// else uses it, or it is not ours, a new one.
    pub(super) fn keeping(
        parent: Dir,
        parent_path: PathBuf,
        identity: &Identity,
    ) -> Result<(Self, Vec<[u8; RECORD]>), Error> {
        let name = name_for(identity);
        if parent.symlink_metadata(&name).is_err() {
            let mut staging = Self::named(parent, parent_path, name)?;
            // Without a journal it only cannot be kept.
            staging.journal = Journal::create(&staging.dir, identity).ok();
            return Ok((staging, Vec::new()));
        }
        let found = open_own(&parent, &name).and_then(|dir| {
            take(&dir)?;
            let (journal, records) = Journal::open(&dir, identity)?;
            Ok((dir, journal, records))
        });
        match found {
            Ok((dir, journal, records)) => {
                let staging = Self {
                    parent,
                    parent_path,
                    name,
                    dir,
                    journal: Some(journal),
                };
                Ok((staging, records))
            }
            _ => Ok((Self::create(parent, parent_path)?, Vec::new())),
        }
    }

    fn named(parent: Dir, parent_path: PathBuf, name: String) -> Result<Self, Error> {
        let failed = |error| Error::disk("create a directory in", &parent_path, error);
        #[cfg_attr(windows, expect(unused_mut, reason = "Windows has no modes"))]
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        cap_std::fs::DirBuilderExt::mode(&mut builder, 0o700);
        parent.create_dir_with(&name, &builder).map_err(failed)?;
        let dir = open_own(&parent, &name).map_err(failed)?;
        take(&dir).map_err(failed)?;
        Ok(Self {
            parent,
            parent_path,
            name,
            dir,
            journal: None,
        })
    }

    /// What is on record of the payload, where it is kept.
    pub(super) fn journal(&mut self) -> Option<&mut Journal> {
        self.journal.as_mut()
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
            // Nobody can be told.
            let _ = self.parent.remove_dir_all(&self.name);
        }
    }
}

/// What [`clean`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Directories that were removed.
    pub removed: Vec<PathBuf>,
    /// Directories that a transfer uses now, or that are not ours.
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
        let free = open_own(&parent, name).and_then(|dir| take(&dir).map(|()| dir));
        // Taken until it is gone.
        match free {
            Ok(_dir) => {
                parent
                    .remove_dir_all(name)
                    .map_err(|error| Error::disk("remove", &path, error))?;
                cleaned.removed.push(path);
            }
            Err(_) => cleaned.left.push(path),
        }
    }
    Ok(cleaned)
}

/// Keeps others from using the directory as long as it is open.
#[cfg(unix)]
fn take(dir: &Dir) -> io::Result<()> {
    use rustix::{fs::FlockOperation, io::Errno};
    match rustix::fs::flock(dir, FlockOperation::NonBlockingLockExclusive) {
        // A file system without locks is one without two transfers of the same file at a time, it is hoped.
        Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK) => Ok(()),
        taken => Ok(taken?),
    }
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "its twin can fail")]
fn take(_: &Dir) -> io::Result<()> {
    Ok(())
}

/// Opens the directory just created, and not what somebody put in its place.
#[cfg(unix)]
fn open_own(parent: &Dir, name: &str) -> io::Result<Dir> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = std::fs::File::from(rustix::fs::openat(parent, name, flags, Mode::empty())?);
    let owner = std::os::unix::fs::MetadataExt::uid(&file.metadata()?);
    if owner != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it was replaced by somebody else's"));
    }
    Ok(Dir::from_std_file(file))
}

#[cfg(not(unix))]
fn open_own(parent: &Dir, name: &str) -> io::Result<Dir> {
    parent.open_dir(name)
}
