//! What the packets say that anybody can read, sealed ones included whose keys anybody can make.

use hayate_tests::{Capture, Pair, Process, capture::holds};
use rustls::{
    Side,
    quic::{Keys, Version},
};

use crate::{
    forger::{Seen, datagrams},
    packets::{self, INITIAL, cipher},
    siege::Siege,
};

/// Who uses the machine, as far as a program can see, and what must not be seen of the code.
const USER: &str = "mallory-the-user";
const HOST: &str = "mallorys-machine";
const SECRETS: [&str; 5] = ["copper", "lantern", "violin", "mallory", "confidential"];

/// What is in the first packets, with whether the dialler said it.
fn opened(seen: &[Seen]) -> Vec<(bool, Vec<u8>)> {
    let (suite, quic) = cipher();
    let mut first = Vec::new();
    let mut opened = Vec::new();
    for seen in seen {
        let there = seen.to.port() == 50001;
        for packet in packets::split(&seen.bytes, 8) {
            if packet.kind() != Some(INITIAL) {
                continue;
            }
            if there && seen.bytes[6..].starts_with(hayate::quic::MARKER) {
                first = seen.bytes[6..6 + usize::from(seen.bytes[5])].to_vec();
            }
            let side = if there { Side::Server } else { Side::Client };
            let keys = Keys::initial(Version::V1, suite, quic, &first, side).remote;
            opened.extend(packet.open(&keys, 0).map(|(_, frames)| (there, frames)));
        }
    }
    opened
}

/// D01, D02.
#[test]
fn first_packets_that_anybody_can_open_name_nobody_and_no_word() {
    let siege = Siege::start();
    let capture = Capture::start(siege.pair.net.b());
    let mut receiving = siege.pair.receiving(["--json"]);
    receiving
        .env("USER", USER)
        .env("LOGNAME", USER)
        .env("HOSTNAME", HOST);
    Process::start(receiving).finish().expect(0);
    siege.sender.finish().expect(0);
    let opened = opened(&datagrams(&capture.stop()));
    assert!(
        opened.iter().any(|(there, _)| !there),
        "the answer is there"
    );
    let first = opened.iter().filter(|(there, _)| *there);
    let mut names = first.filter(|(_, frames)| holds(frames, hayate::quic::ALPN));
    assert!(names.next().is_some(), "the protocol can be read");
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for (_, frames) in &opened {
        for secret in SECRETS.into_iter().chain([host.trim()]) {
            let told = secret.len() > 3 && holds(frames, secret.as_bytes());
            assert!(!told, "\"{secret}\": {}", frames.escape_ascii());
        }
    }
}

/// The beacons of one run of a sender, each once.
fn beacons(pair: &Pair) -> Vec<Vec<u8>> {
    let capture = Capture::start(pair.net.b());
    let mut sending = pair.sending(["-t", "text"]);
    sending
        .env("USER", USER)
        .env("LOGNAME", USER)
        .env("HOSTNAME", HOST);
    let sender = Process::start(sending);
    sender.wait_for_event("waiting");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    drop(sender);
    let frames = capture.stop();
    for frame in &frames {
        for secret in SECRETS {
            assert!(!holds(frame, secret.as_bytes()), "{}", frame.escape_ascii());
        }
    }
    let seen = datagrams(&frames).into_iter();
    let mut beacons: Vec<_> = seen
        .filter(|seen| seen.to.port() == 50002)
        .map(|seen| seen.bytes)
        .collect();
    beacons.dedup();
    beacons
}

/// D01, D02. So nothing in it is made of the words, of the user or of the machine.
#[test]
fn a_code_that_is_announced_again_shares_only_its_channel() {
    let pair = Pair::new();
    let [one, two] = [(); 2].map(|()| beacons(&pair));
    assert_eq!((one.len(), two.len()), (1, 1), "{one:?} {two:?}");
    let [one, two] = [&one[0], &two[0]];
    assert_eq!((one.len(), two.len()), (20, 20));
    // magic, kind and channel; ports and flags
    assert_eq!((&one[..7], &one[15..]), (&two[..7], &two[15..]));
    assert_eq!(one[..7], *b"HYT7\x01\x00\x07");
    let alike = one[7..15]
        .iter()
        .zip(&two[7..15])
        .filter(|(one, two)| one == two);
    assert!(alike.count() < 4, "{one:?} {two:?}");
}
