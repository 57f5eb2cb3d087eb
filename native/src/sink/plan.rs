//! Before consent: where an offer would go, whether that name is taken, whether it fits.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
};

use cap_std::{ambient_authority, fs::Dir};
use shared::{BLOCK, Kind, MAX_TOP_LEVEL, Offer, path::SafeName};

use super::{
    OnConflict, Output, Sink,
    file::{self, FileSink},
    journal::{self, RECORD},
    publish::free_name,
    rename::look,
    staging::{self, Staging},
    stream::{StreamSink, TextSink},
    tree::{self, Becomes, TreeSink},
};
use crate::{Error, name};

/// Where an offer would go. Nothing is written before [`Plan::open`].
#[derive(Debug)]
pub struct Plan {
    offer: Offer,
    place: Place,
    conflict: OnConflict,
    taken: bool,
}

#[derive(Debug)]
enum Place {
    Stdout,
    Nowhere,
    Text,
    /// One file or directory of this name.
    Named {
        parent: Parent,
        name: OsString,
    },
    /// Several items, each under its own name.
    Within(Parent),
}

/// The directory that something goes to.
#[derive(Debug)]
struct Parent {
    path: PathBuf,
    /// `None` for one that is still to be created.
    dir: Option<Dir>,
}

impl Plan {
    /// Finds out where `offer` would go; what to do about taken names may still be
    /// [decided](Plan::decide).
    ///
    /// # Errors
    /// [`Error::Usage`] when the offer cannot go there at all; [`Error::Disk`] when the directory is
    /// missing or has less space than the offer needs.
    pub fn new(offer: &Offer, output: &Output, conflict: OnConflict) -> Result<Self, Error> {
        let place = place(offer, output)?;
        let taken = match &place {
            Place::Stdout | Place::Nowhere | Place::Text => false,
            Place::Named { parent, name } => parent.has(name)?,
            Place::Within(parent) => {
                let names: &[SafeName] = match &offer.kind {
                    Kind::Items { names } => names,
                    _ => &[],
                };
                let mut taken = false;
                for name in names {
                    taken |= parent.has(on_disk(name)?)?;
                }
                taken
            }
        };
        if let Place::Named { parent, .. } | Place::Within(parent) = &place {
            parent.fits(offer)?;
        }
        Ok(Self {
            offer: offer.clone(),
            place,
            conflict,
            taken,
        })
    }

    /// Where it would be as things stand: the path of the file or directory, under another name if it
    /// is to be renamed; for several items the directory they go to. `None` if it is not stored.
    pub fn destination(&self) -> Option<PathBuf> {
        match &self.place {
            Place::Stdout | Place::Nowhere | Place::Text => None,
            Place::Within(parent) => Some(parent.path.clone()),
            Place::Named { parent, name } => Some(match (&parent.dir, self.conflict) {
                (Some(dir), OnConflict::Rename) => parent.path.join(free_name(dir, name)),
                _ => parent.path.join(name),
            }),
        }
    }

    /// Whether its name, or one of the names at its top level, is taken. An offer lists only the
    /// first of many names; [`Sink::finish`] looks at them all.
    pub fn taken(&self) -> bool {
        self.taken
    }

    /// What is to be done about taken names.
    pub fn conflict(&self) -> OnConflict {
        self.conflict
    }

    /// Decides about taken names.
    pub fn decide(&mut self, conflict: OnConflict) {
        self.conflict = conflict;
    }

