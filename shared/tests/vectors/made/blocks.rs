//! Blocks, sealed as they should be and wrong inside; and the tree over them.

use super::{Made, vector};
use crate::peer::{BLOCK, Header, equal_bytes};

pub(crate) fn all() -> Vec<Made> {
    [headers(), trees()].concat()
}

fn made(
    name: &str,
    expect: &str,
    comment: &str,
    opened: u64,
    header: Header,
    content: &[u8],
) -> Made {
    let opened = format!("opened: {opened}");
    let headers = ["offered: yes", &opened];
    let body = [&header.encode()[..], content].concat();
    vector(
        &format!("block-{name}"),
        "block",
        expect,
        comment,
        &headers,
        &body,
    )
}

fn headers() -> Vec<Made> {
    let small = |name: &str, comment: &str, header: Header| {
        made(name, "malformed", comment, 0, header, b"hello")
    };
    let packed = equal_bytes(b'a', BLOCK);
    let whole = |name: &str, expect: &str, comment: &str, opened, flags, length| {
        made(
            name,
            expect,
            comment,
            opened,
            Header::new(0, flags, length, packed.len()),
            &packed,
        )
    };
    let lying = |sealed| Header {
        sealed,
        ..Header::new(0, 2, 5, 5)
    };
    vec![
        made(
            "raw",
            "disconnected",
            "five bytes as they are: then the wire ends",
            1,
            Header::new(0, 2, 5, 5),
            b"hello",
        ),
        whole("packed", "disconnected", "a compressed block", 1, 3, BLOCK),
        small("flag-4", "an unknown flag", Header::new(0, 6, 5, 5)),
        small("flag-128", "an unknown flag", Header::new(0, 0x82, 5, 5)),
        small(
            "not-last-short",
            "a short block that is not the last",
            Header::new(0, 0, 5, 5),
        ),
        small(
            "not-last-empty",
            "an empty block that is not the last",
            Header::new(0, 0, 0, 0),
        ),
        small(
            "empty-later",
            "an empty block that is not the only one",
            Header::new(1, 2, 0, 0),
        ),
        small(
            "lengths-differ",
            "two lengths that differ without compression",
            Header::new(0, 2, 6, 5),
        ),
        small(
            "packed-not-smaller",
            "a compressed block that is not smaller",
            Header::new(0, 3, 5, 5),
        ),
        small("sealed-0", "a block without a tag", lying(0)),
        small("sealed-15", "a block shorter than a tag", lying(15)),
        small("sealed-16", "a tag, and five bytes announced", lying(16)),
        small(
            "sealed-max-1",
            "one byte over the limit",
            Header::new(0, 2, BLOCK + 1, BLOCK + 1),
        ),
        small("sealed-4-gib", "2^32-1 bytes", lying(u32::MAX)),
        small(
            "length-max",
            "a block of 2^32-1 bytes",
            Header {
                length: u32::MAX,
                ..Header::new(0, 2, 5, 5)
            },
        ),
        whole(
            "length-over",
            "malformed",
            "a compressed block of one byte too many",
            0,
            3,
            BLOCK + 1,
        ),
        made(
            "not-zstd",
            "malformed",
            "five bytes that are said to be compressed",
            0,
            Header::new(0, 3, 9, 5),
            b"hello",
        ),
    ]
}

fn trees() -> Vec<Made> {
    [
        0,
        1,
        1024,
        1025,
        BLOCK,
        BLOCK + 1,
        2 * BLOCK,
        3 * BLOCK + 5,
        5 * BLOCK,
    ]
    .map(|length| {
        use blake3::hazmat::HasherExt;
        let payload = vec![b'a'; length];
        let mut proof = blake3::Hasher::new_derive_key("hayate/7 kept blocks");
        for (index, block) in payload.chunks(BLOCK).enumerate() {
            if (index + 1) * BLOCK < length {
                let mut subtree = blake3::Hasher::new();
                subtree
                    .set_input_offset((index * BLOCK) as u64)
                    .update(block);
                proof.update(&subtree.finalize_non_root());
            }
        }
        let headers = [
            format!("length: {length}"),
            "byte: 61".to_owned(),
            format!("root: {}", blake3::hash(&payload).to_hex()),
            format!("proof: {}", proof.finalize().to_hex()),
        ];
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        vector(
            &format!("tree-{length}"),
            "tree",
            "success",
            "the root of equal bytes, and the proof over all blocks but the last",
            &headers,
            &[],
        )
    })
    .to_vec()
}
