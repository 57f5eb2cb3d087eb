//! Compares the AEADs of this build with RustCrypto's own, for every length around the strides of a fast one. Runs as
//! wasm that imports nothing.
//!
//! The exit code is 0, or 1 where one differs.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use chacha20poly1305::{
    ChaCha20Poly1305,
    aead::{AeadInOut, KeyInit},
};
use hayate_shared::cipher::{Suite, portable};

/// Four times what any implementation takes at once, and a little.
const LONGEST: usize = 1100;

fn main() -> ExitCode {
    let same = (0..LONGEST).all(agree);
    ExitCode::from(u8::from(!same))
}

fn agree(length: usize) -> bool {
    let key = [length as u8; 32];
    let nonce = [!(length as u8); 12];
    let associated = vec![9; length % 37];
    let plain: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();

    let ours = portable::key(Suite::ChaCha20Poly1305, &key);
    let mut sealed = plain.clone();
    let tag = ours.seal(&nonce, &associated, &mut sealed);

    let mut theirs = plain.clone();
    let expected = ChaCha20Poly1305::new(&key.into()).encrypt_inout_detached(
        (&nonce).into(),
        &associated,
        theirs.as_mut_slice().into(),
    );
    if sealed != theirs || !expected.is_ok_and(|expected| expected.as_slice() == tag) {
        return false;
    }

    let mut wrong = tag;
    wrong[length % 16] ^= 1;
    let mut opened = sealed.clone();
    let refused = ours.open(&nonce, &associated, &mut opened, &wrong).is_err() && opened == sealed;
    let opens = ours.open(&nonce, &associated, &mut opened, &tag).is_ok() && opened == plain;
    refused && opens
}
