//! What a disk does to a transfer: both ends say so, nothing is left half done, and a second run finishes it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use hayate_tests::{
    CODE, Disk, Faulty, Pair, Process, noise,
    pair::{PLAIN, names},
    snapshot,
};
use rustix::io::Errno;

const MIB: u64 = 1 << 20;

/// A receiver that stores in `directory`.
fn receive_in(pair: &Pair, directory: &Path) -> Process {
    let mut command = pair.net.b().hayate();
    command
        .current_dir(directory)
        .args(["receive", CODE, "-y", "--json"]);
    Process::start(command)
}

/// Both ends say that the receiver's disk was at fault, and nothing has its final name.
#[track_caller]
fn fails(pair: &Pair, sender: Process, receiver: Process) {
    let received = receiver.finish().expect(8);
    let said = received.stderr.lines().count();
    assert!(
        (1..=2).contains(&said),
        "one line, and what to do: {received}"
    );
    let sent = sender.finish().expect(14);
    assert!(sent.stderr.contains("could not store"), "{sent}");
    assert!(pair.stored().is_empty(), "{:?}", pair.stored());
}

/// A second run brings the rest, `kept` bytes or more being there already.
#[track_caller]
fn goes_on(pair: &Pair, name: &str, kept: u64) {
    let (_, received) = pair.transfer([name], PLAIN);
    let resumed = received.events("resumed");
    let bytes = resumed
        .first()
        .map_or(0, |event| event["bytes"].as_u64().unwrap());
    assert!(bytes >= kept, "{bytes} bytes were there: {received}");
    assert_eq!(pair.stored(), [name]);
    assert!(pair.kept().is_empty());
    match pair.to(name).is_dir() {
        true => assert!(snapshot(&pair.from(name)) == snapshot(&pair.to(name))),
        false => assert!(fs::read(pair.from(name)).unwrap() == pair.received(name)),
    }
}

#[test]
fn what_does_not_fit_on_the_disk_is_refused_before_it_comes() {
    let (pair, disk) = (Pair::new(), Disk::new(4 << 20));
    pair.write("big.bin", noise(8 << 20, 2));
    let sender = pair.send(["big.bin"]);
    receive_in(&pair, disk.path()).finish().expect(8);
    let sent = sender.finish().expect(14);
    assert!(sent.events("progress").is_empty(), "{sent}");
    assert!(names(disk.path()).is_empty(), "{:?}", names(disk.path()));
}

#[test]
fn a_disk_that_fills_up_on_the_way_ends_both_and_keeps_nothing() {
    let (pair, disk) = (Pair::new(), Disk::new(4 << 20));
    let command = pair.sending(["-", "--name", "pipe", "--compress", "off"]);
    let sender = Process::feed(command, noise(8 << 20, 3));
    sender.wait_for_event("waiting");
    let received = receive_in(&pair, disk.path()).finish().expect(8);
    assert!(received.stderr.contains("No space left"), "{received}");
    let sent = sender.finish().expect(14);
    assert!(sent.events("done").is_empty(), "{sent}");
    assert!(names(disk.path()).is_empty(), "{:?}", names(disk.path()));
}

#[test]
fn a_tree_that_fills_the_disk_ends_both_and_goes_on_when_there_is_room() {
    let (pair, disk) = (Pair::new(), Disk::new(4 << 20));
    for number in 0..8 {
        pair.write(format!("tree/{number}"), noise(400_000, number));
    }
    // what else comes onto the disk after consent
    let sender = pair.send(["tree", "--limit", "1M", "--compress", "off"]);
    let receiver = receive_in(&pair, disk.path());
    receiver.wait_for_event("consent");
    let other = disk.path().join("other");
    fs::write(&other, noise(5 << 19, 9)).unwrap();
    receiver.finish().expect(8);
    sender.finish().expect(14);
    let left = names(disk.path());
    assert!(!left.iter().any(|name| name == "tree"), "{left:?}");
    fs::remove_file(other).unwrap();
    let sender = pair.send(["tree"]);
    let received = receive_in(&pair, disk.path()).finish().expect(0);
    sender.finish().expect(0);
    assert_eq!(received.events("resumed").len(), 1, "{received}");
    assert_eq!(names(disk.path()), ["tree"]);
    assert!(snapshot(&disk.path().join("tree")) == snapshot(&pair.from("tree")));
}

#[test]
fn a_directory_that_may_not_be_written_is_said() {
    let pair = Pair::new();
    pair.write("a", "a");
    let sender = pair.send(["a"]);
    pair.receive(["-o", "/proc/sys/a"]).finish().expect(8);
    sender.finish().expect(14);
}

