//! Rejections: the only thing that is said in clear after the handshake failed.

use crate::{Error, VERSION};

/// Why a listener turns a dialler away before it shows its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Too many wrong codes came before.
    Burned,
    /// Somebody else is being served.
    Busy,
    /// No session waits for this ticket.
    Over,
}

const WRONG_CODE: u8 = 1;
const BURNED: u8 = 2;
const BUSY: u8 = 3;
const TOO_OLD_OR_NEW: u8 = 4;
const VIOLATION: u8 = 5;
const OVER: u8 = 6;

/// The body of a rejection after `error`; `tries` are left if it is a wrong code.
pub(super) fn body(error: Option<&Error>, tries: u8) -> [u8; 3] {
    match error {
        Some(Error::WrongCode { .. }) => [WRONG_CODE, VERSION, tries],
        Some(Error::Burned) => [BURNED, VERSION, 0],
        Some(Error::Busy) => [BUSY, VERSION, 0],
        Some(Error::Over) => [OVER, VERSION, 0],
        Some(Error::Version { .. }) => [TOO_OLD_OR_NEW, VERSION, 0],
        _ => [VIOLATION, VERSION, 0],
    }
}

/// What a peer's rejection means.
pub(super) fn read(body: &[u8]) -> Error {
    match *body {
        [WRONG_CODE, _, left] => Error::WrongCode { left: Some(left) },
        [BURNED, _, _] => Error::Burned,
        [BUSY, _, _] => Error::Busy,
        [OVER, _, _] => Error::Over,
        [TOO_OLD_OR_NEW, theirs, _] => Error::Version { theirs },
        _ => Error::Malformed("the peer rejected the handshake"),
    }
}
