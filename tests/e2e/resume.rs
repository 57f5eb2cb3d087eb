//! What arrived of a file or a tree before the transfer was cut need not come again.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::PathBuf,
};

use hayate_tests::{Pair, Process, files::set_mtime, noise, pair::PLAIN, snapshot};
use rustix::process::Signal;

const MIB: usize = 1 << 20;

/// Bytes of the file; it has seven blocks.
const LENGTH: usize = 6 * MIB + 5;

/// A file on its way, of which at least three blocks have arrived.
fn under_way(pair: &Pair, receive: &[&str]) -> (Process, Process) {
    pair.write("big.bin", noise(LENGTH, 1));
    set_mtime(&pair.from("big.bin"), 1_700_000_000);
    on_its_way(pair, "big.bin", receive)
}

fn on_its_way(pair: &Pair, what: &str, receive: &[&str]) -> (Process, Process) {
    let slow = ["--limit", "2M", "--compress", "off", "--links", "keep"];
    let sender = pair.send([&[what][..], &slow].concat());
    let receiver = pair.receive(receive);
    receiver.wait_for("three blocks", |out, _| {
        let done = out.rsplit_once("\"done\":")?.1;
        let done = done.split(|c: char| !c.is_ascii_digit()).next()?;
        (done.parse::<usize>().ok()? >= 3 * MIB).then_some(())
    });
    (sender, receiver)
}

/// A file of which three blocks or more are kept, since both were killed.
fn cut() -> Pair {
    let pair = Pair::new();
    kill(&pair, under_way(&pair, &PLAIN));
    pair
}

fn kill(pair: &Pair, (sender, receiver): (Process, Process)) {
    receiver.signal(Signal::KILL);
    receiver.finish();
    sender.signal(Signal::KILL);
    sender.finish();
    assert_eq!((pair.kept().len(), pair.stored().len()), (1, 0));
}

/// A tree of some seven blocks, of which three or more are kept: files that begin and end anywhere, one of two blocks and a
/// hole, empty ones, empty directories, links, programs.
fn cut_tree() -> Pair {
    let pair = Pair::new();
    for number in 0..25_u64 {
        let path = format!("tree/{}/{number:02}", number % 5);
        pair.write(path, noise(170_000 + 7 * number as usize, number));
    }
    fs::create_dir(pair.from("tree/0/empty")).unwrap();
    let hole = [&noise(700_000, 3)[..], &vec![0; 900_000], &noise(9, 3)].concat();
    pair.write("tree/1/hole", hole);
    pair.write("tree/1/nothing", "");
    std::os::unix::fs::symlink("00", pair.from("tree/0/link")).unwrap();
    let program = fs::Permissions::from_mode(0o755);
    fs::set_permissions(pair.from("tree/0/05"), program).unwrap();
    set_mtime(&pair.from("tree/1/06"), 1_000_000_007);
    let way = on_its_way(&pair, "tree", &PLAIN);
    kill(&pair, way);
    pair
}

/// Runs both again for the tree: how many bytes did not come again.
#[track_caller]
fn tree_again(pair: &Pair) -> Option<u64> {
    let (_, received) = pair.transfer(["tree", "--links", "keep"], PLAIN);
    assert_eq!(pair.names(), ["tree"]);
    assert!(snapshot(&pair.to("tree")) == snapshot(&pair.from("tree")));
    let resumed = received.events("resumed");
    Some(resumed.first()?["bytes"].as_u64().unwrap())
}

#[test]
fn a_tree_goes_on_where_it_was() {
    let pair = cut_tree();
    assert!(tree_again(&pair).unwrap() >= 3 * MIB as u64);
}

#[test]
fn several_paths_go_on_where_they_were() {
    let pair = Pair::new();
    for name in ["a", "b"] {
        pair.write(name, noise(LENGTH / 2, 1));
        set_mtime(&pair.from(name), 1_700_000_000);
    }
    let slow = ["a", "b", "--limit", "2M", "--compress", "off"];
    let sender = pair.send(slow);
    let receiver = pair.receive(PLAIN);
    receiver.wait_for_event("progress");
    sender.signal(Signal::INT);
    sender.finish().expect(130);
    receiver.finish().expect(14);
    let (_, received) = pair.transfer(["a", "b"], PLAIN);
    assert_eq!(received.events("resumed").len(), 1, "{received}");
    assert_eq!(pair.names(), ["a", "b"]);
    assert!(pair.received("b") == noise(LENGTH / 2, 1));
}

