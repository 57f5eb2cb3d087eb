//! Honest trees.

use super::*;

/// One of everything an archive can hold.
pub(super) fn tree() -> Layout {
    let long = format!("{}/{}", "d".repeat(120), "n".repeat(100));
    let longer = format!("{}/{}", "d".repeat(120), "n".repeat(101));
    let mut entries = vec![
        directory("a"),
        file("a/empty", 0),
        directory("a/sub"),
        file("a/sub/one", 1),
        file("a/unit", 512),
        file("a-file", 513),
        file("a.txt", 3000),
        file("d".repeat(100), 1),
        file("d".repeat(101), 1),
        directory("d".repeat(120)),
        file(long, 1),
        file(longer, 1),
        directory("e"),
        link("e/long", "../".to_owned() + &"x/".repeat(60)),
        link("e/up", "../a/./sub"),
        file("old", 1),
        file("run", 1),
        file("éé 疾風", 5),
        file(b"\xff\xfe", 6),
        file([&[0xff; 200][..], b"!"].concat(), 7),
    ];
    entries.sort_by(|left, right| left.path.cmp(&right.path));
    for entry in &mut entries {
        match entry.path.as_bytes() {
            b"old" => entry.mtime = -86_401,
            b"run" => (entry.executable, entry.mtime) = (true, 1 << 33),
            _ => {}
        }
    }
    Layout::new(entries).unwrap()
}

#[test]
fn an_archive_read_back_is_the_tree() {
    let layout = tree();
    let (entries, summary) = read(LINKS, [&whole(&layout)[..]]).unwrap();
    assert_eq!(entries.len(), layout.entries().len());
    for (index, (entry, bytes)) in entries.iter().enumerate() {
        assert_eq!(entry, &layout.entries()[index]);
        assert_eq!(bytes.len() as u64, entry.size);
        assert!(
            (0..)
                .zip(bytes)
                .all(|(at, &byte)| byte == content(index, at))
        );
    }
    let bytes = layout.entries().iter().map(|entry| entry.size).sum();
    let entries = layout.entries().len() as u64;
    assert_eq!(summary, Summary { entries, bytes });
}

#[test]
fn an_archive_may_come_byte_by_byte() {
    let bytes = whole(&tree());
    let at_once = read(LINKS, [&bytes[..]]).unwrap();
    assert_eq!(read(LINKS, bytes.chunks(1)).unwrap(), at_once);
    assert_eq!(read(LINKS, bytes.chunks(511)).unwrap(), at_once);
}

#[test]
fn any_part_of_a_payload_is_the_same_as_in_the_whole() {
    let layout = tree();
    let bytes = whole(&layout);
    assert_eq!(bytes.len() as u64, layout.len());
    assert_eq!(bytes.len() % 512, 0);
    for len in [1, 2, 511, 512, 513, 1024, 5000] {
        for offset in (0..bytes.len() + 600).step_by(37) {
            let start = offset.min(bytes.len());
            let end = (offset + len).min(bytes.len());
            assert_eq!(payload(&layout, offset as u64, len), &bytes[start..end]);
        }
    }
    assert_eq!(layout.extents(u64::MAX, usize::MAX).count(), 0);
    assert_eq!(layout.extents(3, 0).count(), 0);
}

#[test]
fn small_files_share_their_headers_extents() {
    let names: Vec<_> = (100..200)
        .map(|number| file(number.to_string(), 0))
        .collect();
    let layout = Layout::new(names).unwrap();
    assert_eq!(layout.extents(0, layout.len() as usize).count(), 1);
}

#[test]
fn every_byte_belongs_to_the_entry_before_it() {
    let layout = Layout::new(vec![file("a", 513), file("b", 0)]).unwrap();
    let expected = [
        (0, Some(0)),
        (1535, Some(0)),
        (1536, Some(1)),
        (2047, Some(1)),
        (2048, None),
        (u64::MAX, None),
    ];
    for (offset, entry) in expected {
        assert_eq!(layout.entry_at(offset), entry, "{offset}");
    }
    assert_eq!(layout.len(), 3072);
}

