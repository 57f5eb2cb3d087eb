//! Positional reads of files that must not change while they are sent.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::stamp::Stamp;
use crate::Error;

/// The one file of a payload that is a file.
#[derive(Debug)]
pub(super) struct OneFile {
    file: File,
    path: PathBuf,
    stamp: Stamp,
}

impl OneFile {
    pub(super) fn new(file: File, path: PathBuf, stamp: Stamp) -> Self {
        will_read_through(&file);
        Self { file, path, stamp }
    }

    pub(super) fn len(&self) -> u64 {
        self.stamp.size
    }

    pub(super) fn read(&self, offset: u64, len: usize, buffer: &mut Vec<u8>) -> Result<(), Error> {
        read_unchanged(&self.file, &self.path, &self.stamp, offset, len, buffer)
    }
}

/// Appends `len` bytes at `offset`, and makes sure that the file is still the one of `stamp` *after*
/// they were read: only that says something about the bytes.
pub(super) fn read_unchanged(
    file: &File,
    path: &Path,
    stamp: &Stamp,
    offset: u64,
    len: usize,
    buffer: &mut Vec<u8>,
) -> Result<(), Error> {
    let failed = |source| Error::disk("read", path, source);
    let got = append(file, offset, len, buffer).map_err(failed)?;
    let now = Stamp::of(&file.metadata().map_err(failed)?);
    let what = stamp
        .became(&now)
        .or_else(|| (got < len).then_some("shrank"));
    match what {
        None => Ok(()),
        Some(what) => Err(Error::SourceChanged {
            path: path.to_path_buf(),
            what,
        }),
    }
}

/// Opens a path that is expected to be a regular file; never waits for the other end of a pipe.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits() as i32,
    );
    options.open(path)
}

/// Opens `path` below `dir`, never through a link at its end nor out of `dir`.
pub(super) fn open_beneath(dir: &cap_std::fs::Dir, path: &Path) -> io::Result<File> {
    let mut options = cap_std::fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::custom_flags(
        &mut options,
        (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW).bits() as i32,
    );
    dir.open_with(path, &options)
        .map(cap_std::fs::File::into_std)
}

/// The system may read ahead further; best effort.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(super) fn will_read_through(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::Sequential);
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(super) fn will_read_through(_: &File) {}

/// Appends up to `len` bytes at `offset`; fewer only at the file's end.
#[cfg(unix)]
pub(crate) fn append(
    file: &File,
    offset: u64,
    len: usize,
    buffer: &mut Vec<u8>,
) -> io::Result<usize> {
    let (start, mut got) = (buffer.len(), 0);
    while got < len {
        buffer.reserve(len - got);
        // The spare capacity may be more than was asked for; what is read too much is cut off below.
        match rustix::io::pread(
            file,
            rustix::buffer::spare_capacity(buffer),
            offset + got as u64,
        ) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let got = got.min(len);
    buffer.truncate(start + got);
    Ok(got)
}

#[cfg(windows)]
pub(crate) fn append(
    file: &File,
    offset: u64,
    len: usize,
    buffer: &mut Vec<u8>,
) -> io::Result<usize> {
    use std::os::windows::fs::FileExt;
    let (start, mut got) = (buffer.len(), 0);
    buffer.resize(start + len, 0);
    while got < len {
        match file.seek_read(&mut buffer[start + got..], offset + got as u64) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(start + got);
    Ok(got)
}
