//! Finding the peer in the network of this room (PROTOCOL.md, "Discovery").
//!
//! Two ways, side by side: a beacon of 20 bytes over UDP ([`shared::discovery`]) and mDNS (RFC 6762, RFC 6763).
//! Both tell public numbers only. What is found is a hint: everything that comes in may be forged, so it is bounded
//! here and proved by the handshake. No function waits for the network: each side is a thread of its own that
//! outlives its owner by a tenth of a second at most.
//!
//! | module | what it holds |
//! |---|---|
//! | `announce` | [`Announcer`]: tells where this side listens, and answers who asks |
//! | `browse` | [`Browser`]: asks, listens, yields candidates |
//! | `candidates` | what was found already, in bounded memory |
//! | `echo` | whether this machine hears itself |
//! | `interfaces` | the links of this machine and what is on them |
//! | `network` | the sockets on those links |
//! | `mdns` | the same announcement as a DNS-SD service |

mod announce;
mod browse;
mod candidates;
mod echo;
mod interfaces;
mod mdns;
mod network;

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub use announce::Announcer;
pub use browse::Browser;
pub use echo::{Echo, echoes};
pub use interfaces::Scope;
pub(crate) use interfaces::is_neighbour;
pub use shared::discovery::Announcement;

/// Somebody who announced the wanted channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Found {
    /// The announced session: addresses with the same one are ways to one peer, unless somebody imitates it.
    pub session: [u8; 8],
    /// Where to dial: the source of the announcement and the port in it. An IPv6 link-local one has its scope id.
    pub address: SocketAddr,
    /// The port of the page for browsers; 0 where there is none.
    pub web_port: u16,
    /// [`shared::discovery::FLAG_RECEIVER`].
    pub flags: u8,
}

/// Somebody who announced another channel than the wanted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seen {
    /// The channel; 0 for a code phrase without one.
    pub channel: u16,
    /// From where.
    pub address: IpAddr,
}

/// How often the interfaces of the machine are looked at again.
const REFRESH: Duration = Duration::from_secs(1);

/// The longest a thread waits at a time, so that it notices soon that its owner has gone.
const NAP: Duration = Duration::from_millis(100);

/// Most of what the owner has not fetched yet is kept.
const MAX_WARNINGS: usize = 8;

/// What the owner and the thread of an announcer or browser share.
#[derive(Debug, Default)]
struct Common {
    stopped: AtomicBool,
    warnings: Mutex<VecDeque<String>>,
}

impl Common {
    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn warn(&self, warning: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.len() < MAX_WARNINGS {
            warnings.push_back(warning);
        }
    }

    fn take_warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.drain(..).collect()
    }
}

/// Stops the thread when its owner is dropped, without waiting for it.
#[derive(Debug)]
struct Leash(Arc<Common>);

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }
}