    /// Starts to store it; `links` says whether an archive may hold symbolic links, `resume` whether it goes on where an
    /// earlier run was cut and may be gone on with. What was kept is read again, which takes its time.
    ///
    /// # Errors
    /// [`Error::Exists`] when its name is taken and that was to fail, [`Error::Disk`].
    pub fn open(self, links: bool, resume: bool) -> Result<Sink, Error> {
        let Self {
            offer,
            place,
            conflict,
            taken,
        } = self;
        match place {
            Place::Stdout => Ok(Sink::stream(StreamSink::stdout())),
            Place::Nowhere => Ok(Sink::nowhere()),
            Place::Text => Ok(Sink::text(TextSink::default())),
            Place::Named { parent, name } => {
                if taken && matches!(conflict, OnConflict::Ask | OnConflict::Fail) {
                    return Err(Error::Exists {
                        path: parent.path.join(name),
                    });
                }
                let mtime = match offer.kind {
                    Kind::File { mtime, .. } | Kind::Directory { mtime } => Some(mtime),
                    _ => None,
                };
                let executable = matches!(
                    offer.kind,
                    Kind::File {
                        executable: true,
                        ..
                    }
                );
                let (staging, records) = parent.stage(&offer, resume)?;
                if is_tree(&offer.kind) {
                    let becomes = Becomes::Directory { name, mtime };
                    return open_tree(staging, &records, &offer, links, becomes, conflict);
                }
                let shape = file::Shape {
                    size: offer.payload,
                    mtime,
                    executable,
                };
                let (file, kept) = FileSink::create(staging, &records, name, shape, conflict)?;
                Ok(Sink::file(file, kept))
            }
            Place::Within(parent) => {
                let becomes = Becomes::Items {
                    names: all_names(&offer.kind),
                };
                let (staging, records) = parent.stage(&offer, resume)?;
                open_tree(staging, &records, &offer, links, becomes, conflict)
            }
        }
    }
}

/// The names at the top level, sorted as the archive brings them; `None` where an offer may list only the first.
fn all_names(kind: &Kind) -> Option<Vec<SafeName>> {
    let Kind::Items { names } = kind else {
        return None;
    };
    let mut names = names.clone();
    names.sort();
    (names.len() < MAX_TOP_LEVEL).then_some(names)
}

fn open_tree(
    staging: Staging,
    records: &[[u8; RECORD]],
    offer: &Offer,
    links: bool,
    becomes: Becomes,
    conflict: OnConflict,
) -> Result<Sink, Error> {
    let shape = tree::Shape {
        entries: offer.entries,
        bytes: offer.bytes,
        links,
        becomes,
        conflict,
    };
    let (tree, kept) = TreeSink::create(staging, records, shape)?;
    Ok(Sink::tree(tree, kept))
}

fn place(offer: &Offer, output: &Output) -> Result<Place, Error> {
    match output {
        Output::Nowhere => Ok(Place::Nowhere),
        Output::Stdout if is_tree(&offer.kind) => Err(Error::Usage(
            "several files cannot go to standard output; name a directory with --out".into(),
        )),
        Output::Stdout if offer.kind == Kind::Text => Ok(Place::Text),
        Output::Stdout => Ok(Place::Stdout),
        Output::Directory(_) if offer.kind == Kind::Text => Ok(Place::Text),
        Output::Directory(path) => inside(offer, Parent::open(path)?),
        Output::Path(path) if path.is_dir() => inside(offer, Parent::open(path)?),
        Output::Path(path) if ends_in_separator(path) => inside(offer, Parent::to_create(path)?),
        Output::Path(path) => {
            let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else {
                return Err(Error::Usage(format!(
                    "--out \"{}\" has no name to store under",
                    shared::path::escape(path.as_os_str().as_encoded_bytes())
                )));
            };
            Ok(Place::Named {
                parent: Parent::open(parent)?,
                name: name.to_owned(),
            })
        }
    }
}

fn inside(offer: &Offer, parent: Parent) -> Result<Place, Error> {
    match offer.kind {
        Kind::Items { .. } => Ok(Place::Within(parent)),
        _ => Ok(Place::Named {
            name: on_disk(&offer.name)?.to_owned(),
            parent,
        }),
    }
}

fn is_tree(kind: &Kind) -> bool {
    matches!(kind, Kind::Directory { .. } | Kind::Items { .. })
}

fn ends_in_separator(path: &Path) -> bool {
    let last = path.as_os_str().as_encoded_bytes().last();
    last.is_some_and(|byte| std::path::is_separator(char::from(*byte)))
}

