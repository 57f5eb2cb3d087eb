//! CPace three ways: the draft's vectors, the crate behind `shared::pake`, and the reference in `tests/peer`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod peer;

use std::convert::Infallible;

use curve25519_dalek::Scalar;
use hayate_shared::{Error, pake};
use pakery_cpace::{CpaceCiphersuite, CpaceInitiator, CpaceMode, CpaceResponder};
use pakery_crypto::{Ristretto255Group, Sha512Hash};
use peer::keys;
use proptest::prelude::*;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng},
};

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

/// The suite as `shared::pake` has it.
struct Suite;

impl CpaceCiphersuite for Suite {
    type Group = Ristretto255Group;
    type Hash = Sha512Hash;
    const DSI: &'static [u8] = b"CPaceRistretto255";
    const HASH_BLOCK_SIZE: usize = 128;
    const FIELD_SIZE_BYTES: usize = 32;
}

/// Gives a scalar as 64 bytes that are reduced to it.
struct Fixed(Vec<u8>);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("scalars are drawn as bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("scalars are drawn as bytes")
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        assert_eq!(to.len(), 64, "a wide scalar");
        to.fill(0);
        to[..32].copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

/// draft-irtf-cfrg-cpace-21, B.3, through the very crate that is shipped.
#[test]
fn draft_vector_passes_in_the_crate() {
    let (prs, sid) = (b"Password", unhex("7e4b4791d6a8ef019b936c79fb7f2c57"));
    let ci = b"\x0bA_initiator\x0bB_responder";
    let mut a = Fixed(unhex(
        "da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08",
    ));
    let mut b = Fixed(unhex(
        "d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d",
    ));
    let (ya, state) = CpaceInitiator::<Suite>::start(prs, ci, &sid, b"ADa", &mut a).unwrap();
    let mode = CpaceMode::InitiatorResponder;
    let (yb, second) =
        CpaceResponder::<Suite>::respond(&ya, prs, ci, &sid, b"ADa", b"ADb", mode, &mut b).unwrap();
    let first = state.finish(&yb, b"ADb", mode).unwrap();
    assert_eq!(
        ya,
        unhex("d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157")
    );
    assert_eq!(
        yb,
        unhex("3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258")
    );
    let isk = unhex(
        "b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c3fa2068af7900447",
    );
    assert_eq!(first.isk.as_bytes(), isk);
    assert_eq!(second.isk.as_bytes(), isk);
    assert_eq!(
        first.session_id,
        unhex(
            "bb1c449b35f0ea79a65c209f329a693d475e0ce2387bed9fe4b78f60b2a27c219813fb2cfe175ef40d2222d9261e66da7d78f7c55a303b1b8611dcdfab880c47"
        )
    );
}

/// B.3.10: the multiplication of the reference.
#[test]
fn draft_multiplication_passes_in_the_reference() {
    let s: [u8; 32] = unhex("7cd0e075fa7955ba52c02759a6c90dbbfc10e6d40aea8d283e407d88cf538a05")
        .try_into()
        .unwrap();
    let x = unhex("2c3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c")
        .try_into()
        .unwrap();
    let product = keys::secret_point(&Scalar::from_canonical_bytes(s).unwrap(), &x);
    assert_eq!(
        product.unwrap().to_vec(),
        unhex("7c13645fe790a468f62c39beb7388e541d8405d1ade69d1778c5fe3e7f6b600e")
    );
}

/// What the crate draws from this seed.
fn scalar(seed: [u8; 32]) -> Scalar {
    let mut wide = [0; 64];
    ChaCha20Rng::from_seed(seed).fill_bytes(&mut wide);
    Scalar::from_bytes_mod_order_wide(&wide)
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

proptest! {
    #[test]
    fn crate_and_reference_agree(
        password in bytes(300), channel in bytes(300), session in bytes(300), first in bytes(300), second in bytes(300),
        seed_a: [u8; 32], seed_b: [u8; 32],
    ) {
        let context = pake::Context { channel: &channel, session: &session, first: &first, second: &second };
        let (ya, pending) = pake::start(&password, context, &seed_a).unwrap();
        let (yb, isk_b) = pake::respond(&ya, &password, context, &seed_b).unwrap();
        let isk_a = pending.finish(&yb, context).unwrap();
        prop_assert_eq!(&isk_a[..], &isk_b[..]);

        let g = keys::generator(&password, &channel, &session);
        let (a, b) = (scalar(seed_a), scalar(seed_b));
        prop_assert_eq!(ya, (a * g).compress().to_bytes());
        prop_assert_eq!(yb, (b * g).compress().to_bytes());
        let secret = keys::secret_point(&a, &yb).unwrap();
        prop_assert_eq!(&isk_a[..], &keys::isk(&session, &secret, (&ya, &first), (&yb, &second))[..]);
    }

    #[test]
    fn another_word_channel_session_or_data_gives_another_key(which in 0..5_usize, at in 0..8_usize, seed: [u8; 32]) {
        let mut fields: [Vec<u8>; 5] = std::array::from_fn(|i| vec![i as u8; 8]);
        fn context(fields: &[Vec<u8>; 5]) -> pake::Context<'_> {
            pake::Context { channel: &fields[1], session: &fields[2], first: &fields[3], second: &fields[4] }
        }
        let (ya, pending) = pake::start(&fields[0], context(&fields), &seed).unwrap();
        let ours = fields.clone();
        fields[which][at] ^= 1;
        let (yb, isk_b) = pake::respond(&ya, &fields[0], context(&fields), &[9; 32]).unwrap();
        let isk_a = pending.finish(&yb, context(&ours)).unwrap();
        prop_assert_ne!(&isk_a[..], &isk_b[..]);
    }

    #[test]
    fn any_share_is_judged_alike(share: [u8; 32], seed: [u8; 32]) {
        let context = pake::Context { channel: b"c", session: b"s", first: b"1", second: b"2" };
        let valid = keys::secret_point(&Scalar::ONE, &share).is_some();
        let respond = pake::respond(&share, b"p", context, &seed).map(drop);
        let finish = pake::start(b"p", context, &seed).unwrap().1.finish(&share, context).map(drop);
        prop_assert_eq!(&respond, &finish);
        prop_assert_eq!(respond.is_ok(), valid);
        prop_assert!(valid || matches!(respond, Err(Error::Malformed(_))));
    }
}
