//! The tree below a directory, in the order of the archive, without being led out of it by a link
//! that somebody swaps in on the way.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    vec,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, FileType, Metadata},
};
use shared::{
    archive::{Entry, Kind, link_problem},
    path::{SafeName, SafePath},
};

use super::{
    Links, Skipped,
    filter::{Exclude, Ignore},
    read,
    stamp::Stamp,
};
use crate::{Error, name};

/// Collects entries, parents before children, siblings by their bytes.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) links: Links,
    exclude: Exclude,
    gitignore: bool,
    pub(super) entries: Vec<Entry>,
    /// Parallel to `entries`.
    pub(super) stamps: Vec<Stamp>,
    pub(super) skipped: Vec<Skipped>,
}

/// A directory that is being walked.
struct Level {
    dir: Dir,
    identity: Identity,
    names: vec::IntoIter<OsString>,
    /// The directory's path in the archive; `None` for its top.
    at: Option<SafePath>,
    /// Its path on this machine.
    path: PathBuf,
    /// Its path below the selected directory.
    inside: PathBuf,
    ignore: Option<Ignore>,
}

impl Walk {
    pub(super) fn new(links: Links, exclude: Exclude, gitignore: bool) -> Self {
        Self {
            links,
            exclude,
            gitignore,
            entries: Vec::new(),
            stamps: Vec::new(),
            skipped: Vec::new(),
        }
    }

    pub(super) fn entry(&mut self, path: SafePath, kind: Kind, stamp: Stamp, executable: bool) {
        self.entries.push(Entry {
            path,
            size: match kind {
                Kind::File => stamp.size,
                _ => 0,
            },
            kind,
            mtime: stamp.mtime,
            executable,
        });
        self.stamps.push(stamp);
    }

    /// Adds what is in the selected directory `dir` at `path`, below `at` in the archive.
    ///
    /// # Errors
    /// [`Error::Disk`] when this directory cannot be listed; what fails further down is skipped.
    pub(super) fn directory(
        &mut self,
        dir: Dir,
        path: &Path,
        at: Option<SafePath>,
    ) -> Result<(), Error> {
        let above = match self.gitignore {
            true => Ignore::above(path),
            false => Vec::new(),
        };
        let mut levels = Vec::new();
        let top = self
            .level(dir, path.to_path_buf(), PathBuf::new(), at)
            .map_err(|error| Error::disk("list", path, error))?;
        levels.push(top);
        while let Some(level) = levels.last_mut() {
            let Some(name) = level.names.next() else {
                levels.pop();
                continue;
            };
            match self.visit(&levels, &above, &name) {
                Ok(Some(level)) => levels.push(level),
                Ok(None) => {}
                Err(why) => {
                    let path = levels.last().map(|level| level.path.join(&name));
                    self.skipped.extend(path.map(|path| Skipped { path, why }));
                }
            }
        }
        Ok(())
    }

