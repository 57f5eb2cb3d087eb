//! The key schedule: HKDF-SHA-256 (RFC 5869) with labels, HMAC-SHA-256 (RFC 2104) proofs (PROTOCOL.md, "Keys").

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::codec::Encode;

/// A secret of 32 bytes, wiped when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// First part of every HKDF label.
const DOMAIN: &[u8] = b"hayate/7";

/// SHA-256 over the `lv` encoding of each part.
pub(crate) fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut encoded = Zeroizing::new(Vec::new());
    for part in parts {
        encoded.lv(part);
    }
    Sha256::digest(&*encoded).into()
}

/// `HKDF-Extract(salt, input)`.
pub(crate) fn extract(salt: &[u8], input: &[u8]) -> Secret {
    let (prk, _) = Hkdf::<Sha256>::extract(Some(salt), input);
    Zeroizing::new(prk.into())
}

/// `HKDF-Expand(secret, lv("hayate/7") || lv(label) || lv(context), 32)`.
pub(crate) fn expand(secret: &Secret, label: &str, context: &[u8]) -> Secret {
    let mut info = Vec::with_capacity(64 + context.len());
    info.lv(DOMAIN).lv(label.as_bytes()).lv(context);
    let mut output = Secret::default();
    Hkdf::<Sha256>::from_prk(&secret[..])
        .and_then(|hkdf| {
            hkdf.expand(&info, &mut output[..])
                .map_err(|_| hkdf::InvalidPrkLength)
        })
        .expect("32 bytes are a valid key and a valid length");
    output
}

/// `HMAC-SHA-256(key, message)`.
pub(crate) fn mac(key: &Secret, message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key[..]).expect("any length is a valid HMAC key");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Whether two proofs are equal, in time that does not depend on where they differ.
pub(crate) fn equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.ct_eq(b).into()
}
