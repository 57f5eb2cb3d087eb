//! What the process asks of the system before it touches a secret.

/// Keeps code phrases and keys out of core dumps and away from debuggers, where the system can; best effort.
#[cfg(target_os = "linux")]
pub(crate) fn protect_memory() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Keeps code phrases and keys out of core dumps, where the system can; best effort.
#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) fn protect_memory() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
}

/// Nothing to ask for on this system.
#[cfg(not(unix))]
pub(crate) fn protect_memory() {}
