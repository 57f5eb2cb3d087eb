//! From the staging directory to the final name, without replacing anything unasked.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::Path,
};

use cap_std::fs::Dir;

use super::{
    OnConflict,
    durable::sync_dir,
    rename::{Place, look, move_new, replace},
};
use crate::Error;

/// A directory with its path for messages.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) dir: &'a Dir,
    pub(super) path: &'a Path,
}

/// One thing on its way to its name.
#[derive(Debug)]
pub(super) struct Item {
    /// Its name in the staging directory.
    pub(super) staged: OsString,
    /// The name it is to have.
    pub(super) name: OsString,
    pub(super) directory: bool,
}

/// What is done about one item.
#[derive(Debug)]
struct Decision<'a> {
    item: &'a Item,
    name: OsString,
    replace: bool,
}

/// Moves `items` from `staging` to `target`: all of them, but for names that are taken and to be
/// skipped, or none. Returns the name that each got, `None` for a skipped one.
///
/// Decisions are made before the first move; if a race then makes a move fail, the others are undone.
pub(super) fn publish(
    staging: &Dir,
    target: Target<'_>,
    items: &[Item],
    conflict: OnConflict,
) -> Result<Vec<Option<OsString>>, Error> {
    let decisions = items
        .iter()
        .map(|item| decide(target, item, conflict))
        .collect::<Result<Vec<_>, _>>()?;
    let mut moved = Vec::new();
    for decision in decisions.iter().flatten() {
        match carry_out(staging, target, decision, conflict) {
            Ok(name) => moved.push((decision, name)),
            Err(error) => {
                undo(staging, target.dir, &moved);
                return Err(error);
            }
        }
    }
    sync_dir(target.dir).map_err(|error| Error::disk("flush", target.path, error))?;
    let mut names = moved.into_iter().map(|(_, name)| name);
    Ok(decisions
        .iter()
        .map(|decision| decision.as_ref().and_then(|_| names.next()))
        .collect())
}

fn decide<'a>(
    target: Target<'_>,
    item: &'a Item,
    conflict: OnConflict,
) -> Result<Option<Decision<'a>>, Error> {
    let found = look(target.dir, &item.name)
        .map_err(|error| Error::disk("look for", target.path.join(&item.name), error))?;
    let decision = |name: OsString, replace| {
        Ok(Some(Decision {
            item,
            name,
            replace,
        }))
    };
    let Some(found) = found else {
        return decision(item.name.clone(), false);
    };
    match conflict {
        OnConflict::Skip => Ok(None),
        OnConflict::Rename => decision(free_name(target.dir, &item.name), false),
        OnConflict::Overwrite if item.directory || !found.is_dir() => {
            decision(item.name.clone(), true)
        }
        OnConflict::Overwrite | OnConflict::Ask | OnConflict::Fail => Err(Error::Exists {
            path: target.path.join(&item.name),
        }),
    }
}

/// Moves one item and returns the name it got.
fn carry_out(
    staging: &Dir,
    target: Target<'_>,
    decision: &Decision<'_>,
    conflict: OnConflict,
) -> Result<OsString, Error> {
    let item = decision.item;
    let from = Place {
        dir: staging,
        name: &item.staged,
    };
    let mut name = decision.name.clone();
    loop {
        let to = Place {
            dir: target.dir,
            name: &name,
        };
        let result = match decision.replace {
            true => replace(from, to, item.directory),
            false => move_new(from, to, item.directory),
        };
        let path = target.path.join(&name);
        match result {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Somebody took the name since it was chosen.
                let next = free_name(target.dir, &item.name);
                if conflict != OnConflict::Rename || next == name {
                    return Err(Error::Exists { path });
                }
                name = next;
            }
            Err(error) => return Err(Error::disk("store", path, error)),
        }
    }
}

