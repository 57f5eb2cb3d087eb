//! Compression of single blocks: one zstd frame (RFC 8878) a block, level 1, checked before it is decoded.

use bytes::Bytes;

#[cfg(any(test, not(feature = "native")))]
use crate::memory;
use crate::{BLOCK, Error};

/// Largest window that a frame may ask for in bytes: 8 MiB.
const MAX_WINDOW: u64 = 8 << 20;

/// Largest block inside a frame in bytes (RFC 8878, 3.1.1.2.4).
const MAX_INNER: usize = 128 << 10;

/// What a sender does with each block before it seals it. One a thread: it keeps the compressor's memory.
#[derive(Default)]
pub struct Packer {
    #[cfg(feature = "native")]
    compressor: Option<zstd::bulk::Compressor<'static>>,
    scratch: Vec<u8>,
}

impl Packer {
    /// Leaves every block as it is.
    pub fn off() -> Self {
        Self::default()
    }

    /// Compresses at a zstd level, 1 (fast) to 19 (small), where that makes a block smaller.
    ///
    /// # Errors
    /// [`Error::Misuse`] for another level, or where this build only decompresses.
    #[cfg(feature = "native")]
    pub fn level(level: i32) -> Result<Self, Error> {
        if !(1..=19).contains(&level) {
            return Err(Error::Misuse("a compression level is 1 to 19"));
        }
        let compressor =
            zstd::bulk::Compressor::new(level).map_err(|_| Error::Misuse("zstd has no memory"))?;
        Ok(Self {
            compressor: Some(compressor),
            scratch: Vec::new(),
        })
    }

    /// The compressed block, where it is smaller than `block` and compression is on.
    #[cfg(feature = "native")]
    pub(crate) fn pack(&mut self, block: &[u8]) -> Option<&[u8]> {
        /// Bytes of one sample; two of them tell whether a block is worth the work.
        const SAMPLE: usize = 8 << 10;

        let compressor = self.compressor.as_mut()?;
        self.scratch.clear();
        self.scratch
            .reserve(zstd::zstd_safe::compress_bound(block.len().max(SAMPLE)));
        if block.len() >= 8 * SAMPLE {
            let middle = block.len() / 2;
            let mut packed = 0;
            for sample in [&block[..SAMPLE], &block[middle..middle + SAMPLE]] {
                self.scratch.clear();
                packed += compressor
                    .compress_to_buffer(sample, &mut self.scratch)
                    .ok()?;
            }
            if packed > 2 * SAMPLE * 15 / 16 {
                return None;
            }
            self.scratch.clear();
        }
        let length = compressor
            .compress_to_buffer(block, &mut self.scratch)
            .ok()?;
        (length < block.len()).then(|| &self.scratch[..length])
    }

    /// Never compresses: this build only decompresses.
    #[cfg(not(feature = "native"))]
    #[expect(clippy::needless_pass_by_ref_mut, reason = "the other build needs it")]
    pub(crate) fn pack(&mut self, _block: &[u8]) -> Option<&[u8]> {
        let _ = &self.scratch;
        None
    }
}

/// Decompresses a frame that must give exactly `length` bytes.
///
/// # Errors
/// [`Error::Malformed`] for anything but one whole frame of that content size, with a window of at most 8 MiB and
/// without dictionary, checksum or trailing bytes; nothing is decoded, and no memory taken, before that is checked.
pub(crate) fn unpack(frame: &[u8], length: usize) -> Result<Bytes, Error> {
    inspect(frame, length)?;
    let block = decode(frame, length)?;
    if block.len() == length {
        Ok(block)
    } else {
        Err(Error::Malformed("a zstd frame of another content size"))
    }
}

#[cfg(feature = "native")]
use decode_native as decode;
#[cfg(not(feature = "native"))]
use decode_portable as decode;

#[cfg(feature = "native")]
fn decode_native(frame: &[u8], length: usize) -> Result<Bytes, Error> {
    let mut block = Vec::with_capacity(length);
    zstd::bulk::Decompressor::new()
        .and_then(|mut zstd| zstd.decompress_to_buffer(frame, &mut block))
        .map_err(|_| BROKEN)?;
    Ok(block.into())
}

#[cfg(any(test, not(feature = "native")))]
fn decode_portable(frame: &[u8], length: usize) -> Result<Bytes, Error> {
    let mut decoder = ruzstd::decoding::FrameDecoder::new();
    decoder.set_max_window_size(MAX_WINDOW);
    let mut block = memory::aligned(length);
    block.resize(length, 0);
    let decoded = decoder.decode_all(frame, &mut block);
    block.truncate(decoded.map_err(|_| BROKEN)?);
    Ok(block.freeze())
}

const BROKEN: Error = Error::Malformed("a broken zstd frame");

