//! Sealing of control messages.

use crate::{
    Error,
    cipher::{Aead, TAG},
    frame::KIND_MESSAGE,
};

/// Sealing of control messages in one direction: a key and a counter that never repeats.
pub(super) struct Sealer {
    pub(super) key: Box<dyn Aead>,
    pub(super) count: u64,
}

impl Sealer {
    fn nonce(&mut self) -> Result<[u8; 12], Error> {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&self.count.to_be_bytes());
        self.count = self
            .count
            .checked_add(1)
            .ok_or(Error::Misuse("2^64 messages"))?;
        Ok(nonce)
    }

    fn head(length: usize) -> [u8; 5] {
        let length = (length as u32).to_be_bytes();
        [KIND_MESSAGE, length[0], length[1], length[2], length[3]]
    }

    pub(super) fn seal(&mut self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let head = Self::head(message.len() + TAG);
        let mut frame = Vec::with_capacity(head.len() + message.len() + TAG);
        frame.extend_from_slice(&head);
        frame.extend_from_slice(message);
        let nonce = self.nonce()?;
        let tag = self.key.seal(&nonce, &head, &mut frame[head.len()..]);
        frame.extend_from_slice(&tag);
        Ok(frame)
    }

    pub(super) fn open(&mut self, body: &mut [u8]) -> Result<usize, Error> {
        let head = Self::head(body.len());
        let split = body
            .len()
            .checked_sub(TAG)
            .ok_or(Error::Malformed("a message without a tag"))?;
        let (message, tag) = body.split_at_mut(split);
        let mut fixed = [0; TAG];
        fixed.copy_from_slice(tag);
        let nonce = self.nonce()?;
        self.key.open(&nonce, &head, message, &fixed)?;
        Ok(split)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::Suite;

    /// E10.
    #[test]
    fn the_counter_ends_and_never_begins_again() {
        let sealer = |count| Sealer {
            key: Suite::ChaCha20Poly1305.key(&zeroize::Zeroizing::new([7; 32])),
            count,
        };
        let mut ours = sealer(u64::MAX - 1);
        let first = ours.seal(b"the last one");
        assert!(first.is_ok());
        for _ in 0..3 {
            assert_eq!(ours.seal(b"one more"), Err(Error::Misuse("2^64 messages")));
        }
        let mut body = first.unwrap_or_default().split_off(5);
        let again = body.clone();
        let mut theirs = sealer(u64::MAX - 1);
        assert_eq!(theirs.open(&mut body), Ok(12));
        assert_eq!(
            theirs.open(&mut again.clone()),
            Err(Error::Misuse("2^64 messages"))
        );
    }
}