#[test]
fn a_file_of_a_tree_that_was_spoiled_comes_again_with_what_is_behind_it() {
    let pair = cut_tree();
    let file = payload(&pair).join("0/20");
    let file = fs::File::options().write(true).open(file).unwrap();
    file.write_all_at(b"spoiled", 9).unwrap();
    assert_eq!(tree_again(&pair), None);
    let pair = cut_tree();
    let file = payload(&pair).join("1/hole");
    let file = fs::File::options().write(true).open(file).unwrap();
    file.write_all_at(b"spoiled", 1_600_000 - 3).unwrap();
    assert!(tree_again(&pair).unwrap() >= MIB as u64);
}

#[test]
fn a_file_of_a_tree_that_is_missing_or_a_link_comes_again() {
    for link in [false, true] {
        let pair = cut_tree();
        let file = payload(&pair).join("1/06");
        fs::remove_file(&file).unwrap();
        if link {
            std::os::unix::fs::symlink(pair.from("tree/1/06"), &file).unwrap();
        }
        tree_again(&pair);
    }
}

#[test]
fn what_is_in_a_tree_and_on_no_record_does_not_arrive() {
    let pair = cut_tree();
    let top = payload(&pair);
    fs::create_dir(top.join("0/strange")).unwrap();
    fs::write(top.join("0/strange/file"), "strange").unwrap();
    fs::write(top.join("strange"), "strange").unwrap();
    fs::remove_dir(top.join("0/empty")).unwrap();
    fs::remove_file(top.join("0/link")).unwrap();
    assert!(tree_again(&pair).unwrap() >= 3 * MIB as u64);
}

#[test]
fn what_is_no_longer_in_a_tree_does_not_arrive() {
    let pair = cut_tree();
    // As many entries and bytes as before, of which the last are others.
    let top = fs::metadata(pair.from("tree")).unwrap().modified().unwrap();
    for number in [4, 9, 14, 19, 24] {
        let path = |name: &str| pair.from(format!("tree/{name}"));
        let renamed = path(&format!("4/{}", number + 50));
        fs::rename(path(&format!("4/{number:02}")), renamed).unwrap();
    }
    for number in [8, 13, 18, 23] {
        let path = |name: &str| pair.from(format!("tree/{name}"));
        let renamed = path(&format!("3/{}", number + 50));
        fs::rename(path(&format!("3/{number:02}")), renamed).unwrap();
    }
    let directory = fs::File::open(pair.from("tree")).unwrap();
    directory.set_modified(top).unwrap();
    tree_again(&pair);
}

fn payload(pair: &Pair) -> PathBuf {
    pair.to(&pair.kept()[0]).join("payload")
}

/// Runs both again: how many bytes did not come again.
#[track_caller]
fn again(pair: &Pair, receive: &[&str]) -> Option<u64> {
    let (_, received) = pair.transfer(["big.bin"], receive);
    assert_eq!(pair.names(), ["big.bin"]);
    assert!(pair.received("big.bin") == fs::read(pair.from("big.bin")).unwrap());
    let resumed = received.events("resumed");
    let done = received.event("done")["bytes"].as_u64();
    assert_eq!(done, Some(LENGTH as u64), "{received}");
    Some(resumed.first()?["bytes"].as_u64().unwrap())
}

#[test]
fn a_killed_receiver_goes_on_where_it_was() {
    let pair = cut();
    assert!(again(&pair, &PLAIN).unwrap() >= 3 * MIB as u64);
}

#[test]
fn the_receiver_of_a_killed_sender_goes_on_where_it_was() {
    let pair = Pair::new();
    let (sender, receiver) = under_way(&pair, &PLAIN);
    sender.signal(Signal::KILL);
    let received = receiver.finish().expect(9);
    let kept = pair.kept();
    let path = received.event("kept")["path"].as_str().unwrap().to_owned();
    assert!(path.ends_with(&kept[0]), "{path} {kept:?}");
    assert!(again(&pair, &PLAIN).unwrap() >= 3 * MIB as u64);
}

#[test]
fn a_block_that_was_spoiled_comes_again_with_those_behind_it() {
    let pair = cut();
    let file = fs::File::options()
        .write(true)
        .open(payload(&pair))
        .unwrap();
    file.write_all_at(b"spoiled", 2 * MIB as u64 + 9).unwrap();
    assert_eq!(again(&pair, &PLAIN), Some(2 * MIB as u64));
}

