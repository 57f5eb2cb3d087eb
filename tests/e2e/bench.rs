//! `hayate bench`: every part is measured, the slowest is named, and nothing stays behind.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, process::Command, time::Duration};

use hayate_tests::{CODE, Family, Faulty, Net, Outcome, Process, Space};
use rustix::{io::Errno, process::Signal};
use tempfile::TempDir;

/// What is measured of a machine in any case.
const MACHINE: [&str; 10] = [
    "disk_write",
    "disk_flush",
    "disk_read",
    "hash",
    "seal_aes",
    "open_aes",
    "seal_chacha",
    "open_chacha",
    "compress",
    "refuse",
];

/// What is measured of its loopback as well where there is no link.
const LOOPBACK: [&str; 4] = ["quic", "quic_ethernet", "tcp", "transfer"];

/// `hayate bench` in `directory`, with a test file of 8 MB.
fn bench<const N: usize>(space: &Space, directory: &TempDir, arguments: [&str; N]) -> Command {
    let mut command = space.hayate();
    command
        .current_dir(directory)
        .args(["bench", "--size", "8M"])
        .args(arguments);
    command
}

fn scratch() -> TempDir {
    tempfile::Builder::new()
        .prefix("hybench")
        .tempdir()
        .unwrap()
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

/// The parts that were measured, each of which moved something.
fn parts(outcome: &Outcome) -> Vec<String> {
    let measured = outcome.events("measured");
    let parts = measured.iter().map(|part| {
        assert!(part["bytes_per_s"].as_u64().unwrap() > 0, "{part}");
        assert!(part["cpu_s_per_gib"].as_f64().unwrap() > 0.0, "{part}");
        part["what"].as_str().unwrap().to_owned()
    });
    parts.collect()
}

#[test]
fn every_part_is_measured_and_the_slowest_is_named() {
    let (net, directory) = (Net::new(Family::V4), scratch());
    let command = bench(net.a(), &directory, ["--json"]);
    let outcome = Process::start(command).finish().expect(0);
    let all: Vec<_> = MACHINE.into_iter().chain(LOOPBACK).collect();
    assert_eq!(parts(&outcome), all);
    let limit = outcome.event("limit");
    let of_path = ["disk_read", "disk_flush", "quic_ethernet", "tcp"];
    let slowest = limit["what"].as_str().unwrap();
    let sealing = slowest.starts_with("seal_") || slowest.starts_with("open_");
    assert!(sealing || of_path.contains(&slowest), "{limit}");
    assert!(limit["bytes_per_s"].as_u64() <= limit["next_bytes_per_s"].as_u64());
    let message = limit["message"].as_str().unwrap();
    assert!(message.contains(" is limited by "), "{limit}");
    assert!(is_empty(directory.path()));
}

#[test]
fn people_read_one_row_a_part_and_one_sentence() {
    let (net, directory, other) = (Net::new(Family::V4), scratch(), scratch());
    let place = other.path().to_str().unwrap();
    let command = bench(net.a(), &directory, ["--dir", place]);
    let outcome = Process::start(command).finish().expect(0);
    let text = String::from_utf8(outcome.stdout.clone()).unwrap();
    let rows = text.lines().filter(|line| line.contains("CPU s/GiB"));
    assert_eq!(rows.count(), MACHINE.len() + LOOPBACK.len(), "{text}");
    let last = text.lines().last().unwrap();
    assert!(last.contains(" is limited by "), "{text}");
    assert!(is_empty(directory.path()) && is_empty(other.path()));
    assert_eq!(outcome.stderr, "");
}

#[test]
fn nothing_stays_when_it_is_stopped() {
    let net = Net::new(Family::V4);
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::KILL, 137)] {
        let directory = scratch();
        let process = Process::start(bench(net.a(), &directory, ["--json"]));
        // so it has begun with its file, whether or not it is done with it
        process.wait_for_event("start");
        process.signal(signal);
        process.finish().expect(code);
        assert!(is_empty(directory.path()), "{signal:?}");
    }
}

#[test]
fn nothing_stays_when_the_disk_fails() {
    let net = Net::new(Family::V4);
    for fault in [Faulty::Flush, Faulty::Resize] {
        let directory = scratch();
        let command = bench(net.a(), &directory, ["--json"]);
        let process = fault.with(Errno::IO, || Process::start(command));
        let outcome = process.finish().expect(8);
        let error = outcome.event("error");
        assert_eq!(error["kind"], "disk", "{error}");
        assert!(error["hint"].as_str().unwrap().contains("--dir"), "{error}");
        assert!(is_empty(directory.path()), "{fault:?}");
    }
}

