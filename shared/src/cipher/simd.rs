//! ChaCha20-Poly1305 (RFC 8439) for WebAssembly: four blocks of the keystream at once, one in each lane. RustCrypto has
//! no such backend, and is half as fast there.

use core::arch::wasm32::{
    i8x16_shuffle, i32x4_shuffle, i64x2_shuffle, u32x4, u32x4_add, u32x4_shl, u32x4_shr,
    u32x4_splat, u64x2, u64x2_extract_lane, v128, v128_or, v128_xor,
};

use poly1305::{
    Poly1305,
    universal_hash::{KeyInit, UniversalHash},
};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Aead, Nonce, TAG};
use crate::Error;

/// Bytes of a block of ChaCha20 (RFC 8439, 2.3).
const BLOCK: usize = 64;

/// Bytes of keystream that are made at once.
const STRIDE: usize = 4 * BLOCK;

/// "expand 32-byte k" (RFC 8439, 2.3).
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct ChaCha20Poly1305([u32; 8]);

impl ChaCha20Poly1305 {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(key.chunks_exact(4)) {
            *word = little(bytes);
        }
        Self(words)
    }

    /// The keystream of four blocks from `counter` on, 16 bytes a vector.
    fn keystream(&self, nonce: &Nonce, counter: u32) -> [v128; 16] {
        let mut start = [u32x4_splat(0); 16];
        for (to, word) in start.iter_mut().zip(CONSTANTS.iter().chain(&self.0)) {
            *to = u32x4_splat(*word);
        }
        start[12] = u32x4_add(u32x4_splat(counter), u32x4(0, 1, 2, 3));
        for (to, bytes) in start[13..].iter_mut().zip(nonce.chunks_exact(4)) {
            *to = u32x4_splat(little(bytes));
        }
        let mut x = start;
        for _ in 0..10 {
            quarter(&mut x, 0, 4, 8, 12);
            quarter(&mut x, 1, 5, 9, 13);
            quarter(&mut x, 2, 6, 10, 14);
            quarter(&mut x, 3, 7, 11, 15);
            quarter(&mut x, 0, 5, 10, 15);
            quarter(&mut x, 1, 6, 11, 12);
            quarter(&mut x, 2, 7, 8, 13);
            quarter(&mut x, 3, 4, 9, 14);
        }
        for (x, start) in x.iter_mut().zip(start) {
            *x = u32x4_add(*x, start);
        }
        // A vector holds one word of each block; what is wanted is four words of one block.
        let mut stream = x;
        for row in 0..4 {
            let [a, b, c, d] = [x[4 * row], x[4 * row + 1], x[4 * row + 2], x[4 * row + 3]];
            let (ab, cd) = (
                i32x4_shuffle::<0, 4, 1, 5>(a, b),
                i32x4_shuffle::<0, 4, 1, 5>(c, d),
            );
            stream[row] = i64x2_shuffle::<0, 2>(ab, cd);
            stream[4 + row] = i64x2_shuffle::<1, 3>(ab, cd);
            let (ab, cd) = (
                i32x4_shuffle::<2, 6, 3, 7>(a, b),
                i32x4_shuffle::<2, 6, 3, 7>(c, d),
            );
            stream[8 + row] = i64x2_shuffle::<0, 2>(ab, cd);
            stream[12 + row] = i64x2_shuffle::<1, 3>(ab, cd);
        }
        stream
    }

    /// Encrypts or decrypts: the first block of the keystream is the tag's.
    fn apply(&self, nonce: &Nonce, buffer: &mut [u8]) {
        let mut counter = 1;
        let mut strides = buffer.chunks_exact_mut(STRIDE);
        for stride in &mut strides {
            xor(stride, &self.keystream(nonce, counter));
            counter += 4;
        }
        let rest = strides.into_remainder();
        if !rest.is_empty() {
            let mut last = [0; STRIDE];
            last[..rest.len()].copy_from_slice(rest);
            xor(&mut last, &self.keystream(nonce, counter));
            rest.copy_from_slice(&last[..rest.len()]);
            last.zeroize();
        }
    }

    /// The tag over a ciphertext (RFC 8439, 2.8).
    fn tag(&self, nonce: &Nonce, associated: &[u8], ciphertext: &[u8]) -> [u8; TAG] {
        let mut first = [0; STRIDE];
        xor(&mut first, &self.keystream(nonce, 0));
        let mut key = [0; 32];
        key.copy_from_slice(&first[..32]);
        first.zeroize();
        let mut poly = Poly1305::new(&key.into());
        key.zeroize();
        poly.update_padded(associated);
        poly.update_padded(ciphertext);
        let mut lengths = [0; TAG];
        lengths[..8].copy_from_slice(&(associated.len() as u64).to_le_bytes());
        lengths[8..].copy_from_slice(&(ciphertext.len() as u64).to_le_bytes());
        poly.update_padded(&lengths);
        poly.finalize().into()
    }
}

impl Aead for ChaCha20Poly1305 {
    fn seal(&self, nonce: &Nonce, associated: &[u8], buffer: &mut [u8]) -> [u8; TAG] {
        self.apply(nonce, buffer);
        self.tag(nonce, associated, buffer)
    }

    fn open(
        &self,
        nonce: &Nonce,
        associated: &[u8],
        buffer: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), Error> {
        let expected = self.tag(nonce, associated, buffer);
        if !bool::from(expected.ct_eq(tag)) {
            return Err(Error::Tampered);
        }
        self.apply(nonce, buffer);
        Ok(())
    }
}

/// The quarter round (RFC 8439, 2.1) in every lane.
#[inline(always)]
fn quarter(x: &mut [v128; 16], a: usize, b: usize, c: usize, d: usize) {
    x[a] = u32x4_add(x[a], x[b]);
    x[d] = v128_xor(x[d], x[a]);
    // Left by 16 and by 8 bits are moves of whole bytes.
    x[d] = i8x16_shuffle::<2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13>(x[d], x[d]);
    x[c] = u32x4_add(x[c], x[d]);
    x[b] = v128_xor(x[b], x[c]);
    x[b] = v128_or(u32x4_shl(x[b], 12), u32x4_shr(x[b], 20));
    x[a] = u32x4_add(x[a], x[b]);
    x[d] = v128_xor(x[d], x[a]);
    x[d] = i8x16_shuffle::<3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14>(x[d], x[d]);
    x[c] = u32x4_add(x[c], x[d]);
    x[b] = v128_xor(x[b], x[c]);
    x[b] = v128_or(u32x4_shl(x[b], 7), u32x4_shr(x[b], 25));
}

/// Adds keystream to one stride of bytes.
fn xor(stride: &mut [u8], stream: &[v128; 16]) {
    for (bytes, stream) in stride.chunks_exact_mut(16).zip(stream) {
        let (low, high) = bytes.split_at_mut(8);
        let sum = v128_xor(u64x2(long(low), long(high)), *stream);
        low.copy_from_slice(&u64x2_extract_lane::<0>(sum).to_le_bytes());
        high.copy_from_slice(&u64x2_extract_lane::<1>(sum).to_le_bytes());
    }
}

fn little(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u32::from(*byte))
}

fn long(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(bytes);
    u64::from_le_bytes(word)
}
