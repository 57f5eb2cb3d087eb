//! `hayate doctor` finds what is wrong, says what to do about it, and tells scripts by its exit code.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use hayate_tests::{Faulty, Net, Outcome, Pair, Process, Space, binary, pair::PLAIN};
use rustix::io::Errno;
use serde_json::Value;

fn doctor(space: &Space) -> Outcome {
    let mut command = space.hayate();
    command.current_dir("/tmp").args(["doctor", "--json"]);
    Process::start(command).finish()
}

/// A doctor whose sockets get no more than the system gives unasked; `ip` would fail there.
fn with_small_buffers(space: &Space, argument: &'static str) -> Outcome {
    let work = move || {
        let mut command = Command::new(binary::hayate());
        command.current_dir("/tmp").args(["doctor", argument]);
        let process = Faulty::SocketBuffer.with(Errno::PERM, || Process::start(command));
        process.finish()
    };
    space.thread(work).join().unwrap()
}

/// What is said about one thing.
fn about(outcome: &Outcome, what: &str) -> Vec<Value> {
    let mut checked = outcome.events("checked");
    checked.retain(|finding| finding["what"] == what);
    checked
}

/// What hinders. How large a buffer may be, and how full the disk, is up to the machine that tests.
fn warnings(outcome: &Outcome) -> Vec<Value> {
    let mut checked = outcome.events("checked");
    checked.retain(|finding| finding["level"] == "warning");
    for warning in &checked {
        assert!(warning["advice"].is_string(), "{warning}");
    }
    let expected = if checked.is_empty() { 0 } else { 15 };
    assert_eq!(outcome.code, expected, "{outcome}");
    checked.retain(|finding| finding["what"] != "udp_buffers" && finding["what"] != "disk");
    checked
}

#[test]
fn a_sound_machine_has_no_warnings() {
    let net = Net::switched(2);
    net.a().settle();
    let outcome = doctor(net.a());
    assert!(warnings(&outcome).is_empty(), "{outcome}");
    for what in [
        "udp_buffers",
        "udp_batches",
        "udp_port",
        "tcp_port",
        "ipv4",
        "ipv6",
        "discovery",
        "firewall",
        "io",
        "aes",
        "landlock",
        "clock",
        "disk",
    ] {
        assert_eq!(about(&outcome, what).len(), 1, "{what}: {outcome}");
    }
    let discovery = &about(&outcome, "discovery")[0];
    assert_eq!(discovery["level"], "ok", "{discovery}");
    assert!(discovery["message"].as_str().unwrap().starts_with("lan: "));
}

#[test]
fn a_small_buffer_is_named_with_the_variable_that_makes_it_larger() {
    let net = Net::switched(2);
    let outcome = with_small_buffers(net.a(), "--json");
    let buffers = &about(&outcome, "udp_buffers")[0];
    assert_eq!(buffers["level"], "warning", "{buffers}");
    let advice = buffers["advice"].as_str().unwrap();
    assert!(advice.contains("net.core.rmem_max=4194304"), "{buffers}");
    let error = outcome.expect(15).event("error");
    assert_eq!(
        (&error["kind"], &error["exit"]),
        (&"hindered".into(), &15.into())
    );
}

#[test]
fn ports_that_are_taken_are_named() {
    let pair = Pair::new();
    pair.write("a", "a");
    let sender = pair.send(["a"]);
    let outcome = doctor(pair.net.a());
    for (what, name) in [
        ("udp_port", "UDP port 50001"),
        ("tcp_port", "TCP port 50001"),
    ] {
        let port = &about(&outcome, what)[0];
        assert_eq!(port["level"], "warning", "{port}");
        let message = port["message"].as_str().unwrap();
        assert!(
            message.contains(name) && message.contains("taken"),
            "{port}"
        );
    }
    assert_eq!(warnings(&outcome).len(), 2, "{outcome}");
    // it was left in peace
    pair.receive(PLAIN).finish().expect(0);
    sender.finish().expect(0);
}

#[test]
fn blocked_discovery_is_told_for_its_interface() {
    let net = Net::switched(2);
    net.block_discovery();
    let outcome = doctor(net.a());
    let [warning] = &warnings(&outcome)[..] else {
        panic!("one thing hinders: {outcome}");
    };
    assert_eq!(warning["what"], "discovery");
    assert!(
        warning["message"].as_str().unwrap().starts_with("lan: "),
        "{warning}"
    );
    assert!(
        warning["advice"].as_str().unwrap().contains("50002"),
        "{warning}"
    );
}

#[test]
fn a_machine_without_a_network_is_told() {
    let net = Net::switched(2);
    net.a().ip("link set lan down");
    let outcome = doctor(net.a());
    let [warning] = &warnings(&outcome)[..] else {
        panic!("one thing hinders: {outcome}");
    };
    assert_eq!(warning["what"], "ipv4");
    assert!(about(&outcome, "discovery").is_empty());
}

#[test]
fn people_read_what_to_do_below_what_is_wrong() {
    let net = Net::switched(2);
    let outcome = with_small_buffers(net.a(), "--quiet").expect(15);
    let text = String::from_utf8(outcome.stdout.clone()).unwrap();
    let mut lines = text.lines();
    let warning = lines.next().unwrap();
    assert!(warning.starts_with("warning  udp_buffers"), "{text}");
    assert!(
        lines.next().unwrap().trim().starts_with("sudo sysctl"),
        "{text}"
    );
    assert_eq!(outcome.stderr, "");
}
