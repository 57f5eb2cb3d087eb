//! The sealed control messages (PROTOCOL.md, "Messages").

use crate::{
    Error, Kind, MAX_DETAIL, MAX_TOP_LEVEL, Offer, Reason,
    archive::MTIMES,
    codec::{Decode, Encode},
    lane::{LaneAt, LaneKind, MAX_LANES},
    path::SafeName,
};

/// Most bytes of one message before it is sealed.
pub(crate) const MAX_MESSAGE: usize = 32 << 10;

/// Longest name in bytes.
const MAX_NAME: usize = 255;

const OFFER: u8 = 1;
const ACCEPT: u8 = 2;
const START: u8 = 3;
const COMPLETE: u8 = 4;
const STORED: u8 = 5;
const ABORT: u8 = 6;
const WIDEN: u8 = 7;
const LANES: u8 = 8;

const FILE: u8 = 1;
const TEXT: u8 = 2;
const DIRECTORY: u8 = 3;
const ITEMS: u8 = 4;
const STREAM: u8 = 5;

/// One control message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// Sender: what is proposed.
    Offer(Offer),
    /// Receiver: agreed; these blocks are kept from before.
    Accept(Have),
    /// Sender: blocks follow from this one on.
    Start { from: u64 },
    /// Sender: every block was sent; this is what they make.
    Complete(Total),
    /// Receiver: everything is flushed, verified and under its final name.
    Stored { root: [u8; 32], skipped: u64 },
    /// Sender that dialled: it would use these lanes, if the receiver listened for them.
    Widen { kinds: Vec<LaneKind> },
    /// Listener: lanes may be dialled there.
    Lanes { at: Vec<LaneAt> },
    /// Either side: it is over.
    Abort { reason: Reason, detail: String },
}

/// Blocks that a receiver kept from an earlier session: how many from the front, and the proof over them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Have {
    /// Number of whole blocks from index 0 on.
    pub blocks: u64,
    /// [`crate::tree::Tree::proof`] over them; zero where there are none.
    pub proof: [u8; 32],
}

/// What a whole payload comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
    pub(crate) root: [u8; 32],
}

impl Message {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Offer(_) => "offer",
            Self::Accept(_) => "accept",
            Self::Start { .. } => "start",
            Self::Complete(_) => "complete",
            Self::Stored { .. } => "stored",
            Self::Widen { .. } => "widen",
            Self::Lanes { .. } => "lanes",
            Self::Abort { .. } => "abort",
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        match self {
            Self::Offer(offer) => encode_offer(out.u8(OFFER), offer),
            Self::Accept(have) => {
                out.u8(ACCEPT).u64(have.blocks).raw(&have.proof);
            }
            Self::Start { from } => {
                out.u8(START).u64(*from);
            }
            Self::Complete(total) => {
                out.u8(COMPLETE)
                    .u64(total.blocks)
                    .u64(total.bytes)
                    .raw(&total.root);
            }
            Self::Stored { root, skipped } => {
                out.u8(STORED).raw(root).u64(*skipped);
            }
            Self::Widen { kinds } => {
                out.u8(WIDEN).u8(kinds.len() as u8);
                for kind in kinds {
                    out.u8(*kind as u8);
                }
            }
            Self::Lanes { at } => {
                out.u8(LANES).u8(at.len() as u8);
                for lane in at {
                    out.u8(lane.kind as u8).raw(&lane.port.to_be_bytes());
                }
            }
            Self::Abort { reason, detail } => {
                out.u8(ABORT)
                    .u8(*reason as u8)
                    .lv(cut(detail, MAX_DETAIL).as_bytes());
            }
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut decode = Decode::new(bytes);
        let message = match decode.u8()? {
            OFFER => Self::Offer(decode_offer(&mut decode)?),
            ACCEPT => Self::Accept(Have {
                blocks: decode.u64()?,
                proof: decode.array()?,
            }),
            START => Self::Start {
                from: decode.u64()?,
            },
            COMPLETE => Self::Complete(Total {
                blocks: decode.u64()?,
                bytes: decode.u64()?,
                root: decode.array()?,
            }),
            STORED => Self::Stored {
                root: decode.array()?,
                skipped: decode.u64()?,
            },
            WIDEN => {
                let count = count(decode.u8()?)?;
                let kinds = (0..count).map(|_| LaneKind::from_code(decode.u8()?));
                Self::Widen {
                    kinds: kinds.collect::<Result<_, _>>()?,
                }
            }
            LANES => {
                let count = count(decode.u8()?)?;
                let at = (0..count).map(|_| {
                    Ok(LaneAt {
                        kind: LaneKind::from_code(decode.u8()?)?,
                        port: u16::from_be_bytes(decode.array()?),
                    })
                });
                Self::Lanes {
                    at: at.collect::<Result<_, Error>>()?,
                }
            }
            ABORT => {
                let reason = decode.u8()?;
                let reason =
                    Reason::from_code(reason).ok_or(Error::Malformed("an unknown reason"))?;
                let detail = std::str::from_utf8(decode.lv(MAX_DETAIL)?)
                    .map_err(|_| Error::Malformed("a detail that is not UTF-8"))?
                    .to_owned();
                Self::Abort { reason, detail }
            }
            _ => return Err(Error::Malformed("an unknown message")),
        };
        decode.end()?;
        Ok(message)
    }
}

/// A number of lanes: 1 to [`MAX_LANES`].
fn count(lanes: u8) -> Result<usize, Error> {
    let lanes = usize::from(lanes);
    let fits = (1..=MAX_LANES).contains(&lanes);
    fits.then_some(lanes)
        .ok_or(Error::Malformed("a number of lanes that is not 1 to 7"))
}

