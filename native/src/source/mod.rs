//! What is sent: paths gathered into an offer and a payload that is read block by block, without a
//! temporary file.

mod filter;
mod gather;
mod pipe;
mod read;
mod stamp;
mod tree;
mod walk;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use shared::{BLOCK, Kind, Offer, path::SafeName};

use crate::Error;
use read::OneFile;
pub(crate) use read::append;
use tree::Tree;

pub use gather::gather;
pub use pipe::{Pipe, PipeBlock};

/// Longest text in bytes that is sent to be shown; more should be a file.
pub const MAX_TEXT: usize = 16 << 20;

/// What to do with symbolic links inside a directory. A link that is named on the command line is
/// always followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Links {
    /// They are not sent, and listed as skipped.
    #[default]
    Skip,
    /// They are sent as links, where the target is relative and inside what is sent.
    Keep,
    /// What they lead to is sent in their place.
    Follow,
}

/// What a person wants to send.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Files and directories.
    pub paths: Vec<PathBuf>,
    /// Globs; what they match, by base name or by path below the directory, is left out.
    pub exclude: Vec<String>,
    /// Leave out what `.gitignore` files name.
    pub gitignore: bool,
    /// What to do with symbolic links.
    pub links: Links,
    /// The name to offer instead of the file's or directory's own.
    pub name: Option<String>,
}

/// Something that is not sent although it was selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its path.
    pub path: PathBuf,
    /// Why, as a clause: "a symbolic link".
    pub why: String,
}

/// A selection, ready to be offered.
#[derive(Debug)]
pub struct Gathered {
    /// What to offer.
    pub offer: Offer,
    /// Where its payload comes from.
    pub source: Source,
    /// What is not in it, and why.
    pub skipped: Vec<Skipped>,
}

impl Gathered {
    /// A text to be shown by the receiver, under `name` or "text".
    ///
    /// # Errors
    /// [`Error::Usage`] for a text over [`MAX_TEXT`] or a name that cannot be offered.
    pub fn text(text: String, name: Option<&str>) -> Result<Self, Error> {
        if text.len() > MAX_TEXT {
            return Err(Error::Usage(format!(
                "a text of {} bytes is too long (at most {MAX_TEXT}); send it as a file",
                text.len()
            )));
        }
        let bytes = text.len() as u64;
        Ok(Self {
            offer: Offer {
                name: offered_name(name.unwrap_or("text").as_bytes())?,
                kind: Kind::Text,
                payload: Some(bytes),
                bytes,
                entries: 1,
            },
            source: Source::text(text),
            skipped: Vec::new(),
        })
    }

    /// So many bytes out of memory, as a file under `name` or "noise".
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that cannot be offered.
    pub fn noise(bytes: u64, name: Option<&str>) -> Result<Self, Error> {
        Ok(Self {
            offer: Offer {
                name: offered_name(name.unwrap_or("noise").as_bytes())?,
                kind: Kind::File {
                    mtime: 0,
                    executable: false,
                },
                payload: Some(bytes),
                bytes,
                entries: 1,
            },
            source: Source::noise(bytes),
            skipped: Vec::new(),
        })
    }
}

/// A payload with random access, read by several threads at once.
#[derive(Debug)]
pub struct Source(Content);

#[derive(Debug)]
enum Content {
    File(OneFile),
    Text(Bytes),
    Tree(Box<Tree>),
    Noise { block: Bytes, len: u64 },
}

impl Source {
    /// A payload that is this text.
    pub fn text(text: String) -> Self {
        Self(Content::Text(Bytes::from(text)))
    }

    /// `len` bytes that do not compress; every block is the same.
    fn noise(len: u64) -> Self {
        let mut block = vec![0; BLOCK];
        blake3::Hasher::new().finalize_xof().fill(&mut block);
        let block = Bytes::from(block);
        Self(Content::Noise { block, len })
    }

    fn file(file: OneFile) -> Self {
        Self(Content::File(file))
    }

    fn tree(tree: Tree) -> Self {
        Self(Content::Tree(Box::new(tree)))
    }

    /// Payload length in bytes.
    #[expect(
        clippy::len_without_is_empty,
        reason = "an empty payload is nothing special"
    )]
    pub fn len(&self) -> u64 {
        match &self.0 {
            Content::File(file) => file.len(),
            Content::Text(text) => text.len() as u64,
            Content::Tree(tree) => tree.len(),
            Content::Noise { len, .. } => *len,
        }
    }

    /// How many blocks the payload has: at least one, which may be empty.
    pub fn blocks(&self) -> u64 {
        self.len().div_ceil(BLOCK as u64).max(1)
    }

    /// Appends the payload bytes of block `block` to `buffer`; true when it is the last one.
    ///
    /// A buffer with little more than [`BLOCK`] bytes to spare is filled without copies.
    ///
    /// # Errors
    /// [`Error::SourceChanged`] when a file is not what it was when it was gathered, or
    /// [`Error::Disk`]. The buffer's new content is then meaningless.
    pub fn read(&self, block: u64, buffer: &mut Vec<u8>) -> Result<bool, Error> {
        let (offset, len) = self
            .span(block)
            .ok_or_else(|| Error::Internal(format!("block {block} is beyond the payload")))?;
        buffer.reserve(len);
        match &self.0 {
            Content::File(file) => file.read(offset, len, buffer)?,
            Content::Text(text) => {
                // Text is in memory, so both fit in usize.
                let start = offset as usize;
                buffer.extend_from_slice(&text[start..start + len]);
            }
            Content::Tree(tree) => tree.read(offset, len, buffer)?,
            Content::Noise { block, .. } => buffer.extend_from_slice(&block[..len]),
        }
        Ok(offset + len as u64 == self.len())
    }

    /// The path of the entry that block `block` begins in, where the payload is an archive.
    pub fn describe(&self, block: u64) -> Option<Vec<u8>> {
        let (offset, _) = self.span(block)?;
        match &self.0 {
            Content::Tree(tree) => tree.entry_at(offset),
            _ => None,
        }
    }

    /// Path and size in bytes of every file, directory and link of an archive; nothing for one file or
    /// a text.
    pub fn entries(&self) -> Vec<(Vec<u8>, u64)> {
        match &self.0 {
            Content::Tree(tree) => tree.entries(),
            _ => Vec::new(),
        }
    }

    fn span(&self, block: u64) -> Option<(u64, usize)> {
        if block >= self.blocks() {
            return None;
        }
        let offset = block * BLOCK as u64;
        Some((offset, (self.len() - offset).min(BLOCK as u64) as usize))
    }
}

/// A name of this machine as it may be offered.
fn offered_name(name: &[u8]) -> Result<SafeName, Error> {
    SafeName::parse(name).map_err(|problem| {
        Error::Usage(format!(
            "this name cannot be offered ({}): \"{}\"; --name gives another",
            problem.what,
            shared::path::escape(name)
        ))
    })
}

/// A path for a message, with what could harm a terminal escaped.
fn shown(path: &Path) -> String {
    shared::path::escape(path.as_os_str().as_encoded_bytes())
}