#[test]
fn what_makes_no_sense_is_said_at_once() {
    let (net, directory) = (Net::new(Family::V4), scratch());
    for arguments in [
        &["--listen", "--from", "10.77.0.2"][..],
        &[CODE],
        &["--from", "10.77.0.2"],
        &["--from", "10.77.0.2", "7-nonsense"],
    ] {
        let mut command = bench(net.a(), &directory, []);
        command.args(arguments);
        Process::start(command).finish().expect(2);
    }
    let mut command = bench(net.a(), &directory, []);
    command.args(["--dir", "/nowhere/at/all"]);
    let outcome = Process::start(command).finish().expect(8);
    assert!(outcome.stderr.contains("/nowhere/at/all"), "{outcome}");
}

#[test]
fn the_link_is_measured_for_a_while_with_the_code_alone() {
    let (net, directory) = (Net::new(Family::Both), scratch());
    net.a().slow_down("200mbit");
    let mut listen = net.a().hayate();
    listen
        .current_dir(&directory)
        .args(["bench", "--listen", "--json"]);
    let listener = Process::start(listen);
    let waiting = listener.wait_for_event("waiting");
    let code = waiting["code"].as_str().unwrap();

    let wrong = if code == CODE {
        "8-violin-copper-lantern"
    } else {
        CODE
    };
    let mut stranger = net.b().hayate();
    stranger
        .current_dir(&directory)
        .args(["bench", wrong, "--from", "10.77.0.1", "--json"]);
    let refused = Process::start(stranger).finish().expect(4);
    let link = |outcome: &Outcome| {
        let mut parts = outcome.events("measured");
        parts.retain(|part| part["what"] == "link");
        parts
    };
    assert!(link(&refused).is_empty(), "{refused}");

    let mut fetch = net.b().hayate();
    fetch
        .current_dir(&directory)
        .args(["bench", "--from", "10.77.0.1", "--json"])
        .env("HAYATE_CODE", code);
    let fetched = Process::start(fetch).finish().expect(0);
    let listened = listener.finish().expect(0);
    for outcome in [&fetched, &listened] {
        let [part] = &link(outcome)[..] else {
            panic!("the link is measured once: {outcome}");
        };
        let rate = part["bytes_per_s"].as_u64().unwrap();
        // 200 Mbit/s are 25 MB/s, with what the headers take and what a queue holds
        assert!((10_000_000..30_000_000).contains(&rate), "{part}");
        assert_eq!(outcome.event("limit")["what"], "link", "{outcome}");
    }
    let elapsed = link(&fetched)[0]["elapsed_ms"].as_u64().unwrap();
    assert!((3_000..10_000).contains(&elapsed), "{fetched}");
    assert_eq!(listened.events("auth_failed").len(), 1, "{listened}");
    let all: Vec<_> = MACHINE.into_iter().chain(["link"]).collect();
    assert_eq!(parts(&fetched), all);
    assert!(is_empty(directory.path()));
}

#[test]
fn a_link_can_be_measured_with_so_many_bytes_on_a_chosen_port() {
    let (net, directory) = (Net::new(Family::V4), scratch());
    let at = "--listen=10.77.0.1:50010";
    let mut listener = bench(net.a(), &directory, [CODE, at]);
    listener.env_remove("HAYATE_CODE");
    let listener = Process::start(listener);
    let line = format!("hayate bench {CODE} --from 10.77.0.1:50010");
    listener.wait_for("line for the other machine", |_, errors| {
        errors.contains(&line).then_some(())
    });
    let words = ["--json", CODE, "--from", "10.77.0.1:50010"];
    let fetched = Process::start(bench(net.b(), &directory, words));
    let fetched = fetched.finish_within(Duration::from_secs(60)).expect(0);
    let measured = fetched.events("measured");
    let link = measured.iter().find(|part| part["what"] == "link").unwrap();
    assert_eq!(link["bytes"], 8_000_000);
    let listened = listener.finish().expect(0);
    let text = String::from_utf8(listened.stdout.clone()).unwrap();
    assert!(text.contains("link: transfer"), "{listened}");
    assert!(text.contains("A transfer from here over this link is limited by"));
}
