//! zstd frames, sealed as they should be and wrong inside (RFC 8878, 3.1.1).

use super::{Made, vector};
use crate::peer::{BLOCK, equal_bytes};

fn zstd(name: &str, comment: &str, length: usize, frame: &[u8]) -> Made {
    let length = format!("length: {length}");
    vector(
        &format!("zstd-{name}"),
        "zstd",
        "malformed",
        comment,
        &[&length],
        frame,
    )
}

fn good(name: &str, comment: &str, content: &[u8], frame: &[u8]) -> Made {
    let length = format!("length: {}", content.len());
    let hash = format!("content: {}", blake3::hash(content).to_hex());
    vector(
        &format!("zstd-{name}"),
        "zstd",
        "success",
        comment,
        &[&length, &hash],
        frame,
    )
}

/// A frame with this descriptor, what follows it, and inner blocks as given.
fn frame(descriptor: u8, fields: &[u8], inner: &[&[u8]]) -> Vec<u8> {
    [
        &[0x28, 0xb5, 0x2f, 0xfd, descriptor][..],
        fields,
        &inner.concat(),
    ]
    .concat()
}

/// The header of an inner block: 0 raw, 1 repeated byte, 2 compressed, 3 reserved.
fn inner(kind: u32, last: bool, size: u32) -> [u8; 3] {
    let [a, b, c, _] = (size << 3 | kind << 1 | u32::from(last)).to_le_bytes();
    [a, b, c]
}

/// So many equal bytes as one inner block, whatever its size.
fn repeated(last: bool, size: u32) -> Vec<u8> {
    [&inner(1, last, size)[..], b"a"].concat()
}

