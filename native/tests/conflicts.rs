//! What a receiver does about names that are taken, and what a failed transfer leaves.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod tree;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use hayate::{
    Error, ErrorKind,
    sink::{OnConflict, Output, Plan},
    source::{Gathered, gather},
};
use shared::{BLOCK, Kind, Offer, path::SafeName};
use tree::{Scratch, deliver, feed, names, select};

fn gathered(paths: &[&Path]) -> Gathered {
    gather(&select(paths)).unwrap()
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_taken_name_of_a_file() {
    let scratch = Scratch::new();
    let new = gathered(&[&scratch.file("from/a.txt", b"new")]);
    let to = scratch.dir("to");
    let into = Output::Directory(to.clone());
    scratch.file("to/a.txt", b"old");
    let plan = Plan::new(&new.offer, &into, OnConflict::Ask).unwrap();
    assert!(plan.taken());
    for conflict in [OnConflict::Ask, OnConflict::Fail] {
        let error = deliver(&new, &into, conflict).unwrap_err();
        assert!(matches!(&error, Error::Exists { path } if *path == to.join("a.txt")));
    }
    let skipped = deliver(&new, &into, OnConflict::Skip).unwrap();
    assert_eq!((skipped.skipped, skipped.path), (1, None));
    assert_eq!(text(to.join("a.txt")), "old");
    for name in ["a (1).txt", "a (2).txt"] {
        let plan = Plan::new(&new.offer, &into, OnConflict::Rename).unwrap();
        assert_eq!(plan.destination(), Some(to.join(name)));
        let renamed = deliver(&new, &into, OnConflict::Rename).unwrap();
        assert_eq!(renamed.path, Some(to.join(name)));
    }
    assert_eq!(text(to.join("a.txt")), "old");
    deliver(&new, &into, OnConflict::Overwrite).unwrap();
    assert_eq!(text(to.join("a.txt")), "new");
    assert_eq!(names(&to), ["a (1).txt", "a (2).txt", "a.txt"]);
}

#[test]
fn a_taken_name_of_a_directory() {
    let scratch = Scratch::new();
    scratch.file("from/d/new", b"new");
    let new = gathered(&[&scratch.path("from/d")]);
    let to = scratch.dir("to");
    let into = Output::Directory(to.clone());
    scratch.file("to/d/old", b"old");
    deliver(&new, &into, OnConflict::Fail).unwrap_err();
    assert_eq!(deliver(&new, &into, OnConflict::Skip).unwrap().skipped, 1);
    assert_eq!(names(&to.join("d")), ["old"]);
    deliver(&new, &into, OnConflict::Rename).unwrap();
    assert_eq!(names(&to.join("d (1)")), ["new"]);
    deliver(&new, &into, OnConflict::Overwrite).unwrap();
    assert_eq!(names(&to.join("d")), ["new"]);
    // A file does not replace a directory.
    let file = gathered(&[&scratch.file("other/d", b"file")]);
    deliver(&file, &into, OnConflict::Overwrite).unwrap_err();
    assert_eq!(names(&to), ["d", "d (1)"]);
}

#[test]
fn taken_names_among_several() {
    let scratch = Scratch::new();
    scratch.file("from/b/new", b"new");
    let paths = [
        scratch.file("from/a", b"new"),
        scratch.path("from/b"),
        scratch.file("from/c", b"new"),
    ];
    let new = gathered(&paths.each_ref().map(|path| path.as_path()));
    let to = scratch.dir("to");
    let into = Output::Directory(to.clone());
    scratch.file("to/c", b"old");
    assert!(
        Plan::new(&new.offer, &into, OnConflict::Ask)
            .unwrap()
            .taken()
    );
    deliver(&new, &into, OnConflict::Fail).unwrap_err();
    assert_eq!(
        names(&to),
        ["c"],
        "nothing is stored where one name is taken"
    );
    let stored = deliver(&new, &into, OnConflict::Skip).unwrap();
    assert_eq!((stored.skipped, stored.path), (1, Some(to.clone())));
    assert_eq!(names(&to), ["a", "b", "c"]);
    assert_eq!(text(to.join("c")), "old");
    deliver(&new, &into, OnConflict::Rename).unwrap();
    assert_eq!(names(&to), ["a", "a (1)", "b", "b (1)", "c", "c (1)"]);
    deliver(&new, &into, OnConflict::Overwrite).unwrap();
    assert_eq!(text(to.join("c")), "new");
    assert_eq!(names(&to).len(), 6);
}

#[test]
fn a_name_that_is_taken_meanwhile_is_not_replaced() {
    let scratch = Scratch::new();
    let new = gathered(&[&scratch.file("from/a", b"new")]);
    let to = scratch.dir("to");
    let into = Output::Directory(to.clone());
    let sink = |conflict| {
        Plan::new(&new.offer, &into, conflict)
            .unwrap()
            .open(false, false)
            .unwrap()
    };
    let (fails, renames) = (sink(OnConflict::Fail), sink(OnConflict::Rename));
    scratch.file("to/a", b"old");
    assert!(matches!(feed(&new, &fails), Err(Error::Exists { .. })));
    let renamed = feed(&new, &renames).unwrap();
    assert_eq!(renamed.path, Some(to.join("a (1)")));
    drop((fails, renames));
    assert_eq!(text(to.join("a")), "old");
    assert_eq!(names(&to), ["a", "a (1)"]);
}

#[test]
fn a_link_at_the_final_name_is_never_followed() {
    let scratch = Scratch::new();
    let victim = scratch.file("victim", b"old");
    let outside = scratch.dir("outside");
    let to = scratch.dir("to");
    let into = Output::Directory(to.clone());
    let file = gathered(&[&scratch.file("from/a", b"new")]);
    scratch.file("from/d/x", b"new");
    let dir = gathered(&[&scratch.path("from/d")]);
    symlink(&victim, to.join("a")).unwrap();
    symlink(&outside, to.join("d")).unwrap();
    for new in [&file, &dir] {
        deliver(new, &into, OnConflict::Fail).unwrap_err();
        deliver(new, &into, OnConflict::Overwrite).unwrap();
    }
    assert_eq!(text(&victim), "old");
    assert_eq!(names(&outside), [""; 0]);
    assert!(!to.join("a").is_symlink() && !to.join("d").is_symlink());
    symlink(&victim, to.join("b")).unwrap();
    let named = Output::Path(to.join("b"));
    deliver(&file, &named, OnConflict::Overwrite).unwrap();
    assert_eq!(
        (text(&victim).as_str(), text(to.join("b")).as_str()),
        ("old", "new")
    );
}

#[test]
fn the_output_is_a_directory_or_a_name() {
    let scratch = Scratch::new();
    let new = gathered(&[&scratch.file("from/a", b"new")]);
    let to = scratch.dir("to");
    let path = |name: &str| {
        let output = Output::Path(to.join(name));
        deliver(&new, &output, OnConflict::Fail).map(|stored| stored.path.unwrap())
    };
    assert_eq!(path("").unwrap(), to.join("a"));
    assert_eq!(path("other").unwrap(), to.join("other"));
    assert_eq!(path("new/").unwrap(), to.join("new/a"));
    assert_eq!(path("missing/x").unwrap_err().kind(), ErrorKind::Disk);
    let tree = gathered(&[&scratch.path("from")]);
    let error = deliver(&tree, &Output::Stdout, OnConflict::Fail).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    deliver(&tree, &Output::Path(to.join("tree")), OnConflict::Fail).unwrap();
    assert_eq!(names(&to.join("tree")), ["a"]);
}

#[test]
fn a_text_is_shown_or_stored() {
    let scratch = Scratch::new();
    let new = Gathered::text("héllo".into(), None).unwrap();
    let to = scratch.dir("to");
    let shown = deliver(&new, &Output::Directory(to.clone()), OnConflict::Fail).unwrap();
    assert_eq!(shown.text.as_deref(), Some("héllo"));
    assert_eq!(names(&to), [""; 0]);
    let named = Output::Path(to.join("note"));
    assert_eq!(deliver(&new, &named, OnConflict::Fail).unwrap().text, None);
    assert_eq!(text(to.join("note")), "héllo");
}

#[test]
fn what_fails_leaves_nothing() {
    let scratch = Scratch::new();
    scratch.file("from/d/sub/x", &tree::pattern(2 * BLOCK));
    let file = gathered(&[&scratch.path("from/d/sub/x")]);
    let dir = gathered(&[&scratch.path("from/d")]);
    let to = scratch.dir("to");
    let into = Output::Directory(to.clone());
    for from in [&file, &dir] {
        let sink = Plan::new(&from.offer, &into, OnConflict::Fail)
            .unwrap()
            .open(false, false)
            .unwrap();
        let mode = fs::metadata(to.join(&names(&to)[0]))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(hayate::sink::is_staging(&names(&to)[0]));
        let mut buffer = Vec::new();
        from.source.read(0, &mut buffer).unwrap();
        sink.write(0, buffer.into()).unwrap();
        sink.finish().unwrap_err();
        sink.finish().unwrap_err();
        drop(sink);
        assert_eq!(names(&to), [""; 0]);
    }
}

#[test]
fn an_offer_must_be_kept() {
    let scratch = Scratch::new();
    scratch.file("from/d/x", b"12345");
    let to = scratch.dir("to");
    let mut dir = gathered(&[&scratch.path("from/d")]);
    dir.offer.bytes = 4;
    let error = deliver(&dir, &Output::Directory(to.clone()), OnConflict::Fail).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let mut file = gathered(&[&scratch.path("from/d/x")]);
    file.offer.payload = Some(4);
    let error = deliver(&file, &Output::Directory(to.clone()), OnConflict::Fail).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(names(&to), [""; 0]);
}

#[test]
fn only_names_that_were_offered_are_stored() {
    let scratch = Scratch::new();
    let paths = [".bashrc", "a", "b"].map(|name| scratch.file(&format!("from/{name}"), b"x"));
    let sent: Vec<&Path> = paths.iter().map(std::path::PathBuf::as_path).collect();
    let to = scratch.dir("to");
    let into = Output::Directory(to.clone());
    for offered in [
        &["a", "b"][..],
        &["a", "b", "c"],
        &[".bashrc", "a", "b", "c"],
        &[],
    ] {
        let mut items = gathered(&sent);
        let offered = offered
            .iter()
            .map(|name| SafeName::parse(name.as_bytes()).unwrap());
        items.offer.kind = Kind::Items {
            names: offered.collect(),
        };
        let error = deliver(&items, &into, OnConflict::Fail).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert_eq!(names(&to), [""; 0]);
    }
    deliver(&gathered(&sent), &into, OnConflict::Fail).unwrap();
    assert_eq!(names(&to), [".bashrc", "a", "b"]);
}

#[test]
fn an_offer_that_does_not_fit_is_refused_before_it_begins() {
    let scratch = Scratch::new();
    let offer = Offer {
        name: SafeName::parse(b"huge").unwrap(),
        kind: Kind::Stream,
        payload: None,
        bytes: u64::MAX / 2,
        entries: 1,
    };
    let into = Output::Directory(scratch.dir("to"));
    let error = Plan::new(&offer, &into, OnConflict::Fail).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disk);
    assert!(error.to_string().contains("are free"), "{error}");
}

