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

#[test]
fn over_a_link_that_loses() {
    for (loss, length) in [(0.01, 4 * MIB + 5), (0.05, 2 * MIB + 5), (0.2, MIB + 5)] {
        let faults = Faults {
            loss,
            ..Faults::default()
        };
        arrives(faults, length);
    }
}

#[test]
fn over_a_link_that_reorders() {
    let faults = Faults {
        reorder: 0.2,
        ..Faults::default()
    };
    arrives(faults, 2 * MIB + 5);
}

#[test]
fn over_a_link_that_repeats() {
    let faults = Faults {
        repeat: 0.2,
        ..Faults::default()
    };
    arrives(faults, 4 * MIB + 5);
}

#[test]
fn over_a_link_that_spoils() {
    let faults = Faults {
        spoil: 0.01,
        ..Faults::default()
    };
    arrives(faults, 4 * MIB + 5);
}

#[test]
fn over_a_link_that_jitters() {
    let faults = Faults {
        jitter: Duration::from_millis(100),
        ..Faults::default()
    };
    arrives(faults, MIB + 5);
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
