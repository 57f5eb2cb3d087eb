//! What is kept of a payload that was cut: how many of its first blocks are there, and what they hashed to.
//!
//! A file of 49 bytes that name the format and the offer, and 32 bytes a block in order; a record that was cut itself
//! does not count. Nothing is believed of it: each block is read again and must hash to its record.

use std::{collections::BTreeMap, fs::File, io, path::Path};

use cap_std::fs::Dir;
use shared::{
    BLOCK, BlockReceipt, Kind, Offer,
    path::SafeName,
    tree::{BlockHash, Tree},
};

use super::{
    file::write_at,
    owned::{create_own, open_kept},
};

/// The name of the journal in its staging directory.
pub(super) const NAME: &str = "journal";

const FORMAT: &[u8; 17] = b"hayate/7 journal\n";

/// Bytes of what an offer is known by.
const IDENTITY: usize = 32;

const HEADER: u64 = (FORMAT.len() + IDENTITY) as u64;

/// Bytes of a record: the chaining value of a block.
pub(super) const RECORD: usize = 32;

/// Bytes of payload that a journal of this length covers.
#[cfg(unix)]
pub(super) fn covers(length: u64) -> u64 {
    (length.saturating_sub(HEADER) / RECORD as u64).saturating_mul(BLOCK as u64)
}

/// What an offer is known by: two that agree in it may be one that was cut.
pub(super) type Identity = [u8; IDENTITY];

/// The identity of an offer, where a part of it is worth keeping: of more than one block, and of known length.
pub(super) fn identity(offer: &Offer) -> Option<Identity> {
    let length = offer.payload.filter(|length| *length > BLOCK as u64)?;
    let (kind, names): (_, &[SafeName]) = match &offer.kind {
        Kind::File { mtime, executable } => (format!("file {mtime} {executable}"), &[]),
        Kind::Directory { mtime } => (format!("directory {mtime}"), &[]),
        Kind::Items { names } => ("items".to_owned(), names),
        Kind::Text | Kind::Stream => return None,
    };
    let mut hasher = blake3::Hasher::new_derive_key("hayate/7 offer of what is kept");
    hasher.update(format!("{kind} {length} {} {}", offer.bytes, offer.entries).as_bytes());
    for name in std::iter::once(&offer.name).chain(names) {
        // No name has one.
        hasher.update(b"/").update(name.as_bytes());
    }
    Some(hasher.finalize().into())
}

/// Adds a block that was read again to those that are proven, if it is the one on record.
pub(super) fn prove(proven: &mut Tree, record: &[u8; RECORD], block: &[u8]) -> bool {
    let hash = BlockHash::of(proven.blocks(), false, block);
    let right = hash.chaining_value() == *record;
    if right {
        proven.push(hash);
    }
    right
}

/// The journal of a payload that arrives.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    /// Records in the file.
    blocks: u64,
    /// Blocks that came before one in front of them.
    early: BTreeMap<u64, [u8; RECORD]>,
}

impl Journal {
    /// An empty journal in a new directory.
    pub(super) fn create(dir: &Dir, identity: &Identity) -> io::Result<Self> {
        let file = create_own(dir, Path::new(NAME))?;
        write_at(&file, &[&FORMAT[..], identity].concat(), 0)?;
        Ok(Self {
            file,
            blocks: 0,
            early: BTreeMap::new(),
        })
    }

    /// The journal that is in the directory, and its first `most` records.
    ///
    /// # Errors
    /// The system's, and [`io::ErrorKind::InvalidData`] where it is none of this offer.
    pub(super) fn open(
        dir: &Dir,
        identity: &Identity,
        most: u64,
    ) -> io::Result<(Self, Vec<[u8; RECORD]>)> {
        let file = open_kept(dir, Path::new(NAME))?;
        let mut content = Vec::new();
        let longest = HEADER + most.saturating_mul(RECORD as u64);
        io::Read::read_to_end(&mut io::Read::take(&file, longest), &mut content)?;
        let records = content
            .strip_prefix(FORMAT)
            .and_then(|rest| rest.strip_prefix(identity));
        let records = records.ok_or(io::ErrorKind::InvalidData)?;
        let (records, _) = records.as_chunks::<RECORD>();
        let records = records.to_vec();
        let journal = Self {
            file,
            blocks: records.len() as u64,
            early: BTreeMap::new(),
        };
        Ok((journal, records))
    }

