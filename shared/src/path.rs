//! Under way.

/// Under way.
pub fn escape(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
