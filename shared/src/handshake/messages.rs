//! The two messages that are sent before anything is proved (PROTOCOL.md, "Handshake").

use super::Role;
use crate::{
    Error, VERSION,
    cipher::Suites,
    codec::{Decode, Encode},
    pake,
};

const MAGIC: &[u8; 6] = b"HAYATE";

/// Most suites in a list, known or unknown.
const MAX_SUITES: usize = 16;

/// The first message, from the dialler.
pub(super) struct Hello {
    pub(super) server_is: u8,
    pub(super) exporter: bool,
    pub(super) suites: Vec<u8>,
    pub(super) nonce: [u8; 32],
    pub(super) public: [u8; 32],
    pub(super) raw: Vec<u8>,
}

impl Hello {
    pub(super) fn encode(
        server_is: Role,
        exporter: bool,
        suites: &Suites,
        nonce: &[u8; 32],
        public: &[u8; 32],
    ) -> Vec<u8> {
        let (mut raw, suites) = (Vec::with_capacity(96), suites.codes());
        raw.raw(MAGIC)
            .u8(VERSION)
            .u8(server_is as u8)
            .u8(u8::from(exporter));
        raw.u8(suites.len() as u8)
            .raw(&suites)
            .raw(nonce)
            .raw(public);
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
        let exporter = match decode.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Error::Malformed("an exporter flag that is neither 0 nor 1")),
        };
        let suites = suite_list(&mut decode)?;
        let (nonce, public) = (decode.array()?, decode.array()?);
        decode.end()?;
        Ok(Self {
            server_is,
            exporter,
            suites,
            nonce,
            public,
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
