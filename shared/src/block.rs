//! Blocks: 1 MiB of payload, hashed, compressed and sealed under a nonce that is owned and used once
//! (PROTOCOL.md, "Blocks").

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::{
    BLOCK, Error,
    cipher::{Aead, Nonce, TAG},
    codec::{Decode, Encode},
    compress::{Packer, unpack},
    frame::KIND_BLOCK,
    tree::BlockHash,
};

/// Bytes of a block's header: index u64, flags u8, plaintext length u32, ciphertext length u32.
pub(crate) const HEADER: usize = 17;

/// Bytes in front of the payload in a frame: its kind, then the block's header.
const FRONT: usize = 1 + HEADER;

const FLAG_ZSTD: u8 = 1;
const FLAG_LAST: u8 = 2;

/// Nonce of a block: three zero bytes, the index, and whether it is the last one (STREAM, as in age).
fn nonce(index: u64, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&index.to_be_bytes());
    nonce[11] = u8::from(last);
    nonce
}

/// Room for one block on its way out. Payload goes in once and is sealed where it lies.
#[derive(Debug)]
pub struct Plain {
    buffer: Vec<u8>,
}

impl Plain {
    /// An empty block, over memory that may have been used before.
    pub fn new(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.reserve_exact(FRONT + BLOCK + TAG);
        buffer.resize(FRONT, 0);
        Self { buffer }
    }

    /// Where payload is appended, behind bytes that are not the caller's; at most [`BLOCK`] of them.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// The payload that is there so far.
    pub fn payload(&self) -> &[u8] {
        self.buffer.get(FRONT..).unwrap_or_default()
    }
}

/// Permission to seal one block under one nonce. It cannot be copied, and filling it uses it up.
#[must_use]
pub struct Slot {
    pub(crate) index: u64,
    pub(crate) key: Arc<dyn Aead>,
}

impl Slot {
    /// Which block of the payload belongs here: the bytes from `index * BLOCK` on.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Hashes, compresses and seals `plain`, on any thread; `last` says that the payload ends with it.
    ///
    /// # Errors
    /// [`Error::Misuse`] where the length does not fit: every block but the last is full, and only the one block of
    /// an empty payload is empty.
    pub fn fill(self, packer: &mut Packer, plain: Plain, last: bool) -> Result<Block, Error> {
        let Plain { mut buffer } = plain;
        let length = buffer.len().saturating_sub(FRONT);
        check_length(self.index, length, last)
            .map_err(|_| Error::Misuse("a block of the wrong length"))?;
        let hash = BlockHash::of(self.index, last, &buffer[FRONT..]);
        let mut flags = if last { FLAG_LAST } else { 0 };
        if let Some(packed) = packer.pack(&buffer[FRONT..]) {
            flags |= FLAG_ZSTD;
            buffer.truncate(FRONT);
            buffer.extend_from_slice(packed);
        }
        let sealed = buffer.len() - FRONT + TAG;
        let mut front = Vec::with_capacity(FRONT);
        front
            .u8(KIND_BLOCK)
            .u64(self.index)
            .u8(flags)
            .u32(length as u32)
            .u32(sealed as u32);
        buffer[..FRONT].copy_from_slice(&front);
        let tag = self
            .key
            .seal(&nonce(self.index, last), &front[1..], &mut buffer[FRONT..]);
        buffer.extend_from_slice(&tag);
        Ok(Block {
            index: self.index,
            length: length as u32,
            last,
            hash,
            frame: buffer,
        })
    }
}

/// A block ready to be sent; only [`crate::Sender::submit`] takes it.
pub struct Block {
    pub(crate) index: u64,
    pub(crate) length: u32,
    pub(crate) last: bool,
    pub(crate) hash: BlockHash,
    pub(crate) frame: Vec<u8>,
}

impl Block {
    /// Its index in the payload.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Bytes of payload in it.
    pub fn length(&self) -> usize {
        self.length as usize
    }

    /// Whether the payload ends with it.
    pub fn last(&self) -> bool {
        self.last
    }

    /// Bytes it takes on the wire.
    pub fn wire_length(&self) -> usize {
        self.frame.len()
    }

