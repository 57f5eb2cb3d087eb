//! The receiver's side: bytes in, entries out, and nothing that was not asked for.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

use super::header::{self, Parsed};
use super::pax::{MAX_PAX, Records};
use super::{Entry, Kind, Order, UNIT};
use crate::error::{Error, UnsafeContent};

/// What a receiver takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Whether symbolic links are taken; one among the entries is refused otherwise.
    pub links: bool,
    /// Most entries that are taken: what the offer announced.
    pub max_entries: u64,
}

/// What comes next in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An entry begins. A file has all its content before the next entry.
    Entry(Entry),
    /// Content of the last entry, never empty: a slice of what was pushed, not a copy.
    Content(Bytes),
}

/// What an archive held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Entries of any kind.
    pub entries: u64,
    /// Bytes of content.
    pub bytes: u64,
}

/// Reads an archive as it comes, in any pieces, and refuses all but the canonical form.
///
/// Push bytes, then call [`Reader::next`] until it returns `None`; at the end call
/// [`Reader::finish`]. It keeps what was pushed and not yet read, one PAX header (64 KiB) and one path.
/// After an error it only repeats that error.
#[derive(Debug)]
pub struct Reader {
    policy: Policy,
    input: Input,
    state: State,
    records: Option<Records>,
    order: Order,
    summary: Summary,
}

#[derive(Debug)]
enum State {
    /// A header or the first zero block is next.
    Header,
    /// So much data of a PAX header is next.
    Pax(usize),
    /// So much content is next.
    Content {
        left: u64,
        padding: usize,
    },
    /// So many zeros are next.
    Padding(usize),
    /// The second zero block is next.
    EndMarker,
    /// Nothing is next.
    End,
    Failed(Error),
}

impl Reader {
    /// A reader at the start of an archive.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            input: Input::default(),
            state: State::Header,
            records: None,
            order: Order::default(),
            summary: Summary::default(),
        }
    }

    /// Appends the archive's next bytes.
    pub fn push(&mut self, bytes: Bytes) {
        self.input.push(bytes);
    }

    /// What comes next; `None` if that takes more bytes, or at the end.
    ///
    /// # Errors
    /// [`Error::Unsafe`] for an entry that breaks a rule, with its name; [`Error::Malformed`] for what
    /// is not the canonical form.
    #[expect(clippy::should_implement_trait, reason = "None is not the end")]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let result = self.advance();
        if let Err(error) = &result {
            self.state = State::Failed(error.clone());
        }
        result
    }

    /// Bytes of the archive that were read: after the entry of a file, where its content begins.
    pub fn position(&self) -> u64 {
        self.input.read
    }

    /// What the archive held, once all of it was read.
    ///
    /// # Errors
    /// The archive ends before its end marker or goes on after it, or an earlier error.
    pub fn finish(self) -> Result<Summary, Error> {
        match self.state {
            State::Failed(error) => Err(error),
            State::End if self.input.length == 0 => Ok(self.summary),
            State::End => Err(AFTER_END),
            _ => Err(Error::Malformed("the archive ends too early")),
        }
    }

    fn advance(&mut self) -> Result<Option<Event>, Error> {
        loop {
            match self.state {
                State::Header => {
                    let Some(unit) = self.input.unit() else {
                        return Ok(None);
                    };
                    if let Some(event) = self.header(&unit)? {
                        return Ok(Some(event));
                    }
                }
                State::Pax(length) => {
                    let padded = length.next_multiple_of(UNIT);
                    let Some(data) = self.input.take(padded) else {
                        return Ok(None);
                    };
                    let (data, padding) = data.split_at(length);
                    require_zeros(padding)?;
                    self.records = Some(Records::parse(data)?);
                    self.state = State::Header;
                }
                State::Content { left: 0, padding } => self.state = State::Padding(padding),
                State::Content { left, padding } => {
                    let Some(bytes) = self.input.piece(left) else {
                        return Ok(None);
                    };
                    self.state = State::Content {
                        left: left - bytes.len() as u64,
                        padding,
                    };
                    self.summary.bytes = self.summary.bytes.saturating_add(bytes.len() as u64);
                    return Ok(Some(Event::Content(bytes)));
                }
                State::Padding(0) => self.state = State::Header,
                State::Padding(length) => {
                    let Some(padding) = self.input.take(length) else {
                        return Ok(None);
                    };
                    require_zeros(&padding)?;
                    self.state = State::Header;
                }
                State::EndMarker => {
                    let Some(unit) = self.input.unit() else {
                        return Ok(None);
                    };
                    if unit != ZEROS {
                        return Err(Error::Malformed("a zero block inside the archive"));
                    }
                    self.state = State::End;
                }
                State::End if self.input.length == 0 => return Ok(None),
                State::End => return Err(AFTER_END),
                // `next` does not get here.
                State::Failed(ref error) => return Err(error.clone()),
            }
        }
    }

    fn header(&mut self, unit: &[u8; UNIT]) -> Result<Option<Event>, Error> {
        let records = self.records.take();
        if *unit == ZEROS {
            if records.is_some() {
                return Err(Error::Malformed("a PAX header without an entry"));
            }
            self.state = State::EndMarker;
            return Ok(None);
        }
        let entry = match header::parse(unit, records, self.policy.links)? {
            Parsed::Pax(length) if length > MAX_PAX => {
                return Err(Error::Malformed("a PAX header longer than 64 KiB"));
            }
            Parsed::Pax(length) => {
                self.state = State::Pax(length as usize);
                return Ok(None);
            }
            Parsed::Entry(entry) => entry,
        };
        self.order.admit(&entry)?;
        if self.summary.entries == self.policy.max_entries {
            return Err(UnsafeContent {
                what: "more entries than were announced",
                name: entry.path.as_bytes().to_vec(),
            }
            .into());
        }
        self.summary.entries += 1;
        if entry.kind == Kind::File {
            let over = (entry.size % UNIT as u64) as usize;
            self.state = State::Content {
                left: entry.size,
                padding: (UNIT - over) % UNIT,
            };
        }
        Ok(Some(Event::Entry(entry)))
    }
}