/// Walks the frame's own structure (RFC 8878, 3.1.1) without decoding it.
fn inspect(frame: &[u8], length: usize) -> Result<(), Error> {
    let [0x28, 0xb5, 0x2f, 0xfd, descriptor, rest @ ..] = frame else {
        return Err(Error::Malformed("a compressed block that is no zstd frame"));
    };
    let mut rest = rest;
    if descriptor & 0b0001_1111 != 0 {
        return Err(Error::Malformed(
            "a zstd frame with a dictionary, a checksum or reserved bits",
        ));
    }
    let single_segment = descriptor & 0b0010_0000 != 0;
    let window = match single_segment {
        true => None,
        false => {
            let byte = take(&mut rest, 1)?;
            let base = 1u64 << (10 + (byte >> 3));
            Some(base + base / 8 * (byte & 7))
        }
    };
    let size = match (descriptor >> 6, single_segment) {
        (0, true) => take(&mut rest, 1)?,
        (0, false) => return Err(Error::Malformed("a zstd frame without content size")),
        (1, _) => take(&mut rest, 2)? + 256,
        (2, _) => take(&mut rest, 4)?,
        _ => take(&mut rest, 8)?,
    };
    if size != length as u64 || length > BLOCK {
        return Err(Error::Malformed("a zstd frame of another content size"));
    }
    if window.unwrap_or(size) > MAX_WINDOW {
        return Err(Error::Malformed("a zstd window over 8 MiB"));
    }
    loop {
        let header = take(&mut rest, 3)?;
        let size = (header >> 3) as usize;
        if size > MAX_INNER {
            return Err(Error::Malformed("a zstd block over 128 KiB"));
        }
        let stored = match header >> 1 & 3 {
            0 | 2 => size,
            1 => 1,
            _ => return Err(BROKEN),
        };
        rest = rest.get(stored..).ok_or(BROKEN)?;
        if header & 1 == 1 {
            return if rest.is_empty() {
                Ok(())
            } else {
                Err(Error::Malformed("bytes after a zstd frame"))
            };
        }
    }
}

/// Takes a little-endian integer of `count` bytes.
fn take(rest: &mut &[u8], count: usize) -> Result<u64, Error> {
    let (head, tail) = rest.split_at_checked(count).ok_or(BROKEN)?;
    *rest = tail;
    Ok(head
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

#[cfg(all(test, feature = "native"))]
mod tests {
    use super::*;

    fn text() -> Vec<u8> {
        (0..BLOCK)
            .map(|i| b"all work and no play "[i % 21] ^ ((i / 4096) as u8 & 3))
            .collect()
    }

    fn packed(level: i32, block: &[u8]) -> Option<Vec<u8>> {
        Packer::level(level)
            .expect("a level")
            .pack(block)
            .map(<[u8]>::to_vec)
    }

    #[test]
    fn both_decoders_give_back_what_was_packed() {
        let text = text();
        for length in [1, 100, 255, 256, 70_000, BLOCK] {
            for level in [1, 3, 19] {
                let Some(frame) = packed(level, &text[..length]) else {
                    continue;
                };
                assert_eq!(
                    unpack(&frame, length).as_deref(),
                    Ok(&text[..length]),
                    "{length} bytes at {level}"
                );
                let block = decode_portable(&frame, length).expect("ruzstd reads it too");
                assert_eq!(block, text[..length]);
            }
        }
    }

    #[test]
    fn noise_is_left_as_it_is() {
        let mut noise = vec![0; BLOCK];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        assert_eq!(packed(1, &noise), None);
    }

    #[test]
    fn frame_of_another_size_or_with_more_behind_it_is_refused() {
        let text = text();
        let frame = packed(1, &text).expect("text packs");
        assert!(unpack(&frame, BLOCK - 1).is_err());
        assert!(unpack(&[&frame[..], &[0]].concat(), BLOCK).is_err());
        assert!(unpack(&[&frame[..], &frame[..]].concat(), BLOCK).is_err());
        for cut in [0, 3, 4, 5, 9, frame.len() / 2, frame.len() - 1] {
            assert!(unpack(&frame[..cut], BLOCK).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn greedy_headers_are_refused_before_memory_is_taken() {
        let frame = |descriptor: u8, rest: &[u8]| {
            [&[0x28, 0xb5, 0x2f, 0xfd, descriptor][..], rest].concat()
        };
        let last_raw_empty = [1, 0, 0];
        for (name, frame) in [
            (
                "a window of 2 GiB",
                frame(0x40, &[&[0xa8, 0, 0][..], &last_raw_empty].concat()),
            ),
            (
                "no content size",
                frame(0x00, &[&[0x00][..], &last_raw_empty].concat()),
            ),
            (
                "a dictionary",
                frame(0x21, &[&[7, 0][..], &last_raw_empty].concat()),
            ),
            (
                "a checksum",
                frame(0x24, &[&[0][..], &last_raw_empty, &[0; 4]].concat()),
            ),
            (
                "an inner block of 2 MiB",
                frame(0x60, &[&[0, 0][..], &[0x03, 0x00, 0xff, 0]].concat()),
            ),
            (
                "a skippable frame",
                vec![0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0],
            ),
        ] {
            assert!(
                unpack(&frame, 256).is_err() && unpack(&frame, 0).is_err(),
                "{name}"
            );
        }
    }
}
