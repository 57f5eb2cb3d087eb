//! Packets in the name of one side of a connection, by somebody who sees it all and has no keys.

use std::{
    net::{SocketAddrV4, UdpSocket},
    time::{Duration, Instant},
};

use hayate_tests::{Capture, Net, Pair, noise};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::{
    Side,
    quic::{Keys, Version},
};

use crate::{
    forger::{Forger, Seen, datagrams},
    packets::{self, INITIAL, Kind, cipher, random},
    siege::{Siege, harmless, works},
};

/// What everybody on the way knows of a connection.
struct Known {
    dialler: SocketAddrV4,
    listener: SocketAddrV4,
    /// What the dialler called the listener at first.
    first: Vec<u8>,
    /// What each wants to be called.
    dialler_id: Vec<u8>,
    listener_id: Vec<u8>,
}

impl Known {
    fn of(seen: &[Seen]) -> Self {
        let initial = |seen: &&Seen| {
            let packets = packets::split(&seen.bytes, 8);
            packets
                .first()
                .is_some_and(|packet| packet.kind() == Some(INITIAL))
        };
        let there = seen
            .iter()
            .filter(|seen| seen.to.port() == 50001)
            .find(initial)
            .unwrap();
        let back = seen
            .iter()
            .filter(|seen| seen.from.port() == 50001)
            .find(initial)
            .unwrap();
        let source = |seen: &Seen| packets::split(&seen.bytes, 8)[0].source().to_vec();
        let length = usize::from(there.bytes[5]);
        Self {
            dialler: there.from,
            listener: there.to,
            first: there.bytes[6..6 + length].to_vec(),
            dialler_id: source(there),
            listener_id: source(back),
        }
    }

    /// Packets in the name of one side, for the other.
    fn forged(&self, by: Side) -> Vec<Vec<u8>> {
        let (to, from) = match by {
            Side::Server => (&self.dialler_id, &self.listener_id),
            Side::Client => (&self.listener_id, &self.dialler_id),
        };
        let ids =
            |to: &[u8], from: &[u8]| [&[to.len() as u8], to, &[from.len() as u8], from].concat();
        let mut forged = Vec::new();
        // resets without a connection, of all lengths, with the id and without it
        for length in [21, 22, 43, 100, 1200] {
            let mut reset = random::<1200>()[..length].to_vec();
            reset[0] = 0x40 | reset[0] & 0x3f;
            forged.push(reset.clone());
            reset[1..=to.len()].copy_from_slice(to);
            forged.push(reset);
        }
        // other versions, as from each listener that it could be
        for source in [from, &self.first] {
            let head = [&[0xca, 0, 0, 0, 0][..], &ids(to, source)].concat();
            forged.push([&head[..], &[0x1a, 0x2a, 0x3a, 0x4a], &2_u32.to_be_bytes()].concat());
            forged.push(head);
        }
        // another listener to come to, with a tag that is right
        let retry = [&[0xf0, 0, 0, 0, 1][..], &ids(to, &random::<8>()), &[7; 40]].concat();
        forged.push([&retry[..], &retry_tag(&self.first, &retry)].concat());
        // the end of the connection, sealed with the keys that everybody knows
        let (suite, quic) = cipher();
        let keys = Keys::initial(Version::V1, suite, quic, &self.first, by).local;
        for number in [0, 1, 5, 1000] {
            let mut close = vec![0x1c, 1, 0, 0];
            close.resize(1150, 0);
            forged.push(packets::seal(
                Kind::Initial(&[]),
                &keys,
                to,
                from,
                number,
                &close,
            ));
        }
        // the right id, and what opens with no key
        let short = |_| [&[0x41][..], to, &random::<1100>()].concat();
        forged.extend((0..50).map(short));
        forged
    }
}

