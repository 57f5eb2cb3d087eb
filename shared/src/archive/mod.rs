//! Trees as tar: a [`Layout`] to send from, a strict [`Reader`] to receive with.
//!
//! The format is POSIX.1-2017 pax, narrowed until every tree has exactly one archive, so that the same
//! tree gives the same bytes and a transfer resumes by offset alone:
//!
//! - entries ascend strictly in the order of [`SafePath`], and a directory is an entry before what is
//!   in it; so nothing comes twice and every parent is known, without a set of names;
//! - an entry is an `x` header where a value does not fit otherwise, a ustar header, the content, and
//!   zeros up to 512 bytes; two zero blocks end the archive and nothing follows;
//! - owners are left out, times are whole seconds, of the mode only the owner's x bit counts.

use std::ops::RangeInclusive;

use crate::error::UnsafeContent;
use crate::path::SafePath;

mod header;
mod layout;
mod pax;
mod reader;

pub use layout::{Extent, Extents, Layout};
pub use reader::{Event, Policy, Reader, Summary};

/// Times an archive carries, in seconds since 1970: the years 1 to 9999. Others move to the nearest.
pub const MTIMES: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Longest target of a symbolic link in bytes: `PATH_MAX` without its NUL.
pub const MAX_TARGET: usize = 4095;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// Where it leads, relative to the directory the link is in; hostile bytes on the receiver.
        target: Vec<u8>,
    },
}

/// One file, directory or link of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is, relative to the root of the tree.
    pub path: SafePath,
    /// What it is.
    pub kind: Kind,
    /// Bytes of content; 0 for everything but a file.
    pub size: u64,
    /// Modification time in whole seconds since 1970 (UTC), negative before; within [`MTIMES`].
    pub mtime: i64,
    /// Whether the owner may execute the file; false for everything but a file.
    pub executable: bool,
}

/// Why a link at `path` may not lead to `target`; `None` when it stays inside the tree.
///
/// `..` may only lead the target: a link can be reached through another link, and then a later `..`
/// leaves from wherever that one led, which may be the root itself.
pub fn link_problem(path: &SafePath, target: &[u8]) -> Option<&'static str> {
    if target.is_empty() {
        return Some("a link that leads nowhere");
    }
    if target.len() > MAX_TARGET {
        return Some("a link with a target longer than 4095 bytes");
    }
    if target.contains(&0) {
        return Some("a link with a NUL byte in its target");
    }
    if target[0] == b'/' {
        return Some("a link with an absolute target");
    }
    let mut above = path.depth() - 1;
    let mut descended = false;
    for component in target.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." if descended => return Some("a link with \"..\" inside its target"),
            b".." if above == 0 => return Some("a link that leads out of the directory"),
            b".." => above -= 1,
            _ => descended = true,
        }
    }
    None
}

/// The rules between entries and within one, for the writer as for the reader.
#[derive(Debug, Default)]
struct Order {
    /// The entry before, and whether it is a directory. Everything above it is one.
    last: Option<(SafePath, bool)>,
}

impl Order {
    /// Takes `entry` as the next one.
    fn admit(&mut self, entry: &Entry) -> Result<(), UnsafeContent> {
        let problem = match &entry.kind {
            Kind::File => None,
            _ if entry.size != 0 => Some("content in what is not a file"),
            Kind::Directory => None,
            Kind::Symlink { target } => link_problem(&entry.path, target),
        };
        if let Some(what) = problem.or_else(|| self.problem(&entry.path)) {
            return Err(UnsafeContent {
                what,
                name: entry.path.as_bytes().to_vec(),
            });
        }
        self.last = Some((entry.path.clone(), entry.kind == Kind::Directory));
        Ok(())
    }

    fn problem(&self, path: &SafePath) -> Option<&'static str> {
        let parent = path.parent();
        let Some((last, is_directory)) = &self.last else {
            return parent.map(|_| "an entry whose directory did not come before it");
        };
        if path == last {
            return Some("a path that comes twice");
        }
        if path < last {
            return Some("an entry out of order");
        }
        let parent = parent?;
        if parent == *last {
            return (!is_directory).then_some("an entry inside what is not a directory");
        }
        // What is above the last entry was a directory, and nothing else can still be a parent.
        let rest = last.as_bytes().strip_prefix(parent.as_bytes());
        let is_above = rest.is_some_and(|rest| rest.starts_with(b"/"));
        (!is_above).then_some("an entry whose directory did not come before it")
    }
}

/// The unit of tar in bytes.
const UNIT: usize = 512;

/// `size` rounded up to whole units.
fn padded(size: u64) -> Option<u64> {
    size.checked_next_multiple_of(UNIT as u64)
}