    /// Lets the driver decide who owns the memory of the frame, so that it can be used again.
    pub fn map_frame(self, own: impl FnOnce(Vec<u8>) -> Bytes) -> (Bytes, BlockReceipt) {
        let receipt = BlockReceipt {
            index: self.index,
            length: self.length,
            last: self.last,
            hash: self.hash,
        };
        (own(self.frame), receipt)
    }
}

/// What is left of a block once its bytes are elsewhere: enough to account for it.
#[derive(Debug, Clone, Copy)]
pub struct BlockReceipt {
    pub(crate) index: u64,
    pub(crate) length: u32,
    pub(crate) last: bool,
    pub(crate) hash: BlockHash,
}

/// The header of a block as it came: checked for sense, not yet authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) index: u64,
    pub(crate) zstd: bool,
    pub(crate) last: bool,
    pub(crate) length: u32,
    pub(crate) sealed: u32,
    raw: [u8; HEADER],
}

impl Header {
    pub(crate) fn decode(raw: &[u8; HEADER]) -> Result<Self, Error> {
        let mut decode = Decode::new(raw);
        let (index, flags) = (decode.u64()?, decode.u8()?);
        let (length, sealed) = (decode.u32()?, decode.u32()?);
        decode.end()?;
        if flags & !(FLAG_ZSTD | FLAG_LAST) != 0 {
            return Err(Error::Malformed("a block with unknown flags"));
        }
        let (zstd, last) = (flags & FLAG_ZSTD != 0, flags & FLAG_LAST != 0);
        check_length(index, length as usize, last)?;
        let packed = (sealed as usize)
            .checked_sub(TAG)
            .ok_or(Error::Malformed("a block without a tag"))?;
        let fits = if zstd {
            packed < length as usize
        } else {
            packed == length as usize
        };
        if !fits {
            return Err(Error::Malformed("a block whose two lengths do not fit"));
        }
        Ok(Self {
            index,
            zstd,
            last,
            length,
            sealed,
            raw: *raw,
        })
    }
}

fn check_length(index: u64, length: usize, last: bool) -> Result<(), Error> {
    let fits = match (length, last) {
        (0, true) => index == 0,
        (1..=BLOCK, true) => true,
        (length, false) => length == BLOCK,
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(Error::Malformed("a block of the wrong length"))
    }
}

/// A block as it arrived. Opening it uses it up.
pub struct Sealed {
    pub(crate) header: Header,
    pub(crate) body: BytesMut,
    pub(crate) key: Arc<dyn Aead>,
}

impl Sealed {
    /// Its index, as the peer claims it.
    pub fn index(&self) -> u64 {
        self.header.index
    }

    /// Checks the seal, decompresses and hashes, on any thread. The receipt goes to [`crate::Receiver::opened`] once
    /// the bytes are where they belong.
    ///
    /// # Errors
    /// [`Error::Tampered`] or [`Error::Malformed`]; nothing is released then.
    pub fn open(self) -> Result<Opened, Error> {
        let Self {
            header,
            mut body,
            key,
        } = self;
        let split = body
            .len()
            .checked_sub(TAG)
            .ok_or(Error::Malformed("a block without a tag"))?;
        let mut tag = [0; TAG];
        tag.copy_from_slice(&body[split..]);
        body.truncate(split);
        key.open(
            &nonce(header.index, header.last),
            &header.raw,
            &mut body,
            &tag,
        )?;
        let bytes = match header.zstd {
            true => unpack(&body, header.length as usize)?,
            false => body.freeze(),
        };
        let hash = BlockHash::of(header.index, header.last, &bytes);
        let receipt = BlockReceipt {
            index: header.index,
            length: header.length,
            last: header.last,
            hash,
        };
        Ok(Opened { bytes, receipt })
    }
}

/// A block that proved genuine.
#[derive(Debug)]
pub struct Opened {
    /// Its bytes of payload.
    pub bytes: Bytes,
    /// Answers [`crate::receiver::Request::Open`].
    pub receipt: BlockReceipt,
}

impl BlockReceipt {
    /// The index of the block in the payload.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Whether the payload ends with it.
    pub fn last(&self) -> bool {
        self.last
    }

    /// What it hashed to.
    pub fn hash(&self) -> BlockHash {
        self.hash
    }
}
