//! What arrives, put in order and stored as it is; and what was kept of it before.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use shared::{
    BLOCK, BlockReceipt, Error, Kind, Offer, Opened,
    path::escape,
    tree::{BlockHash, Tree},
};

use crate::{
    failure::Failure,
    index::{Index, Item, Skipped},
    name,
    sink::Store,
    zip,
};

/// Longest text in bytes that is shown.
const MAX_TEXT: usize = 16 << 20;

/// A payload on its way into a store.
pub struct Payload<S> {
    store: S,
    offer: Offer,
    content: Content,
    /// Blocks that came before one in front of them.
    early: BTreeMap<u64, Opened>,
    next: u64,
    bytes: u64,
}

enum Content {
    /// One file; the store has it.
    File,
    Text(Vec<u8>),
    Archive(Box<Index>),
}

impl Content {
    fn new(offer: &Offer) -> Result<Self, Failure> {
        Ok(match offer.kind {
            Kind::File { .. } | Kind::Stream => Self::File,
            Kind::Text => Self::Text(Vec::new()),
            Kind::Directory { .. } | Kind::Items { .. } => {
                Self::Archive(Box::new(Index::new(offer)?))
            }
        })
    }

    fn push(&mut self, block: &Bytes) -> Result<(), Failure> {
        match self {
            Self::File => Ok(()),
            Self::Text(text) if text.len() + block.len() > MAX_TEXT => Err(Failure::text()),
            Self::Text(text) => {
                text.extend_from_slice(block);
                Ok(())
            }
            Self::Archive(index) => Ok(index.push(block.clone())?),
        }
    }
}

/// Everything that came, as the page hands it on. Offsets are in the stored payload.
#[derive(Debug, Default)]
pub struct Received {
    /// The files, in the order of the archive.
    pub files: Vec<File>,
    /// The ZIP of all files, where the offer was a tree.
    pub zip: Option<Vec<zip::Part>>,
    /// The text, where the offer was one.
    pub text: Option<String>,
    /// What could not be kept.
    pub skipped: Vec<Skipped>,
    /// Length of the payload in bytes.
    pub length: u64,
}

/// One file of the payload.
#[derive(Debug)]
pub struct File {
    /// Its path for the eye, escaped.
    pub path: String,
    /// Its name to be stored under.
    pub name: String,
    /// Where its content begins.
    pub offset: u64,
    /// Length of its content.
    pub size: u64,
}

impl<S: Store> Payload<S> {
    /// Nothing yet of what was offered.
    ///
    /// # Errors
    /// [`crate::failure::Kind::TooLarge`] for more entries than a browser can list.
    pub fn new(store: S, offer: Offer) -> Result<Self, Failure> {
        Ok(Self {
            content: Content::new(&offer)?,
            store,
            offer,
            early: BTreeMap::new(),
            next: 0,
            bytes: 0,
        })
    }

    /// Bytes that are stored.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Blocks that are stored.
    pub fn blocks(&self) -> u64 {
        self.next
    }

    /// Reads one block more of what the store has from before into `tree`.
    ///
    /// # Errors
    /// It is not there, or not what the offer can be.
    pub fn check(&mut self, tree: &mut Tree) -> Result<(), Failure> {
        let mut block = BytesMut::zeroed(BLOCK);
        if !self.store.read(self.bytes, &mut block)? {
            return Err(Error::Mismatch("the kept part is shorter").into());
        }
        let block = block.freeze();
        tree.push(BlockHash::of(self.next, false, &block));
        self.content.push(&block)?;
        self.next += 1;
        self.bytes += BLOCK as u64;
        Ok(())
    }

    /// Forgets what the store has beyond the blocks that were checked.
    ///
    /// # Errors
    /// The store's.
    pub fn trim(&mut self) -> Result<(), Failure> {
        self.store.truncate(self.bytes)
    }

    /// Begins again with nothing.
    ///
    /// # Errors
    /// The store's.
    pub fn restart(&mut self) -> Result<(), Failure> {
        self.content = Content::new(&self.offer)?;
        (self.next, self.bytes) = (0, 0);
        self.trim()
    }

    /// Takes a block; [`Payload::store`] puts it away when its turn comes.
    pub fn arrive(&mut self, block: Opened) {
        self.early.insert(block.receipt.index(), block);
    }

    /// Stores the next block, if it is there.
    ///
    /// # Errors
    /// The store's, or what the archive breaks.
    pub fn store(&mut self) -> Result<Option<(BlockReceipt, Bytes)>, Failure> {
        let Some(Opened { bytes, receipt }) = self.early.remove(&self.next) else {
            return Ok(None);
        };
        self.content.push(&bytes)?;
        if !matches!(self.content, Content::Text(_)) {
            self.store.write(self.bytes, &bytes)?;
        }
        self.next += 1;
        self.bytes += bytes.len() as u64;
        Ok(Some((receipt, bytes)))
    }

    /// Makes everything durable, and says what it is.
    ///
    /// # Errors
    /// The store's, or an archive or a text that is not what was offered.
    pub fn finish(mut self) -> Result<Received, Failure> {
        self.store.flush()?;
        let received = Received {
            length: self.bytes,
            ..Received::default()
        };
        let index = match self.content {
            Content::File => {
                return Ok(Received {
                    files: vec![File {
                        path: escape(self.offer.name.as_bytes()),
                        name: name::stored(self.offer.name.as_bytes()),
                        offset: 0,
                        size: self.bytes,
                    }],
                    ..received
                });
            }
            Content::Text(text) => {
                let text = String::from_utf8(text).map_err(|_| Failure::text())?;
                return Ok(Received {
                    text: Some(text),
                    ..received
                });
            }
            Content::Archive(index) => index,
        };
        let (items, skipped) = index.finish()?;
        let top = match self.offer.kind {
            Kind::Directory { mtime } => Some((self.offer.name.as_bytes(), mtime)),
            _ => None,
        };
        Ok(Received {
            zip: Some(zip::parts(top, &items)),
            files: items.iter().filter_map(File::of).collect(),
            skipped,
            ..received
        })
    }
}

impl File {
    fn of(item: &Item) -> Option<Self> {
        (item.entry.kind == shared::archive::Kind::File).then(|| Self {
            path: escape(item.entry.path.as_bytes()),
            name: name::stored(item.entry.path.name().as_bytes()),
            offset: item.offset,
            size: item.entry.size,
        })
    }
}
