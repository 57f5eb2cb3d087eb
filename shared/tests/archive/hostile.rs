//! Archives that would do harm; the numbers are those of the catalogue in the security design.

use super::raw::*;
use super::*;

#[test]
fn h01_paths_that_lead_elsewhere_are_refused_wherever_they_come() {
    for path in [
        "../x",
        "a/../../x",
        "/abs",
        "//x",
        "./../x",
        "a/./../..",
        "",
        ".",
        "..",
        "a//b",
        "a/",
        "./a",
        "a\n",
    ] {
        for typeflag in *b"052" {
            assert_eq!(
                unsafe_name(refuse(&[plain(path, typeflag)])),
                path.as_bytes()
            );
        }
        let in_pax = [
            pax(&record("path", path.as_bytes())),
            plain("harmless", b'0'),
        ];
        assert_eq!(unsafe_name(refuse(&in_pax)), path.as_bytes());
        let late: Vec<_> = (1000..2000)
            .map(|number| plain(&format!("!{number}"), b'0'))
            .chain([plain(path, b'0')])
            .collect();
        assert_eq!(unsafe_name(refuse(&late)), path.as_bytes());
    }
    let in_prefix = header(b"x", b'0', set(345, b".."));
    assert_eq!(unsafe_name(refuse(&[in_prefix])), b"../x");
    let nul = [pax(&record("path", b"a\0b")), plain("a", b'0')];
    assert_eq!(unsafe_name(refuse(&nul)), b"a\0b");
    assert_malformed(refuse(&[header(b"a\0b", b'0', |_| {})]));
}

#[test]
fn h04_names_and_paths_are_bounded() {
    let named = |path: &[u8]| [pax(&record("path", path)), plain("x", b'0')];
    assert_eq!(accept(&named(&[b'n'; 255])).len(), 1);
    unsafe_name(refuse(&named(&[b'n'; 256])));
    unsafe_name(refuse(&named(&b"n/".repeat(2048)[..4095])));
    unsafe_name(refuse(&named(
        &[&b"n".repeat(250)[..], b"/"].concat().repeat(17)[..4097],
    )));
    let mut deep: Vec<Entry> = (1..=1024)
        .map(|depth| directory(vec!["d"; depth].join("/")))
        .collect();
    let layout = Layout::new(deep.clone()).unwrap();
    assert_eq!(read(LINKS, [&whole(&layout)[..]]).unwrap().1.entries, 1024);
    let deeper = vec!["d"; 1025].join("/");
    let mut bytes = whole(&layout);
    bytes.truncate(bytes.len() - 1024);
    assert_eq!(
        unsafe_name(refuse(&[
            bytes,
            pax(&record("path", deeper.as_bytes())),
            plain("x", b'5')
        ])),
        deeper.as_bytes()
    );
    deep.remove(500);
    assert!(Layout::new(deep).is_err());
}

#[test]
fn h05_links_that_lead_out_are_refused() {
    let linked = |path: &str, target: &[u8]| header(path.as_bytes(), b'2', set(157, target));
    let targets: [&[u8]; 11] = [
        b"/etc/passwd",
        b"..",
        b"../x",
        b"x/..",
        b"x/../..",
        b"./..",
        b"",
        b"/",
        b"//x",
        b".//..",
        b"a/./../b",
    ];
    for target in targets {
        assert_eq!(unsafe_name(refuse(&[linked("l", target)])), b"l");
    }
    for (target, is_taken) in [
        ("..", true),
        ("../x", true),
        ("../..", false),
        ("../x/..", false),
        ("./../y/z", true),
    ] {
        let result = read(
            LINKS,
            [&archive(&[plain("d", b'5'), linked("d/l", target.as_bytes())])[..]],
        );
        assert_eq!(result.is_ok(), is_taken, "{target}");
    }
    let long = |length: usize| {
        [
            pax(&record("linkpath", &vec![b'x'; length])),
            plain("l", b'2'),
        ]
    };
    assert_eq!(accept(&long(4095)).len(), 1);
    unsafe_name(refuse(&long(4096)));
    unsafe_name(refuse(&[
        pax(&record("linkpath", b"a\0b")),
        plain("l", b'2'),
    ]));
    unsafe_name(refuse(&[
        pax(&record("linkpath", b"/etc")),
        linked("l", b"safe"),
    ]));

    // Nothing is stored through a link, and links are refused where they are not asked for.
    assert_eq!(
        unsafe_name(refuse(&[linked("l", b"."), plain("l/x", b'0')])),
        b"l/x"
    );
    assert_eq!(
        unsafe_name(refuse_with(NO_LINKS, &[linked("l", b"x")])),
        b"l"
    );
    accept(&[linked("a", b"b"), linked("b", b"a"), linked("c", b"c")]);
}

