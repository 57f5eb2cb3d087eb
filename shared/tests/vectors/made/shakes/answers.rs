//! Answers and confirmations to a dialler.

use super::{Made, Settings, at_dialler, clear, talk, vector};

pub(crate) fn all() -> Vec<Made> {
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
