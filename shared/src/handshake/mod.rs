//! The handshake: both sides prove that they hold the code phrase, to each other and to nobody else, and bind the
//! proof to the connection it runs on (PROTOCOL.md, "Handshake").

use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    Error,
    cipher::{Suite, Suites},
    code::Code,
    codec::{Decode, Encode},
    keys::{self, Secret},
    pake,
    ticket::{Ticket, TicketId},
};

mod messages;

use messages::{Answer, Hello};

/// Which end of the connection this side is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It connected to the other, opens the wire and proves first.
    Dialler,
    /// It was connected to.
    Listener,
}

/// What is being done over the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Sender = 1,
    Receiver = 2,
}

impl Role {
    fn other(self) -> Self {
        match self {
            Self::Sender => Self::Receiver,
            Self::Receiver => Self::Sender,
        }
    }
}

/// What the connection under the wire is: both values enter the proofs, so that a proof made over one connection is
/// worth nothing over another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// SHA-256 of the listener's end-entity certificate (DER), as in tls-server-end-point (RFC 5929).
    pub certificate: [u8; 32],
    /// TLS exporter, label `EXPORTER-hayate/7`, no context, 32 bytes (RFC 5705, RFC 8446 7.5), where this side has it.
    pub exporter: Option<[u8; 32]>,
}

/// Everything a session starts from.
pub struct Credentials {
    /// The code phrase.
    pub code: Code,
    /// What a dialler that comes back proves in place of the code; a listener has none.
    pub ticket: Option<Ticket>,
    /// Which end of the connection this is.
    pub side: Side,
    /// The connection.
    pub binding: Binding,
    /// The suites to offer or to choose from.
    pub suites: Suites,
    /// 32 bytes from the system's random generator, used for this session alone.
    pub seed: Seed,
}

impl Credentials {
    /// The password-related string of CPace.
    fn prs(&self) -> Zeroizing<Vec<u8>> {
        self.ticket
            .as_ref()
            .map_or_else(|| self.code.prs(), Ticket::prs)
    }
}

/// Fresh randomness for one session, wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    /// Takes randomness from the system's generator; must never be given twice.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    fn derive(&self, label: &str) -> Secret {
        keys::expand(&Zeroizing::new(self.0), label, b"")
    }
}

/// What the handshake leaves: one secret, known to both peers alone, and the suite to use it with.
pub(crate) struct Agreed {
    pub(crate) master: Secret,
    pub(crate) suite: Suite,
}

/// A dialler that waits for the answer to its first message.
pub(crate) struct Dialling {
    credentials: Credentials,
    role: Role,
    secret: StaticSecret,
    hello: Hello,
}

impl Dialling {
    /// Makes the first message.
    pub(crate) fn start(credentials: Credentials, role: Role) -> Result<(Vec<u8>, Self), Error> {
        let secret = StaticSecret::from(*credentials.seed.derive("x25519"));
        let public = PublicKey::from(&secret).to_bytes();
        let nonce = credentials.seed.derive("nonce");
        let exporter = credentials.binding.exporter.is_some();
        let hello = Hello {
            server_is: role.other() as u8,
            exporter,
            suites: credentials.suites.codes(),
            nonce: *nonce,
            public,
            ticket: credentials.ticket.as_ref().map(Ticket::id),
            raw: Vec::new(),
        };
        let raw = hello.encode();
        let hello = Hello {
            raw: raw.clone(),
            ..hello
        };
        Ok((
            raw,
            Self {
                credentials,
                role,
                secret,
                hello,
            },
        ))
    }

