//! The receiver decides: yes, no, under which name, and what is too much.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, process::Command};

use hayate_tests::{CODE, Outcome, Pair, Process, Terminal, noise, pair::PLAIN};

/// A receiver that asks.
fn asking(pair: &Pair) -> Command {
    let mut command = pair.net.b().hayate();
    command
        .current_dir(pair.to(""))
        .args(["receive", CODE, "--json"]);
    command
}

#[test]
fn a_person_can_decline() {
    let pair = Pair::new();
    pair.write("a.txt", "hello");
    let sender = pair.send(["a.txt"]);
    let mut receiver = Terminal::start(asking(&pair));
    receiver.wait_for("[Y/n]");
    receiver.press("n\n");
    let (code, screen) = receiver.finish();
    assert_eq!(code, 6, "{screen}");
    assert!(
        screen.contains("a.txt"),
        "it says what is offered: {screen}"
    );
    let sent = sender.finish().expect(5);
    assert!(sent.events("done").is_empty(), "{sent}");
    assert!(pair.names().is_empty());
}

#[test]
fn a_person_can_accept() {
    let pair = Pair::new();
    pair.write("a.txt", "hello");
    let sender = pair.send(["a.txt"]);
    let mut receiver = Terminal::start(asking(&pair));
    receiver.wait_for("[Y/n]");
    receiver.press("\n");
    let (code, screen) = receiver.finish();
    assert_eq!(code, 0, "{screen}");
    sender.finish().expect(0);
    assert_eq!(pair.received("a.txt"), b"hello");
}

#[test]
fn a_person_can_choose_another_name() {
    let pair = Pair::new();
    pair.write("a.txt", "hello");
    fs::write(pair.to("a.txt"), "mine").unwrap();
    let sender = pair.send(["a.txt"]);
    let mut receiver = Terminal::start(asking(&pair));
    receiver.wait_for("[Y/n]");
    receiver.press("y\n");
    receiver.wait_for("exists");
    receiver.press("r\n");
    let (code, screen) = receiver.finish();
    assert_eq!(code, 0, "{screen}");
    sender.finish().expect(0);
    assert_eq!(pair.received("a.txt"), b"mine");
    assert_eq!(pair.names().len(), 2, "{:?}", pair.names());
}

#[test]
fn a_sender_waits_while_a_person_thinks_and_can_cancel() {
    let pair = Pair::new();
    pair.write("a.txt", "hello");
    let sender = pair.send(["a.txt"]);
    let mut receiver = Terminal::start(asking(&pair));
    receiver.wait_for("[Y/n]");
    sender.signal(rustix::process::Signal::INT);
    sender.finish().expect(130);
    let (code, screen) = receiver.finish();
    assert_eq!(code, 14, "{screen}");
    assert!(pair.names().is_empty());
}

#[test]
fn nobody_is_asked_without_a_terminal() {
    let pair = Pair::new();
    Process::start(asking(&pair)).finish().expect(2);
}

/// Sends `a.txt` to where one is already.
fn conflict(how: &[&str], sender_code: i32, receiver_code: i32) -> (Pair, Outcome) {
    let pair = Pair::new();
    pair.write("a.txt", "theirs");
    fs::write(pair.to("a.txt"), "mine").unwrap();
    let sender = pair.send(["a.txt"]);
    let received = pair.receive(how).finish().expect(receiver_code);
    sender.finish().expect(sender_code);
    (pair, received)
}

#[test]
fn a_name_that_is_taken_is_left_alone() {
    for how in [&[][..], &["--on-conflict", "fail"]] {
        let (pair, received) = conflict(how, 14, 8);
        assert!(received.stderr.contains("a.txt"), "{received}");
        assert_eq!(pair.names(), ["a.txt"]);
        assert_eq!(pair.received("a.txt"), b"mine");
    }
}