/// Best effort: what cannot be taken back stays, complete and under its name.
fn undo(staging: &Dir, target: &Dir, moved: &[(&Decision<'_>, OsString)]) {
    for (decision, name) in moved.iter().rev() {
        let staged = Place {
            dir: staging,
            name: &decision.item.staged,
        };
        let published = Place { dir: target, name };
        let _ = match decision.replace {
            true => replace(staged, published, decision.item.directory),
            false => move_new(published, staged, decision.item.directory),
        };
    }
}

/// The first of `photo.jpg`, `photo (1).jpg`, `photo (2).jpg`… that is free, or the last one tried.
pub(super) fn free_name(dir: &Dir, name: &OsStr) -> OsString {
    let mut candidate = name.to_owned();
    for number in 1..MAX_NUMBER {
        if !matches!(look(dir, &candidate), Ok(Some(_))) {
            break;
        }
        candidate = numbered(name, number);
    }
    candidate
}

const MAX_NUMBER: u32 = 100_000;

/// `photo (1).jpg` from `photo.jpg`; at most 255 bytes.
fn numbered(name: &OsStr, number: u32) -> OsString {
    let bytes = name.as_encoded_bytes();
    let number = format!(" ({number})");
    let (stem, extension) = bytes.split_at(extension_start(bytes));
    let room = shared::path::MAX_NAME.saturating_sub(number.len() + extension.len());
    let mut end = stem.len().min(room);
    if let Ok(text) = std::str::from_utf8(stem) {
        end = text.floor_char_boundary(end);
    }
    let bytes = [&stem[..end], number.as_bytes(), extension].concat();
    crate::name::from_bytes(bytes).unwrap_or_else(|| name.to_owned())
}

/// Where `.jpg` or `.tar.gz` begins; the end where there is none.
fn extension_start(name: &[u8]) -> usize {
    let dot = |name: &[u8]| match name.iter().rposition(|byte| *byte == b'.') {
        // What is long or has spaces is the end of a sentence.
        Some(at) if at > 0 && name.len() - at <= 16 && !name[at..].contains(&b' ') => at,
        _ => name.len(),
    };
    let last = dot(name);
    match dot(&name[..last]) {
        before if name[before..last] == *b".tar" => before,
        _ => last,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn number(name: &str) -> String {
        numbered(OsStr::new(name), 1).into_string().unwrap()
    }

    #[test]
    fn numbers_go_before_the_extension() {
        assert_eq!(number("photo.jpg"), "photo (1).jpg");
        assert_eq!(number("backup.tar.gz"), "backup (1).tar.gz");
        assert_eq!(number("README"), "README (1)");
        assert_eq!(number(".bashrc"), ".bashrc (1)");
        assert_eq!(number("Mr. Smith"), "Mr. Smith (1)");
    }

    #[test]
    fn a_numbered_name_fits_and_stays_text() {
        let long = format!("{}.jpg", "é".repeat(125));
        let numbered = number(&long);
        assert!(numbered.len() <= 255, "{numbered}");
        assert!(numbered.ends_with("é (1).jpg"), "{numbered}");
        assert_eq!(number(&"x".repeat(255)).len(), 255);
    }

    #[test]
    fn a_move_that_fails_takes_the_others_back() {
        let root = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(root.path(), cap_std::ambient_authority()).unwrap();
        dir.create_dir("staging").unwrap();
        dir.write("staging/a", "new").unwrap();
        dir.write("a", "old").unwrap();
        let staging = dir.open_dir("staging").unwrap();
        let item = |name: &str| Item {
            staged: name.into(),
            name: name.into(),
            directory: false,
        };
        let target = Target {
            dir: &dir,
            path: root.path(),
        };
        let items = [item("a"), item("missing")];
        publish(&staging, target, &items, OnConflict::Overwrite).unwrap_err();
        assert_eq!(dir.read("a").unwrap(), b"old");
        dir.remove_file("a").unwrap();
        publish(&staging, target, &items, OnConflict::Fail).unwrap_err();
        assert!(!dir.exists("a") && staging.exists("a"));
    }
}
