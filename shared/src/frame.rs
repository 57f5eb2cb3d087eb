//! Frames: any cut of bytes in, whole frames out, with every limit checked before a buffer grows
//! (PROTOCOL.md, "Frames").

use std::cmp::Ordering;

use bytes::{Bytes, BytesMut};

use crate::{
    Error,
    block::{HEADER, Header},
    cipher::TAG,
    memory,
    message::MAX_MESSAGE,
};

pub(crate) const KIND_HELLO: u8 = 0x01;
pub(crate) const KIND_ANSWER: u8 = 0x02;
pub(crate) const KIND_PROOF: u8 = 0x03;
pub(crate) const KIND_CONFIRM: u8 = 0x04;
pub(crate) const KIND_REJECT: u8 = 0x05;
pub(crate) const KIND_JOIN: u8 = 0x06;
pub(crate) const KIND_MESSAGE: u8 = 0x10;
pub(crate) const KIND_BLOCK: u8 = 0x11;

/// Most bytes in the body of a frame that is not sealed.
pub(crate) const MAX_CLEAR: usize = 256;

/// One frame of the wire.
pub(crate) enum Frame {
    /// A handshake message or a rejection, by its kind.
    Clear(u8, BytesMut),
    /// A sealed control message.
    Message(BytesMut),
    /// A sealed block.
    Block(Header, BytesMut),
}

impl Frame {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Clear(KIND_REJECT, _) => "rejection",
            Self::Clear(KIND_JOIN, _) => "greeting of a lane",
            Self::Clear(..) => "handshake message",
            Self::Message(_) => "sealed message",
            Self::Block(..) => "block",
        }
    }
}

/// Cuts a byte stream into frames.
#[derive(Default)]
pub(crate) struct Deframer {
    sealed: bool,
    lane: bool,
    state: Partial,
    ready: Option<Frame>,
    /// Memory of blocks that were opened and put away.
    spare: Vec<BytesMut>,
}

/// Most buffers that wait for their next block.
const MAX_SPARE: usize = 8;

#[derive(Default)]
enum Partial {
    #[default]
    Kind,
    Head {
        kind: u8,
        bytes: [u8; HEADER],
        filled: usize,
    },
    Body {
        open: Open,
        body: BytesMut,
        length: usize,
    },
}

/// The memory of a block on its way: bytes are appended to it, no more than are [missing](Self::missing).
pub struct Room {
    header: Header,
    memory: BytesMut,
    length: usize,
}

impl Room {
    /// Bytes that the block still lacks, at least 1; there is capacity for all of them.
    pub fn missing(&self) -> usize {
        self.length - self.memory.len()
    }

    /// What came of it so far.
    pub fn memory(&mut self) -> &mut BytesMut {
        &mut self.memory
    }
}

enum Open {
    Clear(u8),
    Message,
    Block(Header),
}

impl Deframer {
    /// Both sides have proved: from now on sealed frames are allowed and clear ones are not.
    pub(crate) fn seal(&mut self) {
        self.sealed = true;
    }

    /// This is a lane: its first frame is a greeting.
    pub(crate) fn expect_join(&mut self) {
        self.lane = true;
    }

    /// Takes the memory of a block back, if nobody else holds it.
    pub(crate) fn recycle(&mut self, block: Bytes) {
        if self.spare.len() < MAX_SPARE
            && let Ok(mut memory) = block.try_into_mut()
        {
            memory.clear();
            self.spare.push(memory);
        }
    }

