//! What a receiver knows of its blocks: which came, over the wire or a lane, and what they make.

use std::collections::BTreeMap;

use super::{WINDOW, channel::Channel, receiver::Request};
use crate::{BLOCK, BlockReceipt, Error, Offer, Sealed, block::Header, message::Total, tree::Tree};

/// Which blocks came, and what they make.
pub(super) struct Progress {
    tree: Tree,
    /// Blocks that came, from the first one on that the tree lacks: handed out, or opened already.
    pub(super) window: BTreeMap<u64, Option<BlockReceipt>>,
    bytes: u64,
    /// The index of the last block, once it is known.
    last: Option<u64>,
    payload: Option<u64>,
    pub(super) total: Option<Total>,
    /// Lanes were announced: blocks may be on their way beside the wire. That one has joined may be known here later
    /// than what the wire brings behind it.
    pub(super) wide: bool,
    /// Blocks that came over a lane before the window reached them.
    pub(super) early: Vec<Sealed>,
    /// One that came over the wire, likewise; nothing more is taken from the wire meanwhile.
    pub(super) held: Option<Sealed>,
}

impl Progress {
    pub(super) fn new(offer: &Offer, tree: Tree) -> Self {
        let bytes = tree.blocks() * BLOCK as u64;
        let last = offer
            .payload
            .map(|length| length.div_ceil(BLOCK as u64).saturating_sub(1));
        Self {
            tree,
            window: BTreeMap::new(),
            bytes,
            last,
            payload: offer.payload,
            total: None,
            wide: false,
            early: Vec::new(),
            held: None,
        }
    }

    /// Blocks that are in the tree.
    pub(super) fn blocks(&self) -> u64 {
        self.tree.blocks()
    }

    /// The first block that has not come.
    fn missing(&self) -> u64 {
        let next = self.tree.blocks();
        let came = (next..).zip(self.window.keys());
        next + came
            .take_while(|(expected, came)| expected == *came)
            .count() as u64
    }

    /// Hands out the early blocks that the window has reached.
    pub(super) fn take_early(&mut self, channel: &mut Channel<Request>) -> Result<(), Error> {
        if self.early.len() as u64 > WINDOW {
            return Err(Error::Unexpected("block: too many came too early"));
        }
        while (self.window.len() as u64) < WINDOW {
            let reach = self.missing().saturating_add(WINDOW);
            let early = self
                .early
                .iter()
                .position(|sealed| sealed.header.index < reach);
            let sealed = match early {
                Some(place) => Some(self.early.swap_remove(place)),
                None => self.held.take_if(|sealed| sealed.header.index < reach),
            };
            let Some(sealed) = sealed else { break };
            self.arrived(&sealed.header)?;
            channel.request(Request::Open(sealed));
        }
        Ok(())
    }

    pub(super) fn arrived(&mut self, header: &Header) -> Result<(), Error> {
        let (index, last) = (header.index, header.last);
        // The sender knows what it sent, not what was opened here: its window begins at the first block that has not
        // come.
        let missing = self.missing();
        if !(missing..missing.saturating_add(WINDOW)).contains(&index)
            || self.window.contains_key(&index)
        {
            return Err(Error::Unexpected("block: it came before, or too early"));
        }
        let fits = |payload: u64| {
            !last || payload.checked_sub(index * BLOCK as u64) == Some(header.length.into())
        };
        if self.total.is_some_and(|total| index >= total.blocks)
            || self
                .last
                .is_some_and(|end| index > end || last != (index == end))
            || !self.payload.is_none_or(fits)
        {
            return Err(Error::Unexpected("block: the payload ends elsewhere"));
        }
        self.window.insert(index, None);
        Ok(())
    }

    pub(super) fn opened(&mut self, receipt: BlockReceipt) -> Result<(), Error> {
        match self.window.get_mut(&receipt.index) {
            Some(place @ None) => *place = Some(receipt),
            _ => return Err(Error::Misuse("a block that was not handed out")),
        }
        if receipt.last {
            if self
                .window
                .keys()
                .next_back()
                .is_some_and(|index| *index > receipt.index)
            {
                return Err(Error::Unexpected("block behind the last one"));
            }
            self.last = Some(receipt.index);
        }
        self.bytes += u64::from(receipt.length);
        while let Some(Some(next)) = self.window.get(&self.tree.blocks()) {
            let hash = next.hash;
            self.window.remove(&self.tree.blocks());
            self.tree.push(hash);
        }
        Ok(())
    }

    /// The root, once the total is known and every block is in the tree.
    pub(super) fn verified(&self) -> Result<Option<[u8; 32]>, Error> {
        let Some(total) = self.total else {
            return Ok(None);
        };
        // Without lanes everything was sent before the total: what is not here now never comes.
        let came = self.tree.blocks() + self.window.len() as u64;
        let gap = self
            .window
            .last_key_value()
            .is_some_and(|(last, _)| last + 1 > came);
        if came < total.blocks || gap {
            return match self.wide {
                true => Ok(None),
                false => Err(Error::Mismatch("blocks are missing")),
            };
        }
        if !self.window.is_empty() {
            return Ok(None);
        }
        if !self.early.is_empty() {
            return Err(Error::Unexpected("block behind the last one"));
        }
        let ends = self.last.is_some_and(|last| last + 1 == total.blocks);
        if !ends || self.tree.blocks() != total.blocks || self.bytes != total.bytes {
            return Err(Error::Mismatch("its length is not the announced one"));
        }
        if self.payload.is_some_and(|payload| payload != total.bytes) {
            return Err(Error::Mismatch("its length is not the offered one"));
        }
        let root = self
            .tree
            .clone()
            .root()
            .map_err(|_| Error::Mismatch("it has no last block"))?;
        if root != total.root {
            return Err(Error::Mismatch("its BLAKE3 root differs"));
        }
        Ok(Some(root))
    }
}
