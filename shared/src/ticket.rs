//! Tickets: how a dialler whose connection broke comes back without the code phrase (PROTOCOL.md, "Returning").

use zeroize::Zeroizing;

use crate::{
    codec::Encode,
    keys::{self, Secret},
};

/// The public name of a ticket: it travels in the first message and proves nothing.
pub type TicketId = [u8; 16];

/// What both sides of a session can prove later in place of the code phrase: 256 bits that only they know.
#[derive(Clone)]
pub struct Ticket {
    id: TicketId,
    secret: Secret,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket")
    }
}

impl Ticket {
    /// The ticket that a session with this secret leaves.
    pub(crate) fn of(master: &Secret) -> Self {
        let mut id = TicketId::default();
        id.copy_from_slice(&keys::expand(master, "ticket", b"")[..16]);
        Self {
            id,
            secret: keys::expand(master, "return", b""),
        }
    }

    /// Its public name.
    pub fn id(&self) -> TicketId {
        self.id
    }

    /// The password-related string of CPace: `lv("hayate/7 return") || lv(secret)`.
    pub(crate) fn prs(&self) -> Zeroizing<Vec<u8>> {
        let mut prs = Zeroizing::new(Vec::with_capacity(64));
        prs.lv(b"hayate/7 return").lv(&self.secret[..]);
        prs
    }
}
