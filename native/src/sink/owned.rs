//! Files and directories that are ours alone, and not what somebody else put in their place.

use std::{fs::File, io, path::Path};

use cap_std::fs::{Dir, OpenOptions};

/// Creates a file of ours, to be read as well; it must not be there.
pub(super) fn create_own(dir: &Dir, name: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    Ok(dir.open_with(name, &options)?.into_std())
}

/// Opens a file that an earlier run left: one that is ours, no link, and has no other name.
pub(super) fn open_kept(dir: &Dir, name: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::custom_flags(
        &mut options,
        (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits() as i32,
    );
    let file = dir.open_with(name, &options)?.into_std();
    let found = file.metadata()?;
    #[cfg(unix)]
    let alone = {
        use std::os::unix::fs::MetadataExt as _;
        found.nlink() == 1 && found.uid() == rustix::process::geteuid().as_raw()
    };
    #[cfg(not(unix))]
    let alone = true;
    match found.is_file() && alone {
        true => Ok(file),
        false => Err(io::Error::other("it was replaced by something else")),
    }
}

/// Opens a directory of ours, and not what somebody put in its place.
#[cfg(unix)]
pub(super) fn open_own(parent: &Dir, name: impl AsRef<Path>) -> io::Result<Dir> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(
        parent,
        name.as_ref(),
        flags,
        Mode::empty(),
    )?);
    let owner = std::os::unix::fs::MetadataExt::uid(&file.metadata()?);
    if owner != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it was replaced by somebody else's"));
    }
    Ok(Dir::from_std_file(file))
}

#[cfg(not(unix))]
pub(super) fn open_own(parent: &Dir, name: impl AsRef<Path>) -> io::Result<Dir> {
    parent.open_dir(name)
}

/// Removes what has this name, and what is in it, if it is there.
pub(super) fn remove(dir: &Dir, name: &Path) -> io::Result<()> {
    let removed = match dir.symlink_metadata(name) {
        Ok(found) if found.is_dir() => dir.remove_dir_all(name),
        Ok(_) => dir.remove_file(name),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
