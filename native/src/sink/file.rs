//! A payload that becomes one file: every block is written at its place, in any order.

use std::{
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use cap_std::fs::{Dir, OpenOptions};
use shared::BLOCK;

use super::{
    OnConflict, Stored, finished, lock, mismatch,
    publish::{Item, Target, publish},
    staging::{PAYLOAD, Staging},
};
use crate::Error;

/// What a file will be like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Bytes; `None` where only the end tells.
    pub(super) size: Option<u64>,
    /// Whole seconds since 1970; `None` for the time of writing.
    pub(super) mtime: Option<i64>,
    pub(super) executable: bool,
}

#[derive(Debug)]
pub(super) struct FileSink {
    file: File,
    /// The final path, as far as it is known before the end; for messages.
    path: PathBuf,
    name: OsString,
    shape: Shape,
    conflict: OnConflict,
    /// Where the highest block so far ends.
    end: AtomicU64,
    /// `None` once finished.
    staging: Mutex<Option<Staging>>,
}

impl FileSink {
    pub(super) fn create(
        staging: Staging,
        name: OsString,
        shape: Shape,
        conflict: OnConflict,
    ) -> Result<Self, Error> {
        let path = staging.parent_path().join(&name);
        let file = create_new(staging.dir(), Path::new(PAYLOAD), shape.executable)
            .map_err(|error| Error::disk("create", &path, error))?;
        Ok(Self {
            file,
            path,
            name,
            shape,
            conflict,
            end: AtomicU64::new(0),
            staging: Mutex::new(Some(staging)),
        })
    }

    pub(super) fn write(&self, index: u64, block: &[u8]) -> Result<(), Error> {
        let offset = index.checked_mul(BLOCK as u64);
        let span = offset.and_then(|at| Some((at, at.checked_add(block.len() as u64)?)));
        let (offset, end) = span
            .filter(|(_, end)| *end <= self.shape.size.unwrap_or(i64::MAX as u64))
            .ok_or_else(|| mismatch("more content than was offered"))?;
        self.end.fetch_max(end, Ordering::Relaxed);
        if is_zero(block) {
            // A hole; the length is set at the end.
            return Ok(());
        }
        write_at(&self.file, block, offset).map_err(|error| Error::disk("write", &self.path, error))
    }

    pub(super) fn finish(&self) -> Result<Stored, Error> {
        let staging = lock(&self.staging).take().ok_or_else(finished)?;
        let end = self.end.load(Ordering::Relaxed);
        if self.shape.size.is_some_and(|size| size != end) {
            return Err(mismatch("less content than was offered"));
        }
        let settle = || {
            self.file.set_len(end)?;
            set_mtime(&self.file, self.shape.mtime);
            self.file.sync_all()
        };
        settle().map_err(|error| Error::disk("write", &self.path, error))?;
        let target = Target {
            dir: staging.parent(),
            path: staging.parent_path(),
        };
        let item = Item {
            staged: PAYLOAD.into(),
            name: self.name.clone(),
            directory: false,
        };
        let names = publish(staging.dir(), target, &[item], self.conflict)?;
        Ok(stored_one(target.path, names))
    }
}

/// The outcome for a single item.
pub(super) fn stored_one(parent: &Path, names: Vec<Option<OsString>>) -> Stored {
    let name = names.into_iter().flatten().next();
    Stored {
        skipped: u64::from(name.is_none()),
        path: name.map(|name| parent.join(name)),
        text: None,
    }
}

/// Creates a file that must not be there; its mode is what the person's umask leaves of 0666 or 0777,
/// which the directory around it makes private for now.
pub(super) fn create_new(dir: &Dir, name: &Path, executable: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::mode(&mut options, if executable { 0o777 } else { 0o666 });
    #[cfg(not(unix))]
    let _ = executable;
    dir.open_with(name, &options)
        .map(cap_std::fs::File::into_std)
}

/// Best effort: a file system that cannot hold the time still holds the file.
pub(super) fn set_mtime(file: &File, mtime: Option<i64>) {
    if let Some(time) = mtime.and_then(system_time) {
        let _ = file.set_modified(time);
    }
}

fn system_time(seconds: i64) -> Option<SystemTime> {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    match seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(distance),
        _ => SystemTime::UNIX_EPOCH.checked_sub(distance),
    }
}

/// Whether there is nothing but zeros, and enough of them to be worth a hole.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    // In pieces: the first one usually settles it, and each is compared at full width.
    bytes.len() >= MIN_HOLE
        && bytes
            .chunks(256)
            .all(|piece| piece.iter().fold(0, |all, byte| all | byte) == 0)
}

/// The page of most file systems.
const MIN_HOLE: usize = 4096;

#[cfg(unix)]
pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
pub(super) fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                bytes = &bytes[n..];
                offset += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
