//! What a worker does to blocks, on one core.

use std::hint::black_box;

use hayate::Error;
use shared::{BLOCK, Packer, cipher::Suite, tree::BlockHash};

use super::{
    TIME,
    clock::Spent,
    measured::{Measured, What},
    session::{self, Costs},
};

/// Measures hashing, sealing, opening and compressing.
///
/// # Errors
/// A bug.
pub(super) fn measure(tell: &mut impl FnMut(Measured)) -> Result<(), Error> {
    let (random, text) = (session::random(), session::text());
    let mut tell = |what, blocks: u64, spent| {
        let bytes = blocks * BLOCK as u64;
        tell(Measured { what, bytes, spent });
    };
    let (blocks, spent) = hash(&random);
    tell(What::Hash, blocks, spent);
    for (suite, seal, open) in [
        (Suite::Aes256Gcm, What::SealAes, What::OpenAes),
        (Suite::ChaCha20Poly1305, What::SealChaCha, What::OpenChaCha),
    ] {
        let (blocks, costs) = seal_and_open(suite, &mut Packer::off(), &random)?;
        tell(seal, blocks, costs.fill);
        tell(open, blocks, costs.open);
    }
    let mut packer = Packer::level(1).map_err(broken)?;
    for (what, content) in [(What::Compress, &text), (What::Refuse, &random)] {
        let (blocks, costs) = seal_and_open(fast(), &mut packer, content)?;
        tell(what, blocks, costs.fill);
    }
    Ok(())
}

/// The suite that this machine prefers.
pub(super) fn fast() -> Suite {
    match hayate::identity::has_aes() {
        true => Suite::Aes256Gcm,
        false => Suite::ChaCha20Poly1305,
    }
}

fn hash(block: &[u8]) -> (u64, Spent) {
    let (mut blocks, mut spent) = (0, Spent::default());
    while spent.wall < TIME {
        spent.on(|| black_box(BlockHash::of(0, false, block)));
        blocks += 1;
    }
    (blocks, spent)
}

/// Sessions until both ways together took the time: how many blocks they had, and what these took.
fn seal_and_open(suite: Suite, packer: &mut Packer, content: &[u8]) -> Result<(u64, Costs), Error> {
    let (mut blocks, mut sum) = (0, Costs::default());
    while sum.fill.wall + sum.open.wall < TIME {
        let costs = session::transfer(ROUND, suite, packer, content).map_err(broken)?;
        sum.fill += costs.fill;
        sum.open += costs.open;
        blocks += ROUND;
    }
    Ok((blocks, sum))
}

fn broken(error: shared::Error) -> Error {
    Error::Internal(format!("a session with itself failed: {error}"))
}

/// Blocks of one session, which has to be begun anew for more.
const ROUND: u64 = 32;
