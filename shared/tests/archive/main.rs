//! Archives: what is written, what is read back, what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, and runs GNU tar"
)]

mod canonical;
mod gnu;
mod hostile;
mod random;
mod raw;
mod tree;

use bytes::Bytes;
use hayate_shared::archive::{Entry, Event, Extent, Kind, Layout, Policy, Reader, Summary};
use hayate_shared::{Error, path::SafePath};

const LINKS: Policy = Policy {
    links: true,
    max_entries: u64::MAX,
};
const NO_LINKS: Policy = Policy {
    links: false,
    ..LINKS
};

fn entry(path: impl AsRef<[u8]>, kind: Kind, size: u64) -> Entry {
    Entry {
        path: SafePath::parse(path.as_ref()).unwrap(),
        kind,
        size,
        mtime: 1_700_000_000,
        executable: false,
    }
}

fn file(path: impl AsRef<[u8]>, size: u64) -> Entry {
    entry(path, Kind::File, size)
}

fn directory(path: impl AsRef<[u8]>) -> Entry {
    entry(path, Kind::Directory, 0)
}

fn link(path: impl AsRef<[u8]>, target: impl Into<Vec<u8>>) -> Entry {
    let target = target.into();
    entry(path, Kind::Symlink { target }, 0)
}

/// The byte at `offset` of the file with this index, the same in every test.
fn content(entry: usize, offset: u64) -> u8 {
    (entry as u64 * 31 + offset * 7 + offset / 251) as u8
}

/// Part of a payload, with the files' content.
fn payload(layout: &Layout, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for extent in layout.extents(offset, len) {
        match extent {
            Extent::Bytes(piece) => bytes.extend_from_slice(&piece),
            Extent::Content { entry, offset, len } => {
                assert!(len > 0 && offset + len as u64 <= layout.entries()[entry].size);
                bytes.extend((offset..offset + len as u64).map(|at| content(entry, at)));
            }
        }
    }
    bytes
}

fn whole(layout: &Layout) -> Vec<u8> {
    payload(layout, 0, layout.len() as usize)
}

/// Entries, each with its content.
type Contents = Vec<(Entry, Vec<u8>)>;

/// Everything of an archive that comes in these pieces.
fn read<'a>(
    policy: Policy,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Contents, Summary), Error> {
    let mut reader = Reader::new(policy);
    let mut entries = Contents::new();
    for piece in pieces {
        reader.push(Bytes::copy_from_slice(piece));
        loop {
            match reader.next() {
                Ok(None) => break,
                Ok(Some(Event::Entry(entry))) => entries.push((entry, Vec::new())),
                Ok(Some(Event::Content(bytes))) => {
                    assert!(!bytes.is_empty());
                    entries.last_mut().unwrap().1.extend_from_slice(&bytes);
                }
                Err(error) => {
                    assert_eq!(
                        reader.next(),
                        Err(error.clone()),
                        "an error is not forgotten"
                    );
                    assert_eq!(reader.finish(), Err(error.clone()));
                    return Err(error);
                }
            }
        }
    }
    Ok((entries, reader.finish()?))
}

fn accept(parts: &[Vec<u8>]) -> Vec<Entry> {
    let (entries, _) = read(LINKS, [&raw::archive(parts)[..]]).unwrap();
    entries.into_iter().map(|(entry, _)| entry).collect()
}

fn refuse_with(policy: Policy, parts: &[Vec<u8>]) -> Error {
    let bytes = raw::archive(parts);
    let error = read(policy, [&bytes[..]]).unwrap_err();
    assert_eq!(read(policy, bytes.chunks(100)).unwrap_err(), error);
    error
}

fn refuse(parts: &[Vec<u8>]) -> Error {
    refuse_with(LINKS, parts)
}

/// The name in an error about unsafe content.
fn unsafe_name(error: Error) -> Vec<u8> {
    match error {
        Error::Unsafe(error) => error.name,
        other => panic!("{other}"),
    }
}

fn assert_malformed(error: Error) {
    assert!(matches!(error, Error::Malformed(_)), "{error}");
}
