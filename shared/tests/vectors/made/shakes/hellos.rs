//! First messages to a listener.

use super::{Made, Settings, at_listener, clear, talk};

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

pub(crate) fn all() -> Vec<Made> {
    let good = talk::sending().hello();
    let hello = clear(1, &good);
    let role_clash = clear(1, &Settings::default().hello());
    let returning = Settings {
        before: Some(vec![0x44; 32]),
        ..talk::sending()
    };
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
            "flags-2",
            "malformed",
            "a ticket that is not there",
            &hello_with(8, &[2]),
        ),
        at_listener(
            "flags-4",
            "malformed",
            "an unknown flag",
            &hello_with(8, &[4]),
        ),
        at_listener(
            "ticket",
            "over",
            "a ticket that nobody knows",
            &clear(1, &returning.hello()),
        ),
        at_listener(
            "ticket-long",
            "malformed",
            "a ticket with one byte more",
            &clear(1, &[&returning.hello()[..], &[0]].concat()),
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
