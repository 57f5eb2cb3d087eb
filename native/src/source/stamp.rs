//! What tells a file from another one, or from its own later state.

use std::{fs, io, time::SystemTime};

/// A file's identity and state at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    /// Whole seconds since 1970, rounded down.
    pub(super) mtime: i64,
    nanos: u32,
    /// 0 where the system's number cannot be had.
    inode: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        let (mtime, nanos) = seconds(metadata.modified());
        Self {
            size: metadata.len(),
            mtime,
            nanos,
            inode: inode(metadata),
        }
    }

    pub(super) fn beneath(metadata: &cap_std::fs::Metadata) -> Self {
        let (mtime, nanos) = seconds(metadata.modified().map(cap_std::time::SystemTime::into_std));
        Self {
            size: metadata.len(),
            mtime,
            nanos,
            inode: inode_beneath(metadata),
        }
    }

    /// What became of a file with this stamp that now has `now`, for "the file …".
    pub(super) fn became(&self, now: &Self) -> Option<&'static str> {
        if self == now {
            None
        } else if self.inode == now.inode && self.size < now.size {
            Some("grew")
        } else if self.inode == now.inode && self.size > now.size {
            Some("shrank")
        } else {
            Some("changed")
        }
    }
}

fn seconds(time: io::Result<SystemTime>) -> (i64, u32) {
    let Ok(time) = time else { return (0, 0) };
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => (
            i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            after.subsec_nanos(),
        ),
        Err(before) => {
            let before = before.duration();
            let seconds = -i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            match before.subsec_nanos() {
                0 => (seconds, 0),
                nanos => (seconds.saturating_sub(1), 1_000_000_000 - nanos),
            }
        }
    }
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(unix)]
fn inode_beneath(metadata: &cap_std::fs::Metadata) -> u64 {
    cap_std::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(not(unix))]
fn inode_beneath(_: &cap_std::fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_before_1970_round_down() {
        let half = SystemTime::UNIX_EPOCH - Duration::from_millis(1500);
        assert_eq!(seconds(Ok(half)), (-2, 500_000_000));
        let whole = SystemTime::UNIX_EPOCH - Duration::from_secs(3);
        assert_eq!(seconds(Ok(whole)), (-3, 0));
    }
}
