//! Files to send, and what a directory holds.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

/// Bytes that do not compress, the same for the same seed.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Sets the time of the last change, in seconds since 1970.
pub fn set_mtime(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    File::open(path).unwrap().set_modified(time).unwrap();
}

/// What has to arrive of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A directory.
    Directory {
        /// When it was changed, seconds since 1970.
        mtime: i64,
    },
    /// A file.
    File {
        /// Its bytes.
        bytes: Vec<u8>,
        /// Whether its owner may run it.
        executable: bool,
        /// When it was changed, seconds since 1970.
        mtime: i64,
    },
    /// A symbolic link and where it leads.
    Link(PathBuf),
}

/// Everything below a directory, by the bytes of its path.
pub fn snapshot(root: &Path) -> BTreeMap<Vec<u8>, Entry> {
    let mut entries = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let mtime = metadata.mtime();
            let entry = if metadata.is_dir() {
                pending.push(path.clone());
                Entry::Directory { mtime }
            } else if metadata.is_symlink() {
                Entry::Link(path.read_link().unwrap())
            } else {
                Entry::File {
                    bytes: fs::read(&path).unwrap(),
                    executable: metadata.mode() & 0o100 != 0,
                    mtime,
                }
            };
            let name = path.strip_prefix(root).unwrap();
            entries.insert(name.as_os_str().as_bytes().to_vec(), entry);
        }
    }
    entries
}

/// A small disk in memory; unmounted when dropped.
#[derive(Debug)]
pub struct Disk(TempDir);

impl Disk {
    /// A disk of so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self::mounted(&format!("size={bytes}"))
    }

    /// A disk of so many files and directories, itself among them.
    pub fn of_files(files: u32) -> Self {
        Self::mounted(&format!("nr_inodes={files}"))
    }

    fn mounted(options: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("hydisk").tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "hayate"])
            .arg(directory.path())
            .status()
            .unwrap();
        assert!(mounted.success(), "mounting a tmpfs takes root");
        Self(directory)
    }

    /// Lets nothing more be written.
    pub fn protect(&self) {
        let mut mount = Command::new("mount");
        mount.args(["-o", "remount,ro"]).arg(self.path());
        assert!(mount.status().unwrap().success());
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
