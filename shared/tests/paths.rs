//! Names and paths: what is refused, how they sort, how they are shown.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use hayate_shared::path::{SafeName, SafePath, escape, windows_problem};
use proptest::prelude::*;

fn path(text: &str) -> SafePath {
    SafePath::parse(text.as_bytes()).unwrap()
}

#[test]
fn visible_text_is_shown_as_it_is() {
    for text in [
        "a b.txt",
        "naïve",
        "e\u{301}",
        "疾風 はやて",
        "全角\u{3000}空白",
        "🦀️",
        "\"quoted\"",
        "it's",
    ] {
        assert_eq!(escape(text.as_bytes()), text);
    }
}

#[test]
fn what_could_deceive_a_terminal_is_escaped() {
    let hidden = "\0\u{1}\t\n\r\u{1b}\u{7f}\u{80}\u{9b}\u{9f}\u{ad}\u{61c}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\
        \u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\
        \u{feff}\u{fff9}\u{e0001}\u{e0041}\u{e0100}\u{3164}\u{a0}\u{e000}\u{10ffff}";
    for c in hidden.chars() {
        assert_eq!(
            escape(c.to_string().as_bytes()),
            format!("\\u{{{:x}}}", u32::from(c))
        );
    }
    assert_eq!(escape(b"a\xff\x9bb"), "a\\xff\\x9bb");
    assert_eq!(escape(b"\xed\xa0\x80\xc0\xaf"), "\\xed\\xa0\\x80\\xc0\\xaf");
    assert_eq!(escape(br"\xff"), r"\\xff");
    assert_eq!(
        escape("\u{301}a".as_bytes()),
        "\\u{301}a",
        "must not combine with a quote"
    );
}

#[test]
fn names_that_are_no_single_component_are_refused() {
    let long = vec![b'a'; 256];
    let refused: [&[u8]; 17] = [
        b"",
        b".",
        b"..",
        b"/",
        b"a/b",
        b"a/",
        b"/a",
        b"../../.ssh/authorized_keys",
        b"/etc/cron.d/x",
        b"\0",
        b"a\0b",
        b"a\nb",
        b"\x1b[2J",
        b"\x7f",
        "\u{9b}".as_bytes(),
        b"\xff\xc2\x9b",
        &long,
    ];
    for name in refused {
        let error = SafeName::parse(name).unwrap_err();
        assert_eq!(error.name, name);
    }
}

#[test]
fn odd_names_that_are_safe_are_allowed() {
    let long = vec![b'a'; 255];
    let allowed: [&[u8]; 9] = [
        b"...",
        b"..a",
        b" ",
        b"-rf",
        b"\xff\xfe",
        b"a\x9b",
        br"a\..\b",
        "\u{202e}txt".as_bytes(),
        &long,
    ];
    for name in allowed {
        assert_eq!(SafeName::parse(name).unwrap().as_bytes(), name);
    }
    assert_eq!(
        SafeName::parse("\u{202e}txt".as_bytes())
            .unwrap()
            .to_string(),
        "\\u{202e}txt"
    );
}

#[test]
fn paths_that_leave_the_root_or_are_not_canonical_are_refused() {
    for text in [
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
        "/",
        "a/.",
        "./a",
        "a/..",
        "a\0/b",
        "a/b\n",
    ] {
        let error = SafePath::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.name, text.as_bytes());
    }
}

#[test]
fn paths_are_bounded_in_length_and_depth() {
    let mut longest = [
        vec!["b".repeat(255); 15].join("/"),
        "b".repeat(254),
        "c".into(),
    ]
    .join("/")
    .into_bytes();
    assert_eq!(longest.len(), 4096);
    assert!(SafePath::parse(&longest).is_ok());
    longest.push(b'c');
    assert_eq!(
        SafePath::parse(&longest).unwrap_err().what,
        "a path longer than 4096 bytes"
    );

    let deep = vec!["a"; 1024].join("/");
    assert_eq!(path(&deep).depth(), 1024);
    assert!(SafePath::parse(format!("{deep}/a").as_bytes()).is_err());
    assert!(path(&deep).join(&SafeName::parse(b"a").unwrap()).is_err());
}

