//! From files to blocks and back to files, without a network between.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod tree;

use std::{
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, symlink},
    },
    path::Path,
};

use hayate::{
    ErrorKind,
    sink::{OnConflict, Output, Plan},
    source::{Links, Selection, gather},
};
use shared::BLOCK;
use tree::{Scratch, deliver, names, pattern, receive, refused, select, snapshot};

#[test]
fn files_of_every_length_arrive_with_mode_and_time() {
    let scratch = Scratch::new();
    for (number, len) in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17]
        .into_iter()
        .enumerate()
    {
        let file = scratch.file(&format!("from/{len}.bin"), &pattern(len));
        let mode = if number % 2 == 0 { 0o644 } else { 0o755 };
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        scratch.age(&file, 1_000_000_000 - 1_500_000_000 * number as i64);
        let (_, stored) = receive(&select(&[&file]), &scratch.dir("to"));
        let arrived = stored.path.unwrap();
        assert_eq!(arrived, scratch.path(&format!("to/{len}.bin")));
        assert_eq!(fs::read(&arrived).unwrap(), pattern(len));
        let (was, is) = (file.metadata().unwrap(), arrived.metadata().unwrap());
        assert_eq!(was.mtime(), is.mtime());
        assert_eq!(was.mode() & 0o111, is.mode() & 0o111, "{len}");
    }
    assert_eq!(names(&scratch.path("to")).len(), 6);
}

#[test]
fn a_tree_arrives_as_it_was() {
    let scratch = Scratch::new();
    let root = scratch.dir("from/photos");
    scratch.file("from/photos/a/b/deep", &pattern(2 * BLOCK + 5));
    scratch.file("from/photos/a.txt", b"sorted after a/");
    scratch.dir("from/photos/empty/inside");
    scratch.file("from/photos/zero", b"");
    scratch.file(&format!("from/photos/{}", "n".repeat(255)), b"long");
    let odd = std::ffi::OsStr::from_bytes(b"\xff\xfe not text \xe2\x80\xae");
    fs::write(root.join(odd), "odd").unwrap();
    let tool = scratch.file("from/photos/tool.sh", b"#!/bin/sh\n");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o700)).unwrap();
    scratch.age(&root.join("a/b"), 86_400);
    scratch.age(&root.join("a"), -86_400);
    scratch.age(&root, 1_234_567_890);
    let (gathered, stored) = receive(&select(&[&root]), &scratch.dir("to"));
    assert!(gathered.skipped.is_empty());
    assert_eq!(stored.path.unwrap(), scratch.path("to/photos"));
    assert_eq!(snapshot(&root), snapshot(&scratch.path("to/photos")));
    assert_eq!(names(&scratch.path("to")), ["photos"]);
}

#[test]
fn a_tree_deeper_than_the_handles_that_are_held_arrives() {
    let scratch = Scratch::new();
    let root = scratch.dir("from/deep");
    let mut dir = root.clone();
    for level in 0..200 {
        dir.push("d");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("e"), [level]).unwrap();
    }
    scratch.age(&root.join("d"), 77);
    receive(&select(&[&root]), &scratch.dir("to"));
    assert_eq!(snapshot(&root), snapshot(&scratch.path("to/deep")));
}

#[test]
fn many_small_files_arrive() {
    let scratch = Scratch::new();
    let root = scratch.dir("from/many");
    for number in 0..2000 {
        scratch.file(
            &format!("from/many/{}/{number}", number % 7),
            &pattern(number % 900),
        );
    }
    let (gathered, _) = receive(&select(&[&root]), &scratch.dir("to"));
    assert_eq!(gathered.offer.entries, 2007);
    assert_eq!(snapshot(&root), snapshot(&scratch.path("to/many")));
}