    fn level(
        &self,
        dir: Dir,
        path: PathBuf,
        inside: PathBuf,
        at: Option<SafePath>,
    ) -> io::Result<Level> {
        let mut names = dir
            .entries()?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort_unstable_by(|a, b| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
        let ignore = match self.gitignore {
            true => Ignore::of(&dir, PathBuf::new()),
            false => None,
        };
        Ok(Level {
            identity: Identity::of(&dir.dir_metadata()?),
            dir,
            names: names.into_iter(),
            at,
            path,
            inside,
            ignore,
        })
    }

    /// Adds one entry; a directory is returned to be walked next.
    ///
    /// # Errors
    /// Why it is skipped.
    fn visit(
        &mut self,
        levels: &[Level],
        above: &[Ignore],
        os_name: &OsString,
    ) -> Result<Option<Level>, String> {
        let level = levels.last().ok_or_else(String::new)?;
        let metadata = level.dir.symlink_metadata(os_name).map_err(says)?;
        let inside = level.inside.join(os_name);
        if self.exclude.matches(&inside) || ignored(levels, above, &inside, metadata.is_dir()) {
            return Ok(None);
        }
        let bytes = name::to_bytes(os_name).ok_or("its name is not Unicode")?;
        let name = SafeName::parse(bytes).map_err(|problem| problem.what)?;
        let at = match &level.at {
            Some(parent) => parent.join(&name).map_err(|problem| problem.what)?,
            None => SafePath::from(name),
        };
        let kind = metadata.file_type();
        if kind.is_symlink() {
            return match self.links {
                Links::Skip => Err("a symbolic link".into()),
                Links::Keep => self.link(level, os_name, at, &metadata),
                Links::Follow => self.follow(levels, os_name, inside, at),
            };
        }
        if kind.is_dir() {
            let dir = level.dir.open_dir(os_name).map_err(says)?;
            let opened = dir.dir_metadata().map_err(says)?;
            if Identity::of(&opened) != Identity::of(&metadata) {
                return Err("it was replaced while it was looked at".into());
            }
            return self
                .descend(levels, os_name, dir, &opened, inside, at)
                .map(Some);
        }
        if !kind.is_file() {
            return Err(special(kind).into());
        }
        readable(&level.dir, os_name).map_err(says)?;
        self.entry(
            at,
            Kind::File,
            Stamp::beneath(&metadata),
            executable(&metadata),
        );
        Ok(None)
    }

    fn descend(
        &mut self,
        levels: &[Level],
        os_name: &OsString,
        dir: Dir,
        metadata: &Metadata,
        inside: PathBuf,
        at: SafePath,
    ) -> Result<Level, String> {
        let parent = levels.last().ok_or_else(String::new)?;
        let identity = Identity::of(metadata);
        if levels.iter().any(|level| level.identity == identity) {
            return Err("a link leads back into the directory it is in".into());
        }
        let path = parent.path.join(os_name);
        let level = self
            .level(dir, path, inside, Some(at.clone()))
            .map_err(says)?;
        self.entry(at, Kind::Directory, Stamp::beneath(metadata), false);
        Ok(level)
    }

    fn link(
        &mut self,
        level: &Level,
        os_name: &OsString,
        at: SafePath,
        metadata: &Metadata,
    ) -> Result<Option<Level>, String> {
        let target = level.dir.read_link_contents(os_name).map_err(says)?;
        let target = name::to_bytes(target.as_os_str())
            .ok_or("a link whose target is not Unicode")?
            .to_vec();
        if let Some(what) = link_problem(&at, &target) {
            return Err(what.into());
        }
        self.entry(
            at,
            Kind::Symlink { target },
            Stamp::beneath(metadata),
            false,
        );
        Ok(None)
    }

    fn follow(
        &mut self,
        levels: &[Level],
        os_name: &OsString,
        inside: PathBuf,
        at: SafePath,
    ) -> Result<Option<Level>, String> {
        let level = levels.last().ok_or_else(String::new)?;
        let path = level.path.join(os_name);
        let metadata = std::fs::metadata(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "a link to something that does not exist".into(),
            _ => says(error),
        })?;
        if metadata.is_dir() {
            let dir = Dir::open_ambient_dir(&path, ambient_authority()).map_err(says)?;
            let opened = dir.dir_metadata().map_err(says)?;
            return self
                .descend(levels, os_name, dir, &opened, inside, at)
                .map(Some);
        }
        if !metadata.is_file() {
            return Err("a link to neither a file nor a directory".into());
        }
        let file = read::open(&path).map_err(says)?;
        let metadata = file.metadata().map_err(says)?;
        let executable = executable(&Metadata::from_just_metadata(metadata.clone()));
        self.entry(at, Kind::File, Stamp::of(&metadata), executable);
        Ok(None)
    }
}

fn ignored(levels: &[Level], above: &[Ignore], inside: &Path, directory: bool) -> bool {
    let within = levels.iter().rev().filter_map(|level| {
        let path = inside.strip_prefix(&level.inside).ok()?;
        level.ignore.as_ref()?.decides(path, directory)
    });
    let outside = above
        .iter()
        .filter_map(|ignore| ignore.decides(inside, directory));
    within.chain(outside).next().unwrap_or(false)
}

fn says(error: io::Error) -> String {
    error.to_string()
}

#[cfg(unix)]
fn special(kind: FileType) -> &'static str {
    use cap_std::fs::FileTypeExt;
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn special(_: FileType) -> &'static str {
    "neither a file nor a directory"
}

/// Fails as opening the file for reading would, without the cost of opening it.
#[cfg(unix)]
fn readable(dir: &Dir, name: &OsString) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, accessat};
    Ok(accessat(dir, name, Access::READ_OK, AtFlags::empty())?)
}

#[cfg(not(unix))]
fn readable(dir: &Dir, name: &OsString) -> io::Result<()> {
    dir.open(name).map(drop)
}

#[cfg(unix)]
fn executable(metadata: &Metadata) -> bool {
    cap_std::fs::MetadataExt::mode(metadata) & 0o100 != 0
}

#[cfg(not(unix))]
fn executable(_: &Metadata) -> bool {
    false
}

/// What tells one directory from another; where the system does not say, its times do.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    created: Option<std::time::SystemTime>,
}

impl Identity {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use cap_std::fs::MetadataExt;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            created: None,
        }
    }

    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: 0,
            inode: 0,
            created: metadata
                .created()
                .ok()
                .map(cap_std::time::SystemTime::into_std),
        }
    }
}
