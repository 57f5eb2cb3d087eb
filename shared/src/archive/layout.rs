//! Where everything of an archive is, so that any part of it can be produced at any time.

use bytes::{Bytes, BytesMut};

use super::{Entry, MTIMES, Order, UNIT, header, padded};
use crate::error::{Error, UnsafeContent};

/// Bytes that end an archive.
const END: u64 = 2 * UNIT as u64;

/// An archive that is not written anywhere: the entries, and the offset of each.
#[derive(Debug)]
pub struct Layout {
    entries: Vec<Entry>,
    /// Where each entry begins, then where the end marker does.
    offsets: Vec<u64>,
}

impl Layout {
    /// Lays out `entries`, which must ascend, each after the directory it is in. Times out of
    /// [`MTIMES`] move into it.
    ///
    /// # Errors
    /// [`Error::Unsafe`] names the first path that no receiver would take.
    pub fn new(mut entries: Vec<Entry>) -> Result<Self, Error> {
        let mut order = Order::default();
        let mut offsets = Vec::with_capacity(entries.len() + 1);
        let mut offset = 0_u64;
        for entry in &mut entries {
            order.admit(entry)?;
            entry.mtime = entry.mtime.clamp(*MTIMES.start(), *MTIMES.end());
            offsets.push(offset);
            offset = padded(entry.size)
                .and_then(|size| size.checked_add(header::write(entry).len() as u64))
                .and_then(|size| size.checked_add(offset))
                .filter(|&offset| offset <= i64::MAX as u64 - END)
                .ok_or_else(|| UnsafeContent {
                    what: "more content than an archive holds",
                    name: entry.path.as_bytes().to_vec(),
                })?;
        }
        offsets.push(offset);
        Ok(Self { entries, offsets })
    }

    /// Length of the payload in bytes; a multiple of 512, at least 1024.
    #[expect(clippy::len_without_is_empty, reason = "an archive is never empty")]
    pub fn len(&self) -> u64 {
        self.end_marker() + END
    }

    /// The entries in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry that the payload's byte at `offset` belongs to, header and padding included; `None`
    /// in the end marker and after it.
    pub fn entry_at(&self, offset: u64) -> Option<usize> {
        // Each entry has a header, so no two begin at the same offset.
        let after = self.offsets.partition_point(|&start| start <= offset);
        after
            .checked_sub(1)
            .filter(|&entry| entry < self.entries.len())
    }

    /// What makes up `len` bytes of the payload from `offset` on, in order; less at the payload's end.
    pub fn extents(&self, offset: u64, len: usize) -> Extents<'_> {
        Extents {
            layout: self,
            entry: self.entry_at(offset).unwrap_or(self.entries.len()),
            at: offset,
            end: self.len().min(offset.saturating_add(len as u64)),
        }
    }

    fn end_marker(&self) -> u64 {
        *self
            .offsets
            .last()
            .expect("the last offset is the end marker's")
    }
}

/// A piece of the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// These bytes: headers, padding, the end marker.
    Bytes(Bytes),
    /// Bytes of a file, to be read where it is.
    Content {
        /// Index of the file in [`Layout::entries`].
        entry: usize,
        /// Where to read in the file.
        offset: u64,
        /// How many bytes; at least 1, and the file's announced size holds them.
        len: usize,
    },
}

/// The pieces of a part of the payload, made one by one; see [`Layout::extents`].
#[derive(Debug)]
pub struct Extents<'a> {
    layout: &'a Layout,
    entry: usize,
    at: u64,
    end: u64,
}

impl Iterator for Extents<'_> {
    type Item = Extent;

    fn next(&mut self) -> Option<Extent> {
        // What lies between two contents is one piece: a block of empty files would be 2048 of them.
        let mut bytes = BytesMut::new();
        while self.at < self.end {
            let Some(entry) = self.layout.entries.get(self.entry) else {
                self.fill(&mut bytes, self.end);
                break;
            };
            let start = self.layout.offsets[self.entry];
            let next = self.layout.offsets[self.entry + 1];
            // Cannot fail: `Layout::new` did the same sum.
            let content = next - padded(entry.size).unwrap_or(0);
            if self.at < content {
                let header = header::write(entry);
                let end = self.end.min(content);
                bytes
                    .extend_from_slice(&header[(self.at - start) as usize..(end - start) as usize]);
                self.at = end;
            } else if self.at < content + entry.size {
                if !bytes.is_empty() {
                    break;
                }
                let offset = self.at - content;
                let len = (entry.size - offset).min(self.end - self.at);
                self.at += len;
                return Some(Extent::Content {
                    entry: self.entry,
                    offset,
                    len: len as usize,
                });
            } else {
                self.fill(&mut bytes, next.min(self.end));
            }
            if self.at == next {
                self.entry += 1;
            }
        }
        (!bytes.is_empty()).then(|| Extent::Bytes(bytes.freeze()))
    }
}

impl Extents<'_> {
    /// Zeros up to `end`.
    fn fill(&mut self, bytes: &mut BytesMut, end: u64) {
        bytes.resize(bytes.len() + (end - self.at) as usize, 0);
        self.at = end;
    }
}
