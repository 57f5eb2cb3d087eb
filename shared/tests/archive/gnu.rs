//! What GNU tar makes of our archives; skipped where there is none.
#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use proptest::prelude::*;

use super::tree::tree;
use super::*;

/// GNU tar's answer to `arguments` with this archive on its standard input.
fn tar(arguments: &[&OsStr], archive: &[u8]) -> Option<Output> {
    let version = Command::new("tar").arg("--version").output().ok()?;
    if !version.stdout.starts_with(b"tar (GNU tar)") {
        return None;
    }
    let mut child = Command::new("tar")
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may stop reading early.
    let _ = child.stdin.take().unwrap().write_all(archive);
    Some(child.wait_with_output().unwrap())
}

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The paths that GNU tar lists, and what it complains about.
fn listing(archive: &[u8]) -> Option<(Vec<Vec<u8>>, String)> {
    let options = ["--quoting-style=literal", "-tf", "-"].map(OsStr::new);
    let output = tar(&options, archive)?;
    let lines = output
        .stdout
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty());
    let paths = lines
        .map(|line| line.strip_suffix(b"/").unwrap_or(line).to_vec())
        .collect();
    Some((paths, output.stderr.escape_ascii().to_string()))
}

#[test]
fn gnu_tar_lists_the_same_entries() {
    let layout = tree();
    if let Some((paths, complaints)) = listing(&whole(&layout)) {
        assert_eq!(complaints, "");
        assert!(
            layout
                .entries()
                .iter()
                .map(|entry| entry.path.as_bytes())
                .eq(paths)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn gnu_tar_lists_the_same_entries_of_whatever_is_accepted(
        layout in random::tree(),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..512_usize, prop::sample::select(b"0127x/.a \0".to_vec())), 0..2),
    ) {
        let mut bytes = whole(&layout);
        let units = bytes.len() / 512;
        for (unit, at, byte) in changes {
            bytes[unit.index(units) * 512 + at] = byte;
        }
        random::repair(&mut bytes);
        if let (Ok((entries, _)), Some((paths, complaints))) = (read(LINKS, [&bytes[..]]), listing(&bytes)) {
            let ours: Vec<_> = entries.iter().map(|(entry, _)| entry.path.as_bytes().to_vec()).collect();
            prop_assert_eq!(ours, paths, "{}", complaints);
        }
    }
}

#[test]
fn gnu_tar_extracts_the_same_tree() {
    let layout = tree();
    let scratch = Scratch::new("gnu-tar-extracts");
    let options = [
        OsStr::new("-xpf"),
        OsStr::new("-"),
        OsStr::new("-C"),
        scratch.0.as_os_str(),
    ];
    let Some(output) = tar(&options, &whole(&layout)) else {
        return;
    };
    // It complains about times before 1970 and in the future, no more.
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaints}");
    assert!(
        complaints.lines().all(|line| line.contains("time stamp")),
        "{complaints}"
    );
    for (index, entry) in layout.entries().iter().enumerate() {
        let path = scratch.0.join(OsStr::from_bytes(entry.path.as_bytes()));
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!(metadata.mtime(), entry.mtime, "{}", entry.path);
        let mode = metadata.permissions().mode() & 0o7777;
        match &entry.kind {
            Kind::Directory => assert!(metadata.is_dir() && mode == 0o755),
            Kind::Symlink { target } => {
                assert_eq!(fs::read_link(&path).unwrap().as_os_str().as_bytes(), target);
            }
            Kind::File => {
                let bytes = fs::read(&path).unwrap();
                assert_eq!(bytes.len() as u64, entry.size);
                assert!(
                    (0..)
                        .zip(&bytes)
                        .all(|(at, &byte)| byte == content(index, at))
                );
                assert_eq!(mode, if entry.executable { 0o755 } else { 0o644 });
            }
        }
    }
}

#[test]
fn gnu_tar_sees_the_size_of_a_huge_file() {
    let size = 1 << 40;
    let layout = Layout::new(vec![file("huge", size)]).unwrap();
    let options = ["-tvf", "-"].map(OsStr::new);
    let Some(output) = tar(&options, &payload(&layout, 0, 4096)) else {
        return;
    };
    let listing = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        listing.contains(&format!(" {size} ")) && listing.contains(" huge"),
        "{listing}"
    );
}
