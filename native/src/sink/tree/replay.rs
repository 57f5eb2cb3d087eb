//! Going on: what was unpacked is read as the archive that it came from.

use std::{collections::HashMap, io, path::Path};

use bytes::Bytes;
use cap_std::fs::Dir;
use shared::{
    BLOCK,
    archive::{Entry, Extent, Kind, Layout},
    tree::Tree,
};

use super::{
    super::{
        entries::Entries,
        journal::{RECORD, prove},
        owned::{open_kept, open_own, remove},
    },
    TreeSink,
    levels::set_mtime_of,
};
use crate::{name, source::append};

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
            if !prove(&mut kept, record, &block) {
                break;
            }
            self.push(block).ok()?;
        }
        self.replaying = false;
        // What is behind that, on record or not, comes again or not at all.
        let known = layout.entries().get(..self.seen)?;
        let known: HashMap<_, _> = known
            .iter()
            .map(|entry| (entry.path.as_bytes(), entry))
            .collect();
        let found = prune(&self.top, &[], &known).ok()?;
        if found != known.len() {
            return None;
        }
        if let Some(current) = &mut self.current {
            current.file.set_len(current.at).ok()?;
        }
        entries.cut(self.seen).ok()?;
        self.staging.cut(kept.blocks()).ok()?;
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
                    let end = block.len() + len;
                    append(&file, offset, len, &mut block).ok()?;
                    // Zeros at the end may never have been written.
                    block.resize(end, 0);
                }
            }
        }
        (block.len() == BLOCK).then(|| block.into())
    }
}

/// Removes everything below `dir`, which is at `path`, but the entries that are known, and says how many of them there
/// are. By the names that the directory itself lists: to some file systems other names are the same.
fn prune(dir: &Dir, path: &[u8], known: &HashMap<&[u8], &Entry>) -> io::Result<usize> {
    let mut count = 0;
    for found in dir.entries()? {
        let found = found?;
        let name = found.file_name();
        let mut below = path.to_vec();
        if !below.is_empty() {
            below.push(b'/');
        }
        below.extend_from_slice(name.as_encoded_bytes());
        let kind = found.file_type()?;
        let fits = known.get(&below[..]).is_some_and(|entry| match entry.kind {
            Kind::File => kind.is_file(),
            Kind::Directory => kind.is_dir(),
            Kind::Symlink { .. } => kind.is_symlink(),
        });
        if !fits {
            remove(dir, Path::new(&name))?;
            continue;
        }
        count += 1;
        if kind.is_dir() {
            let inner = open_own(dir, Path::new(&name))?;
            count += prune(&inner, &below, known)?;
            if let Some(entry) = known.get(&below[..]) {
                set_mtime_of(dir, Path::new(&name), entry.mtime);
            }
        }
    }
    Ok(count)
}
