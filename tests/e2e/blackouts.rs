//! Nothing gets through for a while, and the same two processes go on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    thread,
    time::{Duration, Instant},
};

use hayate_tests::{CODE, Faults, Pair, Process, Relay, Space, noise, snapshot};
use rustix::process::Signal;

const MIB: usize = 1 << 20;

/// Longer than a connection lives without a packet.
const LONG: Duration = Duration::from_secs(20);

/// Lets nothing through for a while.
fn dark(relay: &Relay, time: Duration) {
    relay.black_out(true);
    thread::sleep(time);
    relay.black_out(false);
}

/// Ends both, and checks how: all that came before the blackout came once.
fn end(sender: Process, receiver: Process) {
    let receiver = receiver.finish().expect(0);
    let sender = sender.finish().expect(0);
    for (side, outcome) in [("sender", &sender), ("receiver", &receiver)] {
        assert_eq!(outcome.events("gone").len(), 1, "{side}");
        assert_eq!(outcome.events("back").len(), 1, "{side}");
    }
    let resumed = receiver.event("resumed")["bytes"].as_u64().unwrap();
    assert!(resumed >= MIB as u64, "{resumed}");
}

#[test]
fn forty_seconds_are_survived() {
    let pair = Pair::new();
    let (relay, door) = Relay::before(pair.net.a(), Faults::default());
    pair.write("file", noise(8 * MIB + 5, 5));
    let sender = pair.send(["file", "--compress", "off", "--limit", "2M"]);
    let receiver = pair.receive(["--from", &door]);
    receiver.wait_for_event("progress");
    thread::sleep(Duration::from_secs(1));
    let start = Instant::now();
    dark(&relay, Duration::from_secs(40));
    end(sender, receiver);
    println!("{:?}", start.elapsed());
    assert!(pair.received("file") == noise(8 * MIB + 5, 5));
    assert!(pair.kept().is_empty());
}

#[test]
fn five_seconds_delay_a_transfer() {
    let pair = Pair::new();
    let (relay, door) = Relay::before(pair.net.a(), Faults::default());
    pair.write("file", noise(6 * MIB, 5));
    let sender = pair.send(["file", "--compress", "off", "--limit", "2M"]);
    let receiver = pair.receive(["--from", &door]);
    receiver.wait_for_event("progress");
    dark(&relay, Duration::from_secs(5));
    assert!(receiver.finish().expect(0).events("gone").is_empty());
    sender.finish().expect(0);
    assert!(pair.received("file") == noise(6 * MIB, 5));
}

#[test]
fn lanes_are_done_without_afterwards() {
    let pair = Pair::new();
    pair.net.a().slow_down("20mbit");
    pair.write("file", noise(12 * MIB + 5, 5));
    let sender = pair.send(["file", "--compress", "off", "--lanes", "3"]);
    let receiver = pair.receive(["--from", &pair.net.a().v4().to_string()]);
    receiver.wait_for_event("progress");
    thread::sleep(Duration::from_secs(2));
    pair.net.b().darken(LONG);
    end(sender, receiver);
    assert!(pair.received("file") == noise(12 * MIB + 5, 5));
}

/// One side gets another address in the middle.
fn moves(which: impl Fn(&Pair) -> &Space) {
    let pair = Pair::new();
    pair.write("file", noise(8 * MIB + 5, 5));
    let sender = pair.send(["file", "--compress", "off", "--limit", "1M"]);
    let receiver = pair.receive(["--timeout", "30"]);
    receiver.wait_for_event("progress");
    thread::sleep(Duration::from_secs(1));
    let space = which(&pair);
    space.ip("address flush dev lan");
    space.ip("address add 10.77.0.9/24 dev lan");
    end(sender, receiver);
    assert!(pair.received("file") == noise(8 * MIB + 5, 5));
}

#[test]
fn a_receiver_with_another_address_goes_on() {
    moves(|pair| pair.net.b());
}

#[test]
fn a_sender_with_another_address_is_found_again() {
    moves(|pair| pair.net.a());
}

