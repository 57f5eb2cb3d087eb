//! What the process gives up before it hears of any peer: should a peer ever get hold of it, there is little to be had.

use std::path::Path;

/// How far the system confines this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confined {
    Wholly,
    Partly,
    Not,
}

impl std::fmt::Display for Confined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Wholly => "The system confines this process to its files (Landlock).",
            Self::Partly => {
                "The system confines this process to its files in part (an older Landlock)."
            }
            Self::Not => "The system does not confine this process: it has no Landlock.",
        })
    }
}

/// A receiver reads and writes below the directory it stores in, and reads little else; `None` stores nothing.
pub(crate) fn receiver(target: Option<&Path>) -> Confined {
    system::receiver(target)
}

/// A sender writes no file.
pub(crate) fn sender() -> Confined {
    system::sender()
}

#[cfg(target_os = "linux")]
mod system {
    use std::path::Path;

    use landlock::{
        ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, Ruleset,
        RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, path_beneath_rules,
    };

    use super::Confined;

    /// The newest set of rights that is known here; an older kernel enforces those it knows.
    const RIGHTS: ABI = ABI::V6;

    /// What the C library and the runtime read: names of hosts, processors, limits.
    const SYSTEM: [&str; 13] = [
        "/etc",
        "/gnu/store",
        "/lib",
        "/lib64",
        "/nix/store",
        "/usr",
        "/proc/self",
        "/proc/sys",
        "/run/NetworkManager",
        "/run/resolvconf",
        "/run/systemd/resolve",
        "/sys/devices/system/cpu",
        "/sys/fs/cgroup",
    ];

    /// Where questions are asked, and what goes nowhere.
    const TERMINAL: [&str; 2] = ["/dev/tty", "/dev/null"];

    pub(super) fn receiver(target: Option<&Path>) -> Confined {
        let all = AccessFs::from_all(RIGHTS);
        let strange = AccessFs::Execute
            | AccessFs::MakeChar
            | AccessFs::MakeBlock
            | AccessFs::MakeFifo
            | AccessFs::MakeSock
            | AccessFs::IoctlDev;
        enforce(all, |rules| {
            rules
                .add_rules(path_beneath_rules(target, all & !strange))?
                .add_rules(path_beneath_rules(SYSTEM, reading()))?
                .add_rules(path_beneath_rules(TERMINAL, terminal()))
        })
    }

    pub(super) fn sender() -> Confined {
        let all = AccessFs::from_write(RIGHTS) | AccessFs::Execute;
        enforce(all, |rules| {
            rules.add_rules(path_beneath_rules(TERMINAL, terminal() & all))
        })
    }

    fn reading() -> BitFlags<AccessFs> {
        AccessFs::ReadFile | AccessFs::ReadDir
    }

    fn terminal() -> BitFlags<AccessFs> {
        AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev
    }

    fn enforce(
        handled: BitFlags<AccessFs>,
        allow: impl FnOnce(landlock::RulesetCreated) -> Result<landlock::RulesetCreated, RulesetError>,
    ) -> Confined {
        // The first version forbids every move from one directory to another: then rather nothing.
        let rules = Ruleset::default()
            .set_compatibility(CompatLevel::SoftRequirement)
            .handle_access(AccessFs::Refer)
            .map(|rules| rules.set_compatibility(CompatLevel::BestEffort))
            .and_then(|rules| rules.handle_access(handled));
        let rules = rules.and_then(Ruleset::create).and_then(allow);
        match rules.and_then(landlock::RulesetCreated::restrict_self) {
            Ok(status) => match status.ruleset {
                RulesetStatus::FullyEnforced => Confined::Wholly,
                RulesetStatus::PartiallyEnforced => Confined::Partly,
                RulesetStatus::NotEnforced => Confined::Not,
            },
            Err(_) => Confined::Not,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::Confined;

    pub(super) fn receiver(_: Option<&std::path::Path>) -> Confined {
        Confined::Not
    }

    pub(super) fn sender() -> Confined {
        Confined::Not
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::{fs, io, thread};

    use super::*;

    fn denied<T>(result: io::Result<T>) -> bool {
        result.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    }

    /// On a thread, since what is given up does not come back.
    fn confined(work: impl FnOnce() + Send + 'static) {
        thread::spawn(work).join().unwrap();
    }

    #[test]
    fn a_receiver_has_its_target_and_no_other_place() {
        let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("secret"), "x").unwrap();
        confined(move || {
            if receiver(Some(inside.path())) == Confined::Not {
                return;
            }
            fs::create_dir(inside.path().join("a")).unwrap();
            fs::write(inside.path().join("a/file"), "x").unwrap();
            fs::rename(inside.path().join("a/file"), inside.path().join("file")).unwrap();
            assert_eq!(fs::read(inside.path().join("file")).unwrap(), b"x");
            assert!(denied(fs::write(outside.path().join("new"), "x")));
            assert!(denied(fs::read(outside.path().join("secret"))));
            assert!(denied(fs::remove_file(outside.path().join("secret"))));
            assert!(denied(fs::read_dir("/")));
            assert!(denied(std::process::Command::new("/bin/true").status()));
        });
    }

    #[test]
    fn a_sender_reads_and_does_not_write() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("file"), "x").unwrap();
        confined(move || {
            if sender() == Confined::Not {
                return;
            }
            assert_eq!(fs::read(place.path().join("file")).unwrap(), b"x");
            assert!(denied(fs::write(place.path().join("file"), "y")));
            assert!(denied(fs::create_dir(place.path().join("new"))));
        });
    }
}
