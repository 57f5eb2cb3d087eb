//! "Done" means done: flushed, verified, under its final name, and the same bytes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    process::Stdio,
    sync::{Arc, Mutex},
};

use hayate_tests::{Pair, Process, noise, pair::PLAIN};

#[test]
fn both_sides_name_the_hash_that_b3sum_prints() {
    let pair = Pair::new();
    for length in [0, 1, 1024, 1025, (1 << 20) - 1, 1 << 20, (5 << 20) + 4097] {
        let (name, bytes) = (length.to_string(), noise(length, 3));
        pair.write(&name, &bytes);
        let (sent, received) = pair.transfer([&name], PLAIN);
        let hash = blake3::hash(&bytes).to_hex().to_string();
        for outcome in [sent, received] {
            let done = outcome.event("done");
            assert_eq!(done["blake3"], hash, "{length} bytes");
            assert_eq!(done["bytes"], length, "{length} bytes");
        }
    }
}

#[test]
fn both_sides_name_one_hash_for_trees_and_pipes() {
    let pair = Pair::new();
    pair.write("tree/a", "a");
    let (sent, received) = pair.transfer(["tree"], PLAIN);
    assert_eq!(
        sent.event("done")["blake3"],
        received.event("done")["blake3"]
    );
    let sender = Process::feed(pair.sending(["-", "--name", "pipe"]), "piped");
    sender.wait_for_event("waiting");
    let received = pair.receive(PLAIN).finish().expect(0);
    let hash = blake3::hash(b"piped").to_hex().to_string();
    assert_eq!(sender.finish().expect(0).event("done")["blake3"], hash);
    assert_eq!(received.event("done")["blake3"], hash);
}

#[test]
fn the_sender_is_done_only_when_the_file_has_its_name() {
    let pair = Pair::new();
    let bytes = noise(24 << 20, 4);
    pair.write("big.bin", &bytes);
    let (name, seen) = (pair.to("big.bin"), Arc::new(Mutex::new(None)));
    let note = Arc::clone(&seen);
    let sender = Process::start_with(pair.sending(["big.bin"]), Stdio::null(), move |line| {
        if line.contains("\"event\":\"done\"") {
            // what is there at this moment
            *note.lock().unwrap() = Some(fs::read(&name));
        }
    });
    sender.wait_for_event("waiting");
    pair.receive(PLAIN).finish().expect(0);
    sender.finish().expect(0);
    let seen = seen.lock().unwrap().take().expect("the sender was done");
    assert!(seen.expect("the final name exists") == bytes);
    assert_eq!(pair.names(), ["big.bin"]);
}

#[test]
fn the_sender_is_not_done_when_the_receiver_cannot_give_the_name() {
    let pair = Pair::new();
    pair.write("big.bin", noise(6 << 20, 5));
    let sender = pair.send(["big.bin", "--limit", "4M", "--compress", "off"]);
    let receiver = pair.receive(["--on-conflict", "fail"]);
    receiver.wait_for_event("progress");
    // somebody else takes the name while it arrives: seen only at the end, when all bytes are there
    fs::write(pair.to("big.bin"), "mine").unwrap();
    receiver.finish().expect(8);
    let sent = sender.finish().expect(14);
    assert!(sent.events("done").is_empty(), "{sent}");
    assert_eq!(pair.received("big.bin"), b"mine");
    assert_eq!(pair.stored(), ["big.bin"]);
}

#[test]
fn progress_grows_and_ends_at_the_total() {
    let pair = Pair::new();
    pair.write("big.bin", noise(8 << 20, 6));
    let (sent, received) = pair.transfer(["big.bin"], PLAIN);
    for outcome in [sent, received] {
        let progress = outcome.events("progress");
        let done: Vec<_> = progress
            .iter()
            .map(|at| at["done"].as_u64().unwrap())
            .collect();
        assert!(done.is_sorted(), "{done:?}");
        assert_eq!(done.last(), Some(&(8 << 20)));
        assert!(progress.iter().all(|at| at["total"] == 8 << 20));
    }
}
