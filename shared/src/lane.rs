//! Lanes: further connections of one session that carry nothing but sealed blocks (PROTOCOL.md, "Lanes").
//!
//! Both ends of a lane prove, over its own certificate and exporter where it has them, that they hold the keys of the
//! session.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Error, Sealed,
    cipher::Aead,
    codec::{Decode, Encode},
    frame::{Deframer, Frame, KIND_JOIN},
    handshake::{Binding, Side},
    keys::{self, Secret},
};

pub use crate::frame::Room;

/// Most lanes of a session besides its own wire.
pub const MAX_LANES: usize = 7;

/// What carries a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LaneKind {
    /// A QUIC connection.
    Quic = 1,
    /// A TCP connection: plain, since what it carries is sealed.
    Tcp = 2,
    /// The answer to a request of a browser.
    Fetch = 3,
}

impl LaneKind {
    pub(crate) fn from_code(code: u8) -> Result<Self, Error> {
        match code {
            1 => Ok(Self::Quic),
            2 => Ok(Self::Tcp),
            3 => Ok(Self::Fetch),
            _ => Err(Error::Malformed("an unknown kind of lane")),
        }
    }
}

/// Where a lane may be dialled: at a port of the listener's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LaneAt {
    /// What carries it.
    pub kind: LaneKind,
    /// The port of UDP or TCP; 0 for a lane that cannot be had.
    pub port: u16,
}

/// Bytes of a greeting.
pub const GREETING: usize = 38;

/// One end of a lane that is still to be opened; may be sent to the thread that does.
pub struct Lane {
    number: u8,
    side: Side,
    dialler: Secret,
    listener: Secret,
    blocks: Arc<dyn Aead>,
}

impl Lane {
    pub(crate) fn new(number: u8, side: Side, master: &Secret, blocks: Arc<dyn Aead>) -> Self {
        Self {
            number,
            side,
            dialler: keys::expand(master, "lane c", &[number]),
            listener: keys::expand(master, "lane s", &[number]),
            blocks,
        }
    }

    /// Its number in the session, from 1 on.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// What this side says first on the connection: the dialler at once, the listener when [`Joining::hear`] said that
    /// the dialler is the right one.
    pub fn greeting(&self, binding: &Binding) -> Bytes {
        let mut body = Vec::with_capacity(33);
        body.u8(self.number).raw(&self.proof(self.side, binding));
        let mut frame = Vec::with_capacity(GREETING);
        frame.u8(KIND_JOIN).lv(&body);
        frame.into()
    }

    /// Waits for the other end's greeting.
    pub fn join(self, binding: Binding) -> Joining {
        let mut deframer = Deframer::default();
        deframer.expect_join();
        Joining {
            lane: self,
            binding,
            deframer,
        }
    }

    fn proof(&self, side: Side, binding: &Binding) -> [u8; 32] {
        let secret = match side {
            Side::Dialler => &self.dialler,
            Side::Listener => &self.listener,
        };
        let exporter = binding
            .exporter
            .as_ref()
            .map_or(&[][..], |exporter| exporter);
        keys::mac(secret, &keys::hash(&[&binding.certificate, exporter]))
    }
}

/// A lane whose other end has not proved itself yet.
pub struct Joining {
    lane: Lane,
    binding: Binding,
    deframer: Deframer,
}

impl Joining {
    /// Whether this is the whole greeting of the other end, for a carrier that has it at once and many lanes that it
    /// may belong to.
    pub fn is_greeted_by(&self, greeting: &[u8]) -> bool {
        let mut head = Vec::with_capacity(GREETING);
        head.u8(KIND_JOIN).u32(33).u8(self.lane.number);
        greeting
            .split_last_chunk()
            .is_some_and(|(start, theirs)| start == head && self.proves(theirs))
    }

    fn proves(&self, theirs: &[u8; 32]) -> bool {
        let other = match self.lane.side {
            Side::Dialler => Side::Listener,
            Side::Listener => Side::Dialler,
        };
        keys::equal(theirs, &self.lane.proof(other, &self.binding))
    }

    /// This side's greeting.
    pub fn greeting(&self) -> Bytes {
        self.lane.greeting(&self.binding)
    }

    /// Takes bytes of the other end; the lane, once they proved that it belongs to the session, and what of the bytes
    /// is behind the proof.
    ///
    /// # Errors
    /// [`Error::WrongCode`] for a proof that is not of this session, lane and connection, [`Error::Malformed`] or
    /// [`Error::Unexpected`] for anything else: the connection is a stranger's.
    pub fn hear(mut self, bytes: &[u8]) -> Result<(Heard, usize), Error> {
        let used = self.deframer.push(bytes)?;
        let Some(frame) = self.deframer.next() else {
            return Ok((Heard::Joining(self), used));
        };
        let Frame::Clear(KIND_JOIN, body) = frame else {
            return Err(Error::Unexpected(frame.name()));
        };
        let mut decode = Decode::new(&body);
        let (number, theirs) = (decode.u8()?, decode.array()?);
        decode.end()?;
        if number != self.lane.number || !self.proves(&theirs) {
            return Err(Error::WrongCode { left: None });
        }
        self.deframer.seal();
        Ok((
            Heard::Joined(Inlet {
                deframer: self.deframer,
                blocks: self.lane.blocks,
            }),
            used,
        ))
    }
}

/// What came of the other end's bytes.
pub enum Heard {
    /// Its greeting is not whole yet.
    Joining(Joining),
    /// It belongs to the session.
    Joined(Inlet),
}

/// The receiving end of a lane: bytes in, blocks out.
pub struct Inlet {
    deframer: Deframer,
    blocks: Arc<dyn Aead>,
}

impl Inlet {
    /// Takes bytes up to the end of a block, and says how many of them it used.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::Unexpected`] for anything that is no block.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(Option<Sealed>, usize), Error> {
        let used = self.deframer.push(bytes)?;
        Ok((self.whole()?, used))
    }

    fn whole(&mut self) -> Result<Option<Sealed>, Error> {
        match self.deframer.next() {
            None => Ok(None),
            Some(Frame::Block(header, body)) => Ok(Some(Sealed {
                header,
                body,
                key: Arc::clone(&self.blocks),
            })),
            Some(frame) => Err(Error::Unexpected(frame.name())),
        }
    }

    /// Lends the memory of the block that is on its way, for a carrier that can read straight into it; `None` between
    /// two blocks. It comes back by [`Inlet::fill`] before anything else is done with the lane.
    pub fn lend(&mut self) -> Option<Room> {
        self.deframer.lend()
    }

    /// Takes memory back; the block, if it is whole now.
    ///
    /// # Errors
    /// [`Error::Misuse`] for more bytes than the block has.
    pub fn fill(&mut self, room: Room) -> Result<Option<Sealed>, Error> {
        self.deframer.give_back(room)?;
        self.whole()
    }

    /// Gives back the memory of a block that was put away, for the next one to arrive in.
    pub fn recycle(&mut self, block: Bytes) {
        self.deframer.recycle(block);
    }
}
