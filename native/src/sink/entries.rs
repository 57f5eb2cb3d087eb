//! The entries of an archive that came, so that what was unpacked can be read as the archive again.
//!
//! A file of records in the order of the archive: `kind u8 (0 file, 1 executable file, 2 directory, 3 link) ‖ mtime i64 ‖
//! size u64 ‖ length u16 ‖ path ‖ length u16 ‖ target`, big-endian. Each is written before its entry is created.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use cap_std::fs::Dir;
use shared::{
    archive::{Entry, Kind},
    path::SafePath,
};

use super::{
    file::write_at,
    owned::{create_own, open_kept, remove},
};

/// The name of the file in its staging directory.
const NAME: &str = "entries";

/// What is on record of the entries.
#[derive(Debug)]
pub(super) struct Entries {
    file: File,
    /// Where each record begins, then where the next one will.
    offsets: Vec<u64>,
}

impl Entries {
    /// No entry, whatever was there.
    pub(super) fn create(dir: &Dir) -> io::Result<Self> {
        remove(dir, Path::new(NAME))?;
        Ok(Self {
            file: create_own(dir, Path::new(NAME))?,
            offsets: vec![0],
        })
    }

    /// The entries that are on record, `most` of them at most.
    ///
    /// # Errors
    /// The system's; a record that is none only ends them.
    pub(super) fn open(dir: &Dir, most: u64) -> io::Result<(Self, Vec<Entry>)> {
        let file = open_kept(dir, Path::new(NAME))?;
        let (mut entries, mut offsets) = (Vec::new(), vec![0]);
        let mut reader = Counted {
            inner: BufReader::new(&file),
            read: 0,
        };
        while (entries.len() as u64) < most
            && let Ok(entry) = decode(&mut reader)
        {
            entries.push(entry);
            offsets.push(reader.read);
        }
        Ok((Self { file, offsets }, entries))
    }

    /// Records the next entry.
    pub(super) fn add(&mut self, entry: &Entry) -> io::Result<()> {
        let record = encode(entry)?;
        let at = self.offsets.last().copied().unwrap_or(0);
        write_at(&self.file, &record, at)?;
        self.offsets.push(at + record.len() as u64);
        Ok(())
    }

    /// Forgets the entries behind the first `entries`.
    pub(super) fn cut(&mut self, entries: usize) -> io::Result<()> {
        self.offsets.truncate(entries + 1);
        self.file.set_len(self.offsets.last().copied().unwrap_or(0))
    }
}

fn encode(entry: &Entry) -> io::Result<Vec<u8>> {
    let (kind, target): (u8, &[u8]) = match &entry.kind {
        Kind::File => (u8::from(entry.executable), &[]),
        Kind::Directory => (2, &[]),
        Kind::Symlink { target } => (3, target),
    };
    let mut record = vec![kind];
    record.extend_from_slice(&entry.mtime.to_be_bytes());
    record.extend_from_slice(&entry.size.to_be_bytes());
    for bytes in [entry.path.as_bytes(), target] {
        let length = u16::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        record.extend_from_slice(&length.to_be_bytes());
        record.extend_from_slice(bytes);
    }
    Ok(record)
}

fn decode(reader: &mut impl Read) -> io::Result<Entry> {
    let [kind] = array(reader)?;
    let mtime = i64::from_be_bytes(array(reader)?);
    let size = u64::from_be_bytes(array(reader)?);
    let path = string(reader)?;
    let target = string(reader)?;
    let kind = match kind {
        0 | 1 => (Kind::File, kind == 1),
        2 => (Kind::Directory, false),
        3 => (Kind::Symlink { target }, false),
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    Ok(Entry {
        path: SafePath::parse(&path).map_err(|_| io::ErrorKind::InvalidData)?,
        kind: kind.0,
        size,
        mtime,
        executable: kind.1,
    })
}

fn array<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn string(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = u16::from_be_bytes(array(reader)?);
    let mut bytes = vec![0; length.into()];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Counts what was read.
struct Counted<R> {
    inner: R,
    read: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn entry(path: &str, kind: Kind) -> Entry {
        Entry {
            path: SafePath::parse(path.as_bytes()).unwrap(),
            size: if kind == Kind::File { 7 } else { 0 },
            kind,
            mtime: -5,
            executable: false,
        }
    }

    #[test]
    fn entries_come_back_up_to_one_that_was_cut() {
        let root = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(root.path(), cap_std::ambient_authority()).unwrap();
        let link = Kind::Symlink {
            target: b"file".to_vec(),
        };
        let all = [
            entry("directory", Kind::Directory),
            entry("directory/file", Kind::File),
            entry("directory/link", link),
        ];
        let mut entries = Entries::create(&dir).unwrap();
        for entry in &all {
            entries.add(entry).unwrap();
        }
        assert_eq!(Entries::open(&dir, 9).unwrap().1, all);
        assert_eq!(Entries::open(&dir, 2).unwrap().1, all[..2]);
        let length = std::fs::metadata(root.path().join(NAME)).unwrap().len();
        entries.file.set_len(length - 1).unwrap();
        let (mut entries, found) = Entries::open(&dir, 9).unwrap();
        assert_eq!(found, all[..2]);
        entries.cut(1).unwrap();
        entries.add(&all[2]).unwrap();
        assert_eq!(
            Entries::open(&dir, 9).unwrap().1,
            [all[0].clone(), all[2].clone()]
        );
    }

    #[test]
    fn what_was_spoiled_is_no_entry_or_a_safe_one() {
        let root = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(root.path(), cap_std::ambient_authority()).unwrap();
        let all = ["a", "b/c", "d"].map(|path| entry(path, Kind::File));
        let mut entries = Entries::create(&dir).unwrap();
        for entry in &all {
            entries.add(entry).unwrap();
        }
        let path = root.path().join(NAME);
        let good = std::fs::read(&path).unwrap();
        let first = encode(&all[0]).unwrap().len();
        let open = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            Entries::open(&dir, 9).unwrap().1
        };
        for bit in 0..8 * good.len() {
            let mut content = good.clone();
            content[bit / 8] ^= 1 << (bit % 8);
            let found = open(&content);
            assert_ne!(found, all, "{bit}");
            assert!(bit < 8 * first || found[0] == all[0], "{bit}");
        }
        for length in 0..good.len() {
            assert!(all.starts_with(&open(&good[..length])), "{length}");
        }
    }
}
