//! The protocol behind the handshake as a test wants to break it.

use bytes::Bytes;
use compio::time::timeout;
use hayate::wire::{WireCloser as _, WireError};

use crate::{
    line::{Line, PATIENCE},
    protocol::{BLOCK, Channel, Header, Offer, accept, complete, start, stored},
};

/// A peer that has the keys.
pub(crate) struct Peer {
    pub(crate) line: Line,
    pub(crate) channel: Channel,
    /// Every message of the other side, opened.
    pub(crate) heard: Vec<Vec<u8>>,
    /// The other side's blocks.
    pub(crate) blocks: Vec<(Header, Vec<u8>)>,
}

impl Peer {
    pub(crate) fn new(line: Line, channel: Channel) -> Self {
        Self {
            line,
            channel,
            heard: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// Says frames as they are; whether anybody was there to hear them.
    pub(crate) async fn say(&mut self, frames: impl Into<Bytes>) -> bool {
        self.line.say(frames).await
    }

    /// Seals and says a message.
    pub(crate) async fn message(&mut self, message: &[u8]) {
        let frame = self.channel.message(message);
        self.say(frame).await;
    }

    /// The next message of this kind; `None` when the other side ended the session first. Blocks are kept.
    pub(crate) async fn hear(&mut self, kind: u8) -> Option<Vec<u8>> {
        while let Some(frame) = self.line.hear().await {
            if frame[0] == 0x11 {
                self.blocks.push(self.channel.open_block(&frame).unwrap());
                continue;
            }
            let message = self.channel.open(&frame)?;
            self.heard.push(message.clone());
            if message[0] == kind {
                return Some(message);
            }
            if message[0] == ABORT {
                break;
            }
        }
        None
    }

    /// Offers; whether it was accepted, and begun with the first block.
    pub(crate) async fn offer(&mut self, offer: &Offer) -> bool {
        self.message(&offer.encode()).await;
        if self.hear(2).await.is_none() {
            return false;
        }
        self.message(&start(0)).await;
        true
    }

    /// A block as it is, whose header is true.
    pub(crate) async fn block(&mut self, index: u64, last: bool, content: &[u8]) {
        let flags = if last { 2 } else { 0 };
        let header = Header::new(index, flags, content.len(), content.len());
        let frame = self.channel.block(header, content);
        self.say(frame).await;
    }

    /// All blocks of a payload.
    pub(crate) async fn payload(&mut self, payload: &[u8]) {
        let count = payload.len().div_ceil(BLOCK).max(1);
        for index in 0..count {
            let end = payload.len().min((index + 1) * BLOCK);
            let content = &payload[index * BLOCK..end];
            self.block(index as u64, index + 1 == count, content).await;
        }
    }

    /// The last word about a payload.
    pub(crate) async fn complete(&mut self, payload: &[u8]) {
        let message = total(payload);
        self.message(&message).await;
    }

    /// Sends a payload as it should be sent, and hears that it was stored.
    pub(crate) async fn send(&mut self, offer: &Offer, payload: &[u8]) -> bool {
        if !self.offer(offer).await {
            return false;
        }
        self.payload(payload).await;
        self.complete(payload).await;
        self.hear(5).await.is_some()
    }

    /// As a receiver: takes what is offered as it should be taken; the payload.
    pub(crate) async fn take(&mut self) -> Option<Vec<u8>> {
        self.hear(1).await?;
        self.message(&accept(0, [0; 32])).await;
        self.finish().await
    }

    /// The rest of [`Peer::take`] behind the accept.
    pub(crate) async fn finish(&mut self) -> Option<Vec<u8>> {
        let message = self.hear(4).await?;
        let payload: Vec<u8> = self
            .blocks
            .iter()
            .flat_map(|(_, content)| content.clone())
            .collect();
        assert_eq!(
            message,
            total(&payload),
            "of blocks that are not compressed"
        );
        self.message(&stored(&message[17..], 0)).await;
        Some(payload)
    }

    /// Waits for the end of the session as a polite peer does: closes when the last word was said.
    pub(crate) async fn part(mut self) -> Heard {
        let over = |heard: &[Vec<u8>]| {
            heard
                .last()
                .is_some_and(|last| matches!(last[0], 5 | ABORT))
        };
        if !over(&self.heard) {
            self.hear(ABORT).await;
        }
        let spoken = over(&self.heard);
        let Line { closer, .. } = self.line;
        let mut closer = closer;
        let closed = match spoken {
            true => None,
            false => timeout(PATIENCE, closer.closed()).await.ok(),
        };
        closer.close(0).await;
        Heard {
            messages: self.heard,
            closed,
        }
    }
}

/// Complete, as it should be for this payload.
pub(crate) fn total(payload: &[u8]) -> Vec<u8> {
    let blocks = payload.len().div_ceil(BLOCK).max(1) as u64;
    complete(
        blocks,
        payload.len() as u64,
        blake3::hash(payload).as_bytes(),
    )
}

/// What a peer heard of the program.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Its messages, opened.
    pub(crate) messages: Vec<Vec<u8>>,
    /// How it ended the wire, if it did without a last word.
    pub(crate) closed: Option<WireError>,
}

impl Heard {
    /// The reason of its abort, or of the code that it closed with.
    pub(crate) fn reason(&self) -> Option<u8> {
        match (self.messages.last(), &self.closed) {
            (Some(last), _) if last[0] == ABORT => Some(last[1]),
            (_, Some(WireError::Closed(code))) => u8::try_from(*code).ok(),
            _ => None,
        }
    }
}

/// The message that ends a session.
const ABORT: u8 = 6;
