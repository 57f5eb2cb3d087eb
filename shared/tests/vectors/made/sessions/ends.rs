//! Payloads that end too early or too late, and blocks that come where they should not.

use super::{BLOCK, Made, TWO, Talk, complete, root};

pub(crate) fn truncated() -> Vec<Made> {
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

pub(crate) fn reordered() -> Vec<Made> {
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
