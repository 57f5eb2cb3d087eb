//! Under way.

/// Under way.
pub fn escape(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeName(Vec<u8>);
