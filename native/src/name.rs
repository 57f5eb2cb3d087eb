//! Names between the bytes of a payload and the spelling of this system.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use shared::UnsafeContent;

/// The name of a file or directory as payload bytes; `None` where the system's name is not Unicode
/// and cannot be written as bytes (Windows).
#[cfg(unix)]
pub(crate) fn to_bytes(name: &OsStr) -> Option<&[u8]> {
    Some(std::os::unix::ffi::OsStrExt::as_bytes(name))
}

#[cfg(not(unix))]
pub(crate) fn to_bytes(name: &OsStr) -> Option<&[u8]> {
    name.to_str().map(str::as_bytes)
}

/// A relative path (components separated by `/`) as this system spells it. Only call it with the
/// bytes of a `SafeName` or `SafePath`, or with a name this system listed itself.
///
/// # Errors
/// [`UnsafeContent`] where the system cannot store the name: never on Unix.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "its twin can fail")]
pub(crate) fn to_path(bytes: &[u8]) -> Result<&Path, UnsafeContent> {
    Ok(Path::new(
        <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes),
    ))
}

#[cfg(not(unix))]
pub(crate) fn to_path(bytes: &[u8]) -> Result<&Path, UnsafeContent> {
    let refuse = |what| UnsafeContent {
        what,
        name: bytes.to_vec(),
    };
    if cfg!(windows) {
        let mut components = bytes.split(|byte| *byte == b'/');
        if let Some(what) = components.find_map(shared::path::windows_problem) {
            return Err(refuse(what));
        }
    }
    std::str::from_utf8(bytes)
        .map(Path::new)
        .map_err(|_| refuse("a name that is not Unicode"))
}

/// A single name from the bytes of one this system listed or a [`shared::path::SafeName`].
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "its twin can fail")]
pub(crate) fn from_bytes(name: Vec<u8>) -> Option<OsString> {
    Some(std::os::unix::ffi::OsStringExt::from_vec(name))
}

#[cfg(not(unix))]
pub(crate) fn from_bytes(name: Vec<u8>) -> Option<OsString> {
    String::from_utf8(name).ok().map(OsString::from)
}
