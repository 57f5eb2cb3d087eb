//! The two messages that are sent before anything is proved (PROTOCOL.md, "Handshake").

use crate::{
    Error, VERSION,
    codec::{Decode, Encode},
    pake,
    ticket::TicketId,
};

const MAGIC: &[u8; 6] = b"HAYATE";

/// Most suites in a list, known or unknown.
const MAX_SUITES: usize = 16;

/// The dialler has an exporter.
const EXPORTER: u8 = 1;

/// The dialler comes back with a ticket.
const TICKET: u8 = 2;

/// The first message, from the dialler.
pub(super) struct Hello {
    pub(super) server_is: u8,
    pub(super) exporter: bool,
    pub(super) suites: Vec<u8>,
    pub(super) nonce: [u8; 32],
    pub(super) public: [u8; 32],
    pub(super) ticket: Option<TicketId>,
    pub(super) raw: Vec<u8>,
}

impl Hello {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut raw = Vec::with_capacity(112);
        let exporter = if self.exporter { EXPORTER } else { 0 };
        let returns = if self.ticket.is_some() { TICKET } else { 0 };
        raw.raw(MAGIC)
            .u8(VERSION)
            .u8(self.server_is)
            .u8(exporter | returns);
        raw.u8(self.suites.len() as u8)
            .raw(&self.suites)
            .raw(&self.nonce)
            .raw(&self.public);
        if let Some(ticket) = &self.ticket {
            raw.raw(ticket);
        }
        raw
    }

    pub(super) fn decode(raw: &[u8]) -> Result<Self, Error> {
        let mut decode = Decode::new(raw);
        if decode.array::<6>()? != *MAGIC {
            return Err(Error::Malformed("the first message is not Hayate's"));
        }
        let theirs = decode.u8()?;
        if theirs != VERSION {
            return Err(Error::Version { theirs });
        }
        let server_is = decode.u8()?;
        let flags = decode.u8()?;
        if flags & !(EXPORTER | TICKET) != 0 {
            return Err(Error::Malformed("unknown flags in the first message"));
        }
        let suites = suite_list(&mut decode)?;
        let (nonce, public) = (decode.array()?, decode.array()?);
        let ticket = match flags & TICKET {
            0 => None,
            _ => Some(decode.array()?),
        };
        decode.end()?;
        Ok(Self {
            server_is,
            exporter: flags & EXPORTER != 0,
            suites,
            nonce,
            public,
            ticket,
            raw: raw.to_vec(),
        })
    }
}

/// The second message, from the listener; its last 32 bytes are the CPace share.
pub(super) struct Answer {
    pub(super) chosen: u8,
    pub(super) nonce: [u8; 32],
    pub(super) public: [u8; 32],
    pub(super) share: pake::Share,
    pub(super) raw: Vec<u8>,
}

impl Answer {
    pub(super) fn decode(raw: &[u8]) -> Result<Self, Error> {
        let mut decode = Decode::new(raw);
        let chosen = decode.u8()?;
        suite_list(&mut decode)?;
        let (nonce, public, share) = (decode.array()?, decode.array()?, decode.array()?);
        decode.end()?;
        Ok(Self {
            chosen,
            nonce,
            public,
            share,
            raw: raw.to_vec(),
        })
    }

    pub(super) fn without_share(&self) -> &[u8] {
        &self.raw[..self.raw.len() - 32]
    }
}

fn suite_list(decode: &mut Decode<'_>) -> Result<Vec<u8>, Error> {
    let count = usize::from(decode.u8()?);
    if count > MAX_SUITES {
        return Err(Error::Malformed("a list of more than 16 suites"));
    }
    Ok(decode.raw(count)?.to_vec())
}
