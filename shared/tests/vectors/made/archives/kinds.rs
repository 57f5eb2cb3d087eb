//! Kinds of entries that are never taken, and links that are not wanted or lead away.

use super::{Entry, Made, file, of, tar, vector};

pub(crate) fn all() -> Vec<Made> {
    let link = |name: &str, comment: &str, target: &str| {
        let body = tar(&[Entry::directory("d"), Entry::link("d/l", target)]);
        vector(
            &format!("archive-link-{name}"),
            "archive",
            "unsafe",
            comment,
            &["entries: 9", "links: yes"],
            &body,
        )
    };
    let mut made = vec![
        of(
            "link",
            "unsafe",
            "a link that was not asked for",
            &[Entry::link("l", "f")],
        ),
        link("absolute", "a link to an absolute path", "/etc/passwd"),
        link("out", "a link out of the tree", "../../x"),
        link("inner-dotdot", "a link with .. behind a name", "x/../../y"),
        link("empty", "a link to nothing", ""),
        of(
            "hard-link",
            "unsafe",
            "a hard link",
            &[Entry {
                kind: b'1',
                link: b"f".to_vec(),
                ..file()
            }],
        ),
        of(
            "directory-content",
            "unsafe",
            "a directory with content",
            &[Entry {
                kind: b'5',
                ..file()
            }],
        ),
        of(
            "link-target-on-file",
            "malformed",
            "a link target on a file",
            &[Entry {
                link: b"x".to_vec(),
                ..file()
            }],
        ),
    ];
    for (name, kind) in [
        ("device", b'3'),
        ("block-device", b'4'),
        ("pipe", b'6'),
        ("contiguous", b'7'),
        ("global", b'g'),
        ("sparse", b'S'),
        ("multi-volume", b'M'),
        ("label", b'V'),
        ("old-file", 0),
        ("kind-255", 255),
    ] {
        made.push(of(
            &format!("kind-{name}"),
            "unsafe",
            "a kind of entry that is never taken",
            &[Entry::kind("f", kind)],
        ));
    }
    made.extend([
        of(
            "gnu-long-name",
            "malformed",
            "a long name in GNU's way",
            &[Entry::kind("././@LongLink", b'L')],
        ),
        of(
            "gnu-long-link",
            "malformed",
            "a long link in GNU's way",
            &[Entry::kind("././@LongLink", b'K')],
        ),
    ]);
    made
}
