//! One end of a QUIC wire whose other end is the program, and the handshake on it.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use compio::time::timeout;
use hayate::{
    quic::{QuicCloser, QuicReader, QuicWire, QuicWriter},
    wire::{Wire as _, WireCloser as _, WireReader as _, WireWriter as _},
};
use hayate_tests::CODE;

use crate::{
    peer::Peer,
    protocol::{
        Channel, Dialler, Listener, Settings,
        wire::{clear, frames},
    },
};

/// A wire, and frames on it.
pub(crate) struct Line {
    reader: QuicReader,
    writer: QuicWriter,
    pub(crate) closer: QuicCloser,
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

/// Longer than the program is silent.
pub(crate) const PATIENCE: Duration = Duration::from_secs(25);
