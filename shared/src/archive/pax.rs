//! The records of a PAX header (POSIX.1-2017, pax, "pax Extended Header").

use super::MTIMES;
use crate::error::Error;

/// Longest data of a PAX header that is read, in bytes.
pub(super) const MAX_PAX: u64 = 64 << 10;

/// What a PAX header says about the entry after it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) path: Option<Vec<u8>>,
    pub(super) linkpath: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) mtime: Option<i64>,
}

impl Records {
    /// Reads all of a header's data.
    pub(super) fn parse(mut data: &[u8]) -> Result<Self, Error> {
        if data.is_empty() {
            return Err(Error::Malformed("a PAX header without records"));
        }
        let mut records = Self::default();
        while !data.is_empty() {
            let (key, value, rest) =
                split_record(data).ok_or(Error::Malformed("a broken record in a PAX header"))?;
            let is_new = match key {
                b"path" => records.path.replace(value.to_vec()).is_none(),
                b"linkpath" => records.linkpath.replace(value.to_vec()).is_none(),
                b"size" => {
                    let size = size(value).ok_or(Error::Malformed("a PAX size that is none"))?;
                    records.size.replace(size).is_none()
                }
                b"mtime" => {
                    let mtime = mtime(value).ok_or(Error::Malformed("a PAX mtime that is none"))?;
                    records.mtime.replace(mtime).is_none()
                }
                _ => return Err(Error::Malformed("a PAX record that has no place here")),
            };
            if !is_new {
                return Err(Error::Malformed("a PAX record that comes twice"));
            }
            data = rest;
        }
        Ok(records)
    }
}

/// Appends a record; its length counts its own digits.
pub(super) fn append(data: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    data.extend_from_slice(format!("{length} {key}=").as_bytes());
    data.extend_from_slice(value);
    data.push(b'\n');
}

/// The first record's key, its value, and what follows the record.
fn split_record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let digits = data.iter().position(|&byte| byte == b' ')?;
    let length = usize::try_from(size(&data[..digits])?).ok()?;
    let (record, rest) = data.split_at_checked(length)?;
    let record = record.get(digits + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], rest))
}

/// A decimal number without sign or leading zeros.
fn size(digits: &[u8]) -> Option<u64> {
    if !is_number(digits) || (digits.len() > 1 && digits[0] == b'0') {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whole seconds of a decimal number with sign and fraction, rounded down, within [`MTIMES`].
fn mtime(value: &[u8]) -> Option<i64> {
    let (is_negative, value) = match value.strip_prefix(b"-") {
        Some(value) => (true, value),
        None => (false, value),
    };
    let (whole, fraction) = match value.iter().position(|&byte| byte == b'.') {
        Some(dot) => (&value[..dot], &value[dot + 1..]),
        None => (value, &b"0"[..]),
    };
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let seconds = whole.iter().fold(0_i64, |seconds, digit| {
        seconds
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    });
    let seconds = if is_negative {
        let up = fraction.iter().any(|&digit| digit != b'0');
        (-seconds).saturating_sub(i64::from(up))
    } else {
        seconds
    };
    Some(seconds.clamp(*MTIMES.start(), *MTIMES.end()))
}

fn is_number(digits: &[u8]) -> bool {
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(data: &[u8]) -> Option<Records> {
        Records::parse(data).ok()
    }

    #[test]
    fn a_record_counts_the_digits_of_its_length() {
        for length in 0..1200 {
            let mut data = Vec::new();
            append(&mut data, "path", &vec![b'a'; length]);
            append(&mut data, "size", b"7");
            let records = parse(&data).expect("just written");
            assert_eq!(records.path.map(|path| path.len()), Some(length));
            assert_eq!(records.size, Some(7));
        }
    }

    #[test]
    fn a_value_may_hold_any_byte() {
        let mut data = Vec::new();
        append(&mut data, "linkpath", b"a\n10 path=\xff=\n");
        let linkpath = parse(&data).and_then(|records| records.linkpath);
        assert_eq!(linkpath.as_deref(), Some(&b"a\n10 path=\xff=\n"[..]));
    }

    #[test]
    fn times_are_rounded_down_and_kept_in_range() {
        let cases: [(&str, i64); 12] = [
            ("0", 0),
            ("-1", -1),
            ("8589934592", 1 << 33),
            ("1.9999999999", 1),
            ("-1.5", -2),
            ("-1.0", -1),
            ("-0", 0),
            ("-0.5", -1),
            ("4611686018427387904", *MTIMES.end()),
            ("9223372036854775808", *MTIMES.end()),
            ("-99999999999999999999999999", *MTIMES.start()),
            ("0007", 7),
        ];
        for (value, seconds) in cases {
            assert_eq!(mtime(value.as_bytes()), Some(seconds), "{value}");
        }
        for value in [
            "", "-", "+1", "1e999", "NaN", "inf", "1.", ".5", "1.-5", " 1", "1 ", "0x1", "--1",
        ] {
            assert_eq!(mtime(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn broken_records_are_refused() {
        let broken: [&[u8]; 22] = [
            b"",
            b"\n",
            b"9 size=1",
            b"9 size=12\n",
            b"09 size=1\n",
            b"+9 size=1\n",
            b" 9 size=1\n",
            b"8 size=1\n",
            b"99 size=1\n",
            b"0 size=1\n",
            b"2 \n",
            b"3 a\n",
            b"18446744073709551616 size=1\n",
            b"9 size 1\n",
            b"9 size=1\n\0",
            b"9 size=1\n9 size=1\n",
            b"10 size=-1\n",
            b"10 size=01\n",
            b"8 size=\n",
            b"9 uid=10\n",
            b"28 GNU.sparse.realsize=1000\n",
            b"22 hdrcharset=BINARY\n",
        ];
        for data in broken {
            assert_eq!(parse(data), None, "{}", data.escape_ascii());
        }
    }
}
