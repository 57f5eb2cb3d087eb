//! A peer written from PROTOCOL.md alone, with none of the crate's code in it; and without manners: it says whatever
//! a test wants it to say. What it and the crate agree on is what the page says.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    reason = "each test uses its part; a test may panic"
)]

pub(crate) mod keys;
pub(crate) mod shake;
pub(crate) mod wire;

pub(crate) use shake::{Dialler, Listener, Settings};
pub(crate) use wire::{Channel, Header};

/// Bytes of a block.
pub(crate) const BLOCK: usize = 1 << 20;

/// The fields of an offer, in their order.
pub(crate) struct Offer {
    pub(crate) kind: u8,
    pub(crate) name: Vec<u8>,
    pub(crate) mtime: i64,
    pub(crate) executable: u8,
    pub(crate) payload: u64,
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
    pub(crate) names: Vec<Vec<u8>>,
}

impl Offer {
    /// A file of so many bytes.
    pub(crate) fn file(payload: u64) -> Self {
        Self {
            kind: 1,
            name: b"hello.txt".to_vec(),
            mtime: 1_700_000_000,
            executable: 0,
            payload,
            bytes: payload,
            entries: 1,
            names: Vec::new(),
        }
    }

    /// A pipe.
    pub(crate) fn stream() -> Self {
        Self {
            kind: 5,
            mtime: 0,
            payload: u64::MAX,
            bytes: 0,
            ..Self::file(0)
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![1, self.kind];
        out.extend(keys::lv(&self.name));
        out.extend(self.mtime.to_be_bytes());
        out.push(self.executable);
        for number in [self.payload, self.bytes, self.entries] {
            out.extend(number.to_be_bytes());
        }
        out.push(self.names.len() as u8);
        for name in &self.names {
            out.extend(keys::lv(name));
        }
        out
    }
}

pub(crate) fn accept(blocks: u64, proof: [u8; 32]) -> Vec<u8> {
    [&[2][..], &blocks.to_be_bytes(), &proof].concat()
}

pub(crate) fn start(from: u64) -> Vec<u8> {
    [&[3][..], &from.to_be_bytes()].concat()
}

pub(crate) fn complete(blocks: u64, bytes: u64, root: &[u8]) -> Vec<u8> {
    [&[4][..], &blocks.to_be_bytes(), &bytes.to_be_bytes(), root].concat()
}

pub(crate) fn stored(root: &[u8], skipped: u64) -> Vec<u8> {
    [&[5][..], root, &skipped.to_be_bytes()].concat()
}

pub(crate) fn abort(reason: u8, detail: &[u8]) -> Vec<u8> {
    [&[6, reason][..], &keys::lv(detail)].concat()
}

/// A zstd frame of `length` equal bytes, made by hand (RFC 8878, 3.1.1): so it is the same for ever.
pub(crate) fn equal_bytes(byte: u8, length: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend((length as u32).to_le_bytes());
    let mut left = length;
    loop {
        let inner = left.min(128 << 10);
        left -= inner;
        let head = (inner as u32) << 3 | 1 << 1 | u32::from(left == 0);
        frame.extend(&head.to_le_bytes()[..3]);
        frame.push(byte);
        if left == 0 {
            return frame;
        }
    }
}
