//! A payload that becomes one file: every block is written at its place, in any order.

use std::{
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use cap_std::fs::{Dir, OpenOptions};
use shared::{BLOCK, BlockReceipt, tree::Tree};

use super::{
    OnConflict, Stored, finished,
    journal::{self, RECORD},
    lock, mismatch,
    owned::{open_kept, remove},
    publish::{Item, Target, publish},
    staging::{PAYLOAD, Staging},
};
use crate::{Error, source::append};

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
    /// Nothing of it shall stay.
    useless: AtomicBool,
    /// `None` once finished.
    staging: Mutex<Option<Staging>>,
}

impl FileSink {
    /// A file in the staging directory; it goes on behind the blocks that `records` are of, as far as they are there.
    pub(super) fn create(
        mut staging: Staging,
        records: &[[u8; RECORD]],
        name: OsString,
        shape: Shape,
        conflict: OnConflict,
    ) -> Result<(Self, Tree), Error> {
        let path = staging.parent_path().join(&name);
        let failed = |error| Error::disk("create", &path, error);
        let (file, kept) = match reopen(&mut staging, records).map_err(failed)? {
            Some(kept) => kept,
            None => {
                let fresh = begin(&mut staging, shape.executable).map_err(failed)?;
                (fresh, Tree::new())
            }
        };
        let sink = Self {
            file,
            path,
            name,
            shape,
            conflict,
            end: AtomicU64::new(kept.blocks() * BLOCK as u64),
            useless: AtomicBool::new(false),
            staging: Mutex::new(Some(staging)),
        };
        Ok((sink, kept))
    }

    /// Forgets everything behind the first `blocks`: a hole in what comes next must be one.
    pub(super) fn cut_back(&self, blocks: u64) -> Result<(), Error> {
        let end = blocks.saturating_mul(BLOCK as u64);
        self.end.store(end, Ordering::Relaxed);
        let cut = self.file.set_len(end);
        let cut = cut.and_then(|()| self.on_staging(|staging| staging.cut(blocks)));
        cut.map_err(|error| Error::disk("write", &self.path, error))
    }

    /// Notes that a block was written.
    pub(super) fn note(&self, receipt: &BlockReceipt) -> Result<(), Error> {
        self.on_staging(|staging| staging.note(receipt))
            .map_err(|error| Error::disk("write", &self.path, error))
    }

    fn on_staging(&self, work: impl FnOnce(&mut Staging) -> io::Result<()>) -> io::Result<()> {
        lock(&self.staging).as_mut().map_or(Ok(()), work)
    }

    /// Where something stays when this is dropped.
    pub(super) fn stays(&self) -> Option<PathBuf> {
        lock(&self.staging)
            .as_ref()
            .filter(|staging| staging.is_kept())
            .map(Staging::path)
    }

    /// Has nothing stay.
    pub(super) fn discard(&self) {
        self.useless.store(true, Ordering::Relaxed);
        if let Some(staging) = lock(&self.staging).as_mut() {
            staging.discard();
        }
    }

    /// Whether the file in the staging directory is the one that was written, and was not moved yet.
    fn is_staged(&self, staging: &Staging) -> io::Result<bool> {
        #[cfg(unix)]
        {
            use cap_std::fs::MetadataExt as _;
            let (ours, there) = (
                self.file.metadata()?,
                staging.dir().symlink_metadata(PAYLOAD)?,
            );
            let ours = (
                std::os::unix::fs::MetadataExt::dev(&ours),
                std::os::unix::fs::MetadataExt::ino(&ours),
            );
            Ok(ours == (there.dev(), there.ino()))
        }
        #[cfg(not(unix))]
        staging.dir().try_exists(PAYLOAD)
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
        let mut staging = lock(&self.staging).take().ok_or_else(finished)?;
        let result = self.publish(&staging);
        // All of it is right, and the next run may find its place.
        let again = matches!(result, Err(Error::Disk { .. } | Error::Exists { .. }))
            && !self.useless.load(Ordering::Relaxed)
            && self.is_staged(&staging).unwrap_or(false);
        match again {
            true => *lock(&self.staging) = Some(staging),
            false => staging.discard(),
        }
        result
    }

    fn publish(&self, staging: &Staging) -> Result<Stored, Error> {
        let end = self.end.load(Ordering::Relaxed);
        if self.shape.size.is_some_and(|size| size != end) {
            return Err(mismatch("less content than was offered"));
        }
        let settle = || {
            self.file.set_len(end)?;
            set_mtime(&self.file, self.shape.mtime);
            self.file.sync_all()?;
            match self.is_staged(staging)? {
                true => Ok(()),
                false => Err(io::Error::other(
                    "its staging directory was changed; receive again with --no-resume",
                )),
            }
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

fn begin(staging: &mut Staging, executable: bool) -> io::Result<File> {
    staging.cut(0)?;
    // What an earlier run left without a block that counts.
    remove(staging.dir(), Path::new(PAYLOAD))?;
    create_new(staging.dir(), Path::new(PAYLOAD), executable)
}

/// What an earlier run left, as far as it is what its journal says.
fn reopen(staging: &mut Staging, records: &[[u8; RECORD]]) -> io::Result<Option<(File, Tree)>> {
    if records.is_empty() {
        return Ok(None);
    }
    let file = match open_kept(staging.dir(), Path::new(PAYLOAD)) {
        Ok(file) => file,
        // Gone, or replaced by something that is no file of ours.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::Other) => {
            return Ok(None);
        }
        Err(error) if is_link(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let tree = prove(&file, records);
    if tree.blocks() == 0 {
        return Ok(None);
    }
    // What is behind them, if anything, was not on record yet; without it holes are holes again.
    file.set_len(tree.blocks() * BLOCK as u64)?;
    staging.cut(tree.blocks())?;
    Ok(Some((file, tree)))
}

/// What opening a link without following it says.
fn is_link(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

/// Reads again what is on record, up to the first block that is not what it was or cannot be read.
fn prove(file: &File, records: &[[u8; RECORD]]) -> Tree {
    let mut tree = Tree::new();
    let mut block = Vec::with_capacity(BLOCK);
    for (index, record) in (0..).zip(records) {
        block.clear();
        if append(file, index * BLOCK as u64, BLOCK, &mut block).is_err() {
            break;
        }
        // Zeros at the end may never have been written.
        block.resize(BLOCK, 0);
        if !journal::prove(&mut tree, record, &block) {
            break;
        }
    }
    tree
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
