//! The AEADs of `ring`, the provider that TLS uses as well.

use ring::aead::{
    AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce as RingNonce, Tag, UnboundKey,
};

use super::{Aead, Nonce, Suite, TAG};
use crate::Error;

/// A key of `suite`.
pub fn key(suite: Suite, key: &[u8; 32]) -> Box<dyn Aead> {
    let algorithm = match suite {
        Suite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
        Suite::Aes256Gcm => &AES_256_GCM,
    };
    let key = UnboundKey::new(algorithm, key).expect("32 bytes are a key of both suites");
    Box::new(LessSafeKey::new(key))
}

impl Aead for LessSafeKey {
    fn seal(&self, nonce: &Nonce, associated: &[u8], buffer: &mut [u8]) -> [u8; TAG] {
        let nonce = RingNonce::assume_unique_for_key(*nonce);
        let tag = self
            .seal_in_place_separate_tag(nonce, Aad::from(associated), buffer)
            .expect("a message is far below the length limit of both suites");
        let mut bytes = [0; TAG];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    fn open(
        &self,
        nonce: &Nonce,
        associated: &[u8],
        buffer: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), Error> {
        let nonce = RingNonce::assume_unique_for_key(*nonce);
        self.open_in_place_separate_tag(nonce, Aad::from(associated), Tag::from(*tag), buffer, 0..)
            .map(drop)
            .map_err(|_| Error::Tampered)
    }
}
