//! Somebody who records a whole session, discovery included, learns neither the words nor what was sent.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use hayate_tests::{Capture, Pair, capture::holds, noise, pair::PLAIN};
use sha2::{Digest as _, Sha256, Sha512};

/// UDP ports of discovery: beacon and mDNS.
const DISCOVERY: [u16; 2] = [50002, 5353];

/// What the words could be told by: each alone, all of them, the code phrase.
const SECRETS: [&str; 6] = [
    "copper",
    "lantern",
    "violin",
    "copper-lantern-violin",
    "7-copper-lantern-violin",
    "copperlanternviolin",
];

fn hashes(secret: &[u8]) -> Vec<Vec<u8>> {
    vec![
        Sha256::digest(secret).to_vec(),
        Sha512::digest(secret).to_vec(),
        blake3::hash(secret).as_bytes().to_vec(),
    ]
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.into_bytes()
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// The ports of an Ethernet frame with IPv4 or IPv6, where it is one of this protocol.
fn ports(frame: &[u8], wanted: u8) -> Option<[u16; 2]> {
    let kind = u16::from_be_bytes(frame.get(12..14)?.try_into().ok()?);
    let packet = frame.get(14..)?;
    let (protocol, header) = match kind {
        0x0800 => (*packet.get(9)?, usize::from(packet[0] & 15) * 4),
        0x86dd => (*packet.get(6)?, 40),
        _ => return None,
    };
    let port = |at: usize| Some(u16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?));
    (protocol == wanted).then_some([port(header)?, port(header + 2)?])
}

#[test]
fn a_capture_of_a_session_holds_nothing_of_the_code_and_the_files() {
    let names = [
        "confidential",
        "budget",
        "quarterly-plans",
        "a-noise.bin",
        "figures",
    ];
    let words = SECRETS.into_iter().chain(names);
    let mut needles: Vec<_> = words.map(Into::into).collect();
    // beginnings of a hash, as long as chance rules them out in so many bytes
    for hash in SECRETS.iter().flat_map(|secret| hashes(secret.as_bytes())) {
        needles.push(hex(&hash[..4]));
        needles.push(hash[..8].to_vec());
    }
    let frames = record(100_000, &[], needles);
    let quic = frames
        .iter()
        .filter(|frame| ports(frame, UDP).is_some_and(|ports| ports.contains(&50001)));
    let bytes: usize = quic.map(Vec::len).sum();
    assert!(bytes > 200_000, "the transfer was recorded: {bytes}");
}

#[test]
fn a_capture_of_a_lane_of_tcp_holds_no_more() {
    // a few, since looking takes long
    let needles = ["confidential", "figures", "lantern"].map(Into::into);
    let frames = record(16 << 20, &["--lanes", "tcp"], needles.into());
    let tcp = frames.iter().filter(|frame| ports(frame, TCP).is_some());
    let bytes: usize = tcp.map(Vec::len).sum();
    assert!(bytes > 1 << 20, "the lane was recorded: {bytes}");
}

/// Records a transfer of a text behind so much noise, and looks for what nobody may learn of it.
fn record(bytes: usize, options: &[&str], mut needles: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let pair = Pair::new();
    pair.net.a().slow_down("400mbit");
    let content = b"the quarterly figures are not good at all".repeat(20);
    pair.write("quarterly-plans/confidential-budget.txt", &content);
    pair.write("quarterly-plans/a-noise.bin", noise(bytes, 1));
    let captures = [pair.net.a(), pair.net.b()].map(Capture::start);
    // the receiver asks first, so that its questions are recorded too
    let receiver = pair.receive(PLAIN);
    let sender = pair.send([&["quarterly-plans"], options].concat());
    let received = receiver.finish().expect(0);
    sender.finish().expect(0);
    assert_eq!(
        pair.received("quarterly-plans/confidential-budget.txt"),
        content
    );
    let root = received.event("done")["blake3"]
        .as_str()
        .unwrap()
        .to_owned();

    needles.push(root[..16].into());

    let frames = captures.map(Capture::stop).concat();
    let is_discovery = |frame: &&Vec<u8>| {
        ports(frame, UDP).is_some_and(|ports| ports.iter().any(|port| DISCOVERY.contains(port)))
    };
    let discovery: Vec<_> = frames.iter().filter(is_discovery).collect();
    assert!(!discovery.is_empty(), "discovery was recorded");
    for needle in &needles {
        for frame in &frames {
            assert!(
                !holds(frame, needle),
                "\"{}\" is in a frame: {}",
                needle.escape_ascii(),
                frame.escape_ascii()
            );
        }
    }
    // 4 bytes of a hash could be in sealed bytes by chance, and must not be in what is not sealed
    for hash in SECRETS.iter().flat_map(|secret| hashes(secret.as_bytes())) {
        for frame in &discovery {
            assert!(
                !holds_exactly(frame, &hash[..4]),
                "{}",
                frame.escape_ascii()
            );
        }
    }
    frames
}

fn holds_exactly(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn discovery_names_neither_the_machine_nor_the_user() {
    let pair = Pair::new();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let capture = Capture::start(pair.net.b());
    pair.write("confidential-budget.txt", "");
    pair.transfer(["confidential-budget.txt"], PLAIN);
    let frames = capture.stop();
    assert!(!frames.is_empty());
    for frame in &frames {
        for needle in [host.trim(), "confidential", "root@"] {
            assert!(
                needle.len() < 4 || !holds(frame, needle.as_bytes()),
                "\"{needle}\" is in a frame: {}",
                frame.escape_ascii()
            );
        }
    }
}
