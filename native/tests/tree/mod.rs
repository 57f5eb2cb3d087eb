//! Trees to send and to compare, and the way between them.
#![allow(dead_code, reason = "each test uses a part")]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use hayate::{
    Error, ErrorKind,
    sink::{OnConflict, Output, Plan, Sink, Stored},
    source::{Gathered, Selection, gather},
};
use shared::BLOCK;

/// A directory that is gone after the test.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A directory, made if need be.
    pub(crate) fn dir(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// A new file with this content.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Sets a time of modification in seconds since 1970.
    pub(crate) fn age(&self, path: &Path, mtime: i64) {
        let distance = Duration::from_secs(mtime.unsigned_abs());
        let time = match mtime {
            0.. => SystemTime::UNIX_EPOCH + distance,
            _ => SystemTime::UNIX_EPOCH - distance,
        };
        fs::File::open(path).unwrap().set_modified(time).unwrap();
    }
}

/// Bytes without zeros and without a short period.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at % 251 + at / 65_536 % 4 + 1) as u8)
        .collect()
}

/// Every path below `root` with what must survive: kind, time, x bit, content.
pub(crate) fn snapshot(root: &Path) -> BTreeMap<PathBuf, (bool, i64, bool, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![root.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let content = match metadata.is_file() {
                true => fs::read(&path).unwrap(),
                false => Vec::new(),
            };
            let executable = metadata.is_file() && metadata.mode() & 0o100 != 0;
            found.insert(
                path.strip_prefix(root).unwrap().to_path_buf(),
                (metadata.is_dir(), metadata.mtime(), executable, content),
            );
            if metadata.is_dir() {
                dirs.push(path);
            }
        }
    }
    found
}

/// What a person selects with these paths and no options.
pub(crate) fn select(paths: &[&Path]) -> Selection {
    Selection {
        paths: paths.iter().map(|path| path.to_path_buf()).collect(),
        ..Selection::default()
    }
}

/// Brings what was gathered to `output`, a file's blocks in reverse order.
pub(crate) fn deliver(
    from: &Gathered,
    output: &Output,
    conflict: OnConflict,
) -> Result<Stored, Error> {
    let sink = Plan::new(&from.offer, output, conflict)?.open(true, false)?;
    feed(from, &sink)
}

/// Moves every block and finishes.
pub(crate) fn feed(from: &Gathered, sink: &Sink) -> Result<Stored, Error> {
    let mut blocks: Vec<u64> = (0..from.source.blocks()).collect();
    if !sink.ordered() {
        blocks.reverse();
    }
    for block in blocks {
        let mut buffer = Vec::new();
        let last = from.source.read(block, &mut buffer)?;
        assert_eq!(last, block + 1 == from.source.blocks());
        assert!(buffer.len() <= BLOCK && (last || buffer.len() == BLOCK));
        sink.write(block, Bytes::from(buffer))?;
    }
    sink.finish()
}

/// Gathers a selection and stores it in a directory.
pub(crate) fn receive(selection: &Selection, into: &Path) -> (Gathered, Stored) {
    let gathered = gather(selection).unwrap();
    let into = Output::Directory(into.into());
    let stored = deliver(&gathered, &into, OnConflict::Fail).unwrap();
    (gathered, stored)
}

/// The names in a directory, sorted.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// What a selection that is wrong usage is answered.
pub(crate) fn refused(selection: &Selection) -> String {
    let error = gather(selection).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    error.to_string()
}
