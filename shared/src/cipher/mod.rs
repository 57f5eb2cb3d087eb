//! The two AEADs behind one trait, and how two peers agree on one of them (PROTOCOL.md, "Suites").

use std::fmt;

use crate::Error;

#[cfg(feature = "native")]
pub mod native;
pub mod portable;
#[cfg(all(target_family = "wasm", target_feature = "simd128"))]
mod simd;

/// Bytes of an authentication tag.
pub const TAG: usize = 16;

/// A 96-bit nonce.
pub type Nonce = [u8; 12];

/// Authenticated encryption with associated data, in place, under one key (RFC 5116).
pub trait Aead: Send + Sync {
    /// Encrypts `buffer` and returns the tag over it and `associated`.
    fn seal(&self, nonce: &Nonce, associated: &[u8], buffer: &mut [u8]) -> [u8; TAG];

    /// Checks the tag, then decrypts `buffer`.
    ///
    /// # Errors
    /// [`Error::Tampered`]; `buffer` holds no plaintext then.
    fn open(
        &self,
        nonce: &Nonce,
        associated: &[u8],
        buffer: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), Error>;
}

/// A cipher suite, by its number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Suite {
    /// AEAD_CHACHA20_POLY1305 (RFC 8439).
    ChaCha20Poly1305 = 1,
    /// AEAD_AES_256_GCM (NIST SP 800-38D).
    Aes256Gcm = 2,
}

impl Suite {
    /// The suite with this number, where this version knows one.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::ChaCha20Poly1305),
            2 => Some(Self::Aes256Gcm),
            _ => None,
        }
    }

    /// Its name, as standards write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ChaCha20Poly1305 => "ChaCha20-Poly1305",
            Self::Aes256Gcm => "AES-256-GCM",
        }
    }

    /// A key of this suite in the fastest implementation that this build has.
    pub(crate) fn key(self, key: &[u8; 32]) -> Box<dyn Aead> {
        #[cfg(feature = "native")]
        return native::key(self, key);
        #[cfg(not(feature = "native"))]
        portable::key(self, key)
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The suites a side is willing to use, the one it likes best first; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suites(Vec<Suite>);

impl Suites {
    /// Both suites, `first` first: what a listener gives, so that nobody is turned away.
    pub fn preferring(first: Suite) -> Self {
        let second = match first {
            Suite::ChaCha20Poly1305 => Suite::Aes256Gcm,
            Suite::Aes256Gcm => Suite::ChaCha20Poly1305,
        };
        Self(vec![first, second])
    }

    /// This suite and no other: what a dialler gives whose person asked for it.
    pub fn only(suite: Suite) -> Self {
        Self(vec![suite])
    }

    /// The numbers on the wire.
    pub(crate) fn codes(&self) -> Vec<u8> {
        self.0.iter().map(|suite| *suite as u8).collect()
    }

    /// The first of ours that is among the peer's; the peer's unknown numbers are passed over.
    pub(crate) fn choose(&self, theirs: &[u8]) -> Option<Suite> {
        self.0
            .iter()
            .copied()
            .find(|suite| theirs.contains(&(*suite as u8)))
    }

    /// Whether a listener that chose `suite` chose one of ours.
    pub(crate) fn contains(&self, suite: Suite) -> bool {
        self.0.contains(&suite)
    }
}