pub(crate) fn all() -> Vec<Made> {
    let size = |length: u32| length.to_le_bytes();
    let good_frame = equal_bytes(b'a', 1000);
    let mib = BLOCK as u32;
    let bomb: Vec<Vec<u8>> = (0..32).map(|i| repeated(i == 31, 128 << 10)).collect();
    let bomb: Vec<&[u8]> = bomb.iter().map(Vec::as_slice).collect();
    let a1000 = vec![b'a'; 1000];
    let ends = inner(0, true, 0);
    vec![
        good("equal", "a repeated byte", &a1000, &good_frame),
        good(
            "equal-block",
            "a whole block of a repeated byte",
            &vec![b'a'; BLOCK],
            &equal_bytes(b'a', BLOCK),
        ),
        good(
            "window",
            "a window of 8 MiB is the largest",
            &a1000,
            &frame(
                0x80,
                &[&[13 << 3][..], &size(1000)].concat(),
                &[&repeated(true, 1000)],
            ),
        ),
        good(
            "size-2",
            "a content size of two bytes",
            &a1000,
            &frame(0x60, &744u16.to_le_bytes(), &[&repeated(true, 1000)]),
        ),
        good(
            "size-8",
            "a content size of eight bytes",
            &a1000,
            &frame(0xe0, &1000u64.to_le_bytes(), &[&repeated(true, 1000)]),
        ),
        zstd(
            "bomb",
            "inner blocks of 4 MiB in a frame of 1 MiB",
            BLOCK,
            &frame(0xa0, &size(mib), &bomb),
        ),
        zstd(
            "bomb-small",
            "one byte more than was said",
            999,
            &frame(0xa0, &size(999), &[&repeated(true, 1000)]),
        ),
        zstd(
            "too-little",
            "one byte less than was said",
            1001,
            &frame(0xa0, &size(1001), &[&repeated(true, 1000)]),
        ),
        zstd(
            "size-differs",
            "another content size than the header's",
            1001,
            &good_frame,
        ),
        zstd(
            "inner-over-128-kib",
            "one inner block of 1 MiB (as in RUSTSEC-2026-0344)",
            BLOCK,
            &frame(0xa0, &size(mib), &[&repeated(true, mib)]),
        ),
        zstd(
            "inner-2-mib",
            "the largest inner block that can be written",
            BLOCK,
            &frame(0xa0, &size(mib), &[&repeated(true, (1 << 21) - 1)]),
        ),
        zstd(
            "inner-raw-over",
            "a raw inner block that claims more than there is",
            1000,
            &frame(0xa0, &size(1000), &[&inner(0, true, 1000), b"abc"]),
        ),
        zstd(
            "inner-reserved",
            "an inner block of the reserved type",
            1000,
            &frame(0xa0, &size(1000), &[&inner(3, true, 0)]),
        ),
        zstd(
            "inner-empty-compressed",
            "a compressed inner block of no bytes",
            1000,
            &frame(0xa0, &size(1000), &[&inner(2, true, 0)]),
        ),
        zstd(
            "inner-garbage",
            "a compressed inner block of nonsense",
            1000,
            &frame(0xa0, &size(1000), &[&inner(2, true, 9), &[0xff; 9]]),
        ),
        zstd(
            "inner-no-last",
            "no inner block is the last",
            1000,
            &frame(0xa0, &size(1000), &[&repeated(false, 1000)]),
        ),
        zstd(
            "window-2-gib",
            "a window of 2 GiB",
            1000,
            &frame(
                0x80,
                &[&[0xa8][..], &size(1000)].concat(),
                &[&repeated(true, 1000)],
            ),
        ),
        zstd(
            "window-over",
            "a window of 9 MiB",
            1000,
            &frame(
                0x80,
                &[&[13 << 3 | 1][..], &size(1000)].concat(),
                &[&repeated(true, 1000)],
            ),
        ),
        zstd(
            "no-size",
            "no content size",
            1000,
            &frame(0x00, &[0x58], &[&repeated(true, 1000)]),
        ),
        zstd(
            "dictionary",
            "a dictionary",
            1000,
            &frame(
                0xa1,
                &[&[7][..], &size(1000)].concat(),
                &[&repeated(true, 1000)],
            ),
        ),
        zstd(
            "checksum",
            "a checksum",
            1000,
            &frame(0xa4, &size(1000), &[&repeated(true, 1000), &[0; 4]]),
        ),
        zstd(
            "reserved-bit",
            "the reserved bit of the descriptor",
            1000,
            &frame(0xa8, &size(1000), &[&repeated(true, 1000)]),
        ),
        zstd(
            "unused-bit",
            "the unused bit of the descriptor",
            1000,
            &frame(0xb0, &size(1000), &[&repeated(true, 1000)]),
        ),
        zstd(
            "skippable",
            "a frame to skip",
            1000,
            &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0],
        ),
        zstd(
            "two-frames",
            "a second frame",
            1000,
            &[&good_frame[..], &good_frame].concat(),
        ),
        zstd(
            "skippable-behind",
            "a frame to skip behind a good one",
            1000,
            &[&good_frame[..], &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]].concat(),
        ),
        zstd(
            "trailing",
            "one byte behind the frame",
            1000,
            &[&good_frame[..], &[0]].concat(),
        ),
        zstd(
            "magic",
            "another magic",
            1000,
            &[&[0x27][..], &good_frame[1..]].concat(),
        ),
        zstd(
            "legacy",
            "a format of the year 2015 (zstd 0.5)",
            1000,
            &[&[0x25][..], &good_frame[1..]].concat(),
        ),
        zstd("cut-magic", "cut within the magic", 1000, &good_frame[..3]),
        zstd(
            "cut-size",
            "cut within the content size",
            1000,
            &good_frame[..7],
        ),
        zstd(
            "cut-inner",
            "cut within an inner block",
            1000,
            &good_frame[..good_frame.len() - 1],
        ),
        zstd(
            "only-end",
            "an empty frame",
            1000,
            &frame(0xa0, &size(1000), &[&ends]),
        ),
    ]
}
