//! Handshakes: what a listener or dialler makes of a stranger's bytes.

mod answers;
mod hellos;
mod proofs;

use super::{Made, talk, vector};
use crate::peer::{Settings, wire::clear};

const NOTHING: [&str; 2] = ["offered: no", "opened: 0"];

pub(crate) fn all() -> Vec<Made> {
    [hellos::all(), proofs::all(), answers::all(), rejections()].concat()
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
            &[clear(2, &m2), reject(&[1, 7, 2])].concat(),
        ),
        at_dialler(
            "rejected-2",
            "burned",
            "the code is burned",
            &reject(&[2, 7, 0]),
        ),
        at_dialler(
            "rejected-3",
            "busy",
            "somebody else is served",
            &reject(&[3, 7, 0]),
        ),
        at_dialler(
            "rejected-4",
            "version 9",
            "the listener speaks version 9",
            &reject(&[4, 9, 0]),
        ),
        at_dialler(
            "rejected-5",
            "malformed",
            "anything else",
            &reject(&[5, 7, 0]),
        ),
        at_dialler(
            "rejected-6",
            "over",
            "nobody waits for the ticket",
            &reject(&[6, 7, 0]),
        ),
        at_dialler(
            "rejected-7",
            "malformed",
            "an unknown code",
            &reject(&[7, 7, 0]),
        ),
        at_dialler("rejected-empty", "malformed", "no code", &reject(&[])),
        at_dialler(
            "rejected-short",
            "malformed",
            "no number of tries",
            &reject(&[1, 7]),
        ),
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
            &[clear(1, &hello), reject(&[2, 7, 0])].concat(),
        ),
        at_listener(
            "rejected-at-once",
            "malformed",
            "a stranger that says no and nothing else",
            &reject(&[3, 7, 0]),
        ),
    ]
}
