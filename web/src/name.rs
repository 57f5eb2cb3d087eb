//! Names from a sender, for a page and for whatever unpacks a ZIP.

use std::fmt::Write as _;

/// A path or name to store under: what Unicode cannot say, and the backslash, which Windows takes for a separator,
/// become `%ff` and `%5c`.
pub fn stored(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.push_str("%5c"),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            write!(out, "%{byte:02x}").expect("writing to a String cannot fail");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_name_is_unicode_without_a_backslash() {
        assert_eq!(stored("naïve 👩‍🚀.txt".as_bytes()), "naïve 👩‍🚀.txt");
        assert_eq!(stored(b"..\\..\\x\xff"), "..%5c..%5cx%ff");
    }
}
