//! What a session has to say: bytes and requests that wait for the driver, and the keys to seal with.

use std::{collections::VecDeque, sync::Arc};

use bytes::{Bytes, BytesMut};

use super::{Keys, Output, Sealer};
use crate::{
    Error,
    block::{Header, Sealed, Slot},
    cipher::Suite,
    codec::Encode,
    handshake::{Agreed, Role, Side},
    keys,
    lane::Lane,
    message::Message,
    ticket::Ticket,
};

pub(super) struct Channel<R> {
    transmit: VecDeque<Bytes>,
    requests: VecDeque<R>,
    keys: Option<Keys>,
    /// The peer rejected the handshake.
    pub(super) rejected: bool,
}

impl<R> Default for Channel<R> {
    fn default() -> Self {
        Self {
            transmit: VecDeque::new(),
            requests: VecDeque::new(),
            keys: None,
            rejected: false,
        }
    }
}

impl<R> Channel<R> {
    pub(super) fn request(&mut self, request: R) {
        self.requests.push_back(request);
    }

    pub(super) fn transmit(&mut self, bytes: Bytes) {
        self.transmit.push_back(bytes);
    }

    /// Queues a frame of the handshake.
    pub(super) fn clear(&mut self, kind: u8, body: &[u8]) {
        let mut frame = Vec::with_capacity(5 + body.len());
        frame.u8(kind).lv(body);
        self.transmit(frame.into());
    }

    /// Queues a sealed message.
    pub(super) fn send(&mut self, message: &Message) {
        if let Some(keys) = &mut self.keys
            && let Ok(frame) = keys.outgoing.seal(&message.encode())
        {
            self.transmit(frame.into());
        }
    }

    /// Takes the keys into use: separate ones for each direction and purpose.
    pub(super) fn seal(&mut self, agreed: &Agreed, role: Role) {
        let sealer = |role: Role| Sealer {
            key: agreed.suite.key(&keys::expand(
                &agreed.master,
                "messages",
                &[role as u8, agreed.suite as u8],
            )),
            count: 0,
        };
        let other = if role == Role::Sender {
            Role::Receiver
        } else {
            Role::Sender
        };
        let blocks = keys::expand(&agreed.master, "blocks", &[agreed.suite as u8]);
        self.keys = Some(Keys {
            suite: agreed.suite,
            outgoing: sealer(role),
            incoming: sealer(other),
            blocks: Arc::from(agreed.suite.key(&blocks)),
            master: agreed.master.clone(),
        });
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.keys.is_some()
    }

    pub(super) fn suite(&self) -> Option<Suite> {
        self.keys.as_ref().map(|keys| keys.suite)
    }

    pub(super) fn ticket(&self) -> Option<Ticket> {
        self.keys.as_ref().map(|keys| Ticket::of(&keys.master))
    }

    pub(super) fn lane(&self, number: u8, side: Side) -> Option<Lane> {
        let keys = self.keys.as_ref()?;
        Some(Lane::new(
            number,
            side,
            &keys.master,
            Arc::clone(&keys.blocks),
        ))
    }

    pub(super) fn open(&mut self, mut body: BytesMut) -> Result<Message, Error> {
        let keys = self.keys.as_mut().ok_or(Error::Misuse("no keys yet"))?;
        let length = keys.incoming.open(&mut body)?;
        Message::decode(&body[..length])
    }

    pub(super) fn slot(&self, index: u64) -> Result<Slot, Error> {
        let keys = self.keys.as_ref().ok_or(Error::Misuse("no keys yet"))?;
        Ok(Slot {
            index,
            key: Arc::clone(&keys.blocks),
        })
    }

    pub(super) fn sealed(&self, header: Header, body: BytesMut) -> Result<Sealed, Error> {
        let keys = self.keys.as_ref().ok_or(Error::Misuse("no keys yet"))?;
        Ok(Sealed {
            header,
            body,
            key: Arc::clone(&keys.blocks),
        })
    }

    /// Drops what nobody needs once the session failed: requests, and blocks that were not transmitted. Messages stay,
    /// since the peer counts them.
    pub(super) fn forget(&mut self) {
        self.requests.clear();
        self.transmit.retain(|frame| !crate::is_block(frame));
    }

    pub(super) fn next(&mut self) -> Option<Output<R>> {
        let transmit = self.transmit.pop_front().map(Output::Transmit);
        transmit.or_else(|| self.requests.pop_front().map(Output::Request))
    }
}