#[test]
fn what_the_receiver_skipped_is_not_said_to_be_left_out_by_the_sender() {
    let pair = Pair::new();
    pair.write("a.txt", "theirs");
    fs::write(pair.to("a.txt"), "mine").unwrap();
    let sender = pair.send(["a.txt"]);
    let skips = ["--on-conflict", "skip"];
    pair.receive(skips).finish().expect(12);
    let sent = sender.finish().expect(12);
    assert!(sent.stderr.contains("by the receiver"), "{sent}");
    assert!(!sent.stderr.contains("--dry-run"), "{sent}");
}

#[test]
fn a_name_that_is_taken_can_be_skipped() {
    let (pair, _) = conflict(&["--on-conflict", "skip"], 12, 12);
    assert_eq!(pair.names(), ["a.txt"]);
    assert_eq!(pair.received("a.txt"), b"mine");
}

#[test]
fn another_name_is_found_for_one_that_is_taken() {
    let (pair, received) = conflict(&["--on-conflict", "rename"], 0, 0);
    assert_eq!(pair.received("a.txt"), b"mine");
    assert_eq!(pair.names().len(), 2, "{:?}", pair.names());
    let done = received.event("done");
    let path = pair.to(done["path"].as_str().unwrap());
    assert_eq!(fs::read(path).unwrap(), b"theirs");
}

#[test]
fn a_file_can_be_overwritten() {
    let (pair, _) = conflict(&["--on-conflict", "overwrite"], 0, 0);
    assert_eq!(pair.names(), ["a.txt"]);
    assert_eq!(pair.received("a.txt"), b"theirs");
}

#[test]
fn existing_files_beside_what_arrives_are_untouched() {
    let pair = Pair::new();
    for name in ["tree/new", "tree/same", "other"] {
        pair.write(name, "theirs");
    }
    fs::create_dir(pair.to("tree")).unwrap();
    fs::write(pair.to("tree/same"), "mine").unwrap();
    fs::write(pair.to("tree/only-mine"), "mine").unwrap();
    let sender = pair.send(["tree", "other"]);
    pair.receive(["--on-conflict", "rename"]).finish().expect(0);
    sender.finish().expect(0);
    assert_eq!(pair.received("tree/same"), b"mine");
    assert_eq!(pair.received("tree/only-mine"), b"mine");
    assert_eq!(pair.received("other"), b"theirs");
    assert!(!pair.to("tree/new").exists());
    assert_eq!(pair.names().len(), 3, "{:?}", pair.names());
}

#[test]
fn what_is_larger_than_allowed_is_refused_before_it_comes() {
    let pair = Pair::new();
    pair.write("big.bin", noise(2_000_000, 1));
    let sender = pair.send(["big.bin"]);
    let refused = pair.receive(["--max-size", "1M"]).finish().expect(10);
    let said = |outcome: &Outcome| outcome.event("error")["message"].to_string();
    assert!(said(&refused).contains("the 1000000 bytes that --max-size allows"));
    let sent = sender.finish().expect(14);
    assert!(said(&sent).contains("more bytes than its --max-size allows"));
    assert!(sent.events("progress").is_empty(), "{sent}");
    assert!(pair.names().is_empty());
    pair.transfer(["big.bin"], ["--max-size", "2M"]);
}

#[test]
fn a_pipe_that_grows_larger_than_allowed_is_refused() {
    let pair = Pair::new();
    let command = pair.sending(["-", "--name", "pipe", "--compress", "off"]);
    let sender = Process::feed(command, noise(6 << 20, 2));
    sender.wait_for_event("waiting");
    pair.receive(["--max-size", "3M"]).finish().expect(10);
    sender.finish().expect(14);
    assert!(pair.names().is_empty(), "{:?}", pair.names());
}

#[test]
fn a_hidden_file_is_not_put_into_the_home_directory_unasked() {
    let pair = Pair::new();
    pair.write(".bashrc", "evil");
    let sender = pair.send([".bashrc"]);
    let mut command = pair.receiving(PLAIN);
    command.env("HOME", pair.to(""));
    Process::start(command).finish().expect(6);
    sender.finish().expect(5);
    assert!(pair.names().is_empty());
}