#[test]
fn paths_sort_component_by_component() {
    let sorted = ["a", "a/b", "a/b/c", "a/c", "a b", "a-b", "a.txt", "b"];
    for (index, left) in sorted.iter().enumerate() {
        for (other, right) in sorted.iter().enumerate() {
            assert_eq!(
                path(left).cmp(&path(right)),
                index.cmp(&other),
                "{left} {right}"
            );
        }
    }
}

#[test]
fn a_path_is_taken_apart_and_joined() {
    let whole = path("a/b/c");
    assert_eq!(whole.name().as_bytes(), b"c");
    assert_eq!(whole.parent(), Some(path("a/b")));
    assert_eq!(path("a/b").join(&whole.name()).unwrap(), whole);
    assert_eq!(path("a").parent(), None);
    assert_eq!(SafePath::from(path("a").name()), path("a"));
    assert_eq!(whole.components().collect::<Vec<_>>(), [b"a", b"b", b"c"]);
}

/// H11.
#[test]
fn windows_refuses_what_it_would_misread() {
    for name in [
        "CON",
        "con.txt",
        "NUL ",
        "nul .txt",
        "nul.tar.gz",
        "COM1",
        "com9.x",
        "COM¹",
        "com².txt",
        "LPT³",
        "LPT9.",
        "PRN",
        "AUX.c",
        "CONIN$",
        "conout$.log",
        "a:b",
        "a.txt::$DATA",
        "a.",
        "a ",
        r"a\..\..\b",
        r"C:\x",
        r"\\?\C:\x",
        r"\\srv\s\x",
        "PROGRA~1",
        "readme~2.txt",
        "a<b",
        "a>b",
        "a\"b",
        "a|b",
        "a?b",
        "a*b",
        "a\u{1f}",
        "a/b",
    ] {
        assert!(windows_problem(name.as_bytes()).is_some(), "{name}");
    }
    assert!(windows_problem(b"\xff").is_some());
    for name in [
        "a",
        "a.txt",
        ".gitignore",
        "CONSOLE",
        "com",
        "COM10",
        "COM0x",
        "lpt",
        "nullable.rs",
        "auxiliary",
        "~",
        "a~",
        "file.txt~1~",
        "long-name-that~1",
        "naïve.txt",
        "🦀",
        "a b",
    ] {
        assert_eq!(windows_problem(name.as_bytes()), None, "{name}");
    }
}

proptest! {
    #[test]
    fn whatever_is_shown_is_one_visible_line(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let shown = escape(&bytes);
        let hides = |c: char| c.is_control() || ('\u{200b}'..='\u{200f}').contains(&c);
        prop_assert!(!shown.contains(hides));
    }

    #[test]
    fn different_names_are_shown_differently(
        left in "[\\\\xfu{}0é\u{ff}\u{202e}]{0,6}", right in "[\\\\xfu{}0é\u{ff}\u{202e}]{0,6}",
        tail in prop::collection::vec(any::<u8>(), 0..3), other_tail in prop::collection::vec(any::<u8>(), 0..3),
    ) {
        let (left, right) = ([left.as_bytes(), &tail].concat(), [right.as_bytes(), &other_tail].concat());
        prop_assert_eq!(left == right, escape(&left) == escape(&right));
    }

    #[test]
    fn a_path_that_parses_keeps_every_rule(bytes in prop::collection::vec(
        prop_oneof![Just(b'.'), Just(b'/'), Just(b'a'), any::<u8>()], 0..40)) {
        if let Ok(parsed) = SafePath::parse(&bytes) {
            prop_assert_eq!(parsed.as_bytes(), &bytes[..]);
            for name in parsed.components() {
                prop_assert!(SafeName::parse(name).is_ok());
            }
            let rejoined = parsed.parent().map_or_else(
                || SafePath::from(parsed.name()),
                |parent| parent.join(&parsed.name()).unwrap(),
            );
            prop_assert_eq!(rejoined, parsed);
        }
    }

    #[test]
    fn the_order_is_that_of_the_components(
        left in "[a.-]{1,3}(/[b.-]{1,3}){0,3}", right in "[a.-]{1,3}(/[b.-]{1,3}){0,3}",
    ) {
        if let (Ok(a), Ok(b)) = (SafePath::parse(left.as_bytes()), SafePath::parse(right.as_bytes())) {
            let split = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(a.cmp(&b), split(&left).cmp(&split(&right)));
        }
    }
}
