//! Renames that never replace, and renames that swap: one system call where there is one.

use std::{ffi::OsStr, io};

use cap_std::fs::{Dir, Metadata};

/// What is at `name`, if anything; a link itself, not what it leads to.
pub(super) fn look(dir: &Dir, name: &OsStr) -> io::Result<Option<Metadata>> {
    match dir.symlink_metadata(name) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A name in an open directory.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) dir: &'a Dir,
    pub(super) name: &'a OsStr,
}

/// Renames; fails with `AlreadyExists` where `to` is taken.
pub(super) fn move_new(from: Place<'_>, to: Place<'_>, directory: bool) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    {
        use rustix::fs::{RenameFlags, renameat_with};
        match renameat_with(from.dir, from.name, to.dir, to.name, RenameFlags::NOREPLACE) {
            Err(error) if is_unknown(error) => {}
            result => return Ok(result?),
        }
    }
    move_new_portably(from, to, directory)
}

fn move_new_portably(from: Place<'_>, to: Place<'_>, directory: bool) -> io::Result<()> {
    if directory && cfg!(unix) {
        // Renaming replaces an empty directory, and this one is ours.
        to.dir.create_dir(to.name)?;
        return from
            .dir
            .rename(from.name, to.dir, to.name)
            .inspect_err(|_| {
                let _ = to.dir.remove_dir(to.name);
            });
    }
    if !directory {
        match from.dir.hard_link(from.name, to.dir, to.name) {
            Ok(()) => return from.dir.remove_file(from.name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            // There are no hard links on FAT.
            Err(_) => {}
        }
    }
    // Between the look and the move somebody could take the name; nothing better is left.
    match look(to.dir, to.name)? {
        Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
        None => from.dir.rename(from.name, to.dir, to.name),
    }
}

/// Puts `from` in the place of what is at `to`, which goes where `from` was, or is gone if it was a
/// file and the system cannot swap.
pub(super) fn replace(from: Place<'_>, to: Place<'_>, directory: bool) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    {
        use rustix::fs::{RenameFlags, renameat_with};
        match renameat_with(from.dir, from.name, to.dir, to.name, RenameFlags::EXCHANGE) {
            Err(error) if is_unknown(error) => {}
            result => return Ok(result?),
        }
    }
    replace_portably(from, to, directory)
}

fn replace_portably(from: Place<'_>, to: Place<'_>, directory: bool) -> io::Result<()> {
    if !directory {
        return from.dir.rename(from.name, to.dir, to.name);
    }
    // A directory does not replace another one that is not empty: that one steps aside first. The
    // name cannot be in use, since an offered name ends the staging directory's list.
    let aside = OsStr::new(".aside");
    to.dir.rename(to.name, from.dir, aside)?;
    from.dir
        .rename(from.name, to.dir, to.name)
        .inspect_err(|_| {
            let _ = from.dir.rename(aside, to.dir, to.name);
        })?;
    from.dir.rename(aside, from.dir, from.name)
}

/// Whether the system or the file system does not know the flags.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn is_unknown(error: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::NOTSUP)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn taken(result: io::Result<()>) {
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn moving_without_the_system_call_never_replaces() {
        let root = tempfile::tempdir().unwrap();
        let dir = &Dir::open_ambient_dir(root.path(), cap_std::ambient_authority()).unwrap();
        let at = |name| Place {
            dir,
            name: OsStr::new(name),
        };
        dir.write("new", "new").unwrap();
        dir.write("old", "old").unwrap();
        dir.create_dir_all("tree/x").unwrap();
        for moved in [move_new, move_new_portably] {
            taken(moved(at("new"), at("old"), false));
            taken(moved(at("tree"), at("old"), true));
            assert_eq!(dir.read("old").unwrap(), b"old");
            moved(at("new"), at("free"), false).unwrap();
            assert_eq!(dir.read("free").unwrap(), b"new");
            moved(at("free"), at("new"), false).unwrap();
            moved(at("tree"), at("free"), true).unwrap();
            assert!(dir.is_dir("free/x") && !dir.exists("tree"));
            moved(at("free"), at("tree"), true).unwrap();
        }
    }

    #[test]
    fn replacing_keeps_or_drops_the_old_one_as_a_whole() {
        let root = tempfile::tempdir().unwrap();
        let dir = &Dir::open_ambient_dir(root.path(), cap_std::ambient_authority()).unwrap();
        let at = |name| Place {
            dir,
            name: OsStr::new(name),
        };
        for replaced in [replace, replace_portably] {
            dir.create_dir_all("new/n").unwrap();
            dir.create_dir_all("old/o").unwrap();
            replaced(at("new"), at("old"), true).unwrap();
            assert!(dir.is_dir("old/n") && !dir.exists("old/o") && dir.is_dir("new/o"));
            dir.remove_dir_all("new").unwrap();
            dir.remove_dir_all("old").unwrap();
            dir.write("a", "a").unwrap();
            dir.write("b", "b").unwrap();
            replaced(at("a"), at("b"), false).unwrap();
            assert_eq!(dir.read("b").unwrap(), b"a");
        }
    }
}
