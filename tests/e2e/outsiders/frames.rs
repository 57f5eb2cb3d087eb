//! Frames that come out of packets (RFC 9000, 19).

use crate::packets::Reader;

/// What matters of a frame.
#[derive(Debug)]
pub(crate) enum Frame<'a> {
    Padding,
    /// The largest number that was acknowledged.
    Ack(u64),
    /// TLS's words at this offset.
    Crypto(u64, &'a [u8]),
    /// Bytes of a stream at this offset.
    Stream(u64, u64, &'a [u8]),
    /// The end, with its code.
    Close(u64),
    /// Only that it came.
    Other,
}

/// The next frame; none at the end and behind a kind that there is not.
pub(crate) fn next<'a>(rest: &mut Reader<'a>) -> Option<Frame<'a>> {
    let kind = rest.varint()?;
    let number = |rest: &mut Reader<'a>| rest.varint().unwrap_or(0);
    // so many numbers, and then so many bytes
    let (numbers, bytes) = match kind {
        0 => return Some(Frame::Padding),
        2 | 3 => {
            let [largest, _, count, _] = [(); 4].map(|()| number(rest));
            for _ in 0..2 * count + if kind == 3 { 3 } else { 0 } {
                rest.varint();
            }
            return Some(Frame::Ack(largest));
        }
        6 => {
            let (offset, length) = (number(rest), number(rest));
            return Some(Frame::Crypto(offset, rest.take(length as usize)));
        }
        8..=0xf => {
            let id = number(rest);
            let offset = if kind & 4 != 0 { number(rest) } else { 0 };
            let length = match kind & 2 {
                0 => rest.0.len(),
                _ => number(rest) as usize,
            };
            return Some(Frame::Stream(id, offset, rest.take(length)));
        }
        0x1c | 0x1d => return Some(Frame::Close(number(rest))),
        1 | 0x1e => (0, 0),
        4 => (3, 0),
        5 | 0x11 | 0x15 => (2, 0),
        7 | 0x31 => {
            let length = number(rest);
            (0, length as usize)
        }
        0x10 | 0x12..=0x14 | 0x16 | 0x17 | 0x19 => (1, 0),
        0x18 => {
            let _ = [(); 2].map(|()| number(rest));
            let length = rest.take(1).first().copied().unwrap_or(0);
            (0, usize::from(length) + 16)
        }
        0x1a | 0x1b => (0, 8),
        _ => (0, rest.0.len()),
    };
    (0..numbers).for_each(|_| _ = rest.varint());
    rest.take(bytes);
    Some(Frame::Other)
}
