//! From the paths a person named to an offer: finds the entries, and says what is left out and why.

use std::{
    collections::BTreeMap,
    io,
    io::Read as _,
    path::{Path, PathBuf},
};

use cap_std::{ambient_authority, fs::Dir};
use shared::{
    Kind, MAX_TOP_LEVEL, Offer,
    archive::{self, Entry, Layout},
    path::{SafeName, SafePath},
};

use super::{
    Gathered, Links, Selection, Source,
    filter::Exclude,
    offered_name,
    read::{self, OneFile},
    shown,
    stamp::Stamp,
    tree::{MAX_HELD, OpenFiles, Root, Roots, Tree},
    walk::Walk,
};
use crate::{Error, name};

/// Turns a selection into an offer and its payload: one file is sent as it is, one directory under
/// its name, several paths together under their base names.
///
/// Every file is checked to be readable; what cannot be sent is in [`Gathered::skipped`].
///
/// # Errors
/// [`Error::Usage`] for a path that is not there or cannot be sent at all, for two paths with one
/// base name, for a malformed glob; [`Error::Disk`] when a named path cannot be read.
pub fn gather(selection: &Selection) -> Result<Gathered, Error> {
    let exclude = Exclude::new(&selection.exclude)?;
    match selection.paths.as_slice() {
        [] => Err(Error::Usage(
            "nothing to send: name a file or directory".into(),
        )),
        [path] => {
            let found = look(path)?;
            let name = match &selection.name {
                Some(name) => name.clone().into_bytes(),
                None => base_name(path)?,
            };
            let name = offered_name(&name)?;
            if found.is_dir() {
                directory(selection, exclude, path, name)
            } else {
                file(path, name)
            }
        }
        paths => items(selection, exclude, paths),
    }
}

fn file(path: &Path, name: SafeName) -> Result<Gathered, Error> {
    let failed = |error| Error::disk("read", path, error);
    let mut file = read::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    regular(path, &metadata)?;
    let stamp = Stamp::of(&metadata);
    // Files of the system that are made while they are read claim to be empty.
    if stamp.size == 0 && file.read(&mut [0]).map_err(failed)? > 0 {
        return Err(Error::Usage(format!(
            "\"{}\" does not say how long it is; send it through a pipe: cat … | hayate send -",
            shown(path)
        )));
    }
    Ok(Gathered {
        offer: Offer {
            name,
            kind: Kind::File {
                mtime: stamp.mtime,
                executable: executable(&metadata),
            },
            payload: Some(stamp.size),
            bytes: stamp.size,
            entries: 1,
        },
        source: Source::file(OneFile::new(file, path.to_path_buf(), stamp)),
        skipped: Vec::new(),
    })
}

fn directory(
    selection: &Selection,
    exclude: Exclude,
    path: &Path,
    name: SafeName,
) -> Result<Gathered, Error> {
    let dir = open_dir(path)?;
    let metadata = dir
        .dir_metadata()
        .map_err(|error| Error::disk("read", path, error))?;
    let mtime = Stamp::beneath(&metadata).mtime;
    let mut walk = Walk::new(selection.links, exclude, selection.gitignore);
    walk.directory(open_dir(path)?, path, None)?;
    let root = Root {
        path: path.to_path_buf(),
        dir: Some(dir),
    };
    finish(walk, name, Kind::Directory { mtime }, Roots::One(root))
}

