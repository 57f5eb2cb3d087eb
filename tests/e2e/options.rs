//! Several receivers, limits, and what the other options of the command line promise.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use hayate_tests::{CODE, Net, Pair, Process, Space, noise, pair::PLAIN};
use rustix::process::Signal;

fn receive_at(space: &Space, directory: &std::path::Path) -> Process {
    let mut command = space.hayate();
    command
        .current_dir(directory)
        .args(["receive", CODE, "-y", "--json"]);
    Process::start(command)
}

#[test]
fn two_receivers_are_served_at_once() {
    let pair = Pair::on(Net::switched(3));
    let bytes = noise(4 << 20, 1);
    pair.write("big.bin", &bytes);
    let sender = pair.send(["big.bin", "-n", "2", "--limit", "2M", "--compress", "off"]);
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let receivers = [pair.net.b(), pair.net.c()].map(|space| {
        let directory = if space.v4() == pair.net.b().v4() {
            &directories[0]
        } else {
            &directories[1]
        };
        receive_at(space, directory.path())
    });
    // both are under way before either is done
    for receiver in &receivers {
        receiver.wait_for_event("progress");
    }
    for receiver in receivers {
        receiver.finish().expect(0);
    }
    let sent = sender.finish().expect(0);
    assert_eq!(sent.events("done").len(), 2, "{sent}");
    for directory in &directories {
        assert!(std::fs::read(directory.path().join("big.bin")).unwrap() == bytes);
    }
}

#[test]
fn two_receivers_are_served_one_after_the_other() {
    let pair = Pair::new();
    pair.write("a", "a");
    let sender = pair.send(["a", "-n", "2"]);
    pair.receive(["-o", "one"]).finish().expect(0);
    pair.receive(["-o", "two"]).finish().expect(0);
    let sent = sender.finish().expect(0);
    assert_eq!(sent.events("done").len(), 2, "{sent}");
    assert_eq!(pair.names(), ["one", "two"]);
}

#[test]
fn a_sender_that_keeps_serving_ends_when_it_is_told() {
    let pair = Pair::new();
    pair.write("a", "a");
    let sender = pair.send(["a", "--keep"]);
    for name in ["one", "two", "three"] {
        pair.receive(["-o", name]).finish().expect(0);
    }
    sender.signal(Signal::INT);
    let sent = sender.finish().expect(130);
    assert_eq!(sent.events("done").len(), 3, "{sent}");
}

#[test]
fn a_receiver_that_comes_too_late_is_told() {
    let pair = Pair::on(Net::switched(3));
    pair.write("big.bin", noise(4 << 20, 2));
    let sender = pair.send(["big.bin", "--limit", "1M", "--compress", "off"]);
    let first = pair.receive(PLAIN);
    first.wait_for_event("progress");
    let mut command = pair.net.c().hayate();
    command.args([
        "receive",
        CODE,
        "-y",
        "--from",
        "10.77.0.1",
        "--timeout",
        "2",
    ]);
    Process::start(command).finish().expect(3);
    first.finish().expect(0);
    sender.finish().expect(0);
}

#[test]
fn a_dry_run_lists_and_sends_nothing() {
    let pair = Pair::new();
    pair.net.a().count_packets();
    pair.write("tree/keep.rs", "keep");
    pair.write("tree/drop.tmp", "drop");
    let command = pair.sending(["tree", "--exclude", "*.tmp", "--dry-run"]);
    let listed = Process::start(command).finish().expect(0);
    let offer = listed.event("offer");
    assert_eq!(
        (&offer["name"], &offer["bytes"]),
        (&"tree".into(), &4.into())
    );
    assert!(listed.events("waiting").is_empty(), "{listed}");
    let mut command = pair.net.a().hayate();
    command
        .current_dir(pair.from(""))
        .args(["send", "tree", "--dry-run"]);
    let listed = Process::start(command).finish().expect(0);
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&listed.stdout),
        listed.stderr
    );
    assert!(
        text.contains("keep.rs") && text.contains("drop.tmp"),
        "{text}"
    );
    assert_eq!(pair.net.a().packets(), 0);
}

