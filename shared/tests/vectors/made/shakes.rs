//! Handshakes: what a listener or dialler makes of a stranger's bytes.

use super::{Made, talk, vector};
use crate::peer::{Dialler, Settings, wire::clear};

const NOTHING: [&str; 2] = ["offered: no", "opened: 0"];

pub(crate) fn all() -> Vec<Made> {
    [hellos(), proofs(), answers(), rejections()].concat()
}

fn at_listener(name: &str, expect: &str, comment: &str, body: &[u8]) -> Made {
    let headers = [&["side: listener"][..], &NOTHING].concat();
    vector(
        &format!("handshake-{name}"),
        "receiver",
        expect,
        comment,
        &headers,
        body,
    )
}

fn at_dialler(name: &str, expect: &str, comment: &str, body: &[u8]) -> Made {
    let headers = [&["side: dialler"][..], &NOTHING].concat();
    vector(
        &format!("handshake-{name}"),
        "receiver",
        expect,
        comment,
        &headers,
        body,
    )
}

/// M1 with bytes from `at` on replaced.
fn hello_with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut m1 = talk::sending().hello();
    m1[at..at + bytes.len()].copy_from_slice(bytes);
    clear(1, &m1)
}

fn hello_of(suites: &[u8]) -> Vec<u8> {
    let settings = Settings {
        suites: suites.to_vec(),
        ..talk::sending()
    };
    clear(1, &settings.hello())
}

fn hellos() -> Vec<Made> {
    let good = talk::sending().hello();
    let hello = clear(1, &good);
    let role_clash = clear(1, &Settings::default().hello());
    let longer = clear(1, &[&good[..], &[0]].concat());
    let mut made = vec![
        at_listener(
            "version-6",
            "version 6",
            "an older peer",
            &hello_with(6, &[6]),
        ),
        at_listener(
            "version-8",
            "version 8",
            "a newer peer",
            &hello_with(6, &[8]),
        ),
        at_listener("magic", "malformed", "another magic", &hello_with(5, b"X")),
        at_listener(
            "role-clash",
            "malformed",
            "both want to receive",
            &role_clash,
        ),
        at_listener("role-0", "malformed", "no role", &hello_with(7, &[0])),
        at_listener(
            "exporter-2",
            "malformed",
            "a flag that is neither 0 nor 1",
            &hello_with(8, &[2]),
        ),
        at_listener("no-suites", "malformed", "no suite at all", &hello_of(&[])),
        at_listener(
            "17-suites",
            "malformed",
            "one suite too many",
            &hello_of(&[1; 17]),
        ),
        at_listener(
            "unknown-suites",
            "malformed",
            "16 suites that nobody knows",
            &hello_of(&[77; 16]),
        ),
        at_listener(
            "hello-empty",
            "malformed",
            "a first message of no bytes",
            &clear(1, &[]),
        ),
        at_listener(
            "hello-short",
            "malformed",
            "the last byte is missing",
            &clear(1, &good[..good.len() - 1]),
        ),
        at_listener("hello-long", "malformed", "one byte more", &longer),
        at_listener(
            "hello-cut",
            "disconnected",
            "the wire ends within the frame",
            &hello[..20],
        ),
        at_listener(
            "hello-twice",
            "unexpected",
            "the first message again",
            &[&hello[..], &hello].concat(),
        ),
        at_listener(
            "proof-first",
            "unexpected",
            "a proof before anything",
            &clear(3, &[0; 64]),
        ),
        at_listener(
            "answer-first",
            "unexpected",
            "an answer to a listener",
            &clear(2, &[0; 114]),
        ),
        at_listener(
            "hello-257",
            "malformed",
            "a body over its limit: nothing of it is awaited",
            &[1, 0, 0, 1, 1],
        ),
        at_listener(
            "hello-4-gib",
            "malformed",
            "a length of 2^32-1",
            &[1, 255, 255, 255, 255],
        ),
        at_listener(
            "message-first",
            "unexpected",
            "a sealed message before there are keys",
            &[0x10, 0, 0, 0, 17],
        ),
        at_listener(
            "block-first",
            "unexpected",
            "a block before there are keys",
            &[0x11; 18],
        ),
        at_listener(
            "silent",
            "disconnected",
            "nothing but the end of the wire",
            &[],
        ),
    ];
    for kind in [0x00, 0x06, 0x0f, 0x12, 0xff_u8] {
        let body = [kind, 0, 0, 0, 1, 0];
        made.push(at_listener(
            &format!("kind-{kind:02x}"),
            "malformed",
            "an unknown kind of frame",
            &body,
        ));
    }
    made
}

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