fn encode_offer(out: &mut Vec<u8>, offer: &Offer) {
    let (kind, mtime, executable) = match &offer.kind {
        Kind::File { mtime, executable } => (FILE, *mtime, *executable),
        Kind::Text => (TEXT, 0, false),
        Kind::Directory { mtime } => (DIRECTORY, *mtime, false),
        Kind::Items { .. } => (ITEMS, 0, false),
        Kind::Stream => (STREAM, 0, false),
    };
    out.u8(kind)
        .lv(offer.name.as_bytes())
        .i64(mtime)
        .u8(u8::from(executable));
    out.u64(offer.payload.unwrap_or(u64::MAX))
        .u64(offer.bytes)
        .u64(offer.entries);
    let names: &[SafeName] = match &offer.kind {
        Kind::Items { names } => &names[..names.len().min(MAX_TOP_LEVEL)],
        _ => &[],
    };
    out.u8(names.len() as u8);
    for name in names {
        out.lv(name.as_bytes());
    }
}

fn decode_offer(decode: &mut Decode<'_>) -> Result<Offer, Error> {
    let kind = decode.u8()?;
    let name = SafeName::parse(decode.lv(MAX_NAME)?)?;
    let mtime = decode.i64()?.clamp(*MTIMES.start(), *MTIMES.end());
    let executable = match decode.u8()? {
        0 => false,
        1 => true,
        _ => {
            return Err(Error::Malformed(
                "an executable flag that is neither 0 nor 1",
            ));
        }
    };
    let payload = Some(decode.u64()?).filter(|length| *length != u64::MAX);
    let (bytes, entries) = (decode.u64()?, decode.u64()?);
    let count = usize::from(decode.u8()?);
    if count > MAX_TOP_LEVEL {
        return Err(Error::Malformed("an offer that lists too many names"));
    }
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(SafeName::parse(decode.lv(MAX_NAME)?)?);
    }
    let kind = match kind {
        FILE => Kind::File { mtime, executable },
        TEXT => Kind::Text,
        DIRECTORY => Kind::Directory { mtime },
        ITEMS => Kind::Items { names },
        STREAM => Kind::Stream,
        _ => return Err(Error::Malformed("an offer of an unknown kind")),
    };
    let archive = matches!(kind, Kind::Directory { .. } | Kind::Items { .. });
    let fits = match (&kind, payload) {
        (Kind::Stream, payload) => payload.is_none() && bytes == 0 && entries == 1,
        (_, None) => false,
        // Offsets in files are signed.
        (_, Some(payload)) if i64::try_from(payload).is_err() => false,
        (_, Some(payload)) if archive => bytes <= payload && entries <= payload / 512,
        (_, Some(payload)) => bytes == payload && entries == 1,
    };
    if !fits {
        return Err(Error::Malformed("an offer whose sizes do not fit"));
    }
    Ok(Offer {
        name,
        kind,
        payload,
        bytes,
        entries,
    })
}

/// The longest beginning of `text` that has at most `limit` bytes and ends between characters.
fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(bytes: &[u8]) -> SafeName {
        SafeName::parse(bytes).expect("a safe name")
    }

    #[test]
    fn messages_read_back_as_themselves() {
        let offer = |kind, payload, bytes, entries| {
            Message::Offer(Offer {
                name: name(b"n\xff"),
                kind,
                payload,
                bytes,
                entries,
            })
        };
        for message in [
            offer(
                Kind::File {
                    mtime: -1,
                    executable: true,
                },
                Some(5),
                5,
                1,
            ),
            offer(Kind::Text, Some(0), 0, 1),
            offer(Kind::Directory { mtime: 1 << 37 }, Some(4096), 9, 3),
            offer(
                Kind::Items {
                    names: vec![name(b"a"), name("é".as_bytes())],
                },
                Some(4096),
                9,
                3,
            ),
            offer(Kind::Stream, None, 0, 1),
            Message::Accept(Have {
                blocks: 3,
                proof: [7; 32],
            }),
            Message::Start { from: 3 },
            Message::Complete(Total {
                blocks: 4,
                bytes: 4 << 20,
                root: [1; 32],
            }),
            Message::Stored {
                root: [1; 32],
                skipped: 2,
            },
            Message::Widen {
                kinds: vec![LaneKind::Quic, LaneKind::Tcp],
            },
            Message::Lanes {
                at: [(LaneKind::Tcp, 50_002), (LaneKind::Fetch, 0)]
                    .map(|(kind, port)| LaneAt { kind, port })
                    .to_vec(),
            },
            Message::Abort {
                reason: Reason::Disk,
                detail: "no space left on device".into(),
            },
        ] {
            let bytes = message.encode();
            assert_eq!(Message::decode(&bytes), Ok(message.clone()));
            for cut in 0..bytes.len() {
                assert!(
                    Message::decode(&bytes[..cut]).is_err(),
                    "{} cut at {cut}",
                    message.name()
                );
            }
            assert!(Message::decode(&[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn longest_offer_fits_into_a_message() {
        let longest = name(&[b'x'; 255]);
        let kind = Kind::Items {
            names: vec![longest.clone(); MAX_TOP_LEVEL + 9],
        };
        let offer = Offer {
            name: longest,
            kind,
            payload: Some(1 << 40),
            bytes: 1,
            entries: 99,
        };
        let bytes = Message::Offer(offer).encode();
        assert!(bytes.len() <= MAX_MESSAGE, "{} bytes", bytes.len());
        assert!(Message::decode(&bytes).is_ok());
    }

    #[test]
    fn detail_is_cut_between_characters() {
        let message = Message::Abort {
            reason: Reason::Failed,
            detail: "é".repeat(400),
        };
        assert!(Message::decode(&message.encode()).is_ok());
    }
}
