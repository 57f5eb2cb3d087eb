//! A system that fails: system calls of chosen programs return an error instead of what they would do (seccomp).

use std::{collections::BTreeMap, thread};

use rustix::io::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// System calls that fail.
#[derive(Debug, Clone, Copy)]
pub enum Faulty {
    /// Writes into a file at this offset or behind it.
    WriteFrom(u64),
    /// Reads from a file at this offset or behind it.
    ReadFrom(u64),
    /// Waiting until something is on the disk.
    Flush,
    /// Giving something another name.
    Rename,
    /// Making a directory.
    MakeDirectory,
    /// Giving a file a length.
    Resize,
    /// Giving a socket a larger buffer.
    SocketBuffer,
}

impl Faulty {
    /// Runs `start`; these calls of whatever it starts return `error`.
    pub fn with<T: Send>(self, error: Errno, start: impl FnOnce() -> T + Send) -> T {
        let filter = self.filter(error);
        thread::scope(|scope| {
            // A filter stays with its thread for ever.
            let thread = scope.spawn(move || {
                apply_filter(&filter).unwrap();
                start()
            });
            thread.join().unwrap()
        })
    }

    fn filter(self, error: Errno) -> BpfProgram {
        let calls: &[i64] = match self {
            Self::WriteFrom(_) => &[libc::SYS_pwrite64],
            Self::ReadFrom(_) => &[libc::SYS_pread64],
            Self::Flush => &[libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_syncfs],
            Self::Rename => &[libc::SYS_renameat, libc::SYS_renameat2, libc::SYS_linkat],
            Self::MakeDirectory => &[libc::SYS_mkdirat],
            Self::Resize => &[libc::SYS_ftruncate, libc::SYS_fallocate],
            Self::SocketBuffer => &[libc::SYS_setsockopt],
        };
        let rules = match self {
            Self::WriteFrom(offset) | Self::ReadFrom(offset) => {
                let (kind, at_least) = (SeccompCmpArgLen::Qword, SeccompCmpOp::Ge);
                let late = SeccompCondition::new(3, kind, at_least, offset).unwrap();
                vec![SeccompRule::new(vec![late]).unwrap()]
            }
            Self::SocketBuffer => {
                let is = |argument, value: i32| {
                    let (kind, equal) = (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq);
                    SeccompCondition::new(argument, kind, equal, value as u64).unwrap()
                };
                let sizes = [libc::SO_RCVBUF, libc::SO_SNDBUF];
                let rule =
                    |size| SeccompRule::new(vec![is(1, libc::SOL_SOCKET), is(2, size)]).unwrap();
                sizes.map(rule).into()
            }
            _ => Vec::new(),
        };
        let rules: BTreeMap<_, _> = calls.iter().map(|call| (*call, rules.clone())).collect();
        let fails = SeccompAction::Errno(error.raw_os_error().unsigned_abs());
        let arch = std::env::consts::ARCH.try_into().unwrap();
        SeccompFilter::new(rules, SeccompAction::Allow, fails, arch)
            .unwrap()
            .try_into()
            .unwrap()
    }
}
