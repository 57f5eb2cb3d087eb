//! The handshake as the session sees it: which message comes next.

use super::channel::Channel;
use crate::{
    Error,
    frame::{Frame, KIND_ANSWER, KIND_CONFIRM, KIND_HELLO, KIND_PROOF},
    handshake::{Agreed, Answered, Credentials, Dialling, Greeted, Proving, Role, Side},
    ticket::{Ticket, TicketId},
};

pub(super) enum Shaking {
    Listening(Box<Credentials>, Role),
    Greeted(Box<Greeted>),
    Answered(Box<Answered>),
    Dialling(Box<Dialling>),
    Proving(Box<Proving>),
}

impl Shaking {
    pub(super) fn start<R>(
        credentials: Credentials,
        role: Role,
        channel: &mut Channel<R>,
    ) -> Result<Self, Error> {
        match credentials.side {
            Side::Listener => Ok(Self::Listening(Box::new(credentials), role)),
            Side::Dialler => {
                let (hello, dialling) = Dialling::start(credentials, role)?;
                channel.clear(KIND_HELLO, &hello);
                Ok(Self::Dialling(Box::new(dialling)))
            }
        }
    }

    /// Whether this side is the dialler.
    pub(super) fn dialled(&self) -> bool {
        matches!(self, Self::Dialling(_) | Self::Proving(_))
    }

    /// The protocol of the handshake as a table. A listener that has read the first message asks `pair` before it
    /// says anything, with the ticket of a dialler that comes back.
    pub(super) fn on_frame<R>(
        self,
        frame: Frame,
        channel: &mut Channel<R>,
        pair: fn(Option<TicketId>) -> R,
    ) -> Result<(Option<Self>, Option<Agreed>), Error> {
        match (self, frame) {
            (Self::Listening(credentials, role), Frame::Clear(KIND_HELLO, body)) => {
                let greeted = Greeted::hello(*credentials, role, &body)?;
                channel.request(pair(greeted.ticket()));
                Ok((Some(Self::Greeted(Box::new(greeted))), None))
            }
            (Self::Dialling(dialling), Frame::Clear(KIND_ANSWER, body)) => {
                let (proof, proving) = dialling.answer(&body)?;
                channel.clear(KIND_PROOF, &proof);
                Ok((Some(Self::Proving(Box::new(proving))), None))
            }
            (Self::Answered(answered), Frame::Clear(KIND_PROOF, body)) => {
                let (confirm, agreed) = answered.proof(&body)?;
                channel.clear(KIND_CONFIRM, &confirm);
                Ok((None, Some(agreed)))
            }
            (Self::Proving(proving), Frame::Clear(KIND_CONFIRM, body)) => {
                Ok((None, Some(proving.confirm(&body)?)))
            }
            (_, frame) => Err(Error::Unexpected(frame.name())),
        }
    }

    /// Shows the listener's share.
    pub(super) fn pair<R>(
        self,
        ticket: Option<Ticket>,
        channel: &mut Channel<R>,
    ) -> Result<Self, Error> {
        let Self::Greeted(greeted) = self else {
            return Err(Error::Misuse("pair() without a request"));
        };
        let (answer, answered) = greeted.answer(ticket)?;
        channel.clear(KIND_ANSWER, &answer);
        Ok(Self::Answered(Box::new(answered)))
    }
}