#[test]
fn what_is_shorter_than_its_journal_counts_as_far_as_it_goes() {
    let pair = cut();
    let file = fs::File::options()
        .write(true)
        .open(payload(&pair))
        .unwrap();
    file.set_len(MIB as u64 + 7).unwrap();
    assert_eq!(again(&pair, &PLAIN), Some(MIB as u64));
}

#[test]
fn a_link_in_the_place_of_what_was_kept_is_not_followed() {
    let pair = cut();
    let elsewhere = pair.from("elsewhere");
    fs::copy(payload(&pair), &elsewhere).unwrap();
    let before = fs::read(&elsewhere).unwrap();
    fs::remove_file(payload(&pair)).unwrap();
    std::os::unix::fs::symlink(&elsewhere, payload(&pair)).unwrap();
    assert_eq!(again(&pair, &PLAIN), None);
    assert!(fs::read(elsewhere).unwrap() == before);
}

#[test]
fn a_journal_in_pieces_is_begun_anew() {
    let pair = cut();
    let journal = pair.to(&pair.kept()[0]).join("journal");
    fs::write(&journal, [0; 9]).unwrap();
    assert_eq!(again(&pair, &PLAIN), None);
}

#[test]
fn a_journal_of_more_blocks_than_there_are_harms_nothing() {
    let pair = cut();
    let journal = pair.to(&pair.kept()[0]).join("journal");
    let mut content = fs::read(&journal).unwrap();
    content.resize(content.len() + 32_000, 0);
    fs::write(&journal, content).unwrap();
    assert!(again(&pair, &PLAIN).unwrap() >= 3 * MIB as u64);
}

#[test]
fn another_file_that_looks_the_same_is_sent_from_the_start() {
    let pair = cut();
    pair.write("big.bin", noise(LENGTH, 2));
    set_mtime(&pair.from("big.bin"), 1_700_000_000);
    assert_eq!(again(&pair, &PLAIN), None);
}

#[test]
fn without_resume_nothing_is_kept_and_nothing_taken_up() {
    let pair = Pair::new();
    let (sender, receiver) = under_way(&pair, &["--no-resume"]);
    receiver.signal(Signal::INT);
    receiver.finish().expect(130);
    sender.finish().expect(14);
    assert!(pair.names().is_empty(), "{:?}", pair.names());

    let pair = cut();
    let kept = pair.kept();
    let (_, received) = pair.transfer(["big.bin"], ["--no-resume"]);
    assert!(received.events("resumed").is_empty(), "{received}");
    assert_eq!(pair.kept(), kept);
}

/// `hayate clean` in the receiver's directory: what it says.
fn clean(pair: &Pair) -> String {
    let mut command = pair.net.b().hayate();
    command.current_dir(pair.to("")).arg("clean");
    let cleaned = Process::start(command).finish().expect(0);
    String::from_utf8(cleaned.stdout).unwrap()
}

#[test]
fn clean_removes_what_is_kept_and_nothing_else() {
    let pair = cut();
    let kept = pair.kept();
    fs::write(pair.to("mine"), "mine").unwrap();
    fs::create_dir(pair.to(".hayate-part-mine")).unwrap();
    let said = clean(&pair);
    assert!(said.contains(&kept[0]), "{said}");
    assert_eq!(pair.names(), [".hayate-part-mine", "mine"]);
    let said = clean(&pair);
    assert!(said.contains("Nothing is kept"), "{said}");
}

#[test]
fn what_a_transfer_uses_is_not_cleaned() {
    let pair = Pair::new();
    let (sender, receiver) = under_way(&pair, &PLAIN);
    let said = clean(&pair);
    assert!(said.contains("in use"), "{said}");
    receiver.finish().expect(0);
    sender.finish().expect(0);
    assert_eq!(pair.names(), ["big.bin"]);
}

#[test]
fn what_another_transfer_uses_is_not_taken_up() {
    let pair = cut();
    let lock = fs::File::open(pair.to(&pair.kept()[0]).join("lock")).unwrap();
    lock.lock().unwrap();
    let (_, received) = pair.transfer(["big.bin"], PLAIN);
    assert!(received.events("resumed").is_empty(), "{received}");
    assert_eq!((pair.kept().len(), pair.stored().len()), (1, 1));
}
