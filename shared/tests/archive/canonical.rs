//! Archives that another tar might take, and that are still not the one form of a tree.

use super::raw::*;
use super::*;

#[test]
fn entries_out_of_order_or_without_their_directory_are_refused() {
    let wrong: [&[(&str, u8)]; 8] = [
        &[("b", b'0'), ("a", b'0')],
        &[("a", b'0'), ("a", b'0')],
        &[("a", b'0'), ("a", b'5')],
        &[("a", b'5'), ("a", b'0')],
        &[("a/b", b'0')],
        &[("a", b'0'), ("a/b", b'0')],
        &[("a", b'5'), ("a.txt", b'0'), ("a/b", b'0')],
        &[("a", b'5'), ("a/b", b'5'), ("a/c", b'0'), ("a/c/d", b'0')],
    ];
    for entries in wrong {
        let parts: Vec<_> = entries
            .iter()
            .map(|(path, typeflag)| plain(path, *typeflag))
            .collect();
        let last = entries.last().unwrap().0;
        assert_eq!(unsafe_name(refuse(&parts)), last.as_bytes());
    }
}

#[test]
fn no_more_entries_are_taken_than_were_announced() {
    let parts = [plain("a", b'0'), plain("b", b'5'), plain("b/c", b'0')];
    let policy = |max_entries| Policy {
        max_entries,
        ..LINKS
    };
    assert!(read(policy(3), [&archive(&parts)[..]]).is_ok());
    assert_eq!(unsafe_name(refuse_with(policy(2), &parts)), b"b/c");
    assert_eq!(unsafe_name(refuse_with(policy(0), &parts)), b"a");
}

#[test]
fn an_entry_has_one_size() {
    let file = |size: &str, ustar: usize| {
        [
            pax(&record("size", size.as_bytes())),
            sized("a", b'0', ustar),
            vec![1; 512],
        ]
    };
    assert_eq!(accept(&file("512", 512))[0].size, 512);
    for (pax, ustar) in [
        ("0", 512),
        ("512", 0),
        ("1024", 512),
        ("8589934592", 512),
        ("8589934591", 0),
        ("99999999999999999999", 0),
        ("9223372036854775808", 0),
    ] {
        assert_malformed(refuse(&file(pax, ustar)));
    }
    for typeflag in *b"52" {
        let link = |unit: &mut [u8]| {
            set(124, b"00000000001")(unit);
            if typeflag == b'2' {
                set(157, b"x")(unit);
            }
        };
        assert_eq!(unsafe_name(refuse(&[header(b"a", typeflag, link)])), b"a");
    }
    let binary = header(
        b"a",
        b'0',
        set(124, &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0]),
    );
    assert_malformed(refuse(&[binary, vec![1; 512]]));
}

#[test]
fn headers_that_are_not_canonical_are_refused() {
    let ok = plain("a", b'0');
    accept(std::slice::from_ref(&ok));
    for at in 0..512 {
        let mut broken = ok.clone();
        broken[at] ^= 0x41;
        assert!(read(LINKS, [&archive(&[broken])[..]]).is_err(), "{at}");
    }
    for magic in [
        &b"ustar  \0"[..],
        b"ustar\x00\x30\x31",
        b"\0\0\0\0\0\0\0\0",
        b"USTAR\x0000",
    ] {
        assert_malformed(refuse(&[header(b"a", b'0', set(257, magic))]));
    }
    for size in [
        &b"-0000000001"[..],
        b"+0000000001",
        b" 0000000001",
        b"0000 000001",
        b"00000000008",
        b"\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        assert_malformed(refuse(&[header(b"a", b'0', set(124, size))]));
    }
    assert_malformed(refuse(&[header(b"a", b'0', set(157, b"target"))]));
    assert_malformed(refuse(&[pax(&record("linkpath", b"x")), plain("a", b'5')]));
    let mut padded = sized("a", b'0', 511);
    padded.extend([1; 512]);
    assert_malformed(refuse(&[padded]));
}

#[test]
fn pax_headers_that_are_not_canonical_are_refused() {
    let path = record("path", b"a");
    accept(&[pax(&path), plain("b", b'0')]);
    for key in [
        "uid",
        "gid",
        "uname",
        "gname",
        "atime",
        "ctime",
        "charset",
        "hdrcharset",
        "comment",
        "",
        "PATH",
        "path ",
        "SCHILY.xattr.security.capability",
        "GNU.sparse.name",
        "GNU.sparse.realsize",
        "LIBARCHIVE.creationtime",
    ] {
        assert_malformed(refuse(&[pax(&record(key, b"1")), plain("a", b'0')]));
    }
    assert_malformed(refuse(&[
        pax(&[path.clone(), path.clone()].concat()),
        plain("b", b'0'),
    ]));
    assert_malformed(refuse(&[pax(&path), pax(&path), plain("b", b'0')]));
    assert_malformed(refuse(&[pax(&path)]));
    assert_malformed(refuse(&[pax(b""), plain("b", b'0')]));
    let mut padded = pax(&path);
    padded[1023] = 1;
    assert_malformed(refuse(&[padded, plain("b", b'0')]));
}
