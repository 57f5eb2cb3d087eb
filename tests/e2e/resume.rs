//! What arrived of a file before the transfer was cut need not come again.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::FileExt as _, path::PathBuf};

use hayate_tests::{Pair, Process, files::set_mtime, noise, pair::PLAIN};
use rustix::process::Signal;

const MIB: usize = 1 << 20;

/// Bytes of the file; it has seven blocks.
const LENGTH: usize = 6 * MIB + 5;

/// A file on its way, of which at least three blocks have arrived.
fn under_way(pair: &Pair, receive: &[&str]) -> (Process, Process) {
    pair.write("big.bin", noise(LENGTH, 1));
    set_mtime(&pair.from("big.bin"), 1_700_000_000);
    let sender = pair.send(["big.bin", "--limit", "2M", "--compress", "off"]);
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
    let (sender, receiver) = under_way(&pair, &PLAIN);
    receiver.signal(Signal::KILL);
    receiver.finish();
    sender.signal(Signal::KILL);
    sender.finish();
    assert_eq!((pair.kept().len(), pair.stored().len()), (1, 0));
    pair
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