    /// Takes the answer and makes the proof.
    pub(crate) fn answer(self, raw: &[u8]) -> Result<(Vec<u8>, Proving), Error> {
        let answer = Answer::decode(raw)?;
        let suite = Suite::from_code(answer.chosen)
            .filter(|suite| self.credentials.suites.contains(*suite))
            .ok_or(Error::Malformed("a suite that was not offered"))?;
        let transcript = Transcript {
            server_is: self.role.other(),
            binding: self.credentials.binding,
            hello: &self.hello,
            answer: &answer,
        };
        let (session, channel) = (transcript.session(), transcript.channel());
        let (share, isk) = pake::respond(
            &answer.share,
            &self.credentials.prs(),
            transcript.context(&session, &channel),
            &self.credentials.seed.derive("cpace"),
        )?;
        let proofs = transcript.proofs(
            &self.credentials,
            &self.secret,
            &answer.public,
            &isk,
            &share,
        )?;
        let mut proof = Vec::with_capacity(64);
        proof.raw(&share).raw(&proofs.dialler);
        Ok((proof, Proving { proofs, suite }))
    }
}

/// A dialler that has proved and waits for the listener to do so.
pub(crate) struct Proving {
    proofs: Proofs,
    suite: Suite,
}

impl Proving {
    /// Checks the listener's proof.
    pub(crate) fn confirm(self, raw: &[u8]) -> Result<Agreed, Error> {
        let mut decode = Decode::new(raw);
        let theirs = decode.array()?;
        decode.end()?;
        if !keys::equal(&theirs, &self.proofs.listener) {
            return Err(Error::WrongCode { left: None });
        }
        Ok(Agreed {
            master: self.proofs.master,
            suite: self.suite,
        })
    }
}

/// A listener that has read the first message and has shown nothing yet.
pub(crate) struct Greeted {
    credentials: Credentials,
    role: Role,
    hello: Hello,
    suite: Suite,
}

impl Greeted {
    /// Reads the first message.
    pub(crate) fn hello(credentials: Credentials, role: Role, raw: &[u8]) -> Result<Self, Error> {
        let hello = Hello::decode(raw)?;
        if hello.server_is != role as u8 {
            return Err(Error::Malformed("both sides send, or both receive"));
        }
        if hello.exporter && credentials.binding.exporter.is_none() {
            return Err(Error::Malformed(
                "an exporter that this connection does not have",
            ));
        }
        let suite = credentials
            .suites
            .choose(&hello.suites)
            .ok_or(Error::Malformed("no cipher suite in common"))?;
        Ok(Self {
            credentials,
            role,
            hello,
            suite,
        })
    }

    /// The ticket that the dialler says it has.
    pub(crate) fn ticket(&self) -> Option<TicketId> {
        self.hello.ticket
    }

    /// Shows this side's share: from here on it is one guess of the code phrase, or of the secret of `ticket`, for whoever
    /// is on the other side.
    pub(crate) fn answer(mut self, ticket: Option<Ticket>) -> Result<(Vec<u8>, Answered), Error> {
        if ticket.as_ref().map(Ticket::id) != self.hello.ticket {
            return Err(Error::Misuse("another ticket than the dialler's"));
        }
        self.credentials.ticket = ticket;
        let Self {
            mut credentials,
            role,
            hello,
            suite,
        } = self;
        if !hello.exporter {
            credentials.binding.exporter = None;
        }
        let secret = StaticSecret::from(*credentials.seed.derive("x25519"));
        let (nonce, suites) = (credentials.seed.derive("nonce"), credentials.suites.codes());
        let mut raw = Vec::with_capacity(128);
        raw.u8(suite as u8).u8(suites.len() as u8).raw(&suites);
        raw.raw(&nonce[..]).raw(PublicKey::from(&secret).as_bytes());
        raw.raw(&[0; 32]);
        let mut answer = Answer::decode(&raw)?;
        let transcript = Transcript {
            server_is: role,
            binding: credentials.binding,
            hello: &hello,
            answer: &answer,
        };
        let (session, channel) = (transcript.session(), transcript.channel());
        let (share, pending) = pake::start(
            &credentials.prs(),
            transcript.context(&session, &channel),
            &credentials.seed.derive("cpace"),
        )?;
        let share_at = raw.len() - share.len();
        raw[share_at..].copy_from_slice(&share);
        answer.share = share;
        answer.raw.clone_from(&raw);
        Ok((
            raw,
            Answered {
                credentials,
                role,
                hello,
                answer,
                suite,
                secret,
                pending,
            },
        ))
    }
}

