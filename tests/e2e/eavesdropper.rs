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

/// The UDP ports of an Ethernet frame with IPv4 or IPv6, where it is one.
fn ports(frame: &[u8]) -> Option<[u16; 2]> {
    let kind = u16::from_be_bytes(frame.get(12..14)?.try_into().ok()?);
    let packet = frame.get(14..)?;
    let (protocol, header) = match kind {
        0x0800 => (*packet.get(9)?, usize::from(packet[0] & 15) * 4),
        0x86dd => (*packet.get(6)?, 40),
        _ => return None,
    };
    let port = |at: usize| Some(u16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?));
    (protocol == 17).then_some([port(header)?, port(header + 2)?])
}

#[test]
fn a_capture_of_a_session_holds_nothing_of_the_code_and_the_files() {
    let pair = Pair::new();
    let content = b"the quarterly figures are not good at all".repeat(20);
    pair.write("plans/confidential-budget.txt", &content);
    pair.write("plans/noise.bin", noise(100_000, 1));
    let captures = [pair.net.a(), pair.net.b()].map(Capture::start);
    // the receiver asks first, so that its questions are recorded too
    let receiver = pair.receive(PLAIN);
    let sender = pair.send(["plans"]);
    let received = receiver.finish().expect(0);
    sender.finish().expect(0);
    assert_eq!(pair.received("plans/confidential-budget.txt"), content);
    let root = received.event("done")["blake3"]
        .as_str()
        .unwrap()
        .to_owned();

    let mut needles: Vec<Vec<u8>> = SECRETS.map(|secret| secret.into()).into();
    // beginnings of a hash, as long as chance rules them out in so many bytes
    for hash in SECRETS.iter().flat_map(|secret| hashes(secret.as_bytes())) {
        needles.push(hex(&hash[..4]));
        needles.push(hash[..8].to_vec());
    }
    needles.extend(["confidential", "budget", "plans", "noise.bin", "figures"].map(Into::into));
    needles.push(root[..16].into());

    let frames = captures.map(Capture::stop).concat();
    let is_discovery = |frame: &&Vec<u8>| {
        ports(frame).is_some_and(|ports| ports.iter().any(|port| DISCOVERY.contains(port)))
    };
    let discovery: Vec<_> = frames.iter().filter(is_discovery).collect();
    let quic = frames
        .iter()
        .filter(|frame| ports(frame).is_some_and(|ports| ports.contains(&50001)));
    assert!(!discovery.is_empty(), "discovery was recorded");
    assert!(
        quic.map(Vec::len).sum::<usize>() > 200_000,
        "the transfer was recorded"
    );
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
