//! Going on: what was unpacked is read as the archive that it came from.

use std::io;

use bytes::Bytes;
use cap_std::fs::Dir;
use shared::{
    BLOCK,
    archive::{Extent, Layout},
    path::SafePath,
    tree::{BlockHash, Tree},
};

use super::{
    super::{
        entries::Entries,
        file::read_at_most,
        journal::{RECORD, open_kept},
    },
    TreeSink,
};
use crate::name;

impl TreeSink {
    /// Reads what was unpacked as the archive again, up to the first block that is not what it was, and is then where it
    /// was behind the last one that is; `None` where it cannot be there.
    pub(super) fn replay(&mut self, records: &[[u8; RECORD]]) -> Option<Tree> {
        let (mut entries, known) = Entries::open(self.staging.dir(), self.shape.entries).ok()?;
        let layout = Layout::new(known).ok()?;
        let mut kept = Tree::new();
        self.replaying = true;
        for (index, record) in (0..).zip(records) {
            let Some(block) = self.read_block(&layout, index) else {
                break;
            };
            let hash = BlockHash::of(index, false, &block);
            if hash.chaining_value() != *record {
                break;
            }
            self.push(block).ok()?;
            kept.push(hash);
        }
        self.replaying = false;
        // What was created behind that comes again, or not at all.
        let behind = layout.entries().get(self.seen..).unwrap_or_default();
        for entry in behind.iter().rev() {
            remove(&self.top, &entry.path).ok()?;
        }
        if let Some(current) = &mut self.current {
            current.file.set_len(current.at).ok()?;
        }
        entries.cut(self.seen).ok()?;
        self.staging.journal()?.cut(kept.blocks()).ok()?;
        self.entries = Some(entries);
        Some(kept)
    }

    /// A block of the archive that these entries are of; `None` where it is not all there.
    fn read_block(&self, layout: &Layout, index: u64) -> Option<Bytes> {
        let mut block = Vec::with_capacity(BLOCK);
        for extent in layout.extents(index * BLOCK as u64, BLOCK) {
            match extent {
                Extent::Bytes(bytes) => block.extend_from_slice(&bytes),
                Extent::Content { entry, offset, len } => {
                    let path = name::to_path(layout.entries().get(entry)?.path.as_bytes()).ok()?;
                    let file = open_kept(&self.top, path).ok()?;
                    let start = block.len();
                    block.resize(start + len, 0);
                    // Zeros at the end may never have been written.
                    let read = read_at_most(&file, &mut block[start..], offset).ok()?;
                    block[start + read..].fill(0);
                }
            }
        }
        (block.len() == BLOCK).then(|| block.into())
    }
}

/// Removes an entry and what is in it, if it is there.
fn remove(top: &Dir, path: &SafePath) -> io::Result<()> {
    let path = name::to_path(path.as_bytes()).map_err(|_| io::ErrorKind::InvalidData)?;
    let removed = match top.symlink_metadata(path) {
        Ok(found) if found.is_dir() => top.remove_dir_all(path),
        Ok(_) => top.remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
