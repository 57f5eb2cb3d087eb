//! A fresh private directory where everything is written before it gets its name.

use std::{
    io,
    path::{Path, PathBuf},
};

use cap_std::fs::{Dir, DirBuilder};

use crate::Error;

/// A directory of our own inside the one the payload goes to; removed with everything in it on drop.
#[derive(Debug)]
pub(super) struct Staging {
    /// Where the payload goes.
    parent: Dir,
    parent_path: PathBuf,
    name: String,
    dir: Dir,
}

/// What a payload is called in the staging directory until it is published.
pub(super) const PAYLOAD: &str = "payload";

const PREFIX: &str = ".hayate-part-";

/// Whether this is the name of a staging directory, perhaps one that a killed process left behind.
pub fn is_staging(name: &str) -> bool {
    name.strip_prefix(PREFIX)
        .is_some_and(|id| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl Staging {
    pub(super) fn create(parent: Dir, parent_path: PathBuf) -> Result<Self, Error> {
        let failed = |error| Error::disk("create a directory in", &parent_path, error);
        let mut id = [0; 8];
        getrandom::fill(&mut id)
            .map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
        let name = format!("{PREFIX}{:016x}", u64::from_be_bytes(id));
        #[cfg_attr(windows, expect(unused_mut, reason = "Windows has no modes"))]
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        cap_std::fs::DirBuilderExt::mode(&mut builder, 0o700);
        parent.create_dir_with(&name, &builder).map_err(failed)?;
        let dir = open_own(&parent, &name).map_err(failed)?;
        Ok(Self {
            parent,
            parent_path,
            name,
            dir,
        })
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
        // Nobody can be told.
        let _ = self.parent.remove_dir_all(&self.name);
    }
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
