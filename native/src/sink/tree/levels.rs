//! The directories from the top of a tree to the one whose content is coming.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use cap_std::fs::Dir;

/// A directory whose content is coming.
#[derive(Debug)]
pub(super) struct Level {
    /// `None` for one far above the entries that come, see [`MAX_HELD`].
    pub(super) dir: Option<Dir>,
    pub(super) name: OsString,
    pub(super) mtime: i64,
}

/// Handles that are held at most: a tree may be deeper than a process may have files open.
pub(super) const MAX_HELD: usize = 64;

/// Leaves directories until `depth` of them are left; their times count from now on.
pub(super) fn close_levels(top: &Dir, levels: &mut Vec<Level>, depth: usize) {
    while levels.len() > depth {
        let Some(level) = levels.pop() else { return };
        // A directory that cannot be opened again keeps the time of writing, as any failure here.
        if let Ok(parent) = parent(top, levels) {
            set_mtime_of(parent, Path::new(&level.name), level.mtime);
        }
    }
}

/// The directory that entries are created in now.
pub(super) fn parent<'a>(top: &'a Dir, levels: &'a mut [Level]) -> io::Result<&'a Dir> {
    if levels.last().is_some_and(|level| level.dir.is_none()) {
        let path: PathBuf = levels.iter().map(|level| &level.name).collect();
        let dir = top.open_dir(path)?;
        if let Some(level) = levels.last_mut() {
            level.dir = Some(dir);
        }
    }
    Ok(levels
        .last()
        .and_then(|level| level.dir.as_ref())
        .unwrap_or(top))
}

/// Best effort, for what is not open: a directory or a link itself.
#[cfg(unix)]
pub(super) fn set_mtime_of(dir: &Dir, name: &Path, mtime: i64) {
    use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_OMIT, utimensat};
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT as _,
        },
        last_modification: Timespec {
            tv_sec: mtime as _,
            tv_nsec: 0,
        },
    };
    let _ = utimensat(dir, name, &times, AtFlags::SYMLINK_NOFOLLOW);
}

#[cfg(not(unix))]
pub(super) fn set_mtime_of(_: &Dir, _: &Path, _: i64) {}
