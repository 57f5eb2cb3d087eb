//! Archives with what no tree needs (H05, H06, H10, H14 to H17, H22, H23).

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

use crate::{
    arena::Arena,
    code::{PROTOCOL, UNSAFE},
    names::{send, tree},
    protocol::{BLOCK, Offer},
    raw::{archive, header, pax, plain, record, set, sized},
};

/// A link of this kind.
fn link(name: &str, typeflag: u8, target: &str) -> Vec<u8> {
    header(name.as_bytes(), typeflag, set(157, target.as_bytes()))
}

fn assert_all_refused(code: i32, cases: impl IntoIterator<Item = (&'static str, Vec<Vec<u8>>)>) {
    let arena = Arena::new();
    for (case, parts) in cases {
        let entries = parts.iter().filter(|part| part[156] != b'x').count();
        let run = send(&arena, &[], tree(&parts, entries as u64, 0));
        arena.assert_refuses(&run, code, case);
    }
    arena.assert_works();
}

/// H05.
#[test]
fn symbolic_links_that_leave_the_tree_are_refused_and_nothing_goes_through_one() {
    assert_all_refused(
        UNSAFE,
        [
            ("absolute", vec![link("a", b'2', "/etc")]),
            ("above the tree", vec![link("a", b'2', "..")]),
            (
                "above it from below",
                vec![plain("d", b'5'), link("d/a", b'2', "../../x")],
            ),
            ("above it in the middle", vec![link("a", b'2', "b/../../x")]),
            (
                "a file through one",
                vec![link("a", b'2', "b"), plain("a/x", b'0'), plain("b", b'5')],
            ),
            (
                "a chain",
                vec![
                    link("a", b'2', "b"),
                    link("b", b'2', "c"),
                    link("c", b'2', "."),
                    plain("c/x", b'0'),
                ],
            ),
            (
                "a file in the place of one",
                vec![link("a", b'2', "b"), plain("a", b'0')],
            ),
            (
                "one in the place of a directory",
                vec![plain("a", b'5'), link("a", b'2', "b"), plain("a/x", b'0')],
            ),
        ],
    );
}

/// H06.
#[test]
fn hard_links_are_refused_wherever_they_lead() {
    assert_all_refused(
        UNSAFE,
        [
            ("to the system", vec![link("a", b'1', "/etc/passwd")]),
            (
                "to a file that was there",
                vec![link("a", b'1', "../mine.txt")],
            ),
            ("to an entry", vec![plain("a", b'0'), link("b", b'1', "a")]),
            (
                "to a later entry",
                vec![link("a", b'1', "b"), plain("b", b'0')],
            ),
            (
                "to a link",
                vec![link("a", b'2', "b"), link("c", b'1', "a")],
            ),
        ],
    );
}

/// H10.
#[test]
fn everything_that_is_no_file_directory_or_link_is_refused() {
    let kinds = *b"34678gSMVDAZs\xff";
    assert_all_refused(UNSAFE, kinds.map(|kind| ("a kind", vec![plain("a", kind)])));
    assert_all_refused(
        PROTOCOL,
        [
            ("GNU's long name", vec![plain("a", b'L')]),
            ("GNU's long link", vec![plain("a", b'K')]),
        ],
    );
}

/// H14. Refused by its announced length.
#[test]
fn a_header_of_gigabytes_is_refused_before_it_comes() {
    let arena = Arena::new();
    for kind in [b'x', b'L', b'K', b'g'] {
        let mut payload = sized("PaxHeader", kind, 2 << 30);
        payload.resize(BLOCK, b'a');
        let offer = Offer {
            payload: 64 << 20,
            ..tree(&[], 1, 0).0
        };
        let run = arena.receive(&["--json"], async move |peer| {
            assert!(peer.offer(&offer).await);
            peer.block(0, false, &payload).await;
        });
        let code = if kind == b'g' { UNSAFE } else { PROTOCOL };
        arena.assert_refuses(&run, code, "2 GiB of header");
    }
    arena.assert_works();
}

/// H15, H16. Also of files and directories that would lock their owner out.
#[test]
fn modes_and_owners_of_the_sender_are_not_taken_over() {
    let arena = Arena::new();
    let odd = |name: &str, kind: u8, mode: &'static [u8], owner: &'static [u8]| {
        header(name.as_bytes(), kind, move |unit| {
            unit[100..107].copy_from_slice(mode);
            unit[108..115].copy_from_slice(owner);
            unit[116..123].copy_from_slice(owner);
            unit[265..269].copy_from_slice(b"evil");
        })
    };
    let parts = [
        odd("d", b'5', b"0000000", b"0000000"),
        odd("d/f", b'0', b"0000000", b"0002322"),
        odd("e", b'5', b"0007555", b"7777777"),
        odd("e/f", b'0', b"0007777", b"7777777"),
    ];
    let run = send(&arena, &[], tree(&parts, 4, 0));
    assert_eq!(run.outcome.code, 0, "{}", run.outcome);
    let own = fs::metadata(arena.base("target")).unwrap();
    for (name, owner_may) in [("d", 0o700), ("d/f", 0o600), ("e", 0o700), ("e/f", 0o700)] {
        let metadata = fs::metadata(arena.target("tree").join(name)).unwrap();
        let mode = metadata.permissions().mode();
        assert_eq!(mode & 0o7022, 0, "{name}: {mode:o}");
        assert_eq!(mode & 0o700, owner_may, "{name}: {mode:o}");
        assert_eq!(
            (metadata.uid(), metadata.gid()),
            (own.uid(), own.gid()),
            "{name}"
        );
    }
    fs::remove_dir_all(arena.target("tree")).unwrap();
    arena.assert_works();
}

/// H16, H17.
#[test]
fn attributes_and_times_that_are_none_are_refused() {
    let with = |key: &str, value: &str| vec![pax(&record(key, value.as_bytes())), plain("a", b'0')];
    assert_all_refused(
        PROTOCOL,
        [
            (
                "a capability",
                with("SCHILY.xattr.security.capability", "\u{1}"),
            ),
            ("an ACL", with("SCHILY.acl.access", "user::rwx")),
            ("a label", with("RHT.security.selinux", "system_u")),
            ("an owner", with("uid", "0")),
            ("a time that is no number", with("mtime", "1e999")),
            ("no time", with("mtime", "NaN")),
        ],
    );
}

/// H17. The farthest times, of entries and of what is offered.
#[test]
fn times_far_away_are_clamped_or_kept() {
    let arena = Arena::new();
    let mut parts = vec![header(b"0", b'0', set(136, b"77777777777"))];
    for (name, time) in [
        ("1", "-1"),
        ("2", "8589934592"),
        ("3", "253402300799"),
        ("4", "-62135596800"),
        ("5", "4611686018427387904"),
        ("6", "1.0000000001"),
    ] {
        parts.extend([pax(&record("mtime", time.as_bytes())), plain(name, b'0')]);
    }
    for mtime in [i64::MAX, i64::MIN, -1, 0] {
        let (offer, payload) = tree(&parts, 7, 0);
        let run = send(&arena, &[], (Offer { mtime, ..offer }, payload));
        assert_eq!(run.outcome.code, 0, "{mtime}: {}", run.outcome);
        fs::remove_dir_all(arena.target("tree")).unwrap();
        arena.assert_unchanged("times");
    }
}

/// H22.
#[test]
fn nothing_follows_the_end_of_an_archive() {
    let arena = Arena::new();
    let one = archive(&[plain("a", b'0')]);
    for (case, tail) in [
        ("a byte", vec![b'x'; 512]),
        ("more zeros", vec![0; 512]),
        ("an entry", plain("b", b'0')),
        ("another archive", archive(&[plain("b", b'0')])),
    ] {
        let payload = [&one[..], &tail].concat();
        let (mut offer, _) = tree(&[], 2, 0);
        offer.payload = payload.len() as u64;
        let run = send(&arena, &[], (offer, payload));
        arena.assert_refuses(&run, PROTOCOL, case);
    }
    let (mut offer, mut payload) = tree(&[plain("a", b'0')], 1, 0);
    payload.truncate(512);
    offer.payload = 512;
    let run = send(&arena, &[], (offer, payload));
    arena.assert_refuses(&run, PROTOCOL, "no end at all");
    arena.assert_works();
}

/// H23.
#[test]
fn an_archive_that_is_not_what_was_offered_is_refused() {
    let arena = Arena::new();
    let two = [plain("a", b'0'), plain("b", b'0')];
    let run = send(&arena, &[], tree(&two, 1, 0));
    arena.assert_refuses(&run, UNSAFE, "an entry more");
    let three = [&two[..], &[plain("c", b'5')]].concat();
    for (case, entries, bytes) in [("an entry less", 4, 0), ("a byte less", 3, 1)] {
        let run = send(&arena, &[], tree(&three, entries, bytes));
        arena.assert_refuses(&run, PROTOCOL, case);
    }
    let mut content = sized("a", b'0', 5);
    content.extend(b"hello");
    content.resize(1024, 0);
    let run = send(&arena, &[], tree(&[content], 1, 4));
    arena.assert_refuses(&run, PROTOCOL, "a byte more");
    let items = |names: &[&str]| {
        let (mut offer, payload) = tree(&two, 2, 0);
        offer.kind = 4;
        offer.names = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        (offer, payload)
    };
    for (case, names) in [
        ("another name", &["a", "c"][..]),
        ("a name less", &["a"]),
        ("no names", &[]),
    ] {
        let run = send(&arena, &[], items(names));
        assert_ne!(run.outcome.code, 0, "{case}: {}", run.outcome);
        arena.assert_unchanged(case);
    }
    arena.assert_works();
}