    /// Lends the memory of the block that is on its way; [`Deframer::give_back`] must follow before anything else.
    pub(crate) fn lend(&mut self) -> Option<Room> {
        match std::mem::take(&mut self.state) {
            Partial::Body {
                open: Open::Block(header),
                body,
                length,
            } => Some(Room {
                header,
                memory: body,
                length,
            }),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Takes memory back, with what was read into it.
    pub(crate) fn give_back(&mut self, room: Room) -> Result<(), Error> {
        let Room {
            header,
            memory: body,
            length,
        } = room;
        let open = Open::Block(header);
        self.state = match body.len().cmp(&length) {
            Ordering::Less => Partial::Body { open, body, length },
            Ordering::Equal => self.finish(open, body),
            Ordering::Greater => return Err(Error::Misuse("more bytes than a block has")),
        };
        Ok(())
    }

    /// The next whole frame.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        self.ready.take()
    }

    /// Takes bytes up to the end of one frame, and says how many of them it used: what may follow depends on what
    /// the frame says.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let mut rest = bytes;
        // Most bytes of a transfer come this way: packet by packet into a block.
        if let Partial::Body { body, length, .. } = &mut self.state
            && rest.len() < *length - body.len()
        {
            body.extend_from_slice(rest);
            return Ok(rest.len());
        }
        while !rest.is_empty() {
            self.state = match std::mem::take(&mut self.state) {
                Partial::Kind => {
                    let kind = rest[0];
                    rest = &rest[1..];
                    self.check_kind(kind)?;
                    Partial::Head {
                        kind,
                        bytes: [0; HEADER],
                        filled: 0,
                    }
                }
                Partial::Head {
                    kind,
                    mut bytes,
                    mut filled,
                } => {
                    let needed = if kind == KIND_BLOCK { HEADER } else { 4 };
                    let taken = rest.len().min(needed - filled);
                    bytes[filled..filled + taken].copy_from_slice(&rest[..taken]);
                    rest = &rest[taken..];
                    filled += taken;
                    if filled < needed {
                        Partial::Head {
                            kind,
                            bytes,
                            filled,
                        }
                    } else {
                        self.body(kind, &bytes)?
                    }
                }
                Partial::Body {
                    open,
                    mut body,
                    length,
                } => {
                    let taken = rest.len().min(length - body.len());
                    body.extend_from_slice(&rest[..taken]);
                    rest = &rest[taken..];
                    if body.len() < length {
                        Partial::Body { open, body, length }
                    } else {
                        self.finish(open, body)
                    }
                }
            };
            if self.ready.is_some() {
                break;
            }
        }
        Ok(bytes.len() - rest.len())
    }

    fn check_kind(&self, kind: u8) -> Result<(), Error> {
        match kind {
            KIND_JOIN if self.lane && !self.sealed => Ok(()),
            KIND_BLOCK if self.lane && self.sealed => Ok(()),
            KIND_HELLO..=KIND_BLOCK if self.lane => Err(Error::Unexpected("frame on a lane")),
            KIND_HELLO..=KIND_REJECT if !self.sealed => Ok(()),
            KIND_MESSAGE | KIND_BLOCK if self.sealed => Ok(()),
            KIND_HELLO..=KIND_REJECT => {
                Err(Error::Unexpected("handshake message after the handshake"))
            }
            KIND_MESSAGE | KIND_BLOCK => Err(Error::Unexpected(
                "sealed frame before the handshake is over",
            )),
            _ => Err(Error::Malformed("an unknown kind of frame")),
        }
    }

    fn body(&mut self, kind: u8, head: &[u8; HEADER]) -> Result<Partial, Error> {
        let announced = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let (open, length, limit) = match kind {
            KIND_BLOCK => {
                let header = Header::decode(head)?;
                (
                    Open::Block(header),
                    header.sealed as usize,
                    crate::BLOCK + TAG,
                )
            }
            KIND_MESSAGE => (Open::Message, announced, MAX_MESSAGE + TAG),
            kind => (Open::Clear(kind), announced, MAX_CLEAR),
        };
        if length > limit {
            return Err(Error::Malformed("a frame longer than its limit"));
        }
        // Sealed frames come from a peer that proved the code; one block is the most that its word reserves.
        let spare = match kind {
            KIND_BLOCK => self.spare.pop(),
            _ => None,
        };
        let body = spare
            .filter(|memory| memory.capacity() >= length)
            .unwrap_or_else(|| memory::aligned(length));
        Ok(if length == 0 {
            self.finish(open, body)
        } else {
            Partial::Body { open, body, length }
        })
    }

    fn finish(&mut self, open: Open, body: BytesMut) -> Partial {
        self.ready = Some(match open {
            Open::Clear(kind) => Frame::Clear(kind, body),
            Open::Message => Frame::Message(body),
            Open::Block(header) => Frame::Block(header, body),
        });
        Partial::Kind
    }
}
