//! What an archive holds and where: read once, while it is stored as it came.

use bytes::Bytes;
use shared::{
    Error, Offer,
    archive::{Entry, Event, Kind, Policy, Reader},
    path::escape,
};

use crate::failure::{self, Failure};

/// Most entries that this page lists: each costs the browser a few hundred bytes, and a button.
pub const MAX_ENTRIES: u64 = 100_000;

/// A file or directory, and where in the payload its content is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The entry of the archive; never a link.
    pub entry: Entry,
    /// Where its content begins in the payload, in bytes.
    pub offset: u64,
    /// CRC-32 of its content.
    pub crc: u32,
}

/// An entry that a browser cannot keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its path, escaped.
    pub path: String,
    /// Why, for a sentence.
    pub why: &'static str,
}

/// The items of an archive, found as it comes.
#[derive(Debug)]
pub struct Index {
    reader: Reader,
    entries: u64,
    bytes: u64,
    items: Vec<Item>,
    skipped: Vec<Skipped>,
    crc: crc32fast::Hasher,
}

impl Index {
    /// The index of an archive that was offered, before its first byte.
    ///
    /// # Errors
    /// [`failure::Kind::TooLarge`] for more than [`MAX_ENTRIES`].
    pub fn new(offer: &Offer) -> Result<Self, Failure> {
        if offer.entries > MAX_ENTRIES {
            let message = format!(
                "The sender offers {} files and directories; a browser takes {MAX_ENTRIES} at most.",
                offer.entries
            );
            return Err(Failure::new(failure::Kind::TooLarge, message).next(
                "Receive with the hayate command, or ask the sender to pack them into one file.",
            ));
        }
        Ok(Self {
            reader: Reader::new(Policy {
                links: true,
                max_entries: offer.entries,
            }),
            entries: offer.entries,
            bytes: offer.bytes,
            items: Vec::new(),
            skipped: Vec::new(),
            crc: crc32fast::Hasher::new(),
        })
    }

    /// The archive's next bytes.
    ///
    /// # Errors
    /// What the archive breaks.
    pub fn push(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.reader.push(bytes);
        while let Some(event) = self.reader.next()? {
            match event {
                Event::Content(bytes) => self.crc.update(&bytes),
                Event::Entry(entry) => {
                    self.end_item();
                    match entry.kind {
                        Kind::Symlink { .. } => self.skipped.push(Skipped {
                            path: escape(entry.path.as_bytes()),
                            why: "a browser cannot store a symbolic link",
                        }),
                        Kind::File | Kind::Directory => self.items.push(Item {
                            entry,
                            offset: self.reader.position(),
                            crc: 0,
                        }),
                    }
                }
            }
        }
        Ok(())
    }

    /// Everything that was in the archive, once all of it came.
    ///
    /// # Errors
    /// The archive ends elsewhere, or is not what was offered.
    pub fn finish(mut self) -> Result<(Vec<Item>, Vec<Skipped>), Error> {
        self.end_item();
        let summary = self.reader.finish()?;
        if (summary.entries, summary.bytes) != (self.entries, self.bytes) {
            return Err(Error::Mismatch("the archive holds something else"));
        }
        Ok((self.items, self.skipped))
    }

    /// The content of the last item is over. What is skipped has none.
    fn end_item(&mut self) {
        let crc = std::mem::take(&mut self.crc).finalize();
        if let Some(item) = self.items.last_mut()
            && item.entry.kind == Kind::File
            && item.crc == 0
        {
            item.crc = crc;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::{
        archive::{Extent, Layout},
        path::{SafeName, SafePath},
    };

    fn entry(path: &str, kind: Kind, size: u64) -> Entry {
        Entry {
            path: SafePath::parse(path.as_bytes()).expect("a safe path"),
            kind,
            size,
            mtime: 1_700_000_000,
            executable: false,
        }
    }

    fn link() -> Kind {
        Kind::Symlink {
            target: b"b".to_vec(),
        }
    }

    /// An archive whose files hold the byte `x`.
    fn archive(entries: Vec<Entry>) -> (Offer, Vec<u8>) {
        let layout = Layout::new(entries).expect("sorted");
        let mut payload = Vec::new();
        for extent in layout.extents(0, usize::MAX) {
            match extent {
                Extent::Bytes(bytes) => payload.extend_from_slice(&bytes),
                Extent::Content { len, .. } => payload.resize(payload.len() + len, b'x'),
            }
        }
        let offer = Offer {
            name: SafeName::parse(b"tree").expect("a safe name"),
            kind: shared::Kind::Directory { mtime: 0 },
            payload: Some(layout.len()),
            bytes: layout.entries().iter().map(|entry| entry.size).sum(),
            entries: layout.entries().len() as u64,
        };
        (offer, payload)
    }

    #[test]
    fn items_lie_where_the_index_says_whatever_the_cut() {
        let long = "d/".to_owned() + &"n".repeat(250);
        let (offer, payload) = archive(vec![
            entry("a", Kind::File, 700),
            entry("b", Kind::File, 0),
            entry("c", link(), 0),
            entry("d", Kind::Directory, 0),
            entry(&long, Kind::File, 1000),
        ]);
        for cut in [1, 511, 512, 513, payload.len()] {
            let mut index = Index::new(&offer).expect("a small offer");
            for piece in payload.chunks(cut) {
                index.push(Bytes::copy_from_slice(piece)).expect("safe");
            }
            let (items, skipped) = index.finish().expect("whole");
            assert_eq!(items.len(), 4);
            assert_eq!(skipped[0].path, "c");
            for item in items {
                let start = item.offset as usize;
                let content = &payload[start..start + item.entry.size as usize];
                assert!(content.iter().all(|byte| *byte == b'x'));
                assert_eq!(item.crc, crc32fast::hash(content), "{}", item.entry.path);
            }
        }
    }

    #[test]
    fn an_archive_that_is_not_what_was_offered_is_refused() {
        let (offer, payload) = archive(vec![entry("a", Kind::File, 700)]);
        let read = |offer: &Offer, payload: &[u8]| {
            let mut index = Index::new(offer).expect("a small offer");
            index.push(Bytes::copy_from_slice(payload))?;
            index.finish()
        };
        assert!(read(&offer, &payload).is_ok());
        assert!(read(&offer, &payload[..payload.len() - 1]).is_err());
        let bytes = Offer {
            bytes: 701,
            ..offer.clone()
        };
        assert!(read(&bytes, &payload).is_err());
        let entries = Offer {
            entries: 0,
            ..offer.clone()
        };
        assert!(matches!(read(&entries, &payload), Err(Error::Unsafe(_))));
        let many = Offer {
            entries: MAX_ENTRIES + 1,
            ..offer
        };
        assert!(Index::new(&many).is_err());
    }
}
