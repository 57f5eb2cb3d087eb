//! "Frames", "Messages" and "Blocks" of PROTOCOL.md.

use aes_gcm::{Aes256Gcm, aead::AeadInOut};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};

use super::keys::{expand, h, lv, mac};

/// A frame that is not sealed.
pub(crate) fn clear(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &lv(body)].concat()
}

/// Cuts what a machine or a peer sent into frames; bytes that are no whole frame come last.
pub(crate) fn frames(bytes: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let at = if rest[0] == 0x11 { 14 } else { 1 };
        let whole = rest
            .get(at..at + 4)
            .map(|length| u32::from_be_bytes(length.try_into().unwrap()) as usize)
            .and_then(|length| rest.split_at_checked(at + 4 + length));
        let (frame, after) = whole.unwrap_or((rest, &[]));
        frames.push(frame);
        rest = after;
    }
    frames
}

/// The fields of a block's header.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) index: u64,
    /// 1 compressed, 2 last.
    pub(crate) flags: u8,
    pub(crate) length: u32,
    pub(crate) sealed: u32,
}

impl Header {
    /// For content of `packed` bytes that is a block of `length`.
    pub(crate) fn new(index: u64, flags: u8, length: usize, packed: usize) -> Self {
        Self {
            index,
            flags,
            length: length as u32,
            sealed: packed as u32 + 16,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        [
            &self.index.to_be_bytes()[..],
            &[self.flags],
            &self.length.to_be_bytes(),
            &self.sealed.to_be_bytes(),
        ]
        .concat()
    }
}

fn seal(suite: u8, key: &[u8; 32], nonce: [u8; 12], aad: &[u8], buffer: &mut Vec<u8>) {
    let tag: [u8; 16] = match suite {
        1 => ChaCha20Poly1305::new(key.into())
            .encrypt_inout_detached(&nonce.into(), aad, buffer.as_mut_slice().into())
            .unwrap()
            .into(),
        _ => Aes256Gcm::new(key.into())
            .encrypt_inout_detached(&nonce.into(), aad, buffer.as_mut_slice().into())
            .unwrap()
            .into(),
    };
    buffer.extend(tag);
}

fn open(suite: u8, key: &[u8; 32], nonce: [u8; 12], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (content, tag) = sealed.split_at_checked(sealed.len().checked_sub(16)?)?;
    let (mut content, tag) = (content.to_vec(), <[u8; 16]>::try_from(tag).unwrap());
    let opened = match suite {
        1 => ChaCha20Poly1305::new(key.into()).decrypt_inout_detached(
            &nonce.into(),
            aad,
            content.as_mut_slice().into(),
            &tag.into(),
        ),
        _ => Aes256Gcm::new(key.into()).decrypt_inout_detached(
            &nonce.into(),
            aad,
            content.as_mut_slice().into(),
            &tag.into(),
        ),
    };
    opened.ok().map(|()| content)
}

/// What both proofs leave. All fields are a test's to change.
#[derive(Clone)]
pub(crate) struct Channel {
    /// The suite that seals.
    pub(crate) suite: u8,
    pub(crate) outgoing: [u8; 32],
    pub(crate) incoming: [u8; 32],
    pub(crate) blocks: [u8; 32],
    pub(crate) master: Vec<u8>,
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

impl Channel {
    /// The keys of the side with this role.
    pub(crate) fn new(master: &[u8], role: u8, suite: u8) -> Self {
        Self {
            suite,
            outgoing: expand(master, "messages", &[role, suite]),
            incoming: expand(master, "messages", &[3 - role, suite]),
            blocks: expand(master, "blocks", &[suite]),
            master: master.to_vec(),
            sent: 0,
            received: 0,
        }
    }

    fn nonce(count: u64) -> [u8; 12] {
        [&[0; 4][..], &count.to_be_bytes()]
            .concat()
            .try_into()
            .unwrap()
    }

    /// A sealed message as a frame.
    pub(crate) fn message(&mut self, message: &[u8]) -> Vec<u8> {
        let mut body = message.to_vec();
        let head = [&[0x10][..], &(message.len() as u32 + 16).to_be_bytes()].concat();
        seal(
            self.suite,
            &self.outgoing,
            Self::nonce(self.sent),
            &head,
            &mut body,
        );
        self.sent += 1;
        [head, body].concat()
    }

    /// Opens a frame of the other side.
    pub(crate) fn open(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let (head, sealed) = frame.split_at_checked(5)?;
        let nonce = Self::nonce(self.received);
        self.received += 1;
        open(self.suite, &self.incoming, nonce, head, sealed)
    }

    /// What one end of a lane says first; `side` is `c` at the one that dialled it, `s` at the other.
    pub(crate) fn greeting(
        &self,
        number: u8,
        side: char,
        certificate: &[u8],
        exporter: &[u8],
    ) -> Vec<u8> {
        let key = expand(&self.master, &format!("lane {side}"), &[number]);
        let proof = mac(&key, &h(&[certificate, exporter]));
        clear(6, &[&[number][..], &proof].concat())
    }

    fn block_nonce(header: &Header) -> [u8; 12] {
        let last = [header.flags >> 1 & 1];
        [&[0; 3][..], &header.index.to_be_bytes(), &last]
            .concat()
            .try_into()
            .unwrap()
    }

    /// A sealed block as a frame, whatever the header says.
    pub(crate) fn block(&self, header: Header, content: &[u8]) -> Vec<u8> {
        let (head, mut body) = (header.encode(), content.to_vec());
        seal(
            self.suite,
            &self.blocks,
            Self::block_nonce(&header),
            &head,
            &mut body,
        );
        [&[0x11], &head[..], &body].concat()
    }

    /// A block of equal bytes, compressed where that is smaller.
    pub(crate) fn equal(&self, index: u64, last: bool, byte: u8, length: usize) -> Vec<u8> {
        let packed = super::equal_bytes(byte, length);
        let flag = if last { 2 } else { 0 };
        if packed.len() < length {
            let header = Header::new(index, 1 | flag, length, packed.len());
            self.block(header, &packed)
        } else {
            let content = vec![byte; length];
            self.block(Header::new(index, flag, length, length), &content)
        }
    }

    /// Opens a block of the other side, still compressed.
    pub(crate) fn open_block(&self, frame: &[u8]) -> Option<(Header, Vec<u8>)> {
        let head = frame.get(1..18)?;
        let header = Header {
            index: u64::from_be_bytes(head[..8].try_into().unwrap()),
            flags: head[8],
            length: u32::from_be_bytes(head[9..13].try_into().unwrap()),
            sealed: u32::from_be_bytes(head[13..17].try_into().unwrap()),
        };
        let nonce = Self::block_nonce(&header);
        let content = open(self.suite, &self.blocks, nonce, head, &frame[18..])?;
        Some((header, content))
    }
}
