//! What was said of lanes: each thing once, by the side it belongs to.

use crate::{
    handshake::{Role, Side},
    lane::LaneKind,
    message::Message,
};

/// A listener offers lanes, unasked only if it is the sender; a sender that dialled asks for them.
#[derive(Default)]
pub(super) struct Widening {
    asked: Option<Vec<LaneKind>>,
    told: bool,
}

impl Widening {
    /// Whether `from` may say this now, and that it did; what is not about lanes is not decided here.
    pub(super) fn allows(&mut self, message: &Message, from: Side, listener: Role) -> bool {
        match message {
            Message::Widen { kinds } => {
                from == Side::Dialler
                    && listener == Role::Receiver
                    && self.asked.replace(kinds.clone()).is_none()
            }
            Message::Lanes { at } => {
                let wanted = match listener {
                    Role::Sender => true,
                    Role::Receiver => self
                        .asked
                        .as_ref()
                        .is_some_and(|asked| at.iter().map(|lane| &lane.kind).eq(asked)),
                };
                from == Side::Listener && wanted && !std::mem::replace(&mut self.told, true)
            }
            _ => true,
        }
    }
}
