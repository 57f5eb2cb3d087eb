//! One end of a QUIC wire whose other end is the program, and the protocol as a test wants to break it.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use compio::time::timeout;
use hayate::{
    quic::{QuicCloser, QuicReader, QuicWire, QuicWriter},
    wire::{Wire as _, WireCloser as _, WireError, WireReader as _, WireWriter as _},
};
use hayate_tests::CODE;

use crate::protocol::{
    BLOCK, Channel, Dialler, Header, Listener, Offer, Settings, accept, complete, start, stored,
    wire::{clear, frames},
};

/// A wire, and frames on it.
pub(crate) struct Line {
    reader: QuicReader,
    writer: QuicWriter,
    closer: QuicCloser,
    /// What this connection proves.
    pub(crate) settings: Settings,
    bytes: Vec<u8>,
    frames: VecDeque<Vec<u8>>,
}

impl Line {
    pub(crate) fn new(wire: QuicWire, listener_is: u8) -> Self {
        let binding = wire.binding();
        let (reader, writer, mut closer) = wire.split();
        closer.authenticated();
        let settings = Settings {
            code: CODE.into(),
            listener_is,
            certificate: binding.certificate,
            exporter: binding.exporter.unwrap().to_vec(),
            ..Settings::default()
        };
        Self {
            reader,
            writer,
            closer,
            settings,
            bytes: Vec::new(),
            frames: VecDeque::new(),
        }
    }

    /// Says anything; whether anybody was there to hear it.
    pub(crate) async fn say(&mut self, bytes: impl Into<Bytes>) -> bool {
        self.writer.write(bytes.into()).await.is_ok()
    }

    /// Ends this half of the wire.
    pub(crate) async fn finish(&mut self) {
        let _ = timeout(PATIENCE, self.writer.finish()).await;
    }

    /// The next whole frame; `None` when the other side ended the wire or is silent.
    pub(crate) async fn hear(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame);
            }
            let pieces = timeout(PATIENCE, self.reader.read()).await.ok()?.ok()??;
            self.bytes.extend(pieces.concat());
            let mut whole = 0;
            for frame in frames(&self.bytes) {
                if is_whole(frame) {
                    whole += frame.len();
                    self.frames.push_back(frame.to_vec());
                }
            }
            self.bytes.drain(..whole);
        }
    }

    /// Proves the code as a listener whose answer and confirmation `spoil` may change, the latter by the bits it sets;
    /// `None` when it is turned away.
    pub(crate) async fn listen(
        mut self,
        spoil: impl FnOnce(&mut Vec<u8>, &mut [u8; 32]),
    ) -> Option<Peer> {
        let m1 = self.hear().await?;
        let suite = self.settings.suites[0];
        let listener = Listener::answer(self.settings.clone(), &m1[5..], suite);
        let (mut m2, mut flips) = (listener.m2.clone(), [0; 32]);
        spoil(&mut m2, &mut flips);
        self.say(clear(2, &m2)).await;
        let m3 = self.hear().await.filter(|frame| frame[0] == 3)?;
        let (proofs, _) = listener.proofs(&m3[5..])?;
        let m4: Vec<u8> = proofs
            .listener
            .iter()
            .zip(flips)
            .map(|(byte, flip)| byte ^ flip)
            .collect();
        self.say(clear(4, &m4)).await;
        let channel = Channel::new(&proofs.master, 1, suite);
        Some(Peer::new(self, channel))
    }

    /// Proves what the settings say, as a dialler; `None` when it is turned away.
    pub(crate) async fn dial(self) -> Option<Peer> {
        let dialler = Dialler::hello(self.settings.clone());
        self.prove(dialler).await.ok()
    }

    /// Proves what this dialler can, or gives the frame that it is turned away with.
    pub(crate) async fn prove(mut self, dialler: Dialler) -> Result<Peer, Vec<u8>> {
        self.say(clear(1, &dialler.m1)).await;
        let m2 = self.hear().await.unwrap_or_default();
        if m2.first() != Some(&2) {
            return Err(m2);
        }
        let (m3, m4, channel) = dialler.proof(&m2[5..]);
        self.say(clear(3, &m3)).await;
        let confirm = self.hear().await.unwrap_or_default();
        match confirm == clear(4, &m4) {
            true => Ok(Peer::new(self, channel)),
            false => Err(confirm),
        }
    }

    /// Ends the connection with this code.
    pub(crate) async fn close(self, code: u32) {
        self.closer.close(code).await;
    }

    /// Ends the connection as one that broke, so that its session can be taken up again.
    pub(crate) async fn cut(self) {
        self.close(9).await;
    }
}

fn is_whole(frame: &[u8]) -> bool {
    let at = if frame[0] == 0x11 { 14 } else { 1 };
    let length = frame
        .get(at..at + 4)
        .map(|length| length.try_into().unwrap());
    length.is_some_and(|length| frame.len() == at + 4 + u32::from_be_bytes(length) as usize)
}

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
    fn new(line: Line, channel: Channel) -> Self {
        Self {
            line,
            channel,
            heard: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// Says frames as they are.
    pub(crate) async fn say(&mut self, frames: impl Into<Bytes>) {
        self.line.say(frames).await;
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
/// Longer than the program is silent.
const PATIENCE: Duration = Duration::from_secs(25);
