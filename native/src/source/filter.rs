//! What a person wants left out: `--exclude` and `--gitignore`.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use cap_std::{ambient_authority, fs::Dir};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};

use super::read;
use crate::Error;

/// The globs of `--exclude`.
#[derive(Debug)]
pub(super) struct Exclude(GlobSet);

impl Exclude {
    /// # Errors
    /// [`Error::Usage`] for a malformed glob.
    pub(super) fn new(globs: &[String]) -> Result<Self, Error> {
        let usage = |error: globset::Error| Error::Usage(format!("--exclude: {error}"));
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            // `name/` is how people write a directory.
            let glob = glob.strip_suffix('/').unwrap_or(glob);
            let glob = GlobBuilder::new(glob).literal_separator(true).build();
            set.add(glob.map_err(usage)?);
        }
        Ok(Self(set.build().map_err(usage)?))
    }

    /// Whether `path`, relative to the selected directory, is left out.
    pub(super) fn matches(&self, path: &Path) -> bool {
        self.0.is_match(path) || path.file_name().is_some_and(|name| self.0.is_match(name))
    }
}

/// The `.gitignore` of one directory.
#[derive(Debug)]
pub(super) struct Ignore {
    rules: Gitignore,
    /// From the directory of the file to the selected directory; empty for those inside.
    above: PathBuf,
}

impl Ignore {
    /// The rules in `dir`, if there are any.
    pub(super) fn of(dir: &Dir, above: PathBuf) -> Option<Self> {
        let name = ".gitignore";
        let found = dir
            .symlink_metadata(name)
            .is_ok_and(|found| found.is_file());
        if !found {
            return None;
        }
        let mut text = Vec::new();
        let file = read::open_beneath(dir, Path::new(name)).ok()?;
        file.take(MAX_IGNORE).read_to_end(&mut text).ok()?;
        let mut rules = GitignoreBuilder::new("");
        for line in String::from_utf8_lossy(&text).lines() {
            // Like git, a line that is no glob matches nothing.
            let _ = rules.add_line(None, line);
        }
        let rules = rules.build().ok()?;
        Some(Self { rules, above })
    }

    /// The rules of the directories above `root` up to its repository, nearest first.
    pub(super) fn above(root: &Path) -> Vec<Self> {
        let mut found = Vec::new();
        let Ok(root) = root.canonicalize() else {
            return found;
        };
        for parent in root.ancestors() {
            if parent != root
                && let Ok(above) = root.strip_prefix(parent)
                && let Ok(dir) = Dir::open_ambient_dir(parent, ambient_authority())
            {
                found.extend(Self::of(&dir, above.to_path_buf()));
            }
            if parent.join(".git").exists() {
                return found;
            }
        }
        // Outside a repository only the files of the selected directory itself count.
        Vec::new()
    }

    /// What these rules say about `path`, relative to the directory they are in.
    pub(super) fn decides(&self, path: &Path, directory: bool) -> Option<bool> {
        let found = if self.above.as_os_str().is_empty() {
            self.rules.matched(path, directory)
        } else {
            self.rules.matched(self.above.join(path), directory)
        };
        match found {
            Match::None => None,
            Match::Ignore(_) => Some(true),
            Match::Whitelist(_) => Some(false),
        }
    }
}

/// Longest `.gitignore` in bytes that is read.
const MAX_IGNORE: u64 = 1 << 20;
