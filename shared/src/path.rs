//! Names from a peer, made safe by type.
//!
//! A [`SafeName`] or [`SafePath`] that exists obeys every rule a receiver has for names; there is no
//! other way to make one than to parse it. Names are bytes, not text: a Unix name that is not UTF-8
//! survives. [`escape`] is how any of them reaches a terminal or a log.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

use unicode_normalization::char::is_combining_mark;

use crate::error::UnsafeContent;

/// Longest name in bytes, the limit of nearly every file system.
pub const MAX_NAME: usize = 255;

/// Longest path in bytes, Linux's `PATH_MAX`.
pub const MAX_PATH: usize = 4096;

/// Most components of a path.
pub const MAX_COMPONENTS: usize = 1024;

/// Hostile bytes in a form that is safe and unambiguous to print.
///
/// Visible Unicode stays as it is. Everything that could move the cursor, hide, or reorder text
/// (controls, bidi controls, zero-width and tag characters, separators, fillers) and everything
/// unassigned becomes `\u{202e}`, a byte that is not UTF-8 becomes `\xff`, and a backslash is always
/// doubled, so that two different inputs never look the same for want of escaping.
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' {
                out.push_str("\\\\");
            } else if is_visible(c) && !(out.is_empty() && is_combining_mark(c)) {
                out.push(c);
            } else {
                out.extend(c.escape_unicode());
            }
        }
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}").expect("writing to a String cannot fail");
        }
    }
    out
}

/// One component of a path: 1 to 255 bytes, not `.` or `..`, without `/`, NUL and control characters.
///
/// Ordered by its bytes; displayed escaped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeName(Box<[u8]>);

impl SafeName {
    /// The name these bytes are.
    ///
    /// # Errors
    /// Says which rule the name breaks.
    pub fn parse(name: &[u8]) -> Result<Self, UnsafeContent> {
        match name_problem(name) {
            None => Ok(Self(name.into())),
            Some(what) => Err(refuse(what, name)),
        }
    }

    /// The name as it is on disk.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for SafeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&escape(&self.0))
    }
}

/// A relative path of 1 to 1024 [`SafeName`]s joined by `/`, at most 4096 bytes.
///
/// Ordered component by component, so that a directory's whole tree follows it directly: `a/b` comes
/// before `a.txt`, although `.` comes before `/`. Displayed escaped.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SafePath(Box<[u8]>);

impl SafePath {
    /// The path these bytes are; nothing is normalised, so `a//b`, `a/` and `./a` are refused.
    ///
    /// # Errors
    /// Says which rule the path breaks, with the whole path.
    pub fn parse(path: &[u8]) -> Result<Self, UnsafeContent> {
        if path.is_empty() {
            return Err(refuse("an empty path", path));
        }
        if path.len() > MAX_PATH {
            return Err(refuse("a path longer than 4096 bytes", path));
        }
        if path[0] == b'/' {
            return Err(refuse("an absolute path", path));
        }
        let mut components = 0;
        for name in path.split(|&byte| byte == b'/') {
            components += 1;
            if let Some(what) = name_problem(name) {
                return Err(refuse(what, path));
            }
        }
        if components > MAX_COMPONENTS {
            return Err(refuse("a path of more than 1024 components", path));
        }
        Ok(Self(path.into()))
    }

    /// The names the path is made of, outermost first; at least one.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|&byte| byte == b'/')
    }

    /// The path with `/` between its components, none around them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path of the directory it lies in; `None` at the top level.
    pub fn parent(&self) -> Option<Self> {
        self.last_slash().map(|at| Self(self.0[..at].into()))
    }

    /// Its last component.
    pub fn name(&self) -> SafeName {
        let start = self.last_slash().map_or(0, |at| at + 1);
        SafeName(self.0[start..].into())
    }

    /// How many components it has: 1 at the top level.
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// The path of `name` inside this directory.
    ///
    /// # Errors
    /// The result can be longer or deeper than a path may be.
    pub fn join(&self, name: &SafeName) -> Result<Self, UnsafeContent> {
        Self::parse(&[self.as_bytes(), b"/", name.as_bytes()].concat())
    }

    fn last_slash(&self) -> Option<usize> {
        self.0.iter().rposition(|&byte| byte == b'/')
    }
}

impl From<SafeName> for SafePath {
    fn from(name: SafeName) -> Self {
        Self(name.0)
    }
}

impl Ord for SafePath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.components().cmp(other.components())
    }
}

impl PartialOrd for SafePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for SafePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&escape(&self.0))
    }
}

/// Why a receiver on Windows cannot store something under this name; `None` when it can.
///
/// For one component. Windows gives some names to devices whatever their extension, drops dots and
/// spaces at the end, and reads `:` as the start of a stream name.
pub fn windows_problem(name: &[u8]) -> Option<&'static str> {
    let Ok(name) = std::str::from_utf8(name) else {
        return Some("a name that is not UTF-8");
    };
    if name.contains(|c: char| c.is_control() || "<>:\"|?*\\/".contains(c)) {
        return Some("a name with a character that Windows forbids");
    }
    if name.ends_with(['.', ' ']) {
        return Some("a name that ends in a dot or a space");
    }
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ');
    if is_device(stem) {
        return Some("a name that Windows gives to a device");
    }
    if is_short_alias(name) {
        return Some("a name that Windows may give to another file as its short alias");
    }
    None
}

fn is_device(stem: &str) -> bool {
    let stem = stem.to_ascii_uppercase();
    let numbered = |port: &str| {
        stem.strip_prefix(port)
            .and_then(|number| number.parse::<char>().ok())
            .is_some_and(|c| matches!(c, '1'..='9' | '¹' | '²' | '³'))
    };
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str())
        || numbered("COM")
        || numbered("LPT")
}

/// Whether the name looks like `PROGRA~1` or `README~2.TXT`.
fn is_short_alias(name: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let Some((_, number)) = stem.rsplit_once('~') else {
        return false;
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number && stem.chars().count() <= 8 && extension.chars().count() <= 3
}

fn refuse(what: &'static str, name: &[u8]) -> UnsafeContent {
    UnsafeContent {
        what,
        name: name.to_vec(),
    }
}

fn name_problem(name: &[u8]) -> Option<&'static str> {
    match name {
        b"" => return Some("an empty name"),
        b"." => return Some("the name \".\""),
        b".." => return Some("the name \"..\", which leads out of its directory"),
        _ => {}
    }
    if name.len() > MAX_NAME {
        return Some("a name longer than 255 bytes");
    }
    if name.contains(&b'/') {
        return Some("a name with a slash");
    }
    if name.contains(&0) {
        return Some("a name with a NUL byte");
    }
    // Lone bytes 0x80 to 0x9f are not UTF-8, so they are no characters: a Latin-1 name may have them.
    let has_control = name
        .utf8_chunks()
        .any(|chunk| chunk.valid().contains(char::is_control));
    has_control.then_some("a name with a control character")
}

fn is_visible(c: char) -> bool {
    match c {
        ' '..='~' => true,
        // Blank, but not format characters, so what follows would let them pass.
        '\u{115f}'
        | '\u{1160}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{ffa0}'
        | '\u{34f}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{e0000}'..='\u{e0fff}' => false,
        // The wide space of Japanese names, and the half-width sound marks: seen by everyone.
        '\u{3000}' | '\u{ff9e}' | '\u{ff9f}' => true,
        // The standard library knows what is assigned and printable; it also escapes combining
        // marks, which the decomposed names of macOS are full of.
        _ => is_combining_mark(c) || c.escape_debug().next() != Some('\\'),
    }
}