/// RFC 9001, 5.8.
fn retry_tag(first: &[u8], retry: &[u8]) -> Vec<u8> {
    let key = b"\xbe\x0c\x69\x0b\x9f\x66\x57\x5a\x1d\x76\x6b\x54\xe3\x68\xc8\x4e";
    let nonce = b"\x46\x15\x99\xd3\x5d\x63\x2b\xf2\x23\x98\x25\xbb";
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).unwrap());
    let pseudo = [&[first.len() as u8], first, retry].concat();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(pseudo), &mut []);
    tag.unwrap().as_ref().to_vec()
}

/// N12.
#[test]
fn forged_and_repeated_packets_do_not_disturb_a_transfer() {
    let pair = Pair::on(Net::switched(3));
    let content = noise(16 << 20, 5);
    pair.write("long.bin", &content);
    let sender = pair.send(["long.bin", "--limit", "3M", "--compress", "off"]);
    let capture = Capture::start(pair.net.b());
    let receiver = pair.receive(["--from", "10.77.0.1"]);
    receiver.wait_for_event("progress");
    let seen = datagrams(&capture.stop());
    let known = Known::of(&seen);
    let forger = Forger::on(pair.net.c());
    let captures = [pair.net.a(), pair.net.b()].map(Capture::start);
    let (start, mut sent) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(2) {
        for (by, from, to) in [
            (Side::Server, known.listener, known.dialler),
            (Side::Client, known.dialler, known.listener),
        ] {
            // batches are larger than what a machine may send
            let said = seen
                .iter()
                .filter(|seen| seen.from == from && seen.bytes.len() <= 1472);
            let said = said.take(50).map(|seen| seen.bytes.clone());
            for bytes in known.forged(by).into_iter().chain(said) {
                forger.send(from, to, &bytes);
                sent += 1;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let reached = captures.map(|capture| datagrams(&capture.stop()));
    for (frames, from) in reached.iter().zip([known.dialler, known.listener]) {
        let honest = seen.iter().find(|seen| seen.from == from).unwrap().card;
        let forged = frames
            .iter()
            .filter(|seen| seen.from == from && seen.card != honest);
        let forged = forged.count();
        assert!(
            forged > 500,
            "{forged} of {sent} came in the name of {from}"
        );
    }
    let received = harmless(receiver.finish()).expect(0);
    let sent = harmless(sender.finish()).expect(0);
    for outcome in [&sent, &received] {
        assert!(outcome.events("gone").is_empty(), "{outcome}");
        assert!(outcome.events("warning").is_empty(), "{outcome}");
        assert_eq!(outcome.events("peer").len(), 1, "{outcome}");
    }
    assert!(pair.received("long.bin") == content);
    works(&pair);
}

/// A08. All packets of a session that went well, again.
#[test]
fn a_session_that_was_recorded_cannot_be_repeated() {
    let siege = Siege::with(["--keep"]);
    let capture = Capture::start(siege.pair.net.b());
    let received = siege.pair.receive(["--from", "10.77.0.1"]);
    harmless(received.finish()).expect(0);
    let seen = datagrams(&capture.stop());
    drop(siege);
    let said: Vec<_> = seen
        .into_iter()
        .filter(|seen| seen.to.port() == 50001)
        .collect();
    assert!(said.len() > 5, "{} packets", said.len());

    let siege = Siege::start();
    let at = siege.target();
    let repeated = siege.pair.net.c().thread(move || {
        let socket = UdpSocket::bind(("10.77.0.3", 0)).unwrap();
        let mut answered = 0;
        for seen in &said {
            socket.send_to(&seen.bytes, at).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        socket
            .set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        while socket.recv(&mut [0; 2048]).is_ok() {
            answered += 1;
            if answered == 3 {
                break;
            }
        }
        answered
    });
    assert!(
        repeated.join().unwrap() > 0,
        "the first packet is a good one"
    );
    let sent = siege.survives(0);
    assert_eq!(sent.events("offer").len(), 1, "{sent}");
}
