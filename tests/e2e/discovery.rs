//! The receiver finds the sender by the code alone, or by address where nothing can be announced.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use hayate_tests::{CODE, Family, Net, Pair, Process, pair::PLAIN};

fn arrives(pair: &Pair) -> String {
    pair.write("hello.txt", "hello");
    let (sent, received) = pair.transfer(["hello.txt"], PLAIN);
    assert_eq!(pair.received("hello.txt"), b"hello");
    assert_eq!(sent.event("done")["bytes"], 5);
    received.event("peer")["peer"].as_str().unwrap().to_owned()
}

#[test]
fn finds_the_sender_by_code_over_ipv4() {
    let pair = Pair::on(Net::new(Family::V4));
    assert_eq!(arrives(&pair), "10.77.0.1:50001");
}

#[test]
fn finds_the_sender_by_code_over_ipv6_only() {
    let pair = Pair::on(Net::new(Family::V6));
    let peer = arrives(&pair);
    assert!(peer.starts_with("[f"), "{peer}");
}

#[test]
fn finds_the_sender_although_both_have_dead_interfaces() {
    let mut pair = Pair::new();
    pair.net.add_dead_interfaces();
    arrives(&pair);
}

#[test]
fn finds_a_sender_that_starts_later() {
    let pair = Pair::new();
    pair.write("hello.txt", "hello");
    let receiver = pair.receive(PLAIN);
    // it says what it saw after some seconds, so by then it has been looking
    receiver.wait_for_event("warning");
    let sender = pair.send(["hello.txt"]);
    receiver.finish().expect(0);
    sender.finish().expect(0);
    assert_eq!(pair.received("hello.txt"), b"hello");
}

#[test]
fn from_reaches_the_sender_where_discovery_is_blocked() {
    let pair = Pair::new();
    pair.net.block_discovery();
    for (address, name) in [
        ("10.77.0.1", "a"),
        ("10.77.0.1:50001", "b"),
        ("fd77::1", "c"),
        ("[fd77::1]:50001", "d"),
    ] {
        pair.write(name, name);
        pair.transfer([name], ["--from", address]);
        assert_eq!(pair.received(name), name.as_bytes());
    }
}

#[test]
fn from_reaches_a_sender_on_another_port() {
    let pair = Pair::new();
    pair.net.block_discovery();
    pair.write("hello.txt", "hello");
    pair.transfer(["hello.txt", "-p", "4444"], ["--from", "10.77.0.1:4444"]);
    assert_eq!(pair.received("hello.txt"), b"hello");
}

#[test]
fn to_reaches_a_receiver_that_listens_where_discovery_is_blocked() {
    let pair = Pair::new();
    pair.net.block_discovery();
    for (listen, to, name) in [
        ("--listen", "10.77.0.2", "a"),
        ("--listen", "fd77::2", "b"),
        ("--listen=10.77.0.2", "10.77.0.2:50001", "c"),
        ("--listen=[fd77::2]:4444", "[fd77::2]:4444", "d"),
    ] {
        pair.write(name, name);
        let receiver = pair.receive([listen]);
        receiver.wait_for_event("waiting");
        let sender = Process::start(pair.sending([name, "--to", to]));
        receiver.finish().expect(0);
        sender.finish().expect(0);
        assert_eq!(pair.received(name), name.as_bytes());
    }
}

#[test]
fn to_waits_for_a_receiver_that_starts_later() {
    let pair = Pair::new();
    pair.write("hello.txt", "hello");
    let sender = pair.send(["hello.txt", "--to", "10.77.0.2"]);
    let receiver = pair.receive(["--listen"]);
    receiver.finish().expect(0);
    sender.finish().expect(0);
    assert_eq!(pair.received("hello.txt"), b"hello");
}

#[test]
fn two_senders_with_one_channel_are_told_apart_by_the_words() {
    let pair = Pair::on(Net::switched(3));
    pair.write("hello.txt", "hello");
    let mut other = pair.net.c().hayate();
    other
        .current_dir(pair.from(""))
        .args(["send", "-t", "not you", "-c", "7-violin-copper-lantern"])
        .arg("--json");
    let other = Process::start(other);
    other.wait_for_event("waiting");
    pair.transfer(["hello.txt"], PLAIN);
    assert_eq!(pair.received("hello.txt"), b"hello");
}

#[test]
fn a_sender_that_nobody_announces_is_not_found_in_time() {
    let pair = Pair::new();
    pair.net.block_discovery();
    pair.write("hello.txt", "hello");
    let _sender = pair.send(["hello.txt"]);
    let received = pair.receive(["--timeout", "2"]).finish().expect(3);
    assert!(received.stderr.contains("--from"), "{received}");
    assert!(!received.stderr.contains(&CODE[2..]), "{received}");
}

#[test]
fn an_address_where_nobody_is_ends_in_time() {
    let pair = Pair::new();
    for address in ["10.77.0.99", "10.77.0.1", "fd77::99"] {
        let received = pair.receive(["--from", address, "--timeout", "2"]);
        let received = received.finish().expect(3);
        assert!(received.stderr.contains(address), "{received}");
    }
    assert!(pair.names().is_empty());
}

#[test]
fn a_sender_that_nobody_asks_ends_in_time() {
    let pair = Pair::new();
    pair.write("hello.txt", "hello");
    pair.send(["hello.txt", "--timeout", "1"])
        .finish()
        .expect(3);
    pair.send(["hello.txt", "--timeout", "1", "--to", "10.77.0.2"])
        .finish()
        .expect(3);
}
