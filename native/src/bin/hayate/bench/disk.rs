//! The disk: a file of its own that has no name as soon as it is open, so that nothing stays whatever happens.

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek as _, Write as _},
    path::Path,
};

use hayate::Error;
use shared::BLOCK;

use super::{
    TIME,
    clock::{Spent, Watch},
    measured::{Measured, What},
    read_some, session,
};

/// Measures writing, flushing and reading in `directory`, with a file of `size` or of as much as half a second takes.
///
/// # Errors
/// [`Error::Disk`].
pub(super) fn measure(
    directory: &Path,
    size: Option<u64>,
    tell: &mut impl FnMut(Measured),
) -> Result<(), Error> {
    let failed = |doing| {
        move |source| Error::Disk {
            doing,
            path: directory.to_owned(),
            source,
        }
    };
    let mut file = create(directory).map_err(failed("create a file in"))?;
    let (bytes, written, flushed) =
        fill(&mut file, room(directory), size).map_err(failed("write a test file in"))?;
    for (what, spent) in [(What::DiskWrite, written), (What::DiskFlush, flushed)] {
        tell(Measured { what, bytes, spent });
    }
    forget(&file);
    let (bytes, spent) = read(&mut file).map_err(failed("read a test file in"))?;
    tell(Measured {
        what: What::DiskRead,
        bytes,
        spent,
    });
    Ok(())
}

/// Writes ever more until it takes long enough to be measured: at a disk of 10 MB/s no minute is spent.
fn fill(file: &mut File, room: u64, size: Option<u64>) -> io::Result<(u64, Spent, Spent)> {
    let mut bytes = size.unwrap_or_else(|| FIRST.min(room));
    loop {
        let (written, flushed) = write(file, bytes)?;
        let more = bytes.saturating_mul(4).min(MOST).min(room);
        if size.is_some() || flushed.wall >= TIME / 2 || more <= bytes {
            return Ok((bytes, written, flushed));
        }
        bytes = more;
    }
}

/// What it took to hand the bytes to the system, and until they were on the disk.
fn write(file: &mut File, bytes: u64) -> io::Result<(Spent, Spent)> {
    let block = session::random();
    file.set_len(0)?;
    file.rewind()?;
    let watch = Watch::start();
    let mut left = bytes;
    while left > 0 {
        let length = left.min(BLOCK as u64);
        // at most a block, which is in memory
        file.write_all(&block[..length as usize])?;
        left -= length;
    }
    let written = watch.spent();
    file.sync_all()?;
    Ok((written, watch.spent()))
}

fn read(file: &mut File) -> io::Result<(u64, Spent)> {
    let mut block = vec![0; BLOCK];
    file.rewind()?;
    let watch = Watch::start();
    let mut bytes = 0;
    loop {
        let length = read_some(file, &mut block)?;
        bytes += length as u64;
        let spent = watch.spent();
        if length == 0 || spent.wall >= TIME {
            return Ok((bytes, spent));
        }
    }
}

/// A file without a name.
#[cfg(unix)]
fn create(directory: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    // One that never has a name, where the file system has such.
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{Mode, OFlags};
        let nameless = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        if let Ok(file) = rustix::fs::open(directory, nameless, Mode::RUSR | Mode::WUSR) {
            return Ok(file.into());
        }
    }
    let path = directory.join(name()?);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    let file = options.open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// A file that goes when it is closed.
#[cfg(windows)]
fn create(directory: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt as _;
    const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    options
        .custom_flags(FILE_FLAG_DELETE_ON_CLOSE)
        .open(directory.join(name()?))
}

fn name() -> io::Result<String> {
    let number = getrandom::u64().map_err(io::Error::other)?;
    Ok(format!(".hayate-bench-{number:016x}"))
}

/// Bytes that may be written: a quarter of what is free, so that nobody else runs out of space.
#[cfg(unix)]
fn room(directory: &Path) -> u64 {
    match rustix::fs::statvfs(directory) {
        Ok(space) => (space.f_bavail.saturating_mul(space.f_frsize) / 4).max(BLOCK as u64),
        Err(_) => FIRST,
    }
}

#[cfg(not(unix))]
fn room(_: &Path) -> u64 {
    MOST
}

/// Has the system forget what it holds of the file in memory, where it can be asked to.
#[cfg(target_os = "linux")]
fn forget(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn forget(_: &File) {}

/// Bytes of the first try.
const FIRST: u64 = 8 << 20;
/// Most bytes that are written without `--size`.
const MOST: u64 = 512 << 20;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_told_and_nothing_stays() {
        let directory = tempfile::tempdir().unwrap();
        let mut told = Vec::new();
        measure(directory.path(), Some(3_000_000), &mut |part: Measured| {
            told.push((part.what, part.bytes));
        })
        .unwrap();
        let parts = [What::DiskWrite, What::DiskFlush, What::DiskRead];
        assert_eq!(told, parts.map(|what| (what, 3_000_000)));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_has_no_name_while_it_is_measured() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = create(directory.path()).unwrap();
        file.write_all(b"x").unwrap();
        if cfg!(unix) {
            assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn little_room_is_not_used_up() {
        let mut file = tempfile::tempfile().unwrap();
        let (bytes, ..) = fill(&mut file, 1 << 20, None).unwrap();
        assert_eq!(bytes, 1 << 20);
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = measure(Path::new("/nowhere/at/all"), None, &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
