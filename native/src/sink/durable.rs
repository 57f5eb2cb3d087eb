//! From the page cache to the disk.

#[cfg(unix)]
use std::fs::File;
use std::io;

use cap_std::fs::Dir;

/// Waits until the names in `dir` are on the disk; best effort where a directory cannot be flushed.
#[cfg(unix)]
pub(super) fn sync_dir(dir: &Dir) -> io::Result<()> {
    let file = readable(dir)?;
    match rustix::fs::fsync(&file) {
        // Some file systems flush files only.
        Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOTSUP) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
pub(super) fn sync_dir(_: &Dir) -> io::Result<()> {
    Ok(())
}

/// Tells at the end of a tree whether all that was written since the beginning is on the disk.
#[derive(Debug)]
pub(super) struct Durability {
    /// Where one call flushes everything; opened before the first write, so that it reports every
    /// failed one.
    #[cfg(target_os = "linux")]
    whole: Option<File>,
}

impl Durability {
    #[cfg(target_os = "linux")]
    pub(super) fn of(dir: &Dir) -> io::Result<Self> {
        let whole = flushes_whole(dir)?.then(|| readable(dir)).transpose()?;
        Ok(Self { whole })
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn of(_: &Dir) -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits until everything below `dir`, about `entries` files, is on the disk.
    pub(super) fn sync(&self, dir: &Dir, entries: u64) -> io::Result<()> {
        #[cfg(not(target_os = "linux"))]
        let _ = entries;
        #[cfg(target_os = "linux")]
        if let Some(whole) = &self.whole
            && entries > FEW
        {
            // One pass over the file system instead of 10,000 commits of its journal; it also waits
            // for what other processes wrote.
            return Ok(rustix::fs::syncfs(whole)?);
        }
        sync_tree(dir)
    }
}

/// So many files are flushed one by one.
#[cfg(target_os = "linux")]
const FEW: u64 = 64;

/// Whether `syncfs` keeps its promise: on FUSE and over a network it may do nothing.
#[cfg(target_os = "linux")]
fn flushes_whole(dir: &Dir) -> io::Result<bool> {
    const EXT: u32 = 0xEF53;
    const XFS: u32 = 0x5846_5342;
    const BTRFS: u32 = 0x9123_683E;
    const F2FS: u32 = 0xF2F5_2010;
    const TMPFS: u32 = 0x0102_1994;
    const OVERLAY: u32 = 0x794C_7630;
    let kind = rustix::fs::fstatfs(dir)?.f_type as u32;
    Ok([EXT, XFS, BTRFS, F2FS, TMPFS, OVERLAY].contains(&kind))
}

/// The same, file by file.
fn sync_tree(dir: &Dir) -> io::Result<()> {
    for entry in dir.entries()? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync_tree(&entry.open_dir()?)?;
        } else if kind.is_file() {
            let mut options = cap_std::fs::OpenOptions::new();
            // Windows flushes only through a handle that may write.
            options.read(true).write(cfg!(windows));
            entry.open_with(&options)?.sync_all()?;
        }
    }
    sync_dir(dir)
}

/// A handle that can be flushed; cap-std's are good for looking names up only.
#[cfg(unix)]
fn readable(dir: &Dir) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(dir, ".", flags, Mode::empty())?.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_flushed_file_by_file_too() {
        let root = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(root.path(), cap_std::ambient_authority()).unwrap();
        dir.create_dir_all("a/b").unwrap();
        dir.write("a/b/c", "x").unwrap();
        sync_tree(&dir).unwrap();
        let durability = Durability::of(&dir).unwrap();
        for entries in [0, u64::MAX] {
            durability.sync(&dir, entries).unwrap();
        }
    }
}
