//! Vectors of sessions: what one machine makes of the bytes of the other side, with its own randomness fixed.

use hayate_shared::{
    Binding, Code, Credentials, Error, Kind, Offer, Output, Packer, Plain, Reason, Receiver,
    Refusal, Seed, Sender, Side,
    cipher::{Suite, Suites},
    path::SafeName,
    receiver, sender,
    tree::Tree,
};

use super::{Outcome, Vector, hex, name};
use crate::peer::{self, BLOCK, Header, Listener, Settings, wire};

/// The seed of the machine under test, in every vector.
const SEED: [u8; 32] = [0x52; 32];
/// What a sender under test sends.
const PAYLOAD: &[u8] = b"hello";

fn credentials(vector: &Vector<'_>) -> Result<Credentials, String> {
    let side = match vector.get("side")? {
        "dialler" => Side::Dialler,
        "listener" => Side::Listener,
        other => return Err(format!("no side {other}")),
    };
    let exporter = match vector.get("exporter") {
        Ok("none") => None,
        _ => Some([0xe4; 32]),
    };
    let suites = match vector.get("suites").unwrap_or("2 1") {
        "2 1" => Suites::preferring(Suite::Aes256Gcm),
        "1 2" => Suites::preferring(Suite::ChaCha20Poly1305),
        "1" => Suites::only(Suite::ChaCha20Poly1305),
        "2" => Suites::only(Suite::Aes256Gcm),
        other => return Err(format!("no suites {other}")),
    };
    let code = vector.get("code").unwrap_or("7-copper-lantern-violin");
    Ok(Credentials {
        code: Code::parse(code).map_err(|error| error.to_string())?,
        ticket: None,
        side,
        binding: Binding {
            certificate: [0xce; 32],
            exporter,
        },
        suites,
        seed: Seed::new(SEED),
    })
}

/// A receiver, and a driver that accepts everything and counts.
struct Receiving {
    machine: Receiver,
    said: Vec<u8>,
    offered: bool,
    opened: u64,
    content: blake3::Hasher,
    end: Option<Result<(), Error>>,
}

impl Receiving {
    fn new(credentials: Credentials) -> Self {
        Self {
            machine: Receiver::new(credentials),
            said: Vec::new(),
            offered: false,
            opened: 0,
            content: blake3::Hasher::new(),
            end: None,
        }
    }

    fn drive(&mut self) {
        while self.end.is_none() {
            match self.machine.poll() {
                Ok(Output::Transmit(bytes)) => self.said.extend_from_slice(&bytes),
                Ok(Output::Request(receiver::Request::Join(_) | receiver::Request::Widen(_))) => {}
                Ok(Output::Request(receiver::Request::Pair)) => self.machine.pair(2),
                Ok(Output::Request(receiver::Request::Return(_))) => {
                    self.machine.refuse(Refusal::Over);
                }
                Ok(Output::Request(receiver::Request::Decide(_))) => {
                    self.offered = true;
                    self.machine.accept(Tree::new());
                }
                Ok(Output::Request(receiver::Request::Open(sealed))) => match sealed.open() {
                    Ok(opened) => {
                        self.opened += 1;
                        self.content.update(&opened.bytes);
                        self.machine.opened(opened.receipt);
                    }
                    Err(error) => {
                        self.machine.abort(Reason::Violation, "");
                        self.end = Some(Err(error));
                    }
                },
                Ok(Output::Request(receiver::Request::Commit)) => self.machine.committed(0),
                Ok(Output::Done) => self.end = Some(Ok(())),
                Ok(Output::Wait) => break,
                Err(error) => self.end = Some(Err(error)),
            }
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        for frame in wire::frames(bytes) {
            self.drive();
            self.machine.receive(frame);
        }
        self.drive();
    }

    /// What became of it, at the end of the wire at the latest.
    fn outcome(mut self) -> Outcome {
        self.machine.eof();
        self.drive();
        let end = match &self.end {
            Some(Ok(())) => "success".into(),
            Some(Err(error)) => name(error),
            None => "nothing".into(),
        };
        let outcome = Outcome::new(end)
            .fact("offered", if self.offered { "yes" } else { "no" })
            .fact("opened", self.opened);
        match self.machine.root() {
            Some(root) => outcome.fact("root", hex(&root)),
            None => outcome,
        }
    }
}

/// The body is everything a sender says.
pub(crate) fn receiver(vector: &Vector<'_>) -> Result<Outcome, String> {
    let mut receiving = Receiving::new(credentials(vector)?);
    receiving.hear(&vector.body);
    Ok(receiving.outcome())
}

/// The body is everything a receiver says to a sender of five bytes.
pub(crate) fn sender(vector: &Vector<'_>) -> Result<Outcome, String> {
    let mut sending = Sending::new(credentials(vector)?)?;
    for frame in wire::frames(&vector.body) {
        sending.drive();
        sending.machine.receive(frame);
    }
    sending.drive();
    Ok(sending.outcome())
}

struct Sending {
    machine: Sender,
    offer: Offer,
    blocks: u64,
    end: Option<Result<(), Error>>,
}

impl Sending {
    fn new(credentials: Credentials) -> Result<Self, String> {
        let offer = Offer {
            name: SafeName::parse(b"hello.txt").map_err(|error| error.to_string())?,
            kind: Kind::File {
                mtime: 1_700_000_000,
                executable: false,
            },
            payload: Some(PAYLOAD.len() as u64),
            bytes: PAYLOAD.len() as u64,
            entries: 1,
        };
        Ok(Self {
            machine: Sender::new(credentials),
            offer,
            blocks: 0,
            end: None,
        })
    }