#[test]
fn a_disk_that_fails_in_the_middle_or_at_the_last_block() {
    for (error, from) in [(Errno::NOSPC, 4), (Errno::NOSPC, 8), (Errno::IO, 5)] {
        let pair = Pair::new();
        pair.write("file", noise(8 * MIB as usize + 7, 4));
        let sender = pair.send(["file", "--compress", "off"]);
        let receiver = Faulty::WriteFrom(from * MIB).with(error, || pair.receive(PLAIN));
        fails(&pair, sender, receiver);
        goes_on(&pair, "file", (from - 1) * MIB);
    }
}

#[test]
fn a_disk_that_cannot_flush_rename_or_make_room() {
    for (fault, error) in [
        (Faulty::Flush, Errno::IO),
        (Faulty::Rename, Errno::IO),
        (Faulty::Rename, Errno::NOSPC),
        (Faulty::MakeDirectory, Errno::NOSPC),
        (Faulty::MakeDirectory, Errno::ROFS),
    ] {
        for name in ["file", "tree"] {
            let pair = Pair::new();
            pair.write("file", noise(3 * MIB as usize + 7, 4));
            pair.write("tree/file", noise(3 * MIB as usize, 4));
            pair.write("tree/in/file", "more");
            let sender = pair.send([name, "--compress", "off"]);
            let receiver = fault.with(error, || pair.receive(PLAIN));
            println!("{fault:?} {error:?} {name}");
            fails(&pair, sender, receiver);
            let made = !matches!(fault, Faulty::MakeDirectory);
            goes_on(&pair, name, if made { 3 * MIB } else { 0 });
        }
    }
}

#[test]
fn a_disk_without_room_for_so_many_files_refuses_them() {
    let (pair, disk) = (Pair::new(), Disk::of_files(20));
    for number in 0..40 {
        pair.write(format!("tree/{number}"), "x");
    }
    let sender = pair.send(["tree"]);
    let receiver = receive_in(&pair, disk.path());
    fails(&pair, sender, receiver);
    assert!(names(disk.path()).is_empty(), "{:?}", names(disk.path()));
}

#[test]
fn a_disk_whose_last_file_is_taken_by_others_goes_on_when_there_is_room() {
    let (pair, disk) = (Pair::new(), Disk::of_files(60));
    for number in 0..40 {
        pair.write(format!("tree/{number:02}"), noise(100_000, number));
    }
    let sender = pair.send(["tree", "--limit", "1M", "--compress", "off"]);
    let receiver = receive_in(&pair, disk.path());
    receiver.wait_for_event("consent");
    let other = disk.path().join("other");
    fs::create_dir(&other).unwrap();
    let taken = (0..60).take_while(|number| fs::write(other.join(number.to_string()), "").is_ok());
    assert!(taken.count() < 60);
    fails(&pair, sender, receiver);
    fs::remove_dir_all(other).unwrap();
    let sender = pair.send(["tree"]);
    receive_in(&pair, disk.path()).finish().expect(0);
    sender.finish().expect(0);
    assert_eq!(names(disk.path()), ["tree"]);
    assert!(snapshot(&disk.path().join("tree")) == snapshot(&pair.from("tree")));
}

#[test]
fn a_disk_that_is_protected_stays_as_it_is() {
    let (pair, disk) = (Pair::new(), Disk::new(8 * MIB));
    fs::write(disk.path().join("file"), "mine").unwrap();
    disk.protect();
    pair.write("file", "other");
    pair.write("tree/file", "other");
    for name in ["file", "tree"] {
        let sender = pair.send([name, "--name", "new"]);
        let receiver = receive_in(&pair, disk.path());
        fails(&pair, sender, receiver);
        assert_eq!(names(disk.path()), ["file"]);
    }
}

#[test]
fn a_target_that_is_removed_meanwhile_is_not_made_again() {
    for name in ["file", "tree"] {
        let pair = Pair::new();
        pair.write("file", noise(3 * MIB as usize, 4));
        pair.write("tree/file", noise(3 * MIB as usize, 4));
        let target = pair.to("target");
        fs::create_dir(&target).unwrap();
        let sender = pair.send([name, "--compress", "off", "--limit", "1M"]);
        let receiver = receive_in(&pair, &target);
        receiver.wait_for_event("progress");
        fs::remove_dir_all(&target).unwrap();
        fails(&pair, sender, receiver);
        assert!(pair.names().is_empty(), "{:?}", pair.names());
        goes_on(&pair, name, 0);
    }
}
