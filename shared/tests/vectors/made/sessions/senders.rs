//! What a receiver says to a sender of `hello`.

use super::{Made, Offer, Talk, talk, vector};
use crate::peer::{abort, accept, stored};

/// What a receiver says to a sender of `hello`.
pub(crate) fn all() -> Vec<Made> {
    let root: [u8; 32] = blake3::hash(b"hello").into();
    let (body, keys) = talk::to_sender();
    let talk = || Talk {
        body: body.clone(),
        keys: keys.clone(),
    };
    let made = |talk: Talk, name: &str, expect: &str, comment: &str, blocks: u64| {
        let headers = ["side: listener", &format!("blocks: {blocks}")];
        vector(
            &format!("sender-{name}"),
            "sender",
            expect,
            comment,
            &headers,
            &talk.body,
        )
    };
    let accepted = || talk().message(&accept(0, [0; 32]));
    vec![
        made(
            accepted().message(&stored(&root, 0)),
            "good",
            "success",
            "everything goes well",
            1,
        ),
        made(
            talk(),
            "no-accept",
            "disconnected",
            "the receiver hangs up at the offer",
            0,
        ),
        made(
            accepted(),
            "no-stored",
            "disconnected",
            "the receiver hangs up at the end",
            1,
        ),
        made(
            talk().message(&abort(2, b"")),
            "declined",
            "peer 2",
            "the receiver does not want it",
            0,
        ),
        made(
            accepted().message(&stored(&[0; 32], 0)),
            "stored-other",
            "mismatch",
            "the receiver stored something else",
            1,
        ),
        made(
            accepted().message(&stored(&root, 0)[..40]),
            "stored-short",
            "malformed",
            "the last byte missing",
            1,
        ),
        made(
            talk().message(&stored(&root, 0)),
            "stored-early",
            "unexpected",
            "stored before it was sent",
            0,
        ),
        made(
            accepted().message(&accept(0, [0; 32])),
            "accept-twice",
            "unexpected",
            "a second accept",
            1,
        ),
        made(
            talk().message(&accept(1, [7; 32])),
            "kept-last",
            "malformed",
            "the last block cannot be kept",
            0,
        ),
        made(
            talk().message(&accept(u64::MAX, [7; 32])),
            "kept-max",
            "malformed",
            "the largest number there is",
            0,
        ),
        made(
            talk().message(&accept(0, [0; 32])[..40]),
            "accept-short",
            "malformed",
            "the last byte missing",
            0,
        ),
        made(
            talk().message(&Offer::file(5).encode()),
            "offer",
            "unexpected",
            "an offer to a sender",
            0,
        ),
        made(
            accepted().block(0, true, 5),
            "block",
            "unexpected",
            "a block to a sender",
            1,
        ),
    ]
}