    fn drive(&mut self) {
        while self.end.is_none() {
            match self.machine.poll() {
                Ok(Output::Transmit(_)) => {}
                Ok(Output::Request(sender::Request::Join(_))) => {}
                Ok(Output::Request(sender::Request::Pair)) => self.machine.pair(2),
                Ok(Output::Request(sender::Request::Return(_))) => {
                    self.machine.refuse(Refusal::Over);
                }
                Ok(Output::Request(sender::Request::Offer)) => {
                    self.machine.offer(self.offer.clone());
                }
                Ok(Output::Request(sender::Request::Compare(_))) => {
                    self.machine.resume(Tree::new());
                }
                Ok(Output::Request(sender::Request::Read(slot))) => {
                    let mut plain = Plain::new(Vec::new());
                    plain.buffer().extend_from_slice(PAYLOAD);
                    match slot.fill(&mut Packer::off(), plain, true) {
                        Ok(block) => self.machine.submit(block),
                        Err(error) => self.end = Some(Err(error)),
                    }
                    self.blocks += 1;
                }
                Ok(Output::Done) => self.end = Some(Ok(())),
                Ok(Output::Wait) => break,
                Err(error) => self.end = Some(Err(error)),
            }
        }
    }

    fn outcome(mut self) -> Outcome {
        self.machine.eof();
        self.drive();
        let end = match &self.end {
            Some(Ok(())) => "success".into(),
            Some(Err(error)) => name(error),
            None => "nothing".into(),
        };
        Outcome::new(end).fact("blocks", self.blocks)
    }
}

/// A receiver that dialled and has the keys, and the keys of the peer it dialled.
fn paired(suite: u8) -> Result<(Receiving, peer::Channel), String> {
    let credentials = Credentials {
        code: Code::parse("7-copper-lantern-violin").map_err(|error| error.to_string())?,
        ticket: None,
        side: Side::Dialler,
        binding: Binding {
            certificate: [0xce; 32],
            exporter: Some([0xe4; 32]),
        },
        suites: Suites::preferring(Suite::Aes256Gcm),
        seed: Seed::new(SEED),
    };
    let mut receiving = Receiving::new(credentials);
    receiving.drive();
    let m1 = std::mem::take(&mut receiving.said);
    let listener = Listener::answer(Settings::default(), &m1[5..], suite);
    receiving.hear(&wire::clear(2, &listener.m2));
    let m3 = std::mem::take(&mut receiving.said);
    let (m4, channel) = listener.confirm(&m3[5..]);
    receiving.hear(&wire::clear(4, &m4));
    Ok((receiving, channel))
}

fn suite(vector: &Vector<'_>) -> u8 {
    vector.number("suite").unwrap_or(2) as u8
}

/// The body is what comes after the handshake, as it is.
pub(crate) fn frames(vector: &Vector<'_>) -> Result<Outcome, String> {
    let (mut receiving, _) = paired(suite(vector))?;
    receiving.hear(&vector.body);
    Ok(receiving.outcome())
}

/// The body is a message; it is sealed here, for a receiver that waits for an offer.
pub(crate) fn message(vector: &Vector<'_>) -> Result<Outcome, String> {
    let (mut receiving, mut channel) = paired(suite(vector))?;
    receiving.hear(&channel.message(&vector.body));
    Ok(receiving.outcome())
}

/// The body is a block's header and its content before sealing; it is sealed here, after an offer of `payload` bytes.
pub(crate) fn block(vector: &Vector<'_>) -> Result<Outcome, String> {
    let (mut receiving, mut channel) = paired(suite(vector))?;
    let offer = match vector.number("payload") {
        Ok(payload) => peer::Offer::file(payload),
        Err(_) => peer::Offer::stream(),
    };
    receiving.hear(&channel.message(&offer.encode()));
    receiving.hear(&channel.message(&peer::start(0)));
    let (head, content) = vector.body.split_at_checked(17).ok_or("no header")?;
    let number =
        |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let header = Header {
        index: u64::from(number(0)) << 32 | u64::from(number(4)),
        flags: head[8],
        length: number(9),
        sealed: number(13),
    };
    receiving.hear(&channel.block(header, content));
    Ok(receiving.outcome())
}

/// The body is a compressed block of `length` bytes.
pub(crate) fn zstd(vector: &Vector<'_>) -> Result<Outcome, String> {
    let length = vector.number("length")? as usize;
    let (mut receiving, mut channel) = paired(suite(vector))?;
    receiving.hear(&channel.message(&peer::Offer::stream().encode()));
    receiving.hear(&channel.message(&peer::start(0)));
    let flags = 1 | if length < BLOCK { 2 } else { 0 };
    let header = Header::new(0, flags, length, vector.body.len());
    receiving.hear(&channel.block(header, &vector.body));
    Ok(match (&receiving.end, receiving.opened) {
        (Some(Err(error)), _) => Outcome::new(name(error)),
        (None, 1) => {
            Outcome::new("success").fact("content", hex(receiving.content.finalize().as_bytes()))
        }
        _ => Outcome::new("nothing"),
    })
}
