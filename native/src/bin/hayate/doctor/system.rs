//! The processor, the kernel, the clock and the disk.

use std::time::{SystemTime, UNIX_EPOCH};

use compio::runtime::Runtime;

use super::Finding;
use crate::confine::Confined;
#[cfg(unix)]
use crate::ui::size;

/// Everything about the machine but its network.
pub(super) fn all(confined: Confined) -> Vec<Finding> {
    let mut findings = vec![io(), aes(hayate::identity::has_aes())];
    if cfg!(target_os = "linux") {
        findings.push(landlock(confined));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    findings.push(clock(now.map_or(0, |since| since.as_secs())));
    #[cfg(unix)]
    findings.push(disk());
    findings
}

/// How files and sockets are waited for.
fn io() -> Finding {
    match Runtime::new() {
        Ok(runtime) if cfg!(target_os = "linux") => judge_io(runtime.driver_type().is_iouring()),
        Ok(_) => Finding::fine("io", "the system's own way is used"),
        Err(error) => Finding::warning(
            "io",
            format!("no I/O runtime can be started ({error})"),
            "a sandbox may forbid io_uring and epoll, or a limit is too low: see ulimit -n and ulimit -l",
        ),
    }
}

fn judge_io(io_uring: bool) -> Finding {
    match io_uring {
        true => Finding::fine("io", "io_uring is used"),
        false => Finding::note("io", "no io_uring, so epoll is used")
            .advise("a container's seccomp profile or kernel.io_uring_disabled may forbid it"),
    }
}

fn aes(hardware: bool) -> Finding {
    match hardware {
        true => Finding::fine("aes", "in hardware: AES-256-GCM seals"),
        false => Finding::note(
            "aes",
            "not in hardware: ChaCha20-Poly1305 seals, at about half the speed",
        ),
    }
}

fn landlock(confined: Confined) -> Finding {
    let what = "landlock";
    match confined {
        Confined::Wholly => Finding::fine(what, "transfers are confined to their files"),
        Confined::Partly => Finding::note(
            what,
            "an old one: transfers are confined to their files in part",
        ),
        Confined::Not => Finding::note(what, "not there: a transfer can reach all your files")
            .advise("enable Landlock in the kernel: lsm=landlock,... on its command line"),
    }
}

/// Whether the clock can be believed: browsers refuse certificates of another time.
fn clock(seconds: u64) -> Finding {
    /// Seconds in a mean year.
    const YEAR: u64 = 31_556_952;
    let year = 1970 + seconds / YEAR;
    match seconds {
        EARLIEST..LATEST => Finding::fine("clock", format!("it says {year}")),
        _ => Finding::warning(
            "clock",
            format!("it says {year}, so browsers refuse the page's certificate"),
            "set it: sudo timedatectl set-ntp true",
        ),
    }
}

/// Whether something can be received here.
#[cfg(unix)]
fn disk() -> Finding {
    use rustix::fs::{Access, access, statvfs};
    let what = "disk";
    if let Err(error) = access(".", Access::WRITE_OK) {
        let message = format!("nothing can be stored in this directory ({error})");
        return Finding::note(what, message).advise("receive into another one: --out DIR");
    }
    match statvfs(".") {
        Ok(space) => judge_space(space.f_bavail.saturating_mul(space.f_frsize)),
        Err(error) => Finding::note(what, format!("its free space is not known ({error})")),
    }
}

#[cfg(unix)]
fn judge_space(free: u64) -> Finding {
    let message = format!("{} are free in this directory", size(free));
    match free {
        ..LITTLE => Finding::warning(
            "disk",
            message,
            "free space, or receive into another directory: --out DIR",
        ),
        _ => Finding::fine("disk", message),
    }
}

/// The first second of 2026: nobody had this program before.
const EARLIEST: u64 = 1_767_225_600;
/// The first second of 2100.
const LATEST: u64 = 4_102_444_800;
/// Less than this is soon full.
#[cfg(unix)]
const LITTLE: u64 = 100_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn a_clock_that_was_never_set_hinders() {
        assert!(clock(0).hinders());
        assert!(clock(0).message.contains("1970"));
        assert!(clock(LATEST).hinders());
        assert_eq!(clock(EARLIEST + 86_400).message, "it says 2026");
    }

    #[test]
    #[cfg(unix)]
    fn a_disk_that_is_nearly_full_hinders() {
        assert!(judge_space(LITTLE - 1).hinders());
        assert!(!judge_space(LITTLE).hinders());
    }

    #[test]
    fn what_cannot_be_helped_does_not_hinder() {
        for finding in [judge_io(false), aes(false), landlock(Confined::Not)] {
            assert_eq!(finding.level, Level::Note, "{finding:?}");
        }
    }
}