/// A listener that has shown its share and waits for the dialler's proof.
pub(crate) struct Answered {
    credentials: Credentials,
    role: Role,
    hello: Hello,
    answer: Answer,
    suite: Suite,
    secret: StaticSecret,
    pending: pake::Pending,
}

impl Answered {
    /// Checks the dialler's proof, and only then makes this side's.
    pub(crate) fn proof(self, raw: &[u8]) -> Result<(Vec<u8>, Agreed), Error> {
        let mut decode = Decode::new(raw);
        let (share, theirs) = (decode.array()?, decode.array()?);
        decode.end()?;
        let transcript = Transcript {
            server_is: self.role,
            binding: self.credentials.binding,
            hello: &self.hello,
            answer: &self.answer,
        };
        let (session, channel) = (transcript.session(), transcript.channel());
        let isk = self
            .pending
            .finish(&share, transcript.context(&session, &channel))?;
        let proofs = transcript.proofs(
            &self.credentials,
            &self.secret,
            &self.hello.public,
            &isk,
            &share,
        )?;
        if !keys::equal(&theirs, &proofs.dialler) {
            return Err(Error::WrongCode { left: None });
        }
        Ok((
            proofs.listener.to_vec(),
            Agreed {
                master: proofs.master,
                suite: self.suite,
            },
        ))
    }
}

/// What both sides must have seen alike.
struct Transcript<'a> {
    server_is: Role,
    binding: Binding,
    hello: &'a Hello,
    answer: &'a Answer,
}

struct Proofs {
    dialler: [u8; 32],
    listener: [u8; 32],
    master: Secret,
}

impl Transcript<'_> {
    /// CPace's session identifier: both nonces.
    fn session(&self) -> [u8; 32] {
        keys::hash(&[&self.hello.nonce, &self.answer.nonce])
    }

    /// CPace's channel identifier: who listens, and over which certificate.
    fn channel(&self) -> Vec<u8> {
        let mut channel = Vec::with_capacity(96);
        channel.lv(b"hayate/7 ci").lv(&[self.server_is as u8]);
        channel
            .lv(b"tls-server-cert-sha256")
            .lv(&self.binding.certificate);
        channel
    }

    fn context<'a>(&'a self, session: &'a [u8], channel: &'a [u8]) -> pake::Context<'a> {
        pake::Context {
            channel,
            session,
            first: self.answer.without_share(),
            second: &self.hello.raw,
        }
    }

    fn proofs(
        &self,
        credentials: &Credentials,
        ours: &StaticSecret,
        theirs: &[u8; 32],
        isk: &pake::Isk,
        dialler_share: &pake::Share,
    ) -> Result<Proofs, Error> {
        let dh = ours.diffie_hellman(&PublicKey::from(*theirs));
        if !dh.was_contributory() {
            return Err(Error::Malformed("an X25519 key of low order"));
        }
        let salt = Zeroizing::new(keys::hash(&[b"hayate/7 salt", &credentials.prs(), isk]));
        let prk = keys::extract(&salt[..], dh.as_bytes());
        let th = keys::hash(&[
            b"hayate/7 transcript",
            &self.hello.raw,
            &self.answer.raw,
            dialler_share,
            &self.binding.certificate,
            self.binding
                .exporter
                .as_ref()
                .map_or(&[], |exporter| &exporter[..]),
        ]);
        let dialler = keys::mac(&keys::expand(&prk, "confirm c", &th), &th);
        let listener = keys::mac(
            &keys::expand(&prk, "confirm s", &th),
            &keys::hash(&[&th, &dialler]),
        );
        let master = keys::expand(&prk, "master", &keys::hash(&[&th, &dialler, &listener]));
        Ok(Proofs {
            dialler,
            listener,
            master,
        })
    }
}
