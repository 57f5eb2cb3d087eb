//! Archives, laid out by hand (POSIX.1-2017, pax, "ustar Interchange Format").

mod kinds;
mod pax;

use super::{Made, vector};

pub(crate) fn all() -> Vec<Made> {
    [
        good(),
        order(),
        kinds::all(),
        pax::headers(),
        pax::all(),
        ends(),
    ]
    .concat()
}

/// The fields of a ustar header that vectors change.
struct Entry {
    path: Vec<u8>,
    kind: u8,
    mode: &'static str,
    size: String,
    link: Vec<u8>,
    content: Vec<u8>,
}

impl Entry {
    fn file(path: &str, content: &[u8]) -> Self {
        Self {
            path: path.into(),
            kind: b'0',
            mode: "0000644",
            size: format!("{:011o}", content.len()),
            link: Vec::new(),
            content: content.to_vec(),
        }
    }

    fn directory(path: &str) -> Self {
        Self {
            kind: b'5',
            mode: "0000755",
            ..Self::file(path, b"")
        }
    }

    fn kind(path: &str, kind: u8) -> Self {
        Self {
            kind,
            ..Self::file(path, b"")
        }
    }

    fn link(path: &str, target: &str) -> Self {
        Self {
            kind: b'2',
            link: target.into(),
            ..Self::file(path, b"")
        }
    }

    fn pax(records: &[u8]) -> Self {
        Self {
            kind: b'x',
            ..Self::file("PaxHeader", records)
        }
    }

    fn header(&self) -> Vec<u8> {
        let mut header = vec![0; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.path);
        put(100, self.mode.as_bytes());
        put(108, b"0000000");
        put(116, b"0000000");
        put(124, self.size.as_bytes());
        put(136, b"00000000007");
        put(156, &[self.kind]);
        put(157, &self.link);
        put(257, b"ustar\x0000");
        put(329, b"0000000");
        put(337, b"0000000");
        sum(&mut header);
        header
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.header();
        bytes.extend(&self.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }
}

/// Sets the checksum.
fn sum(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut bytes: Vec<u8> = entries.iter().flat_map(Entry::encode).collect();
    bytes.extend([0; 1024]);
    bytes
}

fn made(name: &str, expect: &str, comment: &str, body: &[u8]) -> Made {
    vector(
        &format!("archive-{name}"),
        "archive",
        expect,
        comment,
        &["entries: 9"],
        body,
    )
}

fn of(name: &str, expect: &str, comment: &str, entries: &[Entry]) -> Made {
    made(name, expect, comment, &tar(entries))
}

fn file() -> Entry {
    Entry::file("f", b"hello")
}

fn good() -> Vec<Made> {
    let tree = [
        Entry::directory("a"),
        Entry::file("a/b", b"hello"),
        Entry {
            mode: "0000755",
            ..Entry::file("a.txt", b"")
        },
    ];
    let linked = [Entry::directory("d"), Entry::link("d/l", "../f"), file()];
    let long = "x".repeat(255);
    let named = [Entry::pax(format!("265 path={long}\n").as_bytes()), file()];
    let times = [Entry::pax(b"22 mtime=-62135596800\n"), file()];
    vec![
        vector(
            "archive-empty",
            "archive",
            "success",
            "no entry",
            &["entries: 0", "tree: ", "bytes: 0"],
            &tar(&[]),
        ),
        vector(
            "archive-tree",
            "archive",
            "success",
            "a directory, its file, a program",
            &["entries: 3", "tree: a/, a/b 5@7, a.txt* 0@7", "bytes: 5"],
            &tar(&tree),
        ),
        vector(
            "archive-links",
            "archive",
            "success",
            "a link within the tree, where links are wanted",
            &[
                "entries: 3",
                "links: yes",
                "tree: d/, d/l -> ../f, f 5@7",
                "bytes: 5",
            ],
            &tar(&linked),
        ),
        vector(
            "archive-long-name",
            "archive",
            "success",
            "a name that needs a PAX record",
            &["entries: 1", &format!("tree: {long} 5@7"), "bytes: 5"],
            &tar(&named),
        ),
        vector(
            "archive-mtime",
            "archive",
            "success",
            "the earliest time",
            &["entries: 1", "tree: f 5@-62135596800", "bytes: 5"],
            &tar(&times),
        ),
    ]
}

fn order() -> Vec<Made> {
    vec![
        of(
            "out-of-order",
            "unsafe",
            "the later name first",
            &[Entry::file("b", b""), Entry::file("a", b"")],
        ),
        of(
            "bytewise-order",
            "unsafe",
            "a.txt before a/b, as bytes compare",
            &[
                Entry::directory("a"),
                Entry::file("a.txt", b""),
                Entry::file("a/b", b""),
            ],
        ),
        of("twice", "unsafe", "one path twice", &[file(), file()]),
        of(
            "file-then-directory",
            "unsafe",
            "one path as two things",
            &[file(), Entry::directory("f")],
        ),
        of(
            "no-parent",
            "unsafe",
            "a file whose directory did not come",
            &[Entry::file("a/b", b"")],
        ),
        of(
            "below-file",
            "unsafe",
            "a file below a file",
            &[file(), Entry::file("f/g", b"")],
        ),
        vector(
            "archive-below-link",
            "archive",
            "unsafe",
            "a file through a link",
            &["entries: 9", "links: yes"],
            &tar(&[Entry::link("l", "d"), Entry::file("l/pwned", b"")]),
        ),
        vector(
            "archive-more-entries",
            "archive",
            "unsafe",
            "more entries than were offered",
            &["entries: 1"],
            &tar(&[Entry::file("a", b""), Entry::file("b", b"")]),
        ),
        of(
            "dotdot",
            "unsafe",
            "the directory above",
            &[Entry::file("../x", b"")],
        ),
        of(
            "inner-dotdot",
            "unsafe",
            "the directory above, later",
            &[Entry::directory("a"), Entry::file("a/../../x", b"")],
        ),
        of(
            "absolute",
            "unsafe",
            "an absolute path",
            &[Entry::file("/abs", b"")],
        ),
        of(
            "trailing-slash",
            "unsafe",
            "the slash that GNU tar gives directories",
            &[Entry::directory("a/")],
        ),
        of(
            "control",
            "unsafe",
            "an escape sequence in a name",
            &[Entry::file("\u{1b}[2J", b"")],
        ),
        of("nameless", "unsafe", "no name", &[Entry::file("", b"")]),
    ]
}

fn ends() -> Vec<Made> {
    let whole = tar(&[file()]);
    let cut = |name: &str, comment: &str, bytes: usize| {
        made(name, "malformed", comment, &whole[..whole.len() - bytes])
    };
    vec![
        cut("no-end", "no end marker", 1024),
        cut("half-end", "half of the end marker", 512),
        cut("cut", "the last byte missing", 1),
        cut("cut-content", "cut within the content", 1024 + 509),
        made("nothing", "malformed", "no bytes at all", &[]),
        made(
            "trailing",
            "malformed",
            "one byte behind the end",
            &[&whole[..], &[0]].concat(),
        ),
        made(
            "two-archives",
            "malformed",
            "a second archive behind the first",
            &[&whole[..], &whole].concat(),
        ),
        made(
            "zero-inside",
            "malformed",
            "one zero block, then an entry",
            &[&[0; 512][..], &whole].concat(),
        ),
    ]
}
