//! What a sender meets among its files: nothing is left out in silence, nothing wrong succeeds, nothing hangs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs::{self, OpenOptions, Permissions},
    io::Write as _,
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
    thread,
    time::Duration,
};

use hayate_tests::{CODE, Faulty, Outcome, Pair, Process, binary, noise, pair::PLAIN, snapshot};
use rustix::{
    fs::{FileType, Mode, makedev, mknodat},
    io::Errno,
};

/// The names that a sender says it left out.
fn skipped(outcome: &Outcome) -> Vec<String> {
    let events = outcome.events("skipped").into_iter();
    let mut names: Vec<_> = events
        .map(|event| event["path"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_that_changes_while_it_is_sent_fails() {
    let pair = Pair::new();
    let (sender, receiver) = pair.long_under_way();
    let mut file = OpenOptions::new()
        .append(true)
        .open(pair.from("long.bin"))
        .unwrap();
    file.write_all(b"more").unwrap();
    drop(file);
    let sent = sender.finish().expect(11);
    assert!(sent.stderr.contains("long.bin"), "{sent}");
    receiver.finish().expect(14);
    assert!(pair.names().is_empty(), "{:?}", pair.names());
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_fails() {
    let pair = Pair::new();
    let (sender, receiver) = pair.long_under_way();
    fs::write(pair.from("long.bin"), "less").unwrap();
    sender.finish().expect(11);
    receiver.finish().expect(14);
    assert!(pair.names().is_empty(), "{:?}", pair.names());
}

#[test]
fn a_file_that_is_replaced_before_it_is_sent_fails() {
    let pair = Pair::new();
    pair.write("tree/a", "first");
    let sender = pair.send(["tree"]);
    fs::remove_file(pair.from("tree/a")).unwrap();
    pair.write("tree/a", "other");
    let receiver = pair.receive(PLAIN);
    sender.finish().expect(11);
    receiver.finish().expect(14);
    assert!(pair.names().is_empty(), "{:?}", pair.names());
}

#[test]
fn a_file_that_grows_all_the_time_never_arrives_mixed() {
    let pair = Pair::new();
    let line = "a line of a log that is being written\n";
    pair.write("tree/log", line.repeat(100_000));
    let sender = pair.send(["tree", "--compress", "off"]);
    let log = pair.from("tree/log");
    let writer = thread::spawn(move || {
        let mut log = OpenOptions::new().append(true).open(log).unwrap();
        for _ in 0..400 {
            log.write_all(line.as_bytes()).unwrap();
            thread::sleep(Duration::from_millis(5));
        }
    });
    pair.receive(PLAIN).finish().expect(14);
    let sent = sender.finish().expect(11);
    assert!(sent.stderr.contains("log"), "{sent}");
    assert!(pair.names().is_empty(), "{:?}", pair.names());
    writer.join().unwrap();
}

#[test]
fn a_file_that_vanishes_before_its_turn_fails() {
    let pair = Pair::new();
    fs::create_dir(pair.from("tree")).unwrap();
    let first = fs::File::create(pair.from("tree/a")).unwrap();
    first.set_len(256 << 20).unwrap();
    pair.write("tree/b", "b");
    pair.write("tree/in/c", "c");
    for gone in ["tree/b", "tree/in"] {
        let sender = pair.send(["tree", "--limit", "16M", "--compress", "off"]);
        let receiver = pair.receive(PLAIN);
        receiver.wait_for_event("progress");
        match pair.from(gone).is_dir() {
            true => fs::remove_dir_all(pair.from(gone)).unwrap(),
            false => fs::remove_file(pair.from(gone)).unwrap(),
        }
        // What is left is not read before its turn.
        fs::File::create(pair.from("tree/a"))
            .unwrap()
            .set_len(256 << 20)
            .unwrap();
        let sent = sender.finish().expect(11);
        assert!(sent.stderr.contains("tree"), "{sent}");
        receiver.finish().expect(14);
        assert!(pair.names().is_empty(), "{:?}", pair.names());
    }
}

#[test]
fn a_disk_that_cannot_be_read_is_named() {
    let pair = Pair::new();
    pair.write("file", noise(8 << 20, 2));
    let sender = Faulty::ReadFrom(5 << 20).with(Errno::IO, || pair.send(["file"]));
    pair.receive(PLAIN).finish().expect(14);
    let sent = sender.finish().expect(8);
    assert!(sent.stderr.contains("\"file\""), "{sent}");
    assert!(pair.stored().is_empty(), "{:?}", pair.stored());
}

/// `hayate send` as a user who owns nothing here.
fn send_as_nobody(pair: &Pair, path: &str) -> Process {
    let mut command = pair.net.a().command("setpriv");
    command
        .args([
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
            "--",
        ])
        .arg(binary::hayate())
        .args(["send", path, "--json", "-c", CODE])
        .current_dir(pair.from(""));
    Process::start(command)
}

#[test]
fn what_may_not_be_read_is_named_and_the_rest_arrives() {
    let pair = Pair::new();
    for (name, mode) in [("tree", 0o755), ("tree/in", 0o755), ("tree/closed", 0o700)] {
        fs::create_dir(pair.from(name)).unwrap();
        fs::set_permissions(pair.from(name), Permissions::from_mode(mode)).unwrap();
    }
    for (name, mode) in [
        ("tree/fine", 0o644),
        ("tree/in/secret", 0o600),
        ("tree/closed/file", 0o644),
    ] {
        pair.write(name, "x");
        fs::set_permissions(pair.from(name), Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(pair.from(""), Permissions::from_mode(0o755)).unwrap();
    let sender = send_as_nobody(&pair, "tree");
    sender.wait_for_event("waiting");
    pair.receive(PLAIN).finish().expect(0);
    let sent = sender.finish().expect(12);
    assert_eq!(skipped(&sent), ["tree/closed", "tree/in/secret"], "{sent}");
    let arrived: Vec<_> = snapshot(&pair.to("tree")).into_keys().collect();
    assert_eq!(arrived, [&b"fine"[..], b"in"], "{arrived:?}");
    let sent = send_as_nobody(&pair, "tree/in/secret").finish();
    assert!(matches!(sent.code, 2 | 8), "{sent}");
    assert!(sent.stderr.contains("secret"), "{sent}");
}

#[test]
fn what_is_no_file_is_named_and_never_waited_for() {
    let pair = Pair::new();
    pair.write("tree/fine", "x");
    let tree = fs::File::open(pair.from("tree")).unwrap();
    let mode = Mode::from(0o600);
    mknodat(&tree, "fifo", FileType::Fifo, mode, 0).unwrap();
    mknodat(
        &tree,
        "zero",
        FileType::CharacterDevice,
        mode,
        makedev(1, 5),
    )
    .unwrap();
    mknodat(&tree, "block", FileType::BlockDevice, mode, makedev(7, 0)).unwrap();
    let _socket = UnixListener::bind(pair.from("tree/socket")).unwrap();
    let sender = pair.send(["tree"]);
    pair.receive(PLAIN).finish().expect(0);
    let sent = sender.finish().expect(12);
    let named = ["tree/block", "tree/fifo", "tree/socket", "tree/zero"];
    assert_eq!(skipped(&sent), named, "{sent}");
    for path in named
        .iter()
        .copied()
        .chain(["/proc/kmsg", "/dev/zero", "/proc/self/environ"])
    {
        let sent = Process::start(pair.sending([path])).finish().expect(2);
        assert!(sent.events("waiting").is_empty(), "{sent}");
    }
}

#[test]
fn links_that_lead_in_circles_or_nowhere_end() {
    let pair = Pair::new();
    pair.write("tree/fine", "x");
    let link = |to: &str, name: &str| symlink(to, pair.from("tree").join(name)).unwrap();
    link("b", "a");
    link("a", "b");
    link(".", "here");
    link("..", "up");
    link("nowhere", "dangling");
    link("self", "self");
    for number in 0..10_000 {
        link(&format!("chain{}", number + 1), &format!("chain{number}"));
    }
    link("fine", "chain10000");
    let sender = pair.send(["tree"]);
    pair.receive(PLAIN).finish().expect(0);
    let sent = sender.finish().expect(12);
    assert_eq!(skipped(&sent).len(), 10_007);
    fs::remove_dir_all(pair.to("tree")).unwrap();
    let sender = pair.send(["tree", "--links", "follow"]);
    pair.receive(PLAIN).finish().expect(0);
    let sent = sender.finish().expect(12);
    let left_out = skipped(&sent);
    for name in ["a", "b", "dangling", "here", "self", "up/tree", "chain0"] {
        assert!(left_out.contains(&format!("tree/{name}")), "{name}");
    }
    assert_eq!(pair.received("tree/chain9990"), b"x");
    assert_eq!(pair.received("tree/fine"), b"x");
}
