//! Whole sessions as the other side sees them: good ones, and those that go wrong after the offer.

use super::{Made, talk, vector};
use crate::peer::{
    BLOCK, Channel, Header, Offer, abort, accept, complete, equal_bytes, start, stored, wire::clear,
};

/// Everything a sender says to a receiver that dialled.
struct Talk {
    body: Vec<u8>,
    keys: Channel,
}

impl Talk {
    fn new(suite: u8) -> Self {
        let (body, keys) = talk::to_dialler(suite);
        Self { body, keys }
    }

    /// As far as the blocks.
    fn file(suite: u8, payload: usize) -> Self {
        Self::new(suite)
            .message(&Offer::file(payload as u64).encode())
            .message(&start(0))
    }

    fn stream() -> Self {
        Self::new(2)
            .message(&Offer::stream().encode())
            .message(&start(0))
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.body.extend_from_slice(bytes);
        self
    }

    fn message(self, message: &[u8]) -> Self {
        let mut keys = self.keys.clone();
        let frame = keys.message(message);
        Self { keys, ..self }.raw(&frame)
    }

    fn block(self, index: u64, last: bool, length: usize) -> Self {
        let frame = self.keys.equal(index, last, b'a', length);
        self.raw(&frame)
    }

    fn complete(self, length: usize) -> Self {
        let blocks = length.div_ceil(BLOCK).max(1) as u64;
        self.message(&complete(blocks, length as u64, &root(length)))
    }

    fn made(self, name: &str, expect: &str, comment: &str, opened: u64) -> Made {
        let opened = format!("opened: {opened}");
        let headers = ["side: dialler", "offered: yes", &opened];
        vector(name, "receiver", expect, comment, &headers, &self.body)
    }

    fn good(self, name: &str, comment: &str, length: usize) -> Made {
        let root: String = format!("root: {}", crate::run::hex(&root(length)));
        let opened = format!("opened: {}", length.div_ceil(BLOCK).max(1));
        let headers = ["side: dialler", "offered: yes", &opened, &root];
        vector(name, "receiver", "success", comment, &headers, &self.body)
    }
}

fn root(length: usize) -> [u8; 32] {
    blake3::hash(&vec![b'a'; length]).into()
}

/// One whole block and five bytes.
const TWO: usize = BLOCK + 5;

pub(crate) fn all() -> Vec<Made> {
    [
        good(),
        truncated(),
        reordered(),
        totals(),
        states(),
        aborts(),
        sealed(),
        senders(),
    ]
    .concat()
}

fn good() -> Vec<Made> {
    let two = |suite| {
        Talk::file(suite, TWO)
            .block(0, false, BLOCK)
            .block(1, true, 5)
            .complete(TWO)
    };
    let (body, keys) = talk::to_listener(talk::sending());
    let listening = Talk { body, keys };
    let small = |talk: Talk| {
        talk.message(&Offer::file(5).encode())
            .message(&start(0))
            .block(0, true, 5)
            .complete(5)
    };
    let headers = [
        "side: listener",
        "offered: yes",
        "opened: 1",
        &format!("root: {}", crate::run::hex(&root(5))),
    ];
    let mut settings = talk::sending();
    settings.suites = vec![0x8a, 1, 0xff];
    let (body, keys) = talk::to_listener(settings);
    let greased = small(Talk { body, keys });
    let mut settings = talk::sending();
    settings.exporter.clear();
    let (body, keys) = talk::to_listener(settings);
    let unbound = small(Talk { body, keys });
    vec![
        two(2).good("session-aes", "two blocks, AES-256-GCM", TWO),
        two(1).good("session-chacha", "two blocks, ChaCha20-Poly1305", TWO),
        Talk::file(2, 0).block(0, true, 0).complete(0).good(
            "session-empty",
            "a payload of no bytes is one empty block",
            0,
        ),
        Talk::file(2, 1)
            .block(0, true, 1)
            .complete(1)
            .good("session-one-byte", "one byte", 1),
        Talk::file(2, BLOCK)
            .block(0, true, BLOCK)
            .complete(BLOCK)
            .good("session-one-block", "exactly one block", BLOCK),
        Talk::stream().block(0, true, 5).complete(5).good(
            "session-stream",
            "a stream, whose length comes last",
            5,
        ),
        Talk::file(2, TWO)
            .block(1, true, 5)
            .block(0, false, BLOCK)
            .complete(TWO)
            .made_swapped(),
        vector(
            "session-listening",
            "receiver",
            "success",
            "the sender dials",
            &headers,
            &small(listening).body,
        ),
        vector(
            "session-greased",
            "receiver",
            "success",
            "unknown suites are passed over",
            &headers,
            &greased.body,
        ),
        vector(
            "session-no-exporter",
            "receiver",
            "success",
            "a dialler without exporter, as browsers are",
            &headers,
            &unbound.body,
        ),
    ]
}

impl Talk {
    fn made_swapped(self) -> Made {
        self.good("session-swapped", "blocks may come out of order", TWO)
    }
}

