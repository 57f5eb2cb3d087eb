//! Broken headers, and what PAX must not say.

use super::{Entry, Made, file, made, of, sum, tar};

pub(crate) fn headers() -> Vec<Made> {
    let changed = |name: &str, comment: &str, at: usize, bytes: &[u8], resum: bool| {
        let mut body = tar(&[file()]);
        body[at..at + bytes.len()].copy_from_slice(bytes);
        if resum {
            sum(&mut body[..512]);
        }
        made(name, "malformed", comment, &body)
    };
    let sized = |name: &str, comment: &str, size: &str| {
        of(
            name,
            "malformed",
            comment,
            &[Entry {
                size: size.into(),
                ..file()
            }],
        )
    };
    vec![
        changed("checksum", "a wrong checksum", 0, b"g", false),
        changed(
            "gnu-magic",
            "a header in GNU's format",
            257,
            b"ustar  \0",
            true,
        ),
        changed(
            "no-magic",
            "a header of the seventh edition",
            257,
            &[0; 8],
            true,
        ),
        changed(
            "binary-size",
            "a size in GNU's binary form",
            124,
            &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5],
            true,
        ),
        changed(
            "name-behind-nul",
            "bytes behind the NUL of a name",
            5,
            b"x",
            true,
        ),
        changed("no-mode", "no mode", 100, &[0; 8], true),
        changed(
            "padding",
            "padding that is not zero",
            512 + 511,
            b"x",
            false,
        ),
        sized("size-not-octal", "a size that is no number", "00000000009"),
        sized("size-negative", "a negative size", "-0000000001"),
        sized("size-huge", "content that never comes", "77777777777"),
    ]
}

pub(crate) fn all() -> Vec<Made> {
    let pax = |name: &str, expect: &str, comment: &str, records: &[u8]| {
        of(
            &format!("pax-{name}"),
            expect,
            comment,
            &[Entry::pax(records), file()],
        )
    };
    let huge = Entry {
        size: format!("{:011o}", 2u64 << 30),
        ..Entry::pax(b"")
    };
    vec![
        pax(
            "two-sizes",
            "malformed",
            "another size in the PAX header: how entries are smuggled",
            b"9 size=0\n",
        ),
        pax(
            "size-again",
            "success",
            "the same size in the PAX header",
            b"9 size=5\n",
        )
        .and("tree: f 5@7", "bytes: 5"),
        pax(
            "twice",
            "malformed",
            "a record that comes twice",
            b"9 size=5\n9 size=5\n",
        ),
        pax("empty", "malformed", "no record", b""),
        pax(
            "unknown",
            "malformed",
            "a record that has no place here",
            b"9 uid=10\n",
        ),
        pax(
            "broken",
            "malformed",
            "a record with a wrong length",
            b"8 size=5\n",
        ),
        pax(
            "length-max",
            "malformed",
            "a record of 2^64 bytes",
            b"18446744073709551616 size=5\n",
        ),
        pax(
            "traversal",
            "unsafe",
            "the directory above, by PAX",
            b"13 path=../x\n",
        ),
        pax("nul", "unsafe", "a NUL in a name", b"11 path=a\0\n"),
        pax(
            "linkpath-on-file",
            "malformed",
            "a link target on a file",
            b"14 linkpath=x\n",
        ),
        of(
            "pax-twice-in-a-row",
            "malformed",
            "two PAX headers",
            &[Entry::pax(b"9 size=5\n"), Entry::pax(b"9 size=5\n"), file()],
        ),
        of(
            "pax-without-entry",
            "malformed",
            "a PAX header and nothing after it",
            &[Entry::pax(b"9 size=5\n")],
        ),
        made(
            "pax-2-gib",
            "malformed",
            "a PAX header of 2 GiB: none of it is awaited",
            &huge.header(),
        ),
    ]
}

/// Adds the facts of a good archive.
trait And {
    fn and(self, tree: &str, bytes: &str) -> Self;
}

impl And for Made {
    fn and(self, tree: &str, bytes: &str) -> Self {
        let facts = format!("entries: 9\n{tree}\n{bytes}\n");
        (self.0, self.1.replacen("entries: 9\n", &facts, 1))
    }
}
