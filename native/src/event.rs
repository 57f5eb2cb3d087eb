//! What happens during a transfer, for a person or a program to follow.

use std::{cell::RefCell, net::SocketAddr, rc::Rc, time::Duration};

use shared::{Offer, cipher::Suite};

use crate::wire::Carrier;

/// How far a transfer is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Payload bytes done.
    pub done: u64,
    /// Payload bytes in all; `None` for a stream.
    pub total: Option<u64>,
    /// The file at this point, where the payload is an archive; hostile on a receiver, escape it.
    pub current: Option<Vec<u8>>,
}

/// An offer in the words of a person: what the receiver decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The peer's address.
    pub peer: SocketAddr,
    /// What is offered.
    pub offer: Offer,
}

/// The page that browsers receive with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its URL, with the code phrase in the fragment, which a browser tells no server.
    pub url: String,
    /// SHA-256 of the certificate that it is served with.
    pub certificate: [u8; 32],
}

/// Something that happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The sender knows what it sends. Where that takes a while, it is [`Event::Waiting`] before.
    Gathered {
        /// What receivers are offered.
        offer: Offer,
        /// Items that are left out; each is told of by an [`Event::Skipped`].
        skipped: u64,
    },
    /// The sender listens or dials and can be found under `code`.
    Waiting {
        /// The code phrase.
        code: String,
        /// Where this side listens; empty when it dials.
        addresses: Vec<SocketAddr>,
        /// Names of the interfaces, parallel to `addresses`.
        interfaces: Vec<String>,
        /// The page for browsers, where one is served.
        page: Option<Page>,
    },
    /// The receiver looks for the sender and has not found it yet; a hint for the person.
    Searching {
        /// What was seen so far.
        seen: String,
    },
    /// A peer proved that it knows the code.
    Paired {
        /// The peer's address.
        peer: SocketAddr,
        /// The cipher suite that seals the session.
        cipher: &'static str,
        /// What carries it.
        transport: Carrier,
    },
    /// A peer failed to prove the code.
    AuthFailed {
        /// The peer's address.
        peer: SocketAddr,
        /// Wrong codes that are still allowed.
        left: u32,
    },
    /// The connection to a peer was lost in the middle; the transfer ends unless it comes about again.
    Gone {
        /// The peer's address.
        peer: SocketAddr,
        /// How long it is waited for.
        wait: Duration,
    },
    /// The connection to a peer that was [gone](Event::Gone) is there again.
    Back {
        /// The peer's address.
        peer: SocketAddr,
    },
    /// The offer: made (sender) or received (receiver).
    Offered(Offered),
    /// The receiver agreed.
    Accepted {
        /// The peer's address.
        peer: SocketAddr,
    },
    /// The first part of the payload is there from an earlier run or connection; the rest comes.
    Resumed {
        /// The peer's address.
        peer: SocketAddr,
        /// Bytes that need not come again.
        bytes: u64,
    },
    /// A transfer failed, but what arrived is kept for another run.
    Kept {
        /// The directory that it is in.
        path: std::path::PathBuf,
    },
    /// Some payload went through.
    Progress {
        /// The peer's address.
        peer: SocketAddr,
        /// How far it is.
        progress: Progress,
    },
    /// Something of the source is not sent, or something received could not be kept.
    Skipped {
        /// Its path; may be hostile, escape it.
        path: Vec<u8>,
        /// Why.
        why: String,
    },
    /// Something the person should know that does not stop the transfer.
    Warning(String),
    /// One transfer is complete, verified and stored.
    Done {
        /// The peer's address.
        peer: SocketAddr,
        /// Payload bytes.
        bytes: u64,
        /// BLAKE3 root of the payload: for a file, what `b3sum` prints.
        blake3: [u8; 32],
        /// Where it was stored; `None` on the sender, for a text or for standard output.
        path: Option<std::path::PathBuf>,
    },
}

/// Where events go: one callback, from whatever task they come.
#[derive(Clone)]
pub(crate) struct Listener(Rc<RefCell<dyn FnMut(Event)>>);

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}

impl Listener {
    pub(crate) fn new(listener: impl FnMut(Event) + 'static) -> Self {
        Self(Rc::new(RefCell::new(listener)))
    }

    /// Tells `progress` as well how far a transfer is.
    pub(crate) fn with_progress(self, mut progress: impl FnMut(Progress) + 'static) -> Self {
        Self::new(move |event| {
            if let Event::Progress { progress: at, .. } = &event {
                progress(at.clone());
            }
            self.tell(event);
        })
    }

    pub(crate) fn tell(&self, event: Event) {
        // A listener that causes another event from within itself does not hear that one.
        if let Ok(mut listener) = self.0.try_borrow_mut() {
            listener(event);
        }
    }

    pub(crate) fn paired(&self, peer: SocketAddr, suite: Option<Suite>, transport: Carrier) {
        self.tell(Event::Paired {
            peer,
            cipher: suite.map_or("none", Suite::name),
            transport,
        });
    }

    pub(crate) fn back(&self, peer: SocketAddr) {
        self.tell(Event::Back { peer });
    }

    pub(crate) fn offered(&self, peer: SocketAddr, offer: &Offer) {
        self.tell(Event::Offered(Offered {
            peer,
            offer: offer.clone(),
        }));
    }

    pub(crate) fn accepted(&self, peer: SocketAddr) {
        self.tell(Event::Accepted { peer });
    }

    pub(crate) fn resumed(&self, peer: SocketAddr, bytes: u64) {
        self.tell(Event::Resumed { peer, bytes });
    }

    pub(crate) fn progress(&self, peer: SocketAddr, progress: Progress) {
        self.tell(Event::Progress { peer, progress });
    }

    pub(crate) fn warn(&self, what: impl Into<String>) {
        self.tell(Event::Warning(what.into()));
    }
}
