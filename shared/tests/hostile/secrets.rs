//! What must not be left lying about.

use hayate_shared::{
    Code, Error,
    cipher::{self, Aead, Suite},
};

fn implementations(suite: Suite, key: &[u8; 32]) -> Vec<Box<dyn Aead>> {
    vec![
        cipher::portable::key(suite, key),
        #[cfg(feature = "native")]
        cipher::native::key(suite, key),
    ]
}

#[test]
fn no_plaintext_is_left_where_a_seal_did_not_open() {
    for suite in [Suite::ChaCha20Poly1305, Suite::Aes256Gcm] {
        for key in implementations(suite, &[7; 32]) {
            for length in [1, 15, 16, 17, 1000] {
                let plaintext = vec![0x5a; length];
                let mut buffer = plaintext.clone();
                let mut tag = key.seal(&[1; 12], b"", &mut buffer);
                tag[0] ^= 1;
                assert_eq!(
                    key.open(&[1; 12], b"", &mut buffer, &tag),
                    Err(Error::Tampered)
                );
                assert!(
                    length < 15 || !buffer.windows(15).any(|window| window == &plaintext[..15]),
                    "{suite}"
                );
                assert_ne!(buffer, plaintext, "{suite}");
            }
        }
    }
}

#[test]
fn no_message_of_an_error_holds_the_code() {
    let code = Code::parse("7-copper-lantern-violin").unwrap();
    let shown = format!("{code:?} {:?}", Some(&code));
    assert!(!shown.contains("copper") && !shown.contains("violin"));
}
