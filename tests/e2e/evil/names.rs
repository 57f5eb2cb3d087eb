//! Names that lead elsewhere, in every way to say where things go (H01 to H04).

use std::fs;

use crate::{
    arena::Arena,
    code::{PROTOCOL, UNSAFE},
    ends::Run,
    protocol::{BLOCK, Offer},
    raw::{archive, pax, plain, record},
};

/// Everything that `-o` may be: nothing, a name, a name that is taken, a directory, one that is to be made, a pipe.
const PLACES: [&[&str]; 6] = [
    &[],
    &["-o", "file"],
    &["-o", "mine.txt", "--on-conflict", "overwrite"],
    &["-o", "empty"],
    &["-o", "made/"],
    &["-o", "-"],
];

/// What no file may be called.
fn bad_names(arena: &Arena) -> Vec<Vec<u8>> {
    let absolute = arena.base("planted").into_os_string().into_encoded_bytes();
    let mut names: Vec<Vec<u8>> = [
        "../planted",
        "../../.ssh/authorized_keys",
        "a/b",
        "",
        ".",
        "..",
        "a\0b",
        "a\n",
        "\x1b[2J",
        "a\u{9b}b",
    ]
    .map(|name| name.as_bytes().to_vec())
    .into();
    names.push(absolute);
    names
}

/// An offer of a directory whose archive has these parts, and the archive.
pub(crate) fn tree(parts: &[Vec<u8>], entries: u64, bytes: u64) -> (Offer, Vec<u8>) {
    let payload = archive(parts);
    let offer = Offer {
        kind: 3,
        name: b"tree".to_vec(),
        payload: payload.len() as u64,
        bytes,
        entries,
        ..Offer::file(0)
    };
    (offer, payload)
}

/// Sends an archive, whatever the receiver thinks of it.
pub(crate) fn send(arena: &Arena, arguments: &[&str], (offer, payload): (Offer, Vec<u8>)) -> Run {
    let arguments = [&["--json"], arguments].concat();
    arena.receive(&arguments, async move |peer| {
        peer.send(&offer, &payload).await;
    })
}

/// H02, H03. The regression that others had: a check in one mode and none in the next.
#[test]
fn a_name_that_leads_elsewhere_is_refused_where_the_person_named_no_directory() {
    assert_names_refused(&PLACES[..3]);
}

/// H02, H03. As above.
#[test]
fn a_name_that_leads_elsewhere_is_refused_in_a_directory_and_in_a_pipe() {
    assert_names_refused(&PLACES[3..]);
}

fn assert_names_refused(places: &[&'static [&'static str]]) {
    let arena = Arena::new();
    for name in bad_names(&arena) {
        for &place in places {
            let case = format!("{} to {place:?}", name.escape_ascii());
            let offer = Offer {
                name: name.clone(),
                ..Offer::file(5)
            };
            let run = arena.receive(place, async move |peer| {
                peer.send(&offer, b"hello").await;
            });
            assert!(run.outcome.stdout.is_empty(), "{case}: {}", run.outcome);
            arena.assert_refuses(&run, UNSAFE, &case);
        }
    }
    arena.assert_works();
}

/// H11. What Windows would misread is a name like any other here: it stays below the target, as it is.
#[test]
fn a_name_that_is_bad_elsewhere_arrives_as_it_is() {
    let arena = Arena::new();
    for name in [
        "CON",
        "nul.txt",
        "a.",
        "a ",
        "a:b",
        r"a\..\..\b",
        r"\\?\C:\x",
        "PROGRA~1",
    ] {
        let offer = Offer {
            name: name.as_bytes().to_vec(),
            ..Offer::file(5)
        };
        let run = arena.receive(&[], async move |peer| {
            peer.send(&offer, b"hello").await;
        });
        assert_eq!(run.outcome.code, 0, "{name}: {}", run.outcome);
        let stored = arena.target(name);
        assert_eq!(fs::read(&stored).unwrap(), b"hello", "{name}");
        fs::remove_file(stored).unwrap();
    }
}

