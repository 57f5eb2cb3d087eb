//! Directories arrive whole: names, empty directories, x bits, times.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _, fs::symlink},
    path::Path,
};

use hayate_tests::{Pair, files, noise, pair::PLAIN, snapshot};

/// A tree of everything that may be in a directory.
fn plant(root: &Path) {
    let put = |name: &OsStr, bytes: &[u8]| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    put("empty.txt".as_ref(), b"");
    put("one".as_ref(), b"1");
    put("deep/er/and/deeper/file".as_ref(), &noise(70_000, 1));
    put("block.bin".as_ref(), &noise(1 << 20, 2));
    put("beyond.bin".as_ref(), &noise((2 << 20) + 13, 3));
    put(OsStr::new(&"n".repeat(255)), b"a long name");
    put(OsStr::new(&format!("deep/{}", "ü".repeat(127))), b"u");
    put(OsStr::from_bytes(b"not utf-8 \xff\xfe/caf\xe9"), b"latin1");
    put(OsStr::new(" leading space"), b"s");
    put(OsStr::new(".hidden/.too"), b"h");
    put(OsStr::new("-rf"), b"dash");
    put(OsStr::new("世界/👋"), b"wave");
    put("bin/run".as_ref(), b"#!/bin/sh\n");
    fs::set_permissions(root.join("bin/run"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(root.join("hollow/inner/innermost")).unwrap();
    fs::create_dir(root.join("void")).unwrap();
    let entries: Vec<_> = snapshot(root).into_keys().collect();
    // from the leaves up: a change in a directory changes its time
    for (number, name) in entries.iter().enumerate().rev() {
        files::set_mtime(
            &root.join(OsStr::from_bytes(name)),
            1_100_000_000 + 86_400 * number as u64,
        );
    }
}

#[track_caller]
fn assert_same(sent: &Path, arrived: &Path) {
    let (sent, arrived) = (snapshot(sent), snapshot(arrived));
    let show = |name: &Vec<u8>| name.escape_ascii().to_string();
    let names = [&sent, &arrived].map(|tree| tree.keys().map(show).collect::<Vec<_>>());
    assert_eq!(names[0], names[1]);
    for (name, entry) in &sent {
        assert!(
            arrived[name] == *entry,
            "\"{}\" is not what was sent: {:.300} instead of {:.300}",
            show(name),
            format!("{:?}", arrived[name]),
            format!("{entry:?}")
        );
    }
}

#[test]
fn a_tree_arrives_whole() {
    let pair = Pair::new();
    plant(&pair.from("tree"));
    let (_, received) = pair.transfer(["tree"], PLAIN);
    assert_same(&pair.from("tree"), &pair.to("tree"));
    assert_eq!(pair.names(), ["tree"]);
    assert_eq!(received.event("offer")["kind"], "directory");
}

#[test]
fn a_tree_can_arrive_under_another_name() {
    let pair = Pair::new();
    plant(&pair.from("tree"));
    pair.transfer(["tree/"], ["-o", "plant"]);
    assert_same(&pair.from("tree"), &pair.to("plant"));
}

#[test]
fn the_current_directory_arrives_under_its_name() {
    let pair = Pair::new();
    plant(&pair.from("tree"));
    let mut command = pair.sending(["."]);
    command.current_dir(pair.from("tree"));
    let sender = hayate_tests::Process::start(command);
    sender.wait_for_event("waiting");
    pair.receive(PLAIN).finish().expect(0);
    sender.finish().expect(0);
    assert_same(&pair.from("tree"), &pair.to("tree"));
}

#[test]
fn several_paths_arrive_side_by_side() {
    let pair = Pair::new();
    plant(&pair.from("some/tree"));
    pair.write("notes.txt", "notes");
    pair.transfer(["some/tree", "notes.txt"], PLAIN);
    assert_same(&pair.from("some/tree"), &pair.to("tree"));
    assert_eq!(pair.received("notes.txt"), b"notes");
    assert_eq!(pair.names(), ["notes.txt", "tree"]);
}

#[test]
fn an_empty_directory_arrives() {
    let pair = Pair::new();
    fs::create_dir(pair.from("nothing")).unwrap();
    pair.transfer(["nothing"], PLAIN);
    assert!(snapshot(&pair.to("nothing")).is_empty());
}

#[test]
fn a_name_that_is_not_utf_8_arrives() {
    let pair = Pair::new();
    let name = OsStr::from_bytes(b"caf\xe9.txt");
    pair.write(name, "latin1");
    let (_, received) = pair.transfer([name], PLAIN);
    assert_eq!(pair.received(name), b"latin1");
    assert_eq!(received.event("offer")["name_hex"], "636166e92e747874");
}

#[test]
fn ten_thousand_small_files_arrive() {
    let pair = Pair::new();
    for number in 0..10_000_usize {
        let path = pair.from(format!("many/{:02}/{number}.txt", number % 100));
        if number < 100 {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        fs::write(path, number.to_string().repeat(number % 7)).unwrap();
    }
    let (_, received) = pair.transfer(["many"], PLAIN);
    assert_same(&pair.from("many"), &pair.to("many"));
    assert_eq!(received.event("offer")["entries"], 10_100);
}

#[test]
fn the_code_is_shown_before_a_large_tree_was_walked_and_who_comes_early_waits() {
    let pair = Pair::new();
    pair.write("tree/wanted", "file");
    symlink("wanted", pair.from("tree/link")).unwrap();
    for number in 0..24_000 {
        fs::create_dir_all(pair.from(format!("tree/{}/{number}", number % 120))).unwrap();
    }
    let sender = pair.send(["tree"]);
    sender.wait_for_event("waiting");
    // The offer is enough: so many directories take their time.
    let received = pair.receive(["--max-size", "1"]).finish().expect(10);
    assert_eq!(received.event("offer")["entries"], 24_121);
    let sent = sender.finish().expect(14);
    let time = |event: &str| sent.event(event)["t_ms"].as_u64();
    // told when the walk is over
    assert!(time("waiting") < time("skipped"), "{sent}");
}

#[test]
fn links_are_skipped_and_that_is_said() {
    let pair = Pair::new();
    pair.write("tree/file", "file");
    symlink("file", pair.from("tree/link")).unwrap();
    let sender = pair.send(["tree"]);
    pair.receive(PLAIN).finish().expect(0);
    let sent = sender.finish().expect(12);
    assert_eq!(sent.event("skipped")["path"], "tree/link");
    assert_eq!(files_of(&pair), ["file"]);
}

#[test]
fn links_can_be_kept() {
    let pair = Pair::new();
    pair.write("tree/file", "file");
    symlink("file", pair.from("tree/link")).unwrap();
    pair.transfer(["tree", "--links", "keep"], PLAIN);
    let link = fs::read_link(pair.to("tree/link")).unwrap();
    assert_eq!(link, Path::new("file"));
    assert_eq!(pair.received("tree/link"), b"file");
}

#[test]
fn links_can_be_followed() {
    let pair = Pair::new();
    pair.write("tree/file", "file");
    pair.write("elsewhere/inner", "inner");
    symlink("file", pair.from("tree/link")).unwrap();
    symlink("../elsewhere", pair.from("tree/directory")).unwrap();
    pair.transfer(["tree", "--links", "follow"], PLAIN);
    assert!(!pair.to("tree/link").is_symlink());
    assert_eq!(pair.received("tree/link"), b"file");
    assert!(!pair.to("tree/directory").is_symlink());
    assert_eq!(pair.received("tree/directory/inner"), b"inner");
}

#[test]
fn a_link_that_was_named_is_followed() {
    let pair = Pair::new();
    pair.write("file", "file");
    symlink("file", pair.from("link")).unwrap();
    pair.transfer(["link"], PLAIN);
    assert_eq!(pair.received("link"), b"file");
}

#[test]
fn what_is_excluded_stays() {
    let pair = Pair::new();
    for name in ["keep.rs", "a.tmp", "sub/b.tmp", "sub/keep.rs", "target/big"] {
        pair.write(format!("tree/{name}"), name);
    }
    let arguments = ["tree", "--exclude", "*.tmp", "--exclude", "target"];
    pair.transfer(arguments, PLAIN);
    assert_eq!(files_of(&pair), ["keep.rs", "sub", "sub/keep.rs"]);
}

#[test]
fn what_git_ignores_stays() {
    let pair = Pair::new();
    for name in ["keep.rs", "a.log", "sub/b.log", "sub/c.txt", "build/big"] {
        pair.write(format!("tree/{name}"), name);
    }
    pair.write("tree/.gitignore", "*.log\n/build/\n");
    pair.write("tree/sub/.gitignore", "c.txt\n");
    pair.transfer(["tree", "--gitignore"], PLAIN);
    let left = [".gitignore", "keep.rs", "sub", "sub/.gitignore"];
    assert_eq!(files_of(&pair), left);
}

/// Everything in the received directory `tree`.
fn files_of(pair: &Pair) -> Vec<String> {
    let names = snapshot(&pair.to("tree")).into_keys();
    names.map(|name| String::from_utf8(name).unwrap()).collect()
}