fn on_disk(name: &SafeName) -> Result<&OsStr, Error> {
    name::to_path(name.as_bytes())
        .map(Path::as_os_str)
        .map_err(|problem| super::session(problem.into()))
}

impl Parent {
    fn open(path: &Path) -> Result<Self, Error> {
        // The parent of a plain name is written as nothing.
        let path = match path.as_os_str().is_empty() {
            true => Path::new("."),
            false => path,
        };
        let dir = Dir::open_ambient_dir(path, ambient_authority())
            .map_err(|error| Error::disk("open", path, error))?;
        Ok(Self {
            path: path.to_path_buf(),
            dir: Some(dir),
        })
    }

    /// A directory that does not exist yet; the one it is in must.
    fn to_create(path: &Path) -> Result<Self, Error> {
        if path.symlink_metadata().is_ok() {
            return Err(Error::Exists {
                path: path.to_path_buf(),
            });
        }
        Self::open(path.parent().unwrap_or(path))?;
        Ok(Self {
            path: path.to_path_buf(),
            dir: None,
        })
    }

    fn has(&self, name: &OsStr) -> Result<bool, Error> {
        let Some(dir) = &self.dir else {
            return Ok(false);
        };
        let found = look(dir, name);
        let found = found.map_err(|error| Error::disk("look for", self.path.join(name), error))?;
        Ok(found.is_some())
    }

    /// A place to write `offer` in; with `resume` one that is kept, and what it has of the offer.
    fn stage(self, offer: &Offer, resume: bool) -> Result<(Staging, Vec<[u8; RECORD]>), Error> {
        let identity = journal::identity(offer).filter(|_| resume);
        let new = self.dir.is_none();
        let (dir, path) = self.made()?;
        let (staging, records) = match identity {
            None => (Staging::create(dir, path)?, Vec::new()),
            // The last block tells that the payload ends, and is never kept.
            Some(identity) => {
                let most = offer.payload.unwrap_or(0).saturating_sub(1) / BLOCK as u64;
                Staging::keeping(dir, path, &identity, most)?
            }
        };
        match new {
            true => Ok((staging.in_new_parent(), records)),
            false => Ok((staging, records)),
        }
    }

    fn made(self) -> Result<(Dir, PathBuf), Error> {
        let dir = match self.dir {
            Some(dir) => dir,
            None => {
                std::fs::create_dir(&self.path)
                    .map_err(|error| Error::disk("create", &self.path, error))?;
                Dir::open_ambient_dir(&self.path, ambient_authority())
                    .map_err(|error| Error::disk("open", &self.path, error))?
            }
        };
        Ok((dir, self.path))
    }

    /// # Errors
    /// [`Error::Disk`] when the file system has too little space or too few inodes left.
    #[cfg(unix)]
    fn fits(&self, offer: &Offer) -> Result<(), Error> {
        let parent;
        let dir = match &self.dir {
            Some(dir) => dir,
            None => {
                parent = Self::open(self.path.parent().unwrap_or(&self.path))?;
                match &parent.dir {
                    Some(dir) => dir,
                    None => return Ok(()),
                }
            }
        };
        // A file system that does not say is asked again by every write.
        let Ok(space) = rustix::fs::fstatvfs(dir) else {
            return Ok(());
        };
        let identity = journal::identity(offer).filter(|_| self.dir.is_some());
        let kept = identity.map_or(0, |identity| staging::kept(dir, &identity));
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let free = free.saturating_add(kept);
        let full = |what: String| {
            let error = io::Error::new(io::ErrorKind::StorageFull, what);
            Err(Error::disk("store this in", &self.path, error))
        };
        if offer.bytes > free {
            return full(format!("it takes {} bytes, {free} are free", offer.bytes));
        }
        // Some file systems make inodes as they go and report none.
        if kept == 0 && space.f_files > 0 && offer.entries > space.f_favail {
            return full(format!(
                "it takes {} files, there is room for {}",
                offer.entries, space.f_favail
            ));
        }
        Ok(())
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "its twin can fail")]
    fn fits(&self, _: &Offer) -> Result<(), Error> {
        Ok(())
    }
}