/// H02. Of a directory, a pipe, a text, and of several items.
#[test]
fn a_name_that_leads_elsewhere_is_refused_whatever_it_names() {
    let arena = Arena::new();
    for name in [&b"../planted"[..], b"/planted"] {
        let named = |kind, payload, bytes| Offer {
            kind,
            name: name.to_vec(),
            payload,
            bytes,
            ..Offer::file(0)
        };
        let mut items = Offer {
            kind: 4,
            ..Offer::file(1024)
        };
        (items.bytes, items.names) = (0, vec![b"fine".to_vec(), name.to_vec()]);
        for offer in [
            named(2, 5, 5),
            named(3, 1024, 0),
            Offer {
                mtime: 0,
                ..named(5, u64::MAX, 0)
            },
            items,
        ] {
            let case = format!("{} of kind {}", name.escape_ascii(), offer.kind);
            let run = send(&arena, &[], (offer, vec![0; 1024]));
            arena.assert_refuses(&run, UNSAFE, &case);
        }
    }
    arena.assert_works();
}

/// H01. Alone, as a directory, and in a pax header.
#[test]
fn a_path_that_leads_elsewhere_is_refused_in_every_entry() {
    let arena = Arena::new();
    let absolute = arena.base("planted").display().to_string();
    for (at, path) in [
        "../x",
        "a/../../x",
        &absolute,
        "//x",
        "./../x",
        "a/./../..",
        "",
        ".",
        "..",
        "a//b",
        "a/",
        "a\n",
        "\x1b[2J",
    ]
    .into_iter()
    .enumerate()
    {
        let entries = match at % 3 {
            0 => vec![plain(path, b'0')],
            1 => vec![plain(path, b'5')],
            _ => vec![
                pax(&record("path", path.as_bytes())),
                plain("harmless", b'0'),
            ],
        };
        let place = [
            &[][..],
            &["-o", "other"],
            &["-o", "empty"],
            &["-o", "made/"],
        ][at % 4];
        let run = send(&arena, place, tree(&entries, 1, 0));
        // the person asked for this directory: it may be there, and empty
        let _ = fs::remove_dir(arena.target("made"));
        arena.assert_refuses(&run, UNSAFE, &format!("{path:?} to {place:?}"));
    }
    arena.assert_works();
}

/// H01. What came before it is not stored either.
#[test]
fn one_bad_path_among_many_good_ones_ends_it_all() {
    let arena = Arena::new();
    let good = |from, to| (from..to).map(|number: u32| plain(&format!("!{number}"), b'0'));
    let parts: Vec<_> = good(1000, 3000)
        .chain([plain("../x", b'0')])
        .chain(good(3000, 4000))
        .collect();
    let (offer, payload) = tree(&parts, 3001, 0);
    assert!(payload.len() > BLOCK);
    let run = send(&arena, &[], (offer, payload));
    arena.assert_refuses(&run, UNSAFE, "entry 2001 of 3001");
    arena.assert_works();
}

/// H04. With the longest name that may be.
#[test]
fn names_and_paths_are_bounded() {
    let arena = Arena::new();
    let mut offer = Offer::file(5);
    offer.name = vec![b'n'; 256];
    let run = send(&arena, &[], (offer, b"hello".to_vec()));
    arena.assert_refuses(&run, PROTOCOL, "a file with a name of 256 bytes");
    let named = |path: &[u8]| vec![pax(&record("path", path)), plain("x", b'0')];
    let long = [&b"n".repeat(250)[..], b"/"].concat().repeat(17);
    for (case, path) in [
        ("a name of 256 bytes", vec![b'n'; 256]),
        ("a path of 4097 bytes", long[..4097].to_vec()),
        ("1025 components", b"d/".repeat(1025)[..2049].to_vec()),
    ] {
        let run = send(&arena, &[], tree(&named(&path), 1, 0));
        arena.assert_refuses(&run, UNSAFE, case);
    }
    let bomb = pax(&record("path", &vec![b'n'; 65 << 10]));
    let run = send(&arena, &[], tree(&[bomb, plain("x", b'0')], 1, 0));
    arena.assert_refuses(&run, PROTOCOL, "a path of 65 KiB");
    let run = send(&arena, &[], tree(&named(&[b'n'; 255]), 1, 0));
    assert_eq!(run.outcome.code, 0, "{}", run.outcome);
    assert!(arena.target("tree").join("n".repeat(255)).is_file());
    fs::remove_dir_all(arena.target("tree")).unwrap();
    arena.assert_works();
}
