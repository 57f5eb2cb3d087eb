//! Proofs to a listener that has shown its share.

use super::{Made, Settings, at_listener, clear, talk};
use crate::peer::Dialler;

/// Encodings of the points of low order of X25519, as in Wycheproof and the draft's list for X25519.
const LOW_ORDER: [(&str, &str); 7] = [
    (
        "0",
        "0000000000000000000000000000000000000000000000000000000000000000",
    ),
    (
        "1",
        "0100000000000000000000000000000000000000000000000000000000000000",
    ),
    (
        "8a",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    ),
    (
        "8b",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ),
    (
        "p-1",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ),
    (
        "p",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ),
    (
        "p+1",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ),
];

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

pub(crate) fn all() -> Vec<Made> {
    let dialler = Dialler::hello(talk::sending());
    let (m3, _, _) = dialler.proof(&talk::m2(&dialler.m1));
    let proof = |m3: &[u8]| [clear(1, &dialler.m1), clear(3, m3)].concat();
    let flipped = |bit: usize| {
        let mut m3 = m3.clone();
        m3[bit / 8] ^= 1 << (bit % 8);
        proof(&m3)
    };
    let share = |share: &[u8]| proof(&[share, &m3[32..]].concat());
    let (sealed, mut channel) = talk::to_listener(talk::sending());
    let hello_only = &sealed[..5 + dialler.m1.len()];
    let sealed_early = [hello_only, &channel.message(&[3; 9])].concat();
    let other = |settings: Settings| talk::to_listener(settings).0;
    let wrong = |change: fn(&mut Settings)| {
        let mut settings = talk::sending();
        change(&mut settings);
        other(settings)
    };
    // What arrives is not what the dialler's transcript holds.
    let in_flight = |change: fn(&mut [u8])| {
        let mut arrived = dialler.m1.clone();
        change(&mut arrived);
        let (m3, _, _) = dialler.proof(&talk::m2(&arrived));
        [clear(1, &arrived), clear(3, &m3)].concat()
    };
    let mut made = vec![
        at_listener(
            "wrong-code",
            "wrong-code",
            "another word",
            &wrong(|s| s.code = "7-copper-lantern-zoo".into()),
        ),
        at_listener(
            "wrong-channel",
            "wrong-code",
            "another channel, the same words",
            &wrong(|s| s.code = "8-copper-lantern-violin".into()),
        ),
        at_listener(
            "other-certificate",
            "wrong-code",
            "the dialler saw another certificate",
            &wrong(|s| s.certificate[31] ^= 1),
        ),
        at_listener(
            "other-exporter",
            "wrong-code",
            "the same certificate in another TLS session",
            &wrong(|s| s.exporter[0] ^= 1),
        ),
        at_listener(
            "exporter-stripped",
            "wrong-code",
            "the exporter flag cleared on its way",
            &in_flight(|m1| m1[8] = 0),
        ),
        at_listener(
            "suites-swapped",
            "wrong-code",
            "the dialler's suites changed on their way",
            &in_flight(|m1| m1[10..12].reverse()),
        ),
        at_listener(
            "suite-downgraded",
            "wrong-code",
            "a suite replaced by an unknown one on its way",
            &in_flight(|m1| m1[10] = 9),
        ),
        at_listener(
            "proof-first-bit",
            "wrong-code",
            "the first bit of the proof flipped",
            &flipped(256),
        ),
        at_listener(
            "proof-last-bit",
            "wrong-code",
            "the last bit of the proof flipped",
            &flipped(511),
        ),
        at_listener(
            "share-identity",
            "malformed",
            "a share that is the identity",
            &share(&[0; 32]),
        ),
        at_listener(
            "share-not-canonical",
            "malformed",
            "a share that encodes nothing",
            &share(&[0xff; 32]),
        ),
        at_listener(
            "share-own",
            "wrong-code",
            "the listener's own share sent back",
            &share(&talk::m2(&dialler.m1)[68..]),
        ),
        at_listener(
            "proof-short",
            "malformed",
            "the last byte of the proof missing",
            &proof(&m3[..63]),
        ),
        at_listener(
            "proof-long",
            "malformed",
            "one byte more",
            &proof(&[&m3[..], &[0]].concat()),
        ),
        at_listener(
            "proof-missing",
            "disconnected",
            "a guess that hangs up",
            &clear(1, &dialler.m1),
        ),
        at_listener(
            "confirm-for-proof",
            "unexpected",
            "a confirmation where a proof belongs",
            &[clear(1, &dialler.m1), clear(4, &[0; 32])].concat(),
        ),
        at_listener(
            "sealed-for-proof",
            "unexpected",
            "a sealed message where a proof belongs",
            &sealed_early,
        ),
    ];
    for (name, point) in LOW_ORDER {
        let mut m1 = dialler.m1.clone();
        let at = m1.len() - 32;
        m1[at..].copy_from_slice(&unhex(point));
        let body = [clear(1, &m1), clear(3, &m3)].concat();
        made.push(at_listener(
            &format!("x25519-low-order-{name}"),
            "malformed",
            "an X25519 key of low order",
            &body,
        ));
    }
    made
}