#[test]
fn no_entries_are_an_archive_too() {
    let layout = Layout::new(Vec::new()).unwrap();
    assert_eq!(whole(&layout), [0; 1024]);
    assert_eq!(layout.entry_at(0), None);
    let (entries, summary) = read(NO_LINKS, [&[0; 1024][..]]).unwrap();
    assert_eq!((entries.len(), summary), (0, Summary::default()));
}

#[test]
fn huge_files_keep_their_size() {
    for size in [(1 << 33) - 1, 1 << 33, 1 << 40, i64::MAX as u64 - 4096] {
        let layout = Layout::new(vec![file("huge", size)]).unwrap();
        let start = match layout.extents(0, 1 << 20).next() {
            Some(Extent::Bytes(header)) => header,
            other => panic!("{other:?}"),
        };
        let mut reader = Reader::new(NO_LINKS);
        reader.push(start);
        assert_eq!(
            reader.next(),
            Ok(Some(Event::Entry(layout.entries()[0].clone())))
        );
        let near_end = layout.extents(layout.len() - 1024, 2048).next();
        assert_eq!(
            near_end,
            Some(Extent::Bytes(Bytes::from_static(&[0; 1024])))
        );
    }
    let error = Layout::new(vec![file("a", 1 << 62), file("b", 1 << 62)]).unwrap_err();
    assert!(matches!(error, Error::Unsafe(it) if it.name == b"b"));
    assert!(Layout::new(vec![file("a", u64::MAX)]).is_err());
}

#[test]
fn content_is_not_copied() {
    let bytes = Bytes::from(whole(&Layout::new(vec![file("a", 600)]).unwrap()));
    let mut reader = Reader::new(NO_LINKS);
    reader.push(bytes.clone());
    reader.next().unwrap();
    let Ok(Some(Event::Content(content))) = reader.next() else {
        panic!("no content");
    };
    assert_eq!(content.as_ptr(), bytes[512..].as_ptr());
    assert_eq!(content.len(), 600);
}

#[test]
fn a_layout_names_the_path_no_receiver_would_take() {
    let wrong: [(Vec<Entry>, &str); 9] = [
        (vec![file("b", 0), file("a", 0)], "a"),
        (vec![file("a", 0), file("a", 0)], "a"),
        (vec![file("a/b", 0)], "a/b"),
        (vec![file("a", 0), file("a/b", 0)], "a/b"),
        (
            vec![directory("a"), file("b", 0), file("b.c", 0), file("c/d", 0)],
            "c/d",
        ),
        (
            vec![directory("a"), file("a.txt", 0), file("a/b", 0)],
            "a/b",
        ),
        (
            vec![directory("a"), directory("ab"), file("ab/c/d", 0)],
            "ab/c/d",
        ),
        (vec![link("a", "."), file("a/b", 0)], "a/b"),
        (vec![entry("a", Kind::Directory, 1)], "a"),
    ];
    for (entries, path) in wrong {
        match Layout::new(entries).unwrap_err() {
            Error::Unsafe(error) => assert_eq!(error.name, path.as_bytes()),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn the_bytes_are_the_same_today_as_tomorrow() {
    let layout = Layout::new(vec![directory("dir"), file("dir/file", 0)]).unwrap();
    let mut expected = vec![0; 2048];
    for (start, name, mode, kind, sum) in [
        (0, "dir", "0000755", b'5', "0007746"),
        (512, "dir/file", "0000644", b'0', "0010655"),
    ] {
        let mut field = |at: usize, text: &str| {
            expected[start + at..][..text.len()].copy_from_slice(text.as_bytes());
        };
        field(0, name);
        field(100, mode);
        field(108, "0000000");
        field(116, "0000000");
        field(124, "00000000000");
        field(136, "14524770400");
        field(148, sum);
        field(257, "ustar\x0000");
        field(329, "0000000");
        field(337, "0000000");
        expected[start + 156] = kind;
    }
    assert!(whole(&layout) == expected);
}
