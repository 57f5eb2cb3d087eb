//! Blocks and messages that do not open, or whose lengths cannot be (E05 to E07, E17).

use std::fs;

use crate::{
    arena::Arena,
    code::PROTOCOL,
    peer::total,
    protocol::{BLOCK, Channel, Header},
    stream::{assert_all_refused, assert_refused, block, file, payload, sealed},
};

/// E05. Every byte of a header, and some of the rest.
#[test]
fn a_block_with_a_flipped_bit_is_refused() {
    let arena = Arena::new();
    // the last block, which may come first
    for (count, at) in (1..18).chain([18, 500, 1017, 1018, 1033]).enumerate() {
        assert_refused(
            &arena,
            PROTOCOL,
            ("a flipped bit", file()),
            move |channel| {
                let mut block = sealed(channel, 2, true, &[0; 1000]);
                block[at] ^= 1 << (count % 8);
                block
            },
        );
    }
}

/// E06. What was not verified leaves the process in no way, and the block in front of it is all that does.
#[test]
fn nothing_of_a_block_that_does_not_open_gets_out() {
    let arena = Arena::new();
    for arguments in [&["-o", "-"][..], &["-o", "file"]] {
        let mut run = arena.receive(arguments, async |peer| {
            assert!(peer.offer(&file()).await);
            let mut blocks = [0, 1, 2].map(|index| block(&peer.channel, index));
            *blocks[1].last_mut().unwrap() ^= 1;
            peer.say(blocks.concat()).await;
        });
        let payload = payload();
        let (first, second) = (&payload[..64], &payload[BLOCK..BLOCK + 64]);
        let holds =
            |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|piece| piece == part);
        let mut out = std::mem::take(&mut run.outcome.stdout);
        for kept in arena.kept() {
            out.extend(fs::read(kept).unwrap());
        }
        assert!(!holds(&out, second), "{arguments:?}: it got out");
        assert!(out.is_empty() || holds(&out, first), "{arguments:?}");
        arena.assert_refuses(&run, PROTOCOL, "a bad tag");
    }
}

/// E07. Lengths are looked at before anything is reserved for them.
#[test]
fn lengths_that_cannot_be_are_refused() {
    let arena = Arena::new();
    for length in [0, 1, 15, 16, (1 << 20) + 17, 1 << 24, u32::MAX] {
        assert_refused(&arena, PROTOCOL, ("a block's length", file()), move |_| {
            let header = Header {
                index: 0,
                flags: 0,
                length: 1 << 20,
                sealed: length,
            };
            [vec![0x11], header.encode(), vec![0; 64]].concat()
        });
        assert_refused(
            &arena,
            PROTOCOL,
            ("what a block holds", file()),
            move |_| {
                let sealed = length.wrapping_add(16);
                let header = Header {
                    index: 0,
                    flags: 0,
                    length,
                    sealed,
                };
                [vec![0x11], header.encode(), vec![0; 64]].concat()
            },
        );
    }
    for length in [0, 1, 15, 16, 32_785, 1 << 24, u32::MAX] {
        assert_refused(
            &arena,
            PROTOCOL,
            ("a message's length", file()),
            move |_| [&[0x10][..], &length.to_be_bytes(), &[0; 64]].concat(),
        );
    }
}

/// E17. The suite is agreed on once.
#[test]
fn blocks_under_another_suite_are_refused() {
    assert_all_refused(
        file,
        PROTOCOL,
        &[
            ("blocks", |channel| {
                channel.suite = 3 - channel.suite;
                block(channel, 0)
            }),
            ("a message", |channel| {
                channel.suite = 3 - channel.suite;
                channel.message(&total(payload()))
            }),
            ("blocks, with that suite's key", |channel| {
                let suite = 3 - channel.suite;
                let other = Channel::new(&channel.master, 1, suite);
                block(&other, 0)
            }),
        ],
    );
}
