//! What may be said, and what a directory holds.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use hayate_tests::Outcome;

/// What is in a directory: the mode of everything, time and content of files, where links lead.
pub(crate) type Look = BTreeMap<PathBuf, (u32, i64, Vec<u8>)>;

/// One line with the cause and at most one with advice, nothing that moves a cursor, no trace of a panic.
#[track_caller]
pub(crate) fn assert_says_one_thing(outcome: &Outcome, case: &str) {
    assert_harmless(outcome.stderr.as_bytes(), case);
    assert_harmless(&outcome.stdout, case);
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    let causes = lines
        .iter()
        .filter(|line| line.starts_with("hayate: "))
        .count();
    assert_eq!(causes, 1, "{case}: {outcome}");
    let behind = lines
        .iter()
        .skip_while(|line| !line.starts_with("hayate: "));
    let advice: Vec<_> = behind.skip(1).collect();
    let few = advice.len() <= 1 && advice.iter().all(|line| line.starts_with("hint: "));
    assert!(few, "{case}: {outcome}");
    for word in ["panicked", "backtrace", "RUST_", "internal error"] {
        assert!(!outcome.stderr.contains(word), "{case}: {outcome}");
    }
    let errors = outcome.events("error");
    assert!(errors.len() <= 1, "{case}: {outcome}");
}

/// Fails if this holds control characters other than line feeds.
#[track_caller]
pub(crate) fn assert_harmless(said: &[u8], case: &str) {
    let text = String::from_utf8(said.to_vec()).expect("what is said is UTF-8");
    let harm = text.chars().find(|&char| char.is_control() && char != '\n');
    assert_eq!(harm, None, "{case}: {}", text.escape_debug());
    let hidden = |char: &char| matches!(*char as u32, 0x200b..=0x200f | 0x202a..=0x202e | 0x2066..=0x2069 | 0xfeff);
    assert_eq!(
        text.chars().find(hidden),
        None,
        "{case}: {}",
        text.escape_debug()
    );
}

/// Whether it belongs to what is kept to go on with.
pub(crate) fn is_kept(path: &Path) -> bool {
    let mut parts = path.iter().map(|part| part.to_string_lossy());
    parts.any(|part| part.starts_with(".hayate-part-"))
}

/// Looks at everything below a directory.
pub(crate) fn look(root: &Path) -> Look {
    let mut found = Look::new();
    let mut pending = vec![root.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let (mtime, content) = if metadata.is_dir() {
                pending.push(path.clone());
                (0, Vec::new())
            } else if metadata.is_symlink() {
                (
                    0,
                    path.read_link()
                        .unwrap()
                        .into_os_string()
                        .into_encoded_bytes(),
                )
            } else {
                (metadata.mtime(), fs::read(&path).unwrap())
            };
            let name = path.strip_prefix(root).unwrap().to_owned();
            found.insert(name, (metadata.mode(), mtime, content));
        }
    }
    found
}
