//! Memory for payload, placed where systems copy it fast.

use bytes::{Buf, BytesMut};

/// A cache line. Processors copy between memory and the pages of a file up to six times slower where the two begin at
/// other distances from one: AMD's with `rep movsb`, which is what Linux copies with.
const ALIGN: usize = 64;

/// Empty memory with room for at least `length` bytes, from a multiple of [`ALIGN`] on.
pub(crate) fn aligned(length: usize) -> BytesMut {
    let mut memory = BytesMut::with_capacity(length + ALIGN);
    let pad = memory.as_ptr().align_offset(ALIGN).min(ALIGN);
    memory.resize(pad, 0);
    memory.advance(pad);
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_begins_at_a_cache_line_and_does_so_when_it_is_used_again() {
        for length in [1, 24, 4_096, crate::BLOCK + 16] {
            let mut memory = aligned(length);
            for _ in 0..3 {
                assert!(memory.is_empty() && memory.capacity() >= length);
                let start = memory.as_ptr();
                assert_eq!(start.align_offset(ALIGN), 0);
                memory.resize(length, 7);
                assert_eq!(memory.as_ptr(), start, "there is room");
                memory = memory.freeze().try_into_mut().expect("nobody else has it");
                memory.clear();
            }
        }
    }
}
