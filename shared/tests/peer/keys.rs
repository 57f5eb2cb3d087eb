//! "Notation", "Handshake" and "Keys" of PROTOCOL.md as formulas.

use curve25519_dalek::{RistrettoPoint, Scalar, ristretto::CompressedRistretto};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

pub(crate) fn lv(x: &[u8]) -> Vec<u8> {
    [&(x.len() as u32).to_be_bytes()[..], x].concat()
}

/// `H(a, b, …)`.
pub(crate) fn h(parts: &[&[u8]]) -> [u8; 32] {
    let all: Vec<u8> = parts.iter().flat_map(|part| lv(part)).collect();
    Sha256::digest(all).into()
}

pub(crate) fn mac(key: &[u8], x: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(x);
    mac.finalize().into_bytes().into()
}

/// RFC 5869, 2.2.
pub(crate) fn extract(salt: &[u8], ikm: &[u8]) -> [u8; 32] {
    mac(salt, ikm)
}

/// RFC 5869, 2.3, for one block of output.
pub(crate) fn expand(key: &[u8], label: &str, context: &[u8]) -> [u8; 32] {
    let info = [lv(b"hayate/7"), lv(label.as_bytes()), lv(context)].concat();
    mac(key, &[&info[..], &[1]].concat())
}

pub(crate) fn prs(code: &str) -> Vec<u8> {
    [lv(b"hayate/7 prs"), lv(code.as_bytes())].concat()
}

/// As [`prs`], for a session that is taken up again.
pub(crate) fn prs_again(master: &[u8]) -> Vec<u8> {
    let secret = expand(master, "return", b"");
    [lv(b"hayate/7 return"), lv(&secret)].concat()
}

/// Draft-irtf-cfrg-cpace-21, A.1: lengths are LEB128 there.
fn lv_cat(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        let mut length = part.len();
        while length > 127 {
            out.push(length as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend_from_slice(part);
    }
    out
}

/// The generator of CPace over ristretto255 and SHA-512 (7.1 and 7.3 of the draft).
pub(crate) fn generator(prs: &[u8], ci: &[u8], sid: &[u8]) -> RistrettoPoint {
    let dsi = b"CPaceRistretto255";
    let used = 1 + lv_cat(&[prs]).len() + lv_cat(&[dsi]).len();
    let pad = vec![0; 128usize.saturating_sub(used)];
    let hash = Sha512::digest(lv_cat(&[dsi, prs, &pad, ci, sid]));
    RistrettoPoint::from_uniform_bytes(&hash.into())
}

/// The secret point of both parties; `None` where the protocol must abort.
pub(crate) fn secret_point(own: &Scalar, theirs: &[u8; 32]) -> Option<[u8; 32]> {
    let point = CompressedRistretto(*theirs).decompress()?;
    let secret = (own * point).compress().to_bytes();
    (secret != [0; 32]).then_some(secret)
}

/// The intermediate session key, initiator-responder.
pub(crate) fn isk(
    sid: &[u8],
    secret: &[u8; 32],
    (ya, ada): (&[u8], &[u8]),
    (yb, adb): (&[u8], &[u8]),
) -> [u8; 64] {
    let mut input = lv_cat(&[b"CPaceRistretto255_ISK", sid, secret]);
    input.extend(lv_cat(&[ya, ada]));
    input.extend(lv_cat(&[yb, adb]));
    Sha512::digest(input).into()
}
