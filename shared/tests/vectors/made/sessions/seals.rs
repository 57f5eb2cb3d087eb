//! Seals that must not open.

use super::{Channel, Made, Offer, Talk};
use crate::peer::{Header, abort, equal_bytes};

pub(crate) fn sealed() -> Vec<Made> {
    let ready = || Talk::file(2, 5);
    let flipped = |bit: usize| {
        let mut frame = ready().keys.equal(0, true, b'a', 5);
        frame[bit / 8] ^= 1 << (bit % 8);
        ready().raw(&frame)
    };
    let change = |change: fn(&mut Channel)| {
        let mut talk = ready();
        change(&mut talk.keys);
        talk
    };
    let replay = {
        let talk = Talk::new(2);
        let offer = talk.keys.clone().message(&Offer::file(5).encode());
        talk.raw(&offer).raw(&offer)
    };
    let tag = {
        let mut talk = ready().message(&abort(7, b""));
        *talk.body.last_mut().unwrap() ^= 1;
        talk
    };
    let other_length = {
        // Another claim about the length, sealed for the first.
        let keys = ready().keys;
        let packed = equal_bytes(b'a', 100_000);
        let mut frame = keys.block(Header::new(0, 3, 100_000, packed.len()), &packed);
        frame[10 + 3] ^= 1;
        Talk::stream().raw(&frame)
    };
    vec![
        flipped(8 * 18).made(
            "sealed-block-first-bit",
            "tampered",
            "the first bit of a block's body flipped",
            0,
        ),
        flipped(8 * 18 + 39).made(
            "sealed-block-last-bit",
            "tampered",
            "the last bit of a block's content flipped",
            0,
        ),
        flipped(8 * 39 - 1).made(
            "sealed-block-tag",
            "tampered",
            "the last bit of a block's tag flipped",
            0,
        ),
        other_length.made(
            "sealed-block-length",
            "tampered",
            "a block's header changed on its way",
            0,
        ),
        change(|keys| keys.suite = 1).block(0, true, 5).made(
            "sealed-other-suite",
            "tampered",
            "a block sealed with another suite than was agreed on",
            0,
        ),
        change(|keys| keys.blocks = keys.outgoing)
            .block(0, true, 5)
            .made(
                "sealed-block-message-key",
                "tampered",
                "a block under the key of the messages",
                0,
            ),
        change(|keys| keys.outgoing = keys.incoming)
            .complete(5)
            .made(
                "sealed-reflected-key",
                "tampered",
                "a message under the key of the other direction",
                0,
            ),
        change(|keys| keys.sent += 1).complete(5).made(
            "sealed-count-skipped",
            "tampered",
            "a message was dropped",
            0,
        ),
        replay.made("sealed-replay", "tampered", "a message comes twice", 0),
        tag.made(
            "sealed-message-tag",
            "tampered",
            "the last bit of a message's tag flipped",
            0,
        ),
        ready().raw(&[0x10, 0, 0, 0, 0]).made(
            "sealed-message-0",
            "malformed",
            "a message without a tag",
            0,
        ),
        ready()
            .raw(&[&[0x10, 0, 0, 0, 15][..], &[0; 15]].concat())
            .made(
                "sealed-message-15",
                "malformed",
                "a message shorter than a tag",
                0,
            ),
        ready()
            .raw(&[&[0x10, 0, 0, 0, 16][..], &[0; 16]].concat())
            .made("sealed-message-16", "tampered", "a tag and no message", 0),
        ready().message(&[]).made(
            "sealed-message-nothing",
            "malformed",
            "a good seal around nothing",
            0,
        ),
        ready().raw(&[0x10, 0, 0, 0x80, 0x11]).made(
            "sealed-message-max-1",
            "malformed",
            "one byte over the limit: nothing of it is awaited",
            0,
        ),
        ready().raw(&[0x10, 255, 255, 255, 255]).made(
            "sealed-message-4-gib",
            "malformed",
            "a length of 2^32-1",
            0,
        ),
    ]
}
