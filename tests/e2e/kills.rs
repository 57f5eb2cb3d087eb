//! Killed at any moment, neither side leaves a wrong or partial file under a final name, and the next run ends equal.
//!
//! `HAYATE_TESTS_KILLS=300 cargo test -p hayate-tests --test kills -- --nocapture` kills 300 times and prints what came
//! of it; without the variable it is a few times.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use hayate_tests::{
    Outcome, Pair, noise,
    pair::{PLAIN, names},
    snapshot,
};
use rustix::process::Signal;

const MIB: u64 = 1 << 20;

/// Bytes that may come again beyond what was missing.
const SLACK: u64 = 64 * MIB;

/// How long the transfer lasts that is killed.
const LASTS: Duration = Duration::from_millis(1500);

fn kills() -> u64 {
    std::env::var("HAYATE_TESTS_KILLS").map_or(4, |kills| kills.parse().unwrap())
}

/// The same moments in each run, spread over the transfer (Weyl's sequence), and a little beyond.
fn moment(kill: u64) -> Duration {
    let share = (kill + 1) as f64 * 0.618_033_988_749_894_9;
    LASTS.mul_f64(1.1 * share.fract())
}

/// What the last progress line says is there.
fn progress(outcome: &Outcome) -> u64 {
    let events = outcome.events("progress");
    events
        .last()
        .map_or(0, |last| last["done"].as_u64().unwrap())
}

#[derive(Debug, Default)]
struct Tally {
    kills: u64,
    finished: u64,
    resumed: u64,
    most_again: u64,
}

/// Kills one side of a transfer of `what` at a moment, and runs both again.
fn kill(pair: &Pair, what: &str, kill: u64, tally: &mut Tally) {
    let sender = pair.send([what, "--compress", "off", "--limit", "64M"]);
    let receiver = pair.receive(PLAIN);
    receiver.wait_for_event("consent");
    thread::sleep(moment(kill));
    let (first, second) = match kill % 2 {
        0 => (receiver, sender),
        _ => (sender, receiver),
    };
    first.signal(Signal::KILL);
    let first = first.finish();
    // The other one is told no more than it notices in this time.
    thread::sleep(Duration::from_millis(20));
    second.signal(Signal::INT);
    let second = second.finish();
    let done = progress(if kill.is_multiple_of(2) {
        &first
    } else {
        &second
    });

    tally.kills += 1;
    let finished = pair.to(what).exists();
    if finished {
        // Whoever was killed was done.
        assert_equal(pair, what);
        tally.finished += 1;
        remove(pair, what);
    }
    let sender = pair.send([what, "--compress", "off"]);
    let received = receive(pair);
    sender.finish().expect(0);
    assert_equal(pair, what);
    assert_eq!(pair.stored(), [what]);
    let here = received.events("resumed");
    let here = here
        .first()
        .map_or(0, |here| here["bytes"].as_u64().unwrap());
    tally.resumed += u64::from(here > 0);
    if !finished {
        let again = done.saturating_sub(here);
        tally.most_again = tally.most_again.max(again);
        assert!(again <= SLACK, "{again} bytes came again after kill {kill}");
    }
    assert!(pair.kept().is_empty(), "{:?}", pair.kept());
    remove(pair, what);
}

fn receive(pair: &Pair) -> Outcome {
    pair.receive(PLAIN).finish().expect(0)
}

#[track_caller]
fn assert_equal(pair: &Pair, what: &str) {
    let (from, to) = (pair.from(what), pair.to(what));
    match from.is_dir() {
        true => assert!(snapshot(&from) == snapshot(&to), "{:?}", names(&to)),
        false => assert!(fs::read(from).unwrap() == fs::read(to).unwrap()),
    }
}

fn remove(pair: &Pair, what: &str) {
    let path = pair.to(what);
    match path.is_dir() {
        true => fs::remove_dir_all(path).unwrap(),
        false => fs::remove_file(path).unwrap(),
    }
}

#[test]
fn a_file() {
    let pair = Pair::new();
    pair.write("file", noise(96 * MIB as usize + 5, 1));
    run(&pair, "file");
}

#[test]
fn a_tree() {
    let pair = Pair::new();
    for number in 0..96_u64 {
        let path = format!("tree/{}/{number}", number % 7);
        pair.write(
            path,
            noise(MIB as usize - 700 + 7 * number as usize, number),
        );
    }
    run(&pair, "tree");
}

fn run(pair: &Pair, what: &str) {
    let (mut tally, start) = (Tally::default(), Instant::now());
    for number in 0..kills() {
        kill(pair, what, number, &mut tally);
    }
    println!("{what}: {tally:?} in {:?}", start.elapsed());
    assert_eq!(tally.kills, kills());
}
