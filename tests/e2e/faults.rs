//! What goes wrong ends soon on both sides, says what it was, and leaves nothing half done behind.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use hayate_tests::{Outcome, Pair, Process, noise, pair::PLAIN};
use rustix::process::Signal;

/// Some transfer that lasts for half a minute if nothing happens: it runs when this returns.
fn under_way(pair: &Pair) -> (Process, Process) {
    pair.write("big.bin", noise(30 << 20, 1));
    let sender = pair.send(["big.bin", "--limit", "1M", "--compress", "off"]);
    let receiver = pair.receive(PLAIN);
    receiver.wait_for_event("progress");
    (sender, receiver)
}

/// How it ended, and how long that took.
fn timed(process: Process) -> (Outcome, Duration) {
    let start = Instant::now();
    (process.finish(), start.elapsed())
}

#[test]
fn ctrl_c_at_the_sender_ends_both() {
    let pair = Pair::new();
    let (sender, receiver) = pair.long_under_way();
    sender.signal(Signal::INT);
    let (received, took) = timed(receiver);
    let received = received.expect(14);
    assert!(took < SOON, "{took:?}");
    assert!(received.stderr.contains("cancelled"), "{received}");
    sender.finish().expect(130);
    assert!(pair.stored().is_empty(), "{:?}", pair.stored());
}

#[test]
fn ctrl_c_at_the_receiver_ends_both() {
    let pair = Pair::new();
    let (sender, receiver) = pair.long_under_way();
    receiver.signal(Signal::INT);
    let (sent, took) = timed(sender);
    let sent = sent.expect(14);
    assert!(took < SOON, "{took:?}");
    assert!(sent.stderr.contains("cancelled"), "{sent}");
    receiver.finish().expect(130);
    assert!(pair.stored().is_empty(), "{:?}", pair.stored());
}

#[test]
fn sigterm_ends_both() {
    let pair = Pair::new();
    let (sender, receiver) = pair.long_under_way();
    receiver.signal(Signal::TERM);
    receiver.finish().expect(143);
    sender.finish().expect(14);
    let (sender, receiver) = pair.long_under_way();
    sender.signal(Signal::TERM);
    sender.finish().expect(143);
    receiver.finish().expect(14);
    assert!(pair.stored().is_empty(), "{:?}", pair.stored());
}

#[test]
fn ctrl_c_at_a_slow_sender_ends_both() {
    let pair = Pair::new();
    let (sender, receiver) = under_way(&pair);
    sender.signal(Signal::INT);
    let (received, took) = timed(receiver);
    let received = received.expect(14);
    assert!(took < SOON, "{took:?}");
    assert!(received.stderr.contains("cancelled"), "{received}");
    sender.finish().expect(130);
    assert!(pair.stored().is_empty(), "{:?}", pair.stored());
}

#[test]
fn ctrl_c_ends_who_waits() {
    let pair = Pair::new();
    pair.write("a", "a");
    for sender in [
        pair.send(["a"]),
        pair.send(["a", "-k"]),
        pair.send(["a", "--to", "10.77.0.9"]),
    ] {
        sender.signal(Signal::INT);
        sender.finish_within(WHILE).expect(130);
    }
    for arguments in [&[][..], &["--from", "10.77.0.9"], &["--listen"]] {
        let receiver = pair.receive(arguments);
        receiver.wait_for_event("start");
        // it installs its handlers when the runtime is up, which is before it says so
        receiver.signal(Signal::INT);
        receiver.finish_within(WHILE).expect(130);
    }
    assert!(pair.names().is_empty());
}

#[test]
fn a_receiver_notices_a_sender_that_was_killed() {
    let pair = Pair::new();
    let (sender, receiver) = under_way(&pair);
    sender.signal(Signal::KILL);
    let (received, took) = timed(receiver);
    received.expect(9);
    assert!(took < LATE, "{took:?}");
    assert!(pair.stored().is_empty(), "{:?}", pair.stored());
}

#[test]
fn a_sender_notices_a_receiver_that_was_killed() {
    let pair = Pair::new();
    let (sender, receiver) = under_way(&pair);
    receiver.signal(Signal::KILL);
    let (sent, took) = timed(sender);
    let sent = sent.expect(9);
    assert!(took < LATE, "{took:?}");
    assert!(sent.events("done").is_empty(), "{sent}");
    // who is killed cannot clean up, but leaves nothing that looks complete
    assert!(pair.stored().is_empty(), "{:?}", pair.stored());
    pair.transfer(["big.bin"], PLAIN);
    assert!(pair.received("big.bin") == noise(30 << 20, 1));
}

#[test]
fn both_notice_a_network_that_is_gone() {
    let pair = Pair::new();
    let (sender, receiver) = under_way(&pair);
    pair.net.a().ip("link set lan down");
    let start = Instant::now();
    sender.finish().expect(9);
    receiver.finish().expect(9);
    // it might come back
    assert!(
        start.elapsed() < LATE + Duration::from_secs(60),
        "{:?}",
        start.elapsed()
    );
    assert!(pair.stored().is_empty(), "{:?}", pair.stored());
}

#[test]
fn a_path_that_is_not_there_is_said_before_anybody_waits() {
    let pair = Pair::new();
    let sent = Process::start(pair.sending(["nowhere.txt"])).finish();
    assert!(matches!(sent.code, 2 | 8), "{sent}");
    assert!(sent.stderr.contains("nowhere.txt"), "{sent}");
    assert!(sent.events("waiting").is_empty(), "{sent}");
}

/// The other side hears of it in this time.
const SOON: Duration = Duration::from_secs(2);
/// A machine that went silent is given up in this time.
const LATE: Duration = Duration::from_secs(25);
/// More than the second that a polite end may take.
const WHILE: Duration = Duration::from_secs(5);
