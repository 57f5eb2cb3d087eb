//! Random trees, random cuts, random bytes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[ab.~-]{1,3}".prop_map(String::into_bytes),
        1 => prop::collection::vec(0x80_u8.., 1..5),
        1 => "[a-c]{90,110}".prop_map(String::into_bytes),
    ]
}

/// A kind of what is no directory, its time, whether it is executable.
fn leaf() -> impl Strategy<Value = (Kind, u64, i64, bool)> {
    let mtime = prop_oneof![0..2_000_000_000_i64, any::<i64>()];
    let kind = prop_oneof![
        3 => (0..2000_u64, any::<bool>()).prop_map(|(size, executable)| (Kind::File, size, executable)),
        1 => "[a-z]{1,3}(/[a-z]{1,90}){0,2}"
            .prop_map(|target| (Kind::Symlink { target: target.into() }, 0, false)),
        1 => Just((Kind::Directory, 0, false)),
    ];
    (kind, mtime).prop_map(|((kind, size, executable), mtime)| (kind, size, mtime, executable))
}

/// A tree of at most a dozen leaves, with all the directories they need.
pub(super) fn tree() -> impl Strategy<Value = Layout> {
    prop::collection::vec((prop::collection::vec(name(), 1..4), leaf()), 0..12).prop_map(|leaves| {
        let mut entries = BTreeMap::new();
        for (names, (kind, size, mtime, executable)) in leaves {
            let Ok(path) = SafePath::parse(&names.join(&b'/')) else {
                continue;
            };
            let leaf = Entry {
                path: path.clone(),
                kind,
                size,
                mtime,
                executable,
            };
            entries.insert(path.clone(), leaf);
            let mut above = path.parent();
            while let Some(path) = above {
                above = path.parent();
                entries.insert(path.clone(), directory(path.as_bytes()));
            }
        }
        // A leaf that other paths made a directory of is one.
        let paths: Vec<_> = entries.keys().cloned().collect();
        for path in paths {
            if let Some(parent) = path.parent() {
                entries.insert(parent.clone(), directory(parent.as_bytes()));
            }
        }
        Layout::new(entries.into_values().collect()).unwrap()
    })
}

/// `bytes` cut at these places.
fn cut<'a>(bytes: &'a [u8], places: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places
        .iter()
        .map(|place| place.index(bytes.len() + 1))
        .collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| &bytes[pair[0]..pair[1]])
        .collect()
}

/// Writes the checksum again of every unit that has the magic of a header.
pub(super) fn repair(bytes: &mut [u8]) {
    for unit in bytes.chunks_exact_mut(512) {
        if &unit[257..262] == b"ustar" {
            unit[148..156].fill(b' ');
            let sum: u32 = unit.iter().map(|&byte| u32::from(byte)).sum();
            unit[148..156].copy_from_slice(format!("{sum:07o}\0").as_bytes());
        }
    }
}

/// What must hold of whatever a reader accepts.
fn check_accepted(entries: &[(Entry, Vec<u8>)], summary: Summary) {
    assert_eq!(summary.entries, entries.len() as u64);
    assert_eq!(
        summary.bytes,
        entries.iter().map(|(entry, _)| entry.size).sum::<u64>()
    );
    assert!(
        entries
            .iter()
            .all(|(entry, bytes)| entry.size == bytes.len() as u64)
    );
    // Whatever the rules between entries are, the writer would keep them too.
    let entries: Vec<_> = entries.iter().map(|(entry, _)| entry.clone()).collect();
    assert_eq!(Layout::new(entries.clone()).unwrap().entries(), entries);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_tree_survives_any_cuts(layout in tree(), places in prop::collection::vec(any::<prop::sample::Index>(), 0..9)) {
        let bytes = whole(&layout);
        let pieces = cut(&bytes, &places);
        let mut again = Vec::new();
        for piece in &pieces {
            again.extend(payload(&layout, again.len() as u64, piece.len()));
        }
        prop_assert_eq!(&again, &bytes);
        let (entries, summary) = read(LINKS, pieces).unwrap();
        check_accepted(&entries, summary);
        prop_assert!(entries.iter().map(|(entry, _)| entry).eq(layout.entries()));
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..3000), sums in any::<bool>()) {
        let mut bytes = bytes;
        if sums {
            for unit in bytes.chunks_exact_mut(512) {
                unit[257..265].copy_from_slice(b"ustar\x0000");
            }
            repair(&mut bytes);
        }
        let _ = read(LINKS, bytes.chunks(700));
    }

    #[test]
    fn a_changed_archive_does_no_harm(
        layout in tree(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        sums in any::<bool>(),
        length in any::<prop::sample::Index>(),
        is_cut in prop::bool::weighted(0.1),
    ) {
        let mut bytes = whole(&layout);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if sums {
            repair(&mut bytes);
        }
        if is_cut {
            bytes.truncate(length.index(bytes.len()));
            prop_assert!(read(LINKS, [&bytes[..]]).is_err());
        }
        if let Ok((entries, summary)) = read(LINKS, bytes.chunks(999)) {
            check_accepted(&entries, summary);
        }
    }

    /// Digits in headers and records decide lengths: change those, and keep the sums right.
    #[test]
    fn a_changed_header_does_no_harm(
        layout in tree(),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..512_usize, prop::sample::select(b"012567xLg/.a= \0\n\xff".to_vec())), 1..5),
    ) {
        let mut bytes = whole(&layout);
        let units = bytes.len() / 512;
        for (unit, at, byte) in changes {
            bytes[unit.index(units) * 512 + at] = byte;
        }
        repair(&mut bytes);
        if let Ok((entries, summary)) = read(LINKS, [&bytes[..]]) {
            check_accepted(&entries, summary);
        }
    }
}