fn items(selection: &Selection, exclude: Exclude, paths: &[PathBuf]) -> Result<Gathered, Error> {
    let mut named = BTreeMap::<Vec<u8>, &Path>::new();
    for path in paths {
        look(path)?;
        let name = base_name(path)?;
        let shown_name = shared::path::escape(&name);
        if let Ok(os_name) = name::to_path(&name)
            && exclude.matches(os_name)
        {
            continue;
        }
        if let Some(other) = named.insert(name, path) {
            return Err(Error::Usage(format!(
                "\"{}\" and \"{}\" would both arrive as \"{shown_name}\"; send them one after the other",
                shown(other),
                shown(path),
            )));
        }
    }
    if named.is_empty() {
        return Err(Error::Usage(
            "nothing to send: --exclude leaves nothing".into(),
        ));
    }
    let offered = selection.name.as_deref().unwrap_or("files");
    let offered = offered_name(offered.as_bytes())?;
    let mut walk = Walk::new(selection.links, exclude, selection.gitignore);
    let (mut roots, mut names) = (Vec::new(), Vec::new());
    for (base, path) in named {
        let name = offered_name(&base)?;
        let metadata = look(path)?;
        let mut root = Root {
            path: path.to_path_buf(),
            dir: None,
        };
        let at = SafePath::from(name.clone());
        if metadata.is_dir() {
            walk.entry(
                at.clone(),
                archive::Kind::Directory,
                Stamp::of(&metadata),
                false,
            );
            walk.directory(open_dir(path)?, path, Some(at))?;
            if roots.len() < MAX_HELD {
                root.dir = Some(open_dir(path)?);
            }
        } else {
            read::open(path).map_err(|error| Error::disk("read", path, error))?;
            walk.entry(
                at,
                archive::Kind::File,
                Stamp::of(&metadata),
                executable(&metadata),
            );
        }
        roots.push((base, root));
        names.push(name);
    }
    names.truncate(MAX_TOP_LEVEL);
    finish(walk, offered, Kind::Items { names }, Roots::Many(roots))
}

fn finish(walk: Walk, name: SafeName, kind: Kind, roots: Roots) -> Result<Gathered, Error> {
    let Walk {
        mut entries,
        stamps,
        skipped,
        links,
        ..
    } = walk;
    entries.shrink_to_fit();
    let bytes = entries.iter().map(|entry: &Entry| entry.size).sum();
    let count = entries.len() as u64;
    let layout = Layout::new(entries).map_err(|error| Error::Session { peer: None, error })?;
    Ok(Gathered {
        offer: Offer {
            name,
            kind,
            payload: Some(layout.len()),
            bytes,
            entries: count,
        },
        source: Source::tree(Tree {
            layout,
            stamps,
            roots,
            follow: links == Links::Follow,
            open: OpenFiles::default(),
        }),
        skipped,
    })
}

/// What is at a path that a person named, with links followed.
fn look(path: &Path) -> Result<std::fs::Metadata, Error> {
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if path.is_symlink() => Error::Usage(format!(
            "\"{}\" is a link to something that does not exist",
            shown(path)
        )),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Error::Usage(format!("\"{}\" does not exist", shown(path)))
        }
        _ => Error::disk("read", path, error),
    })?;
    if !metadata.is_dir() {
        regular(path, &metadata)?;
    }
    Ok(metadata)
}

fn regular(path: &Path, metadata: &std::fs::Metadata) -> Result<(), Error> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "\"{}\" is neither a file nor a directory; what it yields can be sent through a pipe: … | hayate send -",
        shown(path)
    )))
}

/// The last component of a path; the real one for `.`, `..` and the like, "root" for `/`.
fn base_name(path: &Path) -> Result<Vec<u8>, Error> {
    let real;
    let name = match path.file_name() {
        Some(name) => Some(name),
        None => {
            real = path
                .canonicalize()
                .map_err(|error| Error::disk("read", path, error))?;
            real.file_name()
        }
    };
    let Some(name) = name else {
        return Ok(b"root".to_vec());
    };
    name::to_bytes(name)
        .map(<[u8]>::to_vec)
        .ok_or_else(|| Error::Usage(format!("the name of \"{}\" is not Unicode", shown(path))))
}

fn open_dir(path: &Path) -> Result<Dir, Error> {
    Dir::open_ambient_dir(path, ambient_authority())
        .map_err(|error| Error::disk("read", path, error))
}

/// Whether the owner may execute it.
#[cfg(unix)]
fn executable(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o100 != 0
}

#[cfg(not(unix))]
fn executable(_: &std::fs::Metadata) -> bool {
    false
}
