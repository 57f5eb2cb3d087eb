//! Over a bad link the same bytes arrive, only later.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use hayate_tests::{Faults, Pair, Relay, noise};

const MIB: usize = 1 << 20;

#[track_caller]
fn arrives(faults: Faults, length: usize) {
    let pair = Pair::new();
    let (_relay, door) = Relay::before(pair.net.a(), faults);
    pair.write("file", noise(length, 5));
    let start = Instant::now();
    pair.transfer(["file", "--compress", "off"], ["--from", &door]);
    println!("{faults:?}: {:?}", start.elapsed());
    assert!(pair.received("file") == noise(length, 5), "{faults:?}");
}

#[test]
fn over_a_link_without_faults() {
    arrives(Faults::default(), 8 * MIB + 5);
}

/// N01.
#[test]
fn over_a_link_that_loses() {
    for (loss, length) in [
        (0.01, 4 * MIB + 5),
        (0.05, 2 * MIB + 5),
        (0.1, MIB + 5),
        (0.2, MIB + 5),
        (0.3, MIB / 4),
    ] {
        let faults = Faults {
            loss,
            ..Faults::default()
        };
        arrives(faults, length);
    }
}

/// N02.
#[test]
fn over_a_link_that_reorders() {
    let faults = Faults {
        reorder: 0.3,
        ..Faults::default()
    };
    arrives(faults, 2 * MIB + 5);
}

/// N02.
#[test]
fn over_a_link_that_repeats() {
    let faults = Faults {
        repeat: 0.3,
        ..Faults::default()
    };
    arrives(faults, 4 * MIB + 5);
}

/// N03.
#[test]
fn over_a_link_that_spoils() {
    let faults = Faults {
        spoil: 0.01,
        ..Faults::default()
    };
    arrives(faults, 4 * MIB + 5);
}

/// N02.
#[test]
fn over_a_link_that_jitters() {
    for (millis, length) in [(100, MIB + 5), (300, MIB / 4)] {
        let faults = Faults {
            jitter: Duration::from_millis(millis),
            ..Faults::default()
        };
        arrives(faults, length);
    }
}

/// N03. At 1 % it is a bad link; at 100 % there is nobody at the other end.
#[test]
fn over_a_link_that_spoils_everything_nobody_is_found() {
    let pair = Pair::new();
    let faults = Faults {
        spoil: 1.0,
        ..Faults::default()
    };
    let (_relay, door) = Relay::before(pair.net.a(), faults);
    pair.write("file", "x");
    let sender = pair.send(["file"]);
    let received = pair
        .receive(["--from", &door, "--timeout", "5"])
        .finish()
        .expect(3);
    assert!(received.events("peer").is_empty(), "{received}");
    // It never heard of anybody, and serves whoever comes by a good one.
    pair.receive(["--timeout", "20"]).finish().expect(0);
    let sent = sender.finish().expect(0);
    assert!(sent.events("auth_failed").is_empty(), "{sent}");
}

#[test]
fn over_a_link_with_every_fault() {
    let faults = Faults {
        loss: 0.02,
        repeat: 0.02,
        spoil: 0.01,
        reorder: 0.02,
        jitter: Duration::from_millis(5),
    };
    arrives(faults, MIB + 5);
}

/// S16. What the sender holds does not grow with the slowness of the other side.
#[test]
fn a_link_that_is_slow_takes_no_memory() {
    let pair = Pair::new();
    pair.net.a().slow_down("16mbit");
    pair.write("file", noise(24 * MIB, 5));
    let sender = pair.send(["file", "--compress", "off"]);
    let receiver = pair.receive(["--timeout", "20"]);
    let sent = sender.finish().expect(0);
    receiver.finish().expect(0);
    assert!((1..128 << 20).contains(&sent.peak), "{}", sent.peak);
    assert!(pair.received("file") == noise(24 * MIB, 5));
}
