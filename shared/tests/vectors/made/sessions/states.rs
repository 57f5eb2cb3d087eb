//! Wrong totals, messages that have no place, and senders that give up.

use super::{Made, Offer, Talk, complete, root, start, vector};
use crate::peer::{abort, accept, stored, wire::clear};

pub(crate) fn totals() -> Vec<Made> {
    let five = || Talk::file(2, 5).block(0, true, 5);
    let piped = || Talk::stream().block(0, true, 5);
    let mut wrong = root(5);
    wrong[0] ^= 1;
    vec![
        five()
            .message(&complete(1, 5, &wrong))
            .made("total-root", "mismatch", "another root", 1),
        five().message(&complete(1, 5, &[0; 32])).made(
            "total-root-zero",
            "mismatch",
            "a root of zeros",
            1,
        ),
        five().message(&complete(1, 4, &root(5))).made(
            "total-bytes",
            "mismatch",
            "one byte fewer than came",
            1,
        ),
        piped().message(&complete(1, 6, &root(5))).made(
            "total-bytes-stream",
            "mismatch",
            "one byte more than came, in a stream",
            1,
        ),
        five().message(&complete(2, 5, &root(5))).made(
            "total-blocks",
            "mismatch",
            "one block more than came",
            1,
        ),
        five().message(&complete(0, 5, &root(5))).made(
            "total-blocks-0",
            "mismatch",
            "one block fewer than came",
            1,
        ),
        five()
            .message(&complete(u64::MAX, u64::MAX, &root(5)))
            .made("total-max", "mismatch", "the largest numbers there are", 1),
        five().message(&complete(1, 5, &root(5))[..48]).made(
            "total-short",
            "malformed",
            "the last byte missing",
            1,
        ),
        five()
            .message(&[&complete(1, 5, &root(5))[..], &[0]].concat())
            .made("total-long", "malformed", "one byte more", 1),
    ]
}

pub(crate) fn states() -> Vec<Made> {
    let offer = Offer::file(5).encode();
    let offered = || Talk::new(2).message(&offer);
    let paired = |talk: Talk, name: &str, comment: &str| {
        let headers = ["side: dialler", "offered: no", "opened: 0"];
        vector(
            name,
            "receiver",
            "unexpected",
            comment,
            &headers,
            &talk.body,
        )
    };
    vec![
        paired(
            Talk::new(2).block(0, true, 5),
            "state-block-before-offer",
            "a block before the offer",
        ),
        paired(
            Talk::new(2).message(&start(0)),
            "state-start-before-offer",
            "a start before the offer",
        ),
        paired(
            Talk::new(2).complete(5),
            "state-complete-before-offer",
            "a total before the offer",
        ),
        paired(
            Talk::new(2).raw(&clear(4, &[0; 32])),
            "state-confirm-again",
            "a handshake message after the handshake",
        ),
        paired(
            Talk::new(2).raw(&clear(5, &[1, 7, 2])),
            "state-rejected-late",
            "a rejection after the handshake",
        ),
        offered().block(0, true, 5).made(
            "state-block-before-start",
            "unexpected",
            "a block before the start",
            0,
        ),
        offered().complete(5).made(
            "state-complete-before-start",
            "unexpected",
            "a total before the start",
            0,
        ),
        offered()
            .message(&offer)
            .made("state-offer-twice", "unexpected", "a second offer", 0),
        Talk::file(2, 5).message(&offer).made(
            "state-offer-late",
            "unexpected",
            "a second offer after the start",
            0,
        ),
        Talk::file(2, 5).message(&start(0)).made(
            "state-start-twice",
            "unexpected",
            "a second start",
            0,
        ),
        Talk::file(2, 5).block(0, true, 5).message(&start(0)).made(
            "state-start-after-block",
            "unexpected",
            "a second start after a block",
            1,
        ),
        offered().message(&start(5)).made(
            "state-start-not-kept",
            "malformed",
            "a start behind blocks that the receiver does not have",
            0,
        ),
        offered().message(&accept(0, [0; 32])).made(
            "state-accept-to-receiver",
            "unexpected",
            "a receiver's message",
            0,
        ),
        Talk::file(2, 5).message(&stored(&root(5), 0)).made(
            "state-stored-to-receiver",
            "unexpected",
            "a receiver's message",
            0,
        ),
    ]
}

pub(crate) fn aborts() -> Vec<Made> {
    let mut made: Vec<Made> = (1..=8)
        .map(|reason| {
            Talk::file(2, 5).message(&abort(reason, b"why")).made(
                &format!("abort-{reason}"),
                &format!("peer {reason}"),
                "the sender ends it",
                0,
            )
        })
        .collect();
    let abort = |reason, detail: &[u8]| Talk::file(2, 5).message(&abort(reason, detail));
    made.extend([
        abort(0, b"").made("abort-0", "malformed", "a reason that does not exist", 0),
        abort(9, b"").made("abort-9", "malformed", "a reason that does not exist", 0),
        abort(7, b"").made("abort-silent", "peer 7", "no detail", 0),
        abort(7, &[b'x'; 512]).made("abort-512", "peer 7", "a detail as long as it may be", 0),
        abort(7, &[b'x'; 513]).made("abort-513", "malformed", "a detail of one byte too many", 0),
        abort(7, b"\xff").made("abort-not-utf8", "malformed", "a detail that is no text", 0),
        abort(7, b"\x1b]0;owned\x07").made(
            "abort-escape",
            "peer 7",
            "a detail that must be escaped before it is shown",
            0,
        ),
    ]);
    made
}