#[test]
fn h10_every_other_kind_of_entry_is_refused() {
    for typeflag in 0..=255_u8 {
        let policy = if typeflag == b'2' { NO_LINKS } else { LINKS };
        if b"05x".contains(&typeflag) {
            continue;
        }
        let error = refuse_with(policy, &[header(b"name", typeflag, set(157, b"target"))]);
        match typeflag {
            b'L' | b'K' => assert_malformed(error),
            _ => assert_eq!(unsafe_name(error), b"name", "{typeflag}"),
        }
    }
}

#[test]
fn h14_long_headers_are_refused_before_they_are_read() {
    for typeflag in *b"xLK" {
        let mut reader = Reader::new(LINKS);
        reader.push(sized("long", typeflag, 2 << 30).into());
        assert_malformed(reader.next().unwrap_err());
    }
    let of_length = |length: usize| pax(&record("linkpath", &vec![b'x'; length]));
    let at_limit = (60_000..)
        .find(|&length| record("linkpath", &vec![b'x'; length]).len() == 65_536)
        .unwrap();
    unsafe_name(refuse(&[of_length(at_limit), plain("l", b'2')]));
    assert_malformed(refuse(&[of_length(at_limit + 1), plain("l", b'2')]));
}

#[test]
fn h15_of_the_mode_only_the_owners_x_bit_counts() {
    for (mode, executable) in [
        ("0007777", true),
        ("0004755", true),
        ("0000000", false),
        ("0000077", false),
        ("0106000", false),
        ("0000100", true),
    ] {
        for typeflag in *b"05" {
            let entries = accept(&[header(b"a", typeflag, set(100, mode.as_bytes()))]);
            assert_eq!(
                entries[0].executable,
                executable && typeflag == b'0',
                "{mode}"
            );
        }
    }
    assert_malformed(refuse(&[header(b"a", b'0', set(100, b"rwxr-xr"))]));
}

#[test]
fn h17_times_are_clamped() {
    let (first, last) = hayate_shared::archive::MTIMES.into_inner();
    for (text, mtime) in [
        ("-1", -1),
        ("0", 0),
        ("8589934592", 1 << 33),
        ("4611686018427387904", last),
        ("-4611686018427387904", first),
        ("99999999999999999999999999", last),
        ("1.1234567890", 1),
        ("-1.5", -2),
    ] {
        let entries = accept(&[pax(&record("mtime", text.as_bytes())), plain("a", b'0')]);
        assert_eq!(entries[0].mtime, mtime, "{text}");
    }
    for text in ["1e999", "NaN", "", "+1", "0x10", "1."] {
        assert_malformed(refuse(&[
            pax(&record("mtime", text.as_bytes())),
            plain("a", b'0'),
        ]));
    }
    assert_eq!(
        accept(&[header(b"a", b'0', set(136, b"77777777777"))])[0].mtime,
        (1 << 33) - 1
    );
    assert_malformed(refuse(&[header(
        b"a",
        b'0',
        set(136, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
    )]));
    let early = Entry {
        mtime: i64::MIN,
        ..file("a", 0)
    };
    assert_eq!(Layout::new(vec![early]).unwrap().entries()[0].mtime, first);
}

#[test]
fn h22_nothing_follows_the_end() {
    let good = archive(&[plain("a", b'0')]);
    for tail in [&b"x"[..], &[0], &[0; 512], &good] {
        assert_malformed(read(LINKS, [&[&good, tail].concat()[..]]).unwrap_err());
        assert_malformed(read(LINKS, [&good[..], tail]).unwrap_err());
    }
    let mut reader = Reader::new(LINKS);
    reader.push(good.clone().into());
    while reader.next().unwrap().is_some() {}
    reader.push(Bytes::from_static(b"x"));
    assert_malformed(reader.finish().unwrap_err());
    for length in 0..good.len() {
        assert_malformed(read(LINKS, [&good[..length]]).unwrap_err());
    }
    assert_malformed(refuse(&[plain("a", b'0'), vec![0; 512], plain("b", b'0')]));
}