    /// Blocks that are on record.
    pub(super) fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Forgets the blocks behind the first `blocks`.
    pub(super) fn cut(&mut self, blocks: u64) -> io::Result<()> {
        self.early.clear();
        self.blocks = self.blocks.min(blocks);
        self.file.set_len(HEADER + self.blocks * RECORD as u64)
    }

    /// Records a block that is in the file. The last one tells that the payload ends, and must come again.
    pub(super) fn add(&mut self, receipt: &BlockReceipt) -> io::Result<()> {
        if receipt.last() {
            return Ok(());
        }
        self.early
            .insert(receipt.index(), receipt.hash().chaining_value());
        let mut records = Vec::new();
        let first = self.blocks;
        while let Some(record) = self.early.remove(&self.blocks) {
            records.extend_from_slice(&record);
            self.blocks += 1;
        }
        write_at(&self.file, &records, HEADER + first * RECORD as u64)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;

    use super::*;

    const IDENTITY: Identity = [7; 32];

    fn directory() -> (tempfile::TempDir, Dir) {
        let root = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(root.path(), cap_std::ambient_authority()).unwrap();
        (root, dir)
    }

    fn written(root: &tempfile::TempDir, records: &[u8]) {
        let content = [&FORMAT[..], &IDENTITY, records].concat();
        fs::write(root.path().join(NAME), content).unwrap();
    }

    #[test]
    fn a_record_that_was_cut_does_not_count() {
        let (root, dir) = directory();
        written(&root, &[[1; 32], [2; 32]].concat()[..63]);
        let (mut journal, records) = Journal::open(&dir, &IDENTITY, 9).unwrap();
        assert_eq!((records, journal.blocks()), (vec![[1; 32]], 1));
        journal.cut(9).unwrap();
        let (_, records) = Journal::open(&dir, &IDENTITY, 9).unwrap();
        assert_eq!(records, [[1; 32]]);
        assert_eq!(fs::metadata(root.path().join(NAME)).unwrap().len(), 49 + 32);
    }

    #[test]
    fn no_more_records_count_than_the_payload_has_blocks() {
        let (root, dir) = directory();
        written(&root, &[1; 320]);
        let (journal, records) = Journal::open(&dir, &IDENTITY, 3).unwrap();
        assert_eq!((journal.blocks(), records.len()), (3, 3));
    }

    #[test]
    fn every_bit_of_a_journal_counts() {
        let (root, dir) = directory();
        let records = [[1; 32], [2; 32], [3; 32]];
        let good = [&FORMAT[..], &IDENTITY, records.as_flattened()].concat();
        let open = |content: &[u8]| {
            fs::write(root.path().join(NAME), content).unwrap();
            Journal::open(&dir, &IDENTITY, 9).map(|(_, records)| records)
        };
        for bit in 0..8 * good.len() {
            let mut content = good.clone();
            content[bit / 8] ^= 1 << (bit % 8);
            match (bit / 8).checked_sub(HEADER as usize) {
                None => assert!(open(&content).is_err(), "{bit}"),
                Some(byte) => {
                    let found = open(&content).unwrap();
                    let same = |at: usize| found[at] == records[at];
                    assert!((0..3).all(|at| same(at) == (at != byte / RECORD)), "{bit}");
                }
            }
        }
        for length in 0..good.len() {
            match length.checked_sub(HEADER as usize) {
                None => assert!(open(&good[..length]).is_err(), "{length}"),
                Some(rest) => assert_eq!(open(&good[..length]).unwrap(), records[..rest / RECORD]),
            }
        }
    }

    #[test]
    fn another_offer_or_format_is_not_taken() {
        let (root, dir) = directory();
        written(&root, &[1; 32]);
        assert!(Journal::open(&dir, &[8; 32], 9).is_err());
        fs::write(root.path().join(NAME), "hayate/8 journal\n").unwrap();
        assert!(Journal::open(&dir, &IDENTITY, 9).is_err());
        assert!(Journal::create(&dir, &IDENTITY).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_with_two_names_or_a_link_is_not_taken() {
        let (root, dir) = directory();
        written(&root, &[1; 32]);
        let path = root.path().join(NAME);
        fs::hard_link(&path, root.path().join("other")).unwrap();
        assert!(Journal::open(&dir, &IDENTITY, 9).is_err());
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("other", &path).unwrap();
        assert!(Journal::open(&dir, &IDENTITY, 9).is_err());
    }
}
