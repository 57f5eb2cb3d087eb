//! Blocks that are not what their compression says (Z01, Z02, Z05, Z07).

use hayate_tests::noise;

use crate::{
    arena::Arena,
    code::PROTOCOL,
    protocol::{BLOCK, Header, Offer, equal_bytes},
    stream::assert_refused,
};

/// Two blocks; the first holds this zstd frame.
fn assert_frames_refused(cases: impl IntoIterator<Item = (&'static str, Vec<u8>)>) {
    let arena = Arena::new();
    for (case, frame) in cases {
        let offer = Offer::file(2 * BLOCK as u64);
        assert_refused(&arena, PROTOCOL, (case, offer), move |channel| {
            channel.block(Header::new(0, 1, BLOCK, frame.len()), &frame)
        });
    }
    arena.assert_works();
}

/// A zstd frame with this descriptor and what follows it, and inner blocks of repeated bytes with these sizes.
fn frame(head: &[u8], sizes: &[u32]) -> Vec<u8> {
    let mut frame = [&MAGIC[..], head].concat();
    for (at, size) in sizes.iter().enumerate() {
        let inner = size << 3 | 1 << 1 | u32::from(at + 1 == sizes.len());
        frame.extend(&inner.to_le_bytes()[..3]);
        frame.push(b'z');
    }
    frame
}

const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();
/// Single segment, a content size of four bytes: that of a block.
const WHOLE: [u8; 5] = [0xa0, 0, 0, 0x10, 0];

#[test]
fn a_compressed_block_arrives() {
    let arena = Arena::new();
    let run = arena.receive(&["--json"], async |peer| {
        let payload = vec![b'z'; BLOCK + 1000];
        assert!(peer.offer(&Offer::file(payload.len() as u64)).await);
        let inner = [128 << 10; 8];
        let mine = frame(&WHOLE, &inner);
        assert_eq!(mine, equal_bytes(b'z', BLOCK));
        let first = peer
            .channel
            .block(Header::new(0, 1, BLOCK, mine.len()), &mine);
        let second = peer.channel.equal(1, true, b'z', 1000);
        peer.say([first, second].concat()).await;
        peer.complete(&payload).await;
        assert!(peer.hear(5).await.is_some());
    });
    assert_eq!(run.outcome.code, 0, "{}", run.outcome);
}

/// Z01. It is decoded into the length that was announced, and no further.
#[test]
fn a_block_that_grows_beyond_its_length_is_refused() {
    assert_frames_refused([
        (
            "4 GiB, and it says so",
            frame(
                &[&[0xe0][..], &(4_u64 << 30).to_le_bytes()].concat(),
                &[128 << 10; 32_000],
            ),
        ),
        (
            "4 GiB, and it says 1 MiB",
            frame(&WHOLE, &[128 << 10; 32_000]),
        ),
        ("a block more", frame(&WHOLE, &[128 << 10; 9])),
        (
            "inner blocks of 2 MiB",
            frame(&WHOLE, &[(1 << 21) - 1; 2000]),
        ),
        ("a block less", frame(&WHOLE, &[128 << 10; 7])),
        ("nothing", frame(&WHOLE, &[0])),
    ]);
}

/// Z02, Z07. What a decoder would spend is for the receiver to say.
#[test]
fn a_block_cannot_choose_what_its_decoder_takes() {
    assert_frames_refused([
        (
            "a window of 2 GiB, no size",
            frame(&[0x00, 21 << 3], &[128 << 10; 8]),
        ),
        (
            "the greatest window",
            frame(&[&[0x80, 0xff][..], &WHOLE[1..]].concat(), &[128 << 10; 8]),
        ),
        ("no size", frame(&[0x00, 10 << 3], &[128 << 10; 8])),
        (
            "a dictionary",
            frame(&[&[0xa1, 7][..], &WHOLE[1..]].concat(), &[128 << 10; 8]),
        ),
        (
            "a checksum",
            frame(&[&[0xa4][..], &WHOLE[1..]].concat(), &[128 << 10; 8]),
        ),
        (
            "a reserved bit",
            frame(&[&[0xa8][..], &WHOLE[1..]].concat(), &[128 << 10; 8]),
        ),
        (
            "a frame to be skipped",
            [&0x184d_2a50_u32.to_le_bytes()[..], &[4, 0, 0, 0], &[0; 4]].concat(),
        ),
        ("two frames", equal_bytes(b'z', BLOCK / 2).repeat(2)),
        (
            "something behind it",
            [equal_bytes(b'z', BLOCK), vec![0]].concat(),
        ),
    ]);
}

/// Z05.
#[test]
fn a_block_that_is_no_whole_frame_is_refused() {
    let whole = equal_bytes(b'z', BLOCK);
    let cut = [0, 1, 4, 5, 8, 9, 12, 20, whole.len() - 1];
    let cut = cut.map(|length| ("cut", whole[..length].to_vec()));
    let mut random = noise(5000, 3);
    let made_of = [("random", random.clone()), ("zeros", vec![0; 5000])];
    random[..9].copy_from_slice(&whole[..9]);
    assert_frames_refused(
        cut.into_iter()
            .chain(made_of)
            .chain([("a random body", random)]),
    );
}
