//! The password-authenticated key exchange: CPace over ristretto255 and SHA-512
//! (draft-irtf-cfrg-cpace-21, suite CPACE-RISTR255-SHA512), initiator-responder.
//!
//! `pakery-cpace` has had no audit. So it stays behind these few functions, is held against the draft's vectors
//! and an independent implementation in `tests/cpace.rs`, and the key schedule does not rest on it alone.

use pakery_cpace::{CpaceCiphersuite, CpaceInitiator, CpaceMode, CpaceResponder, InitiatorState};
use pakery_crypto::{Ristretto255Group, Sha512Hash};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use zeroize::Zeroizing;

use crate::Error;

struct Suite;

impl CpaceCiphersuite for Suite {
    type Group = Ristretto255Group;
    type Hash = Sha512Hash;
    const DSI: &'static [u8] = b"CPaceRistretto255";
    const HASH_BLOCK_SIZE: usize = 128;
    const FIELD_SIZE_BYTES: usize = 32;
}

/// What both parties must agree on besides the password.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Channel identifier: who talks to whom, and over which connection.
    pub channel: &'a [u8],
    /// Session identifier, unique to this run.
    pub session: &'a [u8],
    /// Associated data of the party that shows its share first.
    pub first: &'a [u8],
    /// Associated data of the other party.
    pub second: &'a [u8],
}

/// A share as it travels: an encoded ristretto255 element.
pub type Share = [u8; 32];

/// The 64-byte intermediate session key; equal on both sides exactly when the password and the context are.
pub type Isk = Zeroizing<Vec<u8>>;

/// The first party, between showing its share and seeing the other's.
pub struct Pending {
    state: InitiatorState<Suite>,
}

/// Makes the first share. `seed` must be fresh randomness of the system and is used for nothing else.
pub fn start(
    password: &[u8],
    context: Context<'_>,
    seed: &[u8; 32],
) -> Result<(Share, Pending), Error> {
    let mut rng = ChaCha20Rng::from_seed(*seed);
    let (share, state) = CpaceInitiator::<Suite>::start(
        password,
        context.channel,
        context.session,
        context.first,
        &mut rng,
    )
    .map_err(|_| Error::Malformed("a CPace generator that is the identity"))?;
    Ok((fixed(&share)?, Pending { state }))
}

impl Pending {
    /// Finishes with the other party's share.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a share that is no element of the group, or its identity.
    pub fn finish(self, theirs: &Share, context: Context<'_>) -> Result<Isk, Error> {
        let output = self
            .state
            .finish(theirs, context.second, CpaceMode::InitiatorResponder)
            .map_err(|_| Error::Malformed("a CPace share that is no group element"))?;
        Ok(Zeroizing::new(output.isk.as_bytes().to_vec()))
    }
}

/// Answers the first share with the second one, and has the key at once.
///
/// # Errors
/// As for [`Pending::finish`].
pub fn respond(
    theirs: &Share,
    password: &[u8],
    context: Context<'_>,
    seed: &[u8; 32],
) -> Result<(Share, Isk), Error> {
    let mut rng = ChaCha20Rng::from_seed(*seed);
    let (share, output) = CpaceResponder::<Suite>::respond(
        theirs,
        password,
        context.channel,
        context.session,
        context.first,
        context.second,
        CpaceMode::InitiatorResponder,
        &mut rng,
    )
    .map_err(|_| Error::Malformed("a CPace share that is no group element"))?;
    Ok((
        fixed(&share)?,
        Zeroizing::new(output.isk.as_bytes().to_vec()),
    ))
}

fn fixed(share: &[u8]) -> Result<Share, Error> {
    share
        .try_into()
        .map_err(|_| Error::Malformed("a CPace share of another length"))
}
