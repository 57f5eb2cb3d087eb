//! BLAKE3 of a payload, put together from its blocks (the BLAKE3 paper, section 2.1; `blake3::hazmat`).
//!
//! A block is 1024 chunks, so each is one whole subtree, hashed on whatever thread sealed or opened it. What is
//! left here is to merge 32 bytes a block, in order, into the root that `b3sum` prints.

use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};

use crate::{BLOCK, Error};

/// What hashing one block gives: its subtree's chaining value and, where it is the whole payload, the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHash {
    subtree: ChainingValue,
    alone: Option<[u8; 32]>,
}

impl BlockHash {
    /// Hashes the block with this index; `last` says that no further one follows.
    pub fn of(index: u64, last: bool, block: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        if block.is_empty() {
            // Only a payload of no bytes has an empty block, and its root is that of the empty string.
            return Self {
                subtree: [0; 32],
                alone: Some(hasher.finalize().into()),
            };
        }
        // An offset of zero or a multiple of 1 MiB is a boundary of subtrees of this size.
        hasher
            .set_input_offset(index.saturating_mul(BLOCK as u64))
            .update(block);
        let subtree = hasher.finalize_non_root();
        let alone = (index == 0 && last).then(|| hasher.finalize().into());
        Self { subtree, alone }
    }

    /// The chaining value of the block's subtree: what tells the block from any other at its place.
    pub fn chaining_value(&self) -> [u8; 32] {
        self.subtree
    }
}

/// The hash of the blocks from 0 up to [`Tree::blocks`], in a form that more can be added to.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    blocks: u64,
    stack: Vec<ChainingValue>,
    alone: Option<[u8; 32]>,
    list: blake3::Hasher,
}

impl Tree {
    /// The tree over no block.
    pub fn new() -> Self {
        Self {
            list: blake3::Hasher::new_derive_key("hayate/7 kept blocks"),
            ..Self::default()
        }
    }

    /// How many blocks it covers.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Adds the next block.
    pub fn push(&mut self, hash: BlockHash) {
        // Merging waits until more follows: the last merge is the root's, and is computed differently.
        while self.stack.len() > self.blocks.count_ones() as usize {
            self.merge();
        }
        self.stack.push(hash.subtree);
        self.alone = hash.alone;
        self.list.update(&hash.subtree);
        self.blocks += 1;
    }

    fn merge(&mut self) {
        if let (Some(right), Some(left)) = (self.stack.pop(), self.stack.pop()) {
            self.stack
                .push(merge_subtrees_non_root(&left, &right, Mode::Hash));
        }
    }

    /// The BLAKE3 root over everything pushed.
    ///
    /// # Errors
    /// [`Error::Misuse`] where nothing was pushed, or where the only block was not hashed as the last one.
    pub fn root(mut self) -> Result<[u8; 32], Error> {
        while self.stack.len() > 2 {
            self.merge();
        }
        match (self.stack.pop(), self.stack.pop()) {
            (Some(right), Some(left)) => Ok(merge_subtrees_root(&left, &right, Mode::Hash).into()),
            (Some(_), None) => self
                .alone
                .ok_or(Error::Misuse("the root of an unfinished payload")),
            _ => Err(Error::Misuse("the root of no block")),
        }
    }

    /// What a receiver shows to prove which blocks it kept: a hash over their chaining values.
    pub fn proof(&self) -> [u8; 32] {
        self.list.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(payload: &[u8]) -> [u8; 32] {
        let mut tree = Tree::new();
        let blocks: Vec<&[u8]> = if payload.is_empty() {
            vec![payload]
        } else {
            payload.chunks(BLOCK).collect()
        };
        for (index, block) in blocks.iter().enumerate() {
            tree.push(BlockHash::of(
                index as u64,
                index + 1 == blocks.len(),
                block,
            ));
        }
        tree.root().expect("a whole payload")
    }

    #[test]
    fn root_is_what_b3sum_prints() {
        let payload: Vec<u8> = (0..9 * BLOCK + 5).map(|i| (i % 251) as u8).collect();
        for blocks in 0..10 {
            for length in [
                blocks * BLOCK,
                blocks * BLOCK + 1,
                (blocks * BLOCK).saturating_sub(1),
                blocks * BLOCK + 5,
            ] {
                assert_eq!(
                    root(&payload[..length]),
                    *blake3::hash(&payload[..length]).as_bytes(),
                    "{length} bytes"
                );
            }
        }
    }

    #[test]
    fn proof_differs_for_other_blocks_and_other_counts() {
        let proof = |blocks: &[&[u8]]| {
            let mut tree = Tree::new();
            for (index, block) in blocks.iter().enumerate() {
                tree.push(BlockHash::of(index as u64, false, block));
            }
            tree.proof()
        };
        let (a, b) = (vec![1; BLOCK], vec![2; BLOCK]);
        let proofs = [
            proof(&[]),
            proof(&[&a]),
            proof(&[&b]),
            proof(&[&a, &b]),
            proof(&[&b, &a]),
        ];
        for (i, proof) in proofs.iter().enumerate() {
            assert!(proofs.iter().skip(i + 1).all(|other| other != proof));
        }
    }
}
