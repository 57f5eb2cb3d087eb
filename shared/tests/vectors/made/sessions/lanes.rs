//! What a sender that listens says of lanes, and what nobody may say of them.

use super::{Made, Talk, talk};
use crate::peer::{Offer, accept, wire::clear};

const ONE: [u8; 5] = [8, 1, 1, 0xc3, 0x52];

pub(crate) fn all() -> Vec<Made> {
    let five = || Talk::file(2, 5);
    let said = |name: &str, expect: &str, comment: &str, message: &[u8]| {
        five()
            .message(message)
            .made(&format!("lanes-{name}"), expect, comment, 0)
    };
    let seven = [&[8, 7][..], &[2, 0, 0].repeat(7)].concat();
    let eight = [&[8, 8][..], &[2, 0, 0].repeat(8)].concat();
    let (body, keys) = talk::to_sender();
    let to_sender = Talk { body, keys }
        .message(&accept(0, [0; 32]))
        .message(&ONE);
    vec![
        five().message(&ONE).block(0, true, 5).complete(5).good(
            "lanes-let-be",
            "lanes that nobody dials",
            5,
        ),
        said(
            "seven",
            "disconnected",
            "as many as there may be, none to be had",
            &seven,
        ),
        said("none", "malformed", "no lane", &[8, 0]),
        said("eight", "malformed", "one lane too many", &eight),
        said("short", "malformed", "the last byte missing", &ONE[..4]),
        said(
            "unknown",
            "malformed",
            "a kind that there is not",
            &[8, 1, 4, 0xc3, 0x52],
        ),
        said(
            "long",
            "malformed",
            "one byte more",
            &[&ONE[..], &[0]].concat(),
        ),
        said(
            "widen",
            "unexpected",
            "a listener asks a dialler to listen",
            &[7, 2, 1, 2],
        ),
        said("widen-none", "malformed", "no lane", &[7, 0]),
        said(
            "widen-eight",
            "malformed",
            "one lane too many",
            &[7, 8, 1, 1, 1, 1, 1, 1, 1, 1],
        ),
        said("widen-short", "malformed", "the last byte missing", &[7, 1]),
        said("widen-long", "malformed", "one byte more", &[7, 1, 1, 0]),
        five().message(&ONE).message(&ONE).made(
            "lanes-twice",
            "unexpected",
            "lanes are said once",
            0,
        ),
        Talk::new(2)
            .message(&Offer::file(5).encode())
            .message(&ONE)
            .made(
                "lanes-before-start",
                "unexpected",
                "lanes before the start",
                0,
            ),
        five().raw(&clear(6, &[1; 33])).made(
            "lanes-greeting-on-wire",
            "malformed",
            "the greeting of a lane on the wire",
            0,
        ),
        super::vector(
            "lanes-to-listener",
            "sender",
            "unexpected",
            "a dialler offers lanes",
            &["side: listener", "blocks: 1"],
            &to_sender.body,
        ),
    ]
}