const AFTER_END: Error = Error::Malformed("the archive goes on after its end");
const ZEROS: [u8; UNIT] = [0; UNIT];

fn require_zeros(padding: &[u8]) -> Result<(), Error> {
    if padding.iter().any(|&byte| byte != 0) {
        return Err(Error::Malformed("padding in the archive that is not zero"));
    }
    Ok(())
}

/// What was pushed and not yet read.
#[derive(Debug, Default)]
struct Input {
    /// None is empty.
    pieces: VecDeque<Bytes>,
    length: usize,
    /// Bytes that were read, altogether.
    read: u64,
}

impl Input {
    fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.length += bytes.len();
            self.pieces.push_back(bytes);
        }
    }

    /// At most `limit` bytes as they were pushed.
    fn piece(&mut self, limit: u64) -> Option<Bytes> {
        let front = self.pieces.front_mut()?;
        let taken = if front.len() as u64 > limit {
            front.split_to(limit as usize)
        } else {
            self.pieces.pop_front()?
        };
        self.length -= taken.len();
        self.read += taken.len() as u64;
        Some(taken)
    }

    /// Exactly `length` bytes, copied together where they came apart.
    fn take(&mut self, length: usize) -> Option<Bytes> {
        if self.length < length {
            return None;
        }
        let first = self.piece(length as u64)?;
        if first.len() == length {
            return Some(first);
        }
        let mut taken = first.to_vec();
        while taken.len() < length {
            taken.extend_from_slice(&self.piece((length - taken.len()) as u64)?);
        }
        Some(taken.into())
    }

    fn unit(&mut self) -> Option<[u8; UNIT]> {
        let mut unit = ZEROS;
        self.take(UNIT)?.copy_to_slice(&mut unit);
        Some(unit)
    }
}