#[test]
fn a_sender_that_dialled_comes_back_with_its_tree() {
    let pair = Pair::new();
    let (relay, door) = Relay::before(pair.net.b(), Faults::default());
    for number in 0..40 {
        pair.write(format!("tree/{number}"), noise(200 << 10, number));
    }
    let receiver = pair.receive(["--listen"]);
    let sender = pair.send(["tree", "--compress", "off", "--limit", "2M", "--to", &door]);
    receiver.wait_for_event("progress");
    thread::sleep(Duration::from_secs(1));
    dark(&relay, LONG);
    end(sender, receiver);
    assert_eq!(snapshot(&pair.from("tree")), snapshot(&pair.to("tree")));
}

#[test]
fn what_went_to_standard_output_is_not_written_twice() {
    let pair = Pair::new();
    let (relay, door) = Relay::before(pair.net.a(), Faults::default());
    let file = "a line of text\n".repeat(400_000);
    pair.write("file", &file);
    let sender = pair.send(["file", "--compress", "off", "--limit", "2M"]);
    let receiver = Process::start(pair.receiving(["-o", "-", "--from", &door]));
    thread::sleep(Duration::from_secs(3));
    dark(&relay, LONG);
    let receiver = receiver.finish().expect(0);
    sender.finish().expect(0);
    assert!(
        receiver.stdout == file.as_bytes(),
        "{}",
        receiver.stdout.len()
    );
}

#[test]
fn who_takes_the_network_away_gains_no_guess() {
    let pair = Pair::new();
    let (relay, door) = Relay::before(pair.net.a(), Faults::default());
    pair.write("file", noise(8 * MIB, 5));
    let sender = pair.send(["file", "--compress", "off", "--limit", "2M"]);
    let receiver = pair.receive(["--from", &door]);
    receiver.wait_for_event("progress");
    // In the middle of handshakes, too.
    for _ in 0..2 {
        dark(&relay, Duration::from_secs(17));
        thread::sleep(Duration::from_millis(40));
    }
    receiver.finish().expect(0);
    let sender = sender.finish().expect(0);
    assert!(sender.events("auth_failed").is_empty());
}

#[test]
fn wrong_codes_end_nothing_that_waits_for_its_owner() {
    let pair = Pair::new();
    let (relay, door) = Relay::before(pair.net.a(), Faults::default());
    pair.write("file", noise(8 * MIB, 5));
    let sender = pair.send(["file", "--compress", "off", "--limit", "2M"]);
    let receiver = pair.receive(["--from", &door]);
    receiver.wait_for_event("progress");
    relay.black_out(true);
    sender.wait_for_event("gone");
    let try_with = |code: &str| {
        let mut stranger = pair.net.b().hayate();
        stranger.args(["receive", code, "-y", "--from", "10.77.0.1"]);
        Process::start(stranger).finish()
    };
    // The place is not free, not even for who has the code.
    let late = try_with(CODE);
    assert_ne!(late.code, 0, "{late}");
    for _ in 0..3 {
        assert_ne!(try_with("7-copper-lantern-zoo").code, 0);
    }
    relay.black_out(false);
    receiver.finish().expect(0);
    sender.finish().expect(0);
    assert!(pair.received("file") == noise(8 * MIB, 5));
}

#[test]
fn nobody_waits_for_a_process_that_is_gone() {
    for gone in ["sender", "receiver"] {
        let pair = Pair::new();
        pair.write("file", noise(8 * MIB, 5));
        let sender = pair.send(["file", "--compress", "off", "--limit", "1M"]);
        let receiver = pair.receive(["--from", &pair.net.a().v4().to_string()]);
        receiver.wait_for_event("progress");
        let start = Instant::now();
        let (killed, left) = match gone {
            "sender" => (sender, receiver),
            _ => (receiver, sender),
        };
        killed.signal(Signal::KILL);
        left.finish().expect(9);
        assert!(
            start.elapsed() < Duration::from_secs(25),
            "{gone}: {:?}",
            start.elapsed()
        );
    }
}
