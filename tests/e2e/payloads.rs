//! Files, texts and pipes arrive byte for byte.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

use hayate_tests::{Pair, Process, files::set_mtime, noise, pair::PLAIN};

const BLOCK: usize = 1 << 20;
const LENGTHS: [usize; 7] = [
    0,
    1,
    BLOCK - 1,
    BLOCK,
    BLOCK + 1,
    3 * BLOCK,
    5 * BLOCK + 77_777,
];

#[test]
fn files_of_any_length_arrive() {
    let pair = Pair::new();
    for length in LENGTHS {
        let (name, bytes) = (format!("{length}.bin"), noise(length, length as u64));
        pair.write(&name, &bytes);
        pair.transfer([&name], PLAIN);
        assert!(pair.received(&name) == bytes, "{name} is not what was sent");
    }
}

#[test]
fn a_file_that_compresses_arrives_with_every_compression() {
    let pair = Pair::new();
    let text = "All work and no play makes Jack a dull boy.\n".repeat(60_000);
    for how in ["auto", "off", "1", "19"] {
        let name = format!("{how}.txt");
        pair.write(&name, &text);
        pair.transfer([&*name, "--compress", how], PLAIN);
        assert!(
            pair.received(&name) == text.as_bytes(),
            "{name} is not what was sent"
        );
    }
}

#[test]
fn the_x_bit_and_the_mtime_of_a_file_arrive() {
    let pair = Pair::new();
    for (name, mode) in [("run", 0o755), ("read", 0o644), ("secret", 0o600)] {
        pair.write(name, name);
        let path = pair.from(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        set_mtime(&path, 1_000_000_007);
        pair.transfer([name], PLAIN);
        let arrived = fs::metadata(pair.to(name)).unwrap();
        assert_eq!(arrived.mode() & 0o100, mode & 0o100, "{name}");
        assert_eq!(arrived.mtime(), 1_000_000_007, "{name}");
        assert_eq!(
            arrived.mode() & 0o7022,
            0,
            "{name} may not be written by others"
        );
    }
}

#[test]
fn pipes_of_any_length_arrive() {
    let pair = Pair::new();
    for length in LENGTHS {
        let bytes = noise(length, length as u64);
        let sender = Process::feed(pair.sending(["-"]), bytes.clone());
        sender.wait_for_event("waiting");
        let received = Process::start(pair.receiving(["-o", "-"]))
            .finish()
            .expect(0);
        sender.finish().expect(0);
        assert!(
            received.stdout == bytes,
            "a pipe of {length} bytes is not what was sent"
        );
    }
    assert!(
        pair.names().is_empty(),
        "nothing is stored: {:?}",
        pair.names()
    );
}

#[test]
fn a_pipe_can_be_stored_under_a_name() {
    let pair = Pair::new();
    let bytes = noise(2 * BLOCK + 5, 5);
    for (send, receive, name) in [
        (&["-", "--name", "dump.sql"][..], &[][..], "dump.sql"),
        (&["-"], &["-o", "other.sql"], "other.sql"),
    ] {
        let sender = Process::feed(pair.sending(send), bytes.clone());
        sender.wait_for_event("waiting");
        pair.receive(receive).finish().expect(0);
        sender.finish().expect(0);
        assert!(pair.received(name) == bytes, "{name} is not what was sent");
    }
}

#[test]
fn a_file_can_be_received_to_standard_output() {
    let pair = Pair::new();
    let bytes = noise(3 * BLOCK + 9, 9);
    pair.write("a.bin", &bytes);
    let sender = pair.send(["a.bin"]);
    let received = Process::start(pair.receiving(["-o", "-"]))
        .finish()
        .expect(0);
    sender.finish().expect(0);
    assert!(received.stdout == bytes, "it is not what was sent");
}

#[test]
fn a_text_is_printed() {
    let pair = Pair::new();
    for text in ["x", "Grüße, 世界 👋\nsecond line", &"long ".repeat(50_000)] {
        let sender = Process::feed(pair.sending(["-t", "-"]), text.to_owned());
        sender.wait_for_event("waiting");
        let received = Process::start(pair.receiving(PLAIN)).finish().expect(0);
        sender.finish().expect(0);
        let printed = String::from_utf8(received.stdout).unwrap();
        assert_eq!(printed.strip_suffix('\n').unwrap_or(&printed), text);
    }
    assert!(pair.names().is_empty());
}

#[test]
fn a_text_from_the_command_line_is_in_the_events() {
    let pair = Pair::new();
    let (_, received) = pair.transfer(["-t", "meet at 7"], PLAIN);
    assert_eq!(received.event("done")["text"], "meet at 7");
}

#[test]
fn a_file_can_arrive_under_another_name() {
    let pair = Pair::new();
    pair.write("a", "a");
    pair.transfer(["a", "--name", "b"], PLAIN);
    assert_eq!(pair.received("b"), b"a");
    pair.transfer(["a"], ["-o", "c"]);
    assert_eq!(pair.received("c"), b"a");
    fs::create_dir(pair.to("shelf")).unwrap();
    pair.transfer(["a"], ["-o", "shelf"]);
    assert_eq!(pair.received("shelf/a"), b"a");
    assert_eq!(pair.names(), ["b", "c", "shelf"]);
}