fn truncated() -> Vec<Made> {
    let bad = |talk: Talk, name: &str, expect: &str, comment: &str, opened| {
        talk.made(name, expect, comment, opened)
    };
    vec![
        bad(
            Talk::file(2, 5).block(0, true, 5),
            "stream-no-complete",
            "disconnected",
            "the wire ends before the total",
            1,
        ),
        bad(
            Talk::file(2, TWO).block(0, false, BLOCK),
            "stream-no-last",
            "disconnected",
            "the wire ends at a block's end",
            1,
        ),
        bad(
            Talk::stream()
                .block(0, false, BLOCK)
                .message(&complete(1, BLOCK as u64, &root(BLOCK))),
            "stream-no-last-flag",
            "mismatch",
            "a total, but no block was the last",
            1,
        ),
        bad(
            Talk::stream().message(&complete(0, 0, &root(0))),
            "stream-no-blocks",
            "mismatch",
            "a total of no block",
            0,
        ),
        bad(
            Talk::file(2, 5).message(&complete(1, 5, &root(5))),
            "stream-only-total",
            "mismatch",
            "a total and no block",
            0,
        ),
        bad(
            Talk::stream().block(0, true, BLOCK).block(1, true, 5),
            "stream-two-last",
            "unexpected",
            "a block after the last one",
            1,
        ),
        bad(
            Talk::stream().block(0, true, 5).block(1, true, 5),
            "stream-two-last-short",
            "unexpected",
            "a block after the last one, which was short",
            1,
        ),
        bad(
            Talk::stream().block(1, true, 5).block(2, true, 5),
            "stream-two-last-ahead",
            "unexpected",
            "a block after the last one, with the first still missing",
            1,
        ),
        bad(
            Talk::stream().block(2, true, 5).block(1, true, 5),
            "stream-last-twice",
            "unexpected",
            "two blocks that are the last, the earlier one later",
            1,
        ),
        bad(
            Talk::file(2, TWO).block(0, true, BLOCK),
            "stream-last-early",
            "unexpected",
            "the last flag before the offered end",
            0,
        ),
        bad(
            Talk::file(2, BLOCK).block(0, false, BLOCK),
            "stream-last-missing",
            "unexpected",
            "no last flag at the offered end",
            0,
        ),
        bad(
            Talk::stream().block(0, false, BLOCK).block(1, true, 0),
            "stream-last-empty",
            "malformed",
            "an empty block after data",
            1,
        ),
        bad(
            Talk::file(2, 5).block(0, true, 0),
            "stream-empty-for-five",
            "unexpected",
            "an empty block for a file of five bytes",
            0,
        ),
        bad(
            Talk::file(2, 0).block(0, true, 5),
            "stream-five-for-empty",
            "unexpected",
            "five bytes for an empty file",
            0,
        ),
        bad(
            Talk::file(2, 5).block(0, true, 6),
            "stream-six-for-five",
            "unexpected",
            "six bytes for a file of five",
            0,
        ),
        bad(
            Talk::file(2, 6).block(0, true, 5),
            "stream-five-for-six",
            "unexpected",
            "five bytes for a file of six",
            0,
        ),
        bad(
            Talk::file(2, 5).block(0, true, BLOCK),
            "stream-block-for-five",
            "unexpected",
            "a whole block for a file of five bytes",
            0,
        ),
        bad(
            Talk::file(2, 5).raw(&[0x11, 0, 0]),
            "stream-cut-in-header",
            "disconnected",
            "the wire ends within a block's header",
            0,
        ),
        bad(
            Talk::file(2, 5).block(0, true, 5).complete(5).cut(1),
            "stream-cut-in-total",
            "disconnected",
            "the wire ends within the total",
            1,
        ),
    ]
}

impl Talk {
    fn cut(mut self, bytes: usize) -> Self {
        self.body.truncate(self.body.len() - bytes);
        self
    }
}

fn reordered() -> Vec<Made> {
    let payload = 40 * BLOCK;
    vec![
        Talk::file(2, TWO)
            .block(0, false, BLOCK)
            .block(0, false, BLOCK)
            .made(
                "stream-duplicated",
                "unexpected",
                "a block that came before",
                1,
            ),
        Talk::stream()
            .block(1, false, BLOCK)
            .block(1, false, BLOCK)
            .made(
                "stream-duplicated-ahead",
                "unexpected",
                "a block that came before, with the first still missing",
                1,
            ),
        Talk::file(2, TWO).block(1, true, 5).complete(TWO).made(
            "stream-dropped-first",
            "mismatch",
            "the first block never comes",
            1,
        ),
        Talk::file(2, TWO)
            .block(0, false, BLOCK)
            .complete(TWO)
            .made(
                "stream-dropped-last",
                "mismatch",
                "the last block never comes",
                1,
            ),
        Talk::stream()
            .block(1, true, 5)
            .message(&complete(1, 5, &root(5)))
            .made(
                "stream-gap",
                "mismatch",
                "as many blocks as the total says, but not the first ones",
                1,
            ),
        Talk::file(2, payload).block(31, false, BLOCK).made(
            "stream-window-edge",
            "disconnected",
            "31 blocks ahead is still within the window",
            1,
        ),
        Talk::file(2, payload).block(32, false, BLOCK).made(
            "stream-window-beyond",
            "unexpected",
            "32 blocks ahead is not",
            0,
        ),
        Talk::stream().block(u64::MAX, true, 5).made(
            "stream-index-max",
            "unexpected",
            "the highest index there is",
            0,
        ),
        Talk::file(2, TWO).block(2, true, 5).made(
            "stream-index-behind-end",
            "unexpected",
            "a block behind the offered end",
            0,
        ),
    ]
}

fn totals() -> Vec<Made> {
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

fn states() -> Vec<Made> {
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
            Talk::new(2).raw(&clear(5, &[1, 7])),
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

fn aborts() -> Vec<Made> {
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

fn sealed() -> Vec<Made> {
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

/// What a receiver says to a sender of `hello`.
fn senders() -> Vec<Made> {
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
