//! Whole sessions as the other side sees them: good ones here, below those that go wrong after the offer.

mod ends;
mod lanes;
mod seals;
mod senders;
mod states;

use super::{Made, talk, vector};
use crate::peer::{BLOCK, Channel, Offer, complete, start};

pub(crate) fn all() -> Vec<Made> {
    [
        good(),
        ends::truncated(),
        ends::reordered(),
        states::totals(),
        states::states(),
        states::aborts(),
        seals::sealed(),
        senders::all(),
        lanes::all(),
    ]
    .concat()
}

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

impl Talk {
    fn cut(mut self, bytes: usize) -> Self {
        self.body.truncate(self.body.len() - bytes);
        self
    }
}
