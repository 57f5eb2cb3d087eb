//! The code phrase: wrong ones, burned ones, mistyped ones, and the cipher that both agree on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use hayate_tests::{CODE, Family, Net, Pair, Process, pair::PLAIN};

/// Like [`CODE`], but for one word.
const WRONG: &str = "7-copper-lantern-absorb";

fn try_with(pair: &Pair, code: &str) -> Process {
    let mut command = pair.net.b().hayate();
    command
        .current_dir(pair.to(""))
        .args(["receive", code, "-y", "--json", "--timeout", "60"]);
    Process::start(command)
}

#[test]
fn a_wrong_word_fails_and_the_sender_still_serves_the_right_ones() {
    let pair = Pair::new();
    pair.write("secret-plan.txt", "secret");
    let sender = pair.send(["secret-plan.txt"]);
    let received = try_with(&pair, WRONG).finish().expect(4);
    assert!(received.events("offer").is_empty(), "{received}");
    assert!(received.events("peer").is_empty(), "{received}");
    assert!(!received.to_string().contains("secret-plan"), "{received}");
    assert!(pair.names().is_empty());
    let failed = sender.wait_for_event("auth_failed");
    assert_eq!(failed["left"], 2);
    pair.receive(PLAIN).finish().expect(0);
    sender.finish().expect(0);
    assert_eq!(pair.received("secret-plan.txt"), b"secret");
}

#[test]
fn three_wrong_codes_burn_the_code() {
    let pair = Pair::new();
    pair.write("secret-plan.txt", "secret");
    let sender = pair.send(["secret-plan.txt"]);
    for _ in 0..3 {
        try_with(&pair, WRONG).finish().expect(4);
    }
    let sent = sender.finish().expect(4);
    let left: Vec<_> = sent.events("auth_failed");
    let left: Vec<_> = left.iter().map(|event| event["left"].clone()).collect();
    assert_eq!(left, [2, 1, 0]);
    assert!(sent.events("peer").is_empty(), "{sent}");
    assert!(
        sent.stderr.contains("10.77.0.2")
            || sent.stderr.contains("fd77::2")
            || sent.stderr.contains("fe80::"),
        "it says from where: {sent}"
    );
    assert!(pair.names().is_empty());
}

#[test]
fn three_wrong_codes_burn_the_code_of_a_receiver_that_listens() {
    let pair = Pair::new();
    pair.write("a", "a");
    let receiver = pair.receive(["--listen"]);
    receiver.wait_for_event("waiting");
    for _ in 0..3 {
        let mut command = pair.net.a().hayate();
        command
            .current_dir(pair.from(""))
            .args(["send", "a", "-c", WRONG, "--to", "10.77.0.2"]);
        Process::start(command).finish().expect(4);
    }
    receiver.finish().expect(4);
    assert!(pair.names().is_empty());
}

#[test]
fn another_channel_is_not_this_sender() {
    let pair = Pair::new();
    pair.write("a", "a");
    let sender = pair.send(["a"]);
    let mut command = pair.net.b().hayate();
    command.current_dir(pair.to("")).args([
        "receive",
        "8-copper-lantern-violin",
        "-y",
        "--timeout",
        "2",
    ]);
    Process::start(command).finish().expect(3);
    pair.receive(PLAIN).finish().expect(0);
    let sent = sender.finish().expect(0);
    assert!(
        sent.events("auth_failed").is_empty(),
        "a guess was spent: {sent}"
    );
}

#[test]
fn an_unknown_word_is_caught_before_any_packet() {
    let pair = Pair::new();
    for space in [pair.net.a(), pair.net.b()] {
        space.count_packets();
    }
    for code in [
        "7-copper-lantern-violni",
        "7-copper",
        "copper-lantern-violin",
        "7",
    ] {
        try_with(&pair, code).finish().expect(2);
        let mut command = pair.net.a().hayate();
        command.args(["send", "-t", "text", "-c", code]);
        Process::start(command).finish().expect(2);
    }
    assert_eq!(pair.net.b().packets(), 0);
    assert_eq!(pair.net.a().packets(), 0);
    // the counters do count
    pair.transfer(["-t", "text"], PLAIN);
    assert!(pair.net.a().packets() > 0 && pair.net.b().packets() > 0);
}

#[test]
fn a_code_can_come_from_the_environment_and_in_any_spelling() {
    let pair = Pair::new();
    pair.write("a", "a");
    let sender = pair.send(["a"]);
    let mut command = pair.net.b().hayate();
    command
        .current_dir(pair.to(""))
        .env("HAYATE_CODE", " 7 Copper LANTERN violin ")
        .args(["receive", "-y"]);
    Process::start(command).finish().expect(0);
    sender.finish().expect(0);
    assert_eq!(pair.received("a"), b"a");
}

#[test]
fn a_fresh_code_is_printed_for_programs_and_works() {
    let pair = Pair::new();
    pair.write("a", "a");
    let mut command = pair.net.a().hayate();
    command.current_dir(pair.from("")).args(["send", "a"]);
    let sender = Process::start(command);
    let code = sender.wait_for("code", |stdout, _| {
        stdout.ends_with('\n').then(|| stdout.trim().to_owned())
    });
    assert_eq!(code.split('-').count(), 4, "{code}");
    try_with(&pair, &code).finish().expect(0);
    let sent = sender.finish().expect(0);
    assert_eq!(sent.stdout, format!("{code}\n").as_bytes());
}

#[test]
fn either_cipher_carries_a_transfer() {
    let pair = Pair::on(Net::new(Family::V4));
    let bytes = vec![7; (2 << 20) + 1];
    for cipher in ["aes", "chacha"] {
        pair.write(cipher, &bytes);
        let both = ["--cipher", cipher];
        let (sent, received) = pair.transfer([cipher, both[0], both[1]], both);
        assert!(pair.received(cipher) == bytes, "{cipher}");
        for outcome in [sent, received] {
            let used = outcome.event("peer")["cipher"].as_str().unwrap().to_owned();
            assert!(used.to_lowercase().contains(cipher), "{used}");
        }
    }
}

#[test]
fn peers_that_prefer_different_ciphers_agree() {
    let pair = Pair::on(Net::new(Family::V4));
    pair.write("a", "a");
    for (number, (send, receive)) in [
        ("aes", "chacha"),
        ("chacha", "aes"),
        ("auto", "aes"),
        ("chacha", "auto"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = number.to_string();
        pair.write(&name, &name);
        let (sent, received) = pair.transfer([&*name, "--cipher", send], ["--cipher", receive]);
        let used = [sent, received].map(|outcome| outcome.event("peer")["cipher"].clone());
        assert_eq!(used[0], used[1], "{send} and {receive}");
        assert_eq!(pair.received(&name), name.as_bytes());
    }
}

#[test]
fn the_code_is_not_in_the_events_of_the_receiver() {
    let pair = Pair::new();
    let (_, received) = pair.transfer(["-t", "text"], PLAIN);
    assert!(!received.to_string().contains(&CODE[2..]), "{received}");
}
