//! The AEADs of RustCrypto: what a browser runs, and what the native ones are tested against.

use aes_gcm::{
    Aes256Gcm,
    aead::{AeadInOut, KeyInit},
};
#[cfg(not(all(target_family = "wasm", target_feature = "simd128")))]
use chacha20poly1305::ChaCha20Poly1305;

use super::{Aead, Nonce, Suite, TAG};
use crate::Error;

/// A key of `suite`.
pub fn key(suite: Suite, key: &[u8; 32]) -> Box<dyn Aead> {
    match suite {
        #[cfg(not(all(target_family = "wasm", target_feature = "simd128")))]
        Suite::ChaCha20Poly1305 => Box::new(Portable(ChaCha20Poly1305::new(key.into()))),
        #[cfg(all(target_family = "wasm", target_feature = "simd128"))]
        Suite::ChaCha20Poly1305 => Box::new(super::simd::ChaCha20Poly1305::new(key)),
        Suite::Aes256Gcm => Box::new(Portable(Aes256Gcm::new(key.into()))),
    }
}

struct Portable<C>(C);

macro_rules! impl_aead {
    ($cipher:ty) => {
        impl Aead for Portable<$cipher> {
            fn seal(&self, nonce: &Nonce, associated: &[u8], buffer: &mut [u8]) -> [u8; TAG] {
                self.0
                    .encrypt_inout_detached(nonce.into(), associated, buffer.into())
                    .expect("a message is far below the length limit of both suites")
                    .into()
            }

            fn open(
                &self,
                nonce: &Nonce,
                associated: &[u8],
                buffer: &mut [u8],
                tag: &[u8; TAG],
            ) -> Result<(), Error> {
                self.0
                    .decrypt_inout_detached(nonce.into(), associated, buffer.into(), tag.into())
                    .map_err(|_| Error::Tampered)
            }
        }
    };
}

#[cfg(not(all(target_family = "wasm", target_feature = "simd128")))]
impl_aead!(ChaCha20Poly1305);
impl_aead!(Aes256Gcm);