fn proofs() -> Vec<Made> {
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

fn answers() -> Vec<Made> {
    let (listener, mut machine) = talk::dialled(Settings::default(), 2);
    let (m1, m2) = (listener.settings.hello(), listener.m2.clone());
    let m3 = talk::m3(&mut machine, &m2);
    let (m4, _) = listener.confirm(&m3);
    let with = |at: usize, bytes: &[u8]| {
        let mut m2 = m2.clone();
        m2[at..at + bytes.len()].copy_from_slice(bytes);
        clear(2, &m2)
    };
    let confirm = |m4: &[u8]| [clear(2, &m2), clear(4, m4)].concat();
    let mut wrong = m4;
    wrong[31] ^= 0x80;
    let other = |change: fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        let (listener, mut machine) = talk::dialled(settings, 2);
        let m3 = talk::m3(&mut machine, &listener.m2);
        let (proofs, right) = listener.proofs(&m3).unwrap();
        assert!(!right, "a listener that knows the code");
        [clear(2, &listener.m2), clear(4, &proofs.listener)].concat()
    };
    let suites_17 = [&[2, 17][..], &[1; 17], &m2[4..]].concat();
    vec![
        at_dialler(
            "suite-0",
            "malformed",
            "a suite that does not exist",
            &with(0, &[0]),
        ),
        at_dialler(
            "suite-3",
            "malformed",
            "a suite that does not exist",
            &with(0, &[3]),
        ),
        vector(
            "handshake-suite-not-offered",
            "receiver",
            "malformed",
            "a suite that the dialler does not want",
            &["side: dialler", "suites: 1", "offered: no", "opened: 0"],
            &with(0, &[2]),
        ),
        at_dialler(
            "answer-short",
            "malformed",
            "the last byte missing",
            &clear(2, &m2[..m2.len() - 1]),
        ),
        at_dialler(
            "answer-long",
            "malformed",
            "one byte more",
            &clear(2, &[&m2[..], &[0]].concat()),
        ),
        at_dialler(
            "answer-17-suites",
            "malformed",
            "one suite too many",
            &clear(2, &suites_17),
        ),
        at_dialler(
            "answer-share-identity",
            "malformed",
            "a share that is the identity",
            &with(68, &[0; 32]),
        ),
        at_dialler(
            "answer-share-not-canonical",
            "malformed",
            "a share that encodes nothing",
            &with(68, &[0xff; 32]),
        ),
        at_dialler(
            "answer-x25519-low-order",
            "malformed",
            "an X25519 key of low order",
            &with(36, &[0; 32]),
        ),
        at_dialler(
            "answer-twice",
            "unexpected",
            "the answer again",
            &[clear(2, &m2), clear(2, &m2)].concat(),
        ),
        at_dialler(
            "reflected-hello",
            "unexpected",
            "the dialler's first message sent back",
            &clear(1, &m1),
        ),
        at_dialler(
            "reflected-as-answer",
            "malformed",
            "the dialler's first message sent back as an answer",
            &clear(2, &m1),
        ),
        at_dialler(
            "reflected-proof",
            "unexpected",
            "the dialler's proof sent back",
            &[clear(2, &m2), clear(3, &m3)].concat(),
        ),
        at_dialler(
            "confirm-first",
            "unexpected",
            "a confirmation of nothing",
            &clear(4, &m4),
        ),
        at_dialler(
            "confirm-wrong",
            "wrong-code",
            "one bit of the confirmation flipped",
            &confirm(&wrong),
        ),
        at_dialler(
            "confirm-is-proof",
            "wrong-code",
            "the dialler's own proof as the confirmation",
            &confirm(&m3[32..]),
        ),
        at_dialler(
            "confirm-short",
            "malformed",
            "the last byte missing",
            &confirm(&m4[..31]),
        ),
        at_dialler(
            "confirm-long",
            "malformed",
            "one byte more",
            &confirm(&[&m4[..], &[0]].concat()),
        ),
        at_dialler(
            "confirm-missing",
            "disconnected",
            "a listener that learns one guess and hangs up",
            &clear(2, &m2),
        ),
        at_dialler(
            "rogue-listener",
            "wrong-code",
            "a listener with another code",
            &other(|s| s.code = "7-copper-lantern-zoo".into()),
        ),
        at_dialler(
            "rogue-certificate",
            "wrong-code",
            "a listener behind somebody else's TLS",
            &other(|s| s.certificate = [0; 32]),
        ),
        at_dialler(
            "sealed-before-confirm",
            "unexpected",
            "a sealed message where the confirmation belongs",
            &[clear(2, &m2), vec![0x10, 0, 0, 0, 16]].concat(),
        ),
    ]
}

fn rejections() -> Vec<Made> {
    let reject = |body: &[u8]| clear(5, body);
    let (m2, hello) = (
        talk::dialled(Settings::default(), 2).0.m2,
        talk::sending().hello(),
    );
    vec![
        at_dialler(
            "rejected-1",
            "wrong-code",
            "the proof was wrong",
            &[clear(2, &m2), reject(&[1, 7])].concat(),
        ),
        at_dialler(
            "rejected-2",
            "burned",
            "the code is burned",
            &reject(&[2, 7]),
        ),
        at_dialler(
            "rejected-3",
            "busy",
            "somebody else is served",
            &reject(&[3, 7]),
        ),
        at_dialler(
            "rejected-4",
            "version 9",
            "the listener speaks version 9",
            &reject(&[4, 9]),
        ),
        at_dialler("rejected-5", "malformed", "anything else", &reject(&[5, 7])),
        at_dialler(
            "rejected-6",
            "malformed",
            "an unknown code",
            &reject(&[6, 7]),
        ),
        at_dialler("rejected-empty", "malformed", "no code", &reject(&[])),
        at_dialler(
            "rejected-long",
            "malformed",
            "a code and words",
            &reject(b"\x01\x07\x1b[2J"),
        ),
        at_listener(
            "rejected-listener",
            "malformed",
            "only a listener can say that its code is burned",
            &[clear(1, &hello), reject(&[2, 7])].concat(),
        ),
        at_listener(
            "rejected-at-once",
            "malformed",
            "a stranger that says no and nothing else",
            &reject(&[3, 7]),
        ),
    ]
}