#[test]
fn several_paths_arrive_side_by_side() {
    let scratch = Scratch::new();
    let dir = scratch.dir("from/x/dir");
    scratch.file("from/x/dir/in", b"in");
    let file = scratch.file("from/y/file", b"file");
    let (gathered, stored) = receive(&select(&[&file, &dir]), &scratch.dir("to"));
    assert_eq!(stored.path.unwrap(), scratch.path("to"));
    assert_eq!(names(&scratch.path("to")), ["dir", "file"]);
    assert_eq!(fs::read(scratch.path("to/dir/in")).unwrap(), b"in");
    let shared::Kind::Items { names } = gathered.offer.kind else {
        panic!("{:?}", gathered.offer);
    };
    assert_eq!(names.len(), 2);
    // Into a directory that is not there yet, they arrive as that directory.
    let new = Output::Path(scratch.path("new"));
    let gathered = gather(&select(&[&file, &dir])).unwrap();
    deliver(&gathered, &new, OnConflict::Fail).unwrap();
    assert_eq!(snapshot(&scratch.path("new")).len(), 3);
    let message = refused(&select(&[&file, &scratch.file("from/z/file", b"")]));
    assert!(
        message.contains("y/file") && message.contains("z/file"),
        "{message}"
    );
}

#[test]
fn links_are_skipped_kept_or_followed() {
    let scratch = Scratch::new();
    let root = scratch.dir("from/r");
    scratch.file("outside", b"outside");
    scratch.file("from/r/real/file", b"content");
    let link = |target: &str, name: &str| symlink(target, root.join(name)).unwrap();
    link("real/file", "good");
    link("../../outside", "out");
    link("/etc/passwd", "absolute");
    link("nothing", "dangling");
    link(".", "loop");
    let with = |links| Selection {
        links,
        ..select(&[&root])
    };
    let (skip, _) = receive(&with(Links::Skip), &scratch.dir("skip"));
    assert_eq!(skip.skipped.len(), 5);
    assert_eq!(names(&scratch.path("skip/r")), ["real"]);

    let (keep, _) = receive(&with(Links::Keep), &scratch.dir("keep"));
    assert_eq!(keep.skipped.len(), 2, "{:?}", keep.skipped);
    assert_eq!(
        names(&scratch.path("keep/r")),
        ["dangling", "good", "loop", "real"]
    );
    let good = fs::read_link(scratch.path("keep/r/good")).unwrap();
    assert_eq!(good, Path::new("real/file"));

    fs::remove_file(root.join("absolute")).unwrap();
    let (follow, _) = receive(&with(Links::Follow), &scratch.dir("follow"));
    let skipped: Vec<_> = follow.skipped.iter().map(|skipped| &skipped.path).collect();
    assert_eq!(skipped, [&root.join("dangling"), &root.join("loop")]);
    assert_eq!(fs::read(scratch.path("follow/r/out")).unwrap(), b"outside");
    assert_eq!(fs::read(scratch.path("follow/r/good")).unwrap(), b"content");

    // Named on the command line, a link is what it leads to.
    let (_, stored) = receive(&select(&[&root.join("good")]), &scratch.dir("named"));
    assert_eq!(fs::read(stored.path.unwrap()).unwrap(), b"content");
}

#[test]
fn links_are_refused_where_they_are_not_wanted() {
    let scratch = Scratch::new();
    let root = scratch.dir("from/r");
    symlink("x", root.join("link")).unwrap();
    let keep = Selection {
        links: Links::Keep,
        ..select(&[&root])
    };
    let gathered = gather(&keep).unwrap();
    let to = scratch.dir("to");
    let plan = Plan::new(
        &gathered.offer,
        &Output::Directory(to.clone()),
        OnConflict::Fail,
    );
    let sink = plan.unwrap().open(false, false).unwrap();
    let mut buffer = Vec::new();
    gathered.source.read(0, &mut buffer).unwrap();
    let error = sink.write(0, buffer.into()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsafe);
    drop(sink);
    assert_eq!(names(&to), [""; 0]);
}

#[test]
fn holes_stay_holes() {
    let scratch = Scratch::new();
    let root = scratch.dir("from/r");
    let path = scratch.file("from/r/sparse", b"start");
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(64 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"middle", 40 << 20).unwrap();
    receive(&select(&[&path]), &scratch.dir("file"));
    receive(&select(&[&root]), &scratch.dir("tree"));
    for arrived in ["file/sparse", "tree/r/sparse"] {
        let arrived = scratch.path(arrived);
        assert!(fs::read(&arrived).unwrap() == fs::read(&path).unwrap());
        let used = arrived.metadata().unwrap().blocks() * 512;
        assert!(used < 8 << 20, "{used} bytes on disk");
    }
}
