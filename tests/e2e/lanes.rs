//! Connections beside the session's own: what they carry, and how a transfer does without them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    thread,
    time::{Duration, Instant},
};

use hayate_tests::{Pair, Process, Space, noise, pair::PLAIN};

const MIB: usize = 1 << 20;

/// A link on which 32 MiB take over a second: a lane is there, on whatever machine, before most of them are gone.
const UNHURRIED: &str = "200mbit";

/// Counts what is received over TCP.
fn count_tcp(space: &Space) {
    space.nft(
        "add table inet lanes
         add chain inet lanes in { type filter hook input priority 0; }
         add rule inet lanes in meta l4proto tcp counter",
    );
}

/// Bytes since [`count_tcp`].
fn tcp_bytes(space: &Space) -> usize {
    let listed = space
        .command("nft")
        .args(["list", "table", "inet", "lanes"])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let (_, bytes) = listed.split_once(" bytes ").unwrap();
    bytes.split_whitespace().next().unwrap().parse().unwrap()
}

/// Does this to each TCP packet that comes in from now on.
fn treat_tcp(space: &Space, verdict: &str) {
    space.nft(&format!(
        "add table inet treated
         add chain inet treated in {{ type filter hook input priority 0; }}
         add rule inet treated in iifname lan meta l4proto tcp {verdict}"
    ));
}

#[test]
fn blocks_go_over_tcp_where_that_is_asked_for() {
    let (pair, file) = (Pair::new(), noise(32 * MIB + 5, 1));
    pair.write("file", &file);
    pair.net.a().slow_down(UNHURRIED);
    count_tcp(pair.net.b());
    pair.transfer(["file", "--lanes", "tcp"], PLAIN);
    assert!(pair.received("file") == file);
    let bytes = tcp_bytes(pair.net.b());
    assert!(bytes > 16 * MIB, "{bytes}");
}

#[test]
fn a_sender_that_dialled_has_lanes_of_any_kind() {
    for lanes in ["tcp", "3"] {
        let (pair, file) = (Pair::new(), noise(32 * MIB + 5, 1));
        pair.write("file", &file);
        pair.net.a().slow_down(UNHURRIED);
        count_tcp(pair.net.b());
        let receiver = pair.receive(["--listen"]);
        let door = pair.net.b().v4().to_string();
        let sender = pair.send(["file", "--lanes", lanes, "--to", &door]);
        receiver.finish().expect(0);
        sender.finish().expect(0);
        assert!(pair.received("file") == file, "{lanes}");
        let tcp = tcp_bytes(pair.net.b());
        assert_eq!(tcp > 16 * MIB, lanes == "tcp", "{tcp}");
    }
}

#[test]
fn a_long_transfer_moves_to_tcp_by_itself() {
    let pair = Pair::new();
    pair.write("file", noise(256 * MIB, 1));
    count_tcp(pair.net.b());
    // over the memory of both machines, so that neither link nor disk is what limits
    pair.transfer(["file", "--compress", "off"], PLAIN);
    assert!(pair.received("file") == noise(256 * MIB, 1));
    let bytes = tcp_bytes(pair.net.b());
    assert!(bytes > 24 * MIB, "it was not even tried: {bytes}");
}

#[test]
fn a_short_transfer_opens_no_lane() {
    let pair = Pair::new();
    pair.write("file", noise(8 * MIB, 1));
    count_tcp(pair.net.b());
    pair.transfer(["file"], PLAIN);
    assert_eq!(tcp_bytes(pair.net.b()), 0);
}

#[test]
fn a_slow_lane_is_left_again() {
    let pair = Pair::new();
    pair.write("file", noise(256 * MIB, 1));
    count_tcp(pair.net.b());
    treat_tcp(pair.net.b(), "limit rate over 2000/second drop");
    pair.transfer(["file", "--compress", "off"], PLAIN);
    assert!(pair.received("file") == noise(256 * MIB, 1));
    let bytes = tcp_bytes(pair.net.b());
    assert!(bytes < 128 * MIB, "{bytes}");
}

#[test]
fn without_tcp_blocks_go_over_quic() {
    for verdict in ["drop", "reject with tcp reset"] {
        let (pair, file) = (Pair::new(), noise(8 * MIB + 5, 1));
        pair.write("file", &file);
        treat_tcp(pair.net.a(), verdict);
        let (_, received) = pair.transfer(["file", "--lanes", "tcp"], PLAIN);
        assert!(pair.received("file") == file);
        assert!(received.events("gone").is_empty(), "{verdict}");
    }
}

/// A transfer over TCP, which is cut in the middle.
fn cut(verdict: &str) {
    let pair = Pair::new();
    pair.write("file", noise(48 * MIB + 5, 1));
    pair.net.a().slow_down("80mbit");
    count_tcp(pair.net.b());
    let sender = pair.send(["file", "--compress", "off", "--lanes", "tcp"]);
    let receiver = pair.receive(PLAIN);
    // what QUIC took before the lane was there comes first
    let deadline = Instant::now() + Duration::from_secs(20);
    while tcp_bytes(pair.net.b()) < MIB {
        assert!(Instant::now() < deadline, "nothing comes over TCP");
        thread::sleep(Duration::from_millis(50));
    }
    treat_tcp(pair.net.b(), verdict);
    let ended = |process: Process| process.finish().expect(0).events("back").len();
    assert_eq!((ended(receiver), ended(sender)), (1, 1));
    assert!(pair.received("file") == noise(48 * MIB + 5, 1));
}

#[test]
fn a_lane_that_is_reset_costs_nothing_but_time() {
    cut("reject with tcp reset");
}

#[test]
fn a_lane_that_falls_silent_costs_nothing_but_time() {
    cut("drop");
}