#[test]
fn a_limit_slows_the_transfer_down() {
    let pair = Pair::new();
    pair.write("big.bin", noise(3_000_000, 3));
    let sender = pair.send(["big.bin", "--limit", "1MB/s"]);
    let start = Instant::now();
    pair.receive(PLAIN).finish().expect(0);
    sender.finish().expect(0);
    // a little less than 3 s: some is sent at once
    assert!(
        start.elapsed() > Duration::from_millis(2500),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn an_interface_or_an_address_can_be_chosen() {
    let mut pair = Pair::new();
    pair.net.add_dead_interfaces();
    pair.write("a", "a");
    let (sent, _) = pair.transfer(["a", "-i", "lan"], ["-i", "lan"]);
    let waiting = sent.event("waiting");
    let interfaces = waiting["interfaces"].as_array().unwrap();
    assert!(interfaces.iter().all(|name| name == "lan"), "{waiting}");
    pair.transfer(
        ["a", "--bind", "10.77.0.1", "--name", "b"],
        ["--bind", "10.77.0.2"],
    );
    pair.transfer(
        ["a", "--bind", "fd77::1", "--name", "c"],
        ["--bind", "fd77::2"],
    );
    assert_eq!(pair.names(), ["a", "b", "c"]);
}

#[test]
fn nobody_is_answered_at_an_interface_that_was_not_chosen() {
    let mut pair = Pair::new();
    pair.net.add_dead_interfaces();
    pair.write("a", "a");
    let sender = pair.send(["a", "-i", "void"]);
    sender.wait_for_event("waiting");
    let door = pair.net.a().v4().to_string();
    let refused = pair.receive(["--from", &door, "--timeout", "3"]);
    refused.finish().expect(3);
    assert!(pair.names().is_empty());
}

#[test]
fn an_interface_that_is_not_there_is_said_with_those_that_are() {
    let pair = Pair::new();
    pair.write("a", "a");
    let refused = Process::start(pair.sending(["a", "-i", "eth9"])).finish();
    let refused = refused.expect(2);
    for name in ["eth9", "lan"] {
        assert!(refused.stderr.contains(name), "{refused}");
    }
}

#[test]
fn a_port_that_is_taken_is_said_or_passed_by() {
    let pair = Pair::new();
    pair.write("a", "a");
    let first = pair.send(["a"]);
    let mut command = pair.net.a().hayate();
    command.current_dir(pair.from("")).args([
        "send",
        "a",
        "-c",
        "8-violin-copper-lantern",
        "--json",
    ]);
    let second = Process::start(command);
    let waiting = second.wait_for_event("waiting");
    let address = waiting["addresses"][0].as_str().unwrap();
    assert!(
        address.ends_with(":50002") || address.ends_with(":50003"),
        "{waiting}"
    );
    let refused = Process::start(pair.sending(["a", "-p", "50001"])).finish();
    assert!(refused.code == 9 || refused.code == 2, "{refused}");
    assert!(refused.stderr.contains("50001"), "{refused}");
    pair.receive(PLAIN).finish().expect(0);
    first.finish().expect(0);
}

#[test]
fn quiet_says_nothing() {
    let pair = Pair::new();
    pair.write("a", "a");
    let mut command = pair.net.a().hayate();
    command
        .current_dir(pair.from(""))
        .args(["send", "a", "-q", "-c", CODE]);
    let sender = Process::start(command);
    sender.wait_for("code", |stdout, _| stdout.ends_with('\n').then_some(()));
    let received = Process::start(pair.receiving(["-q"])).finish().expect(0);
    let sent = sender.finish().expect(0);
    assert_eq!((received.stderr.as_str(), sent.stderr.as_str()), ("", ""));
    assert_eq!(sent.stdout, format!("{CODE}\n").as_bytes());
    assert_eq!(received.stdout, b"");
}