/// A file system of 4 MiB; `None` where this process may not mount one.
#[cfg(target_os = "linux")]
fn small_disk(at: &Path) -> Option<impl Drop> {
    struct Mounted(std::path::PathBuf);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount").arg(&self.0).status();
        }
    }
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=4m", "hayate-test"])
        .arg(at)
        .output()
        .ok()?;
    mounted.status.success().then(|| Mounted(at.to_path_buf()))
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    let scratch = Scratch::new();
    let to = scratch.dir("small");
    let Some(_mounted) = small_disk(&to) else {
        eprintln!("skipped: mounting a small file system takes root");
        return;
    };
    scratch.file("from/d/a", &tree::pattern(3 * BLOCK));
    scratch.file("from/d/b", &tree::pattern(2 * BLOCK));
    let into = Output::Directory(to.clone());
    let mut file = gathered(&[&scratch.file("from/big", &tree::pattern(5 * BLOCK))]);
    let mut dir = gathered(&[&scratch.path("from/d")]);
    for from in [&mut file, &mut dir] {
        assert_eq!(
            deliver(from, &into, OnConflict::Fail).unwrap_err().kind(),
            ErrorKind::Disk
        );
        // The space vanishes after the look: what the offer claims makes no difference to the file.
        let plan = {
            let full = from.offer.bytes;
            from.offer.bytes = 0;
            let plan = Plan::new(&from.offer, &into, OnConflict::Fail).unwrap();
            from.offer.bytes = full;
            plan
        };
        let sink = plan.open(false, false).unwrap();
        let error = feed(from, &sink).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disk, "{error}");
        drop(sink);
        assert_eq!(names(&to), [""; 0]);
    }
}
