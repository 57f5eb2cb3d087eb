//! One ordered two-way byte stream to one peer, whatever carries it.

use std::{future::Future, net::SocketAddr};

use bytes::Bytes;
use shared::Binding;

use crate::Error;

/// A wire to one peer. It is split once: reading, writing and closing go to different tasks.
pub trait Wire: Sized {
    /// The half that brings the peer's bytes.
    type Reader: WireReader;
    /// The half that takes bytes to the peer.
    type Writer: WireWriter;
    /// What ends the wire.
    type Closer: WireCloser;

    /// The peer's address; an IPv4 peer has an IPv4 address, whatever socket it came through.
    fn peer(&self) -> SocketAddr;

    /// What TLS says of the connection.
    fn binding(&self) -> Binding;

    /// What carries it.
    fn carrier(&self) -> Carrier;

    /// Takes the wire apart. It ends with code 0 when all three parts are dropped.
    fn split(self) -> (Self::Reader, Self::Writer, Self::Closer);
}

/// What carries a [`Wire`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Carrier {
    /// A QUIC connection between two native peers.
    Quic,
    /// A browser's WebTransport session.
    WebTransport,
    /// Requests of a browser: the body of one response, and POSTs beside it.
    Fetch,
}

impl Carrier {
    /// The word for a person.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quic => "QUIC",
            Self::WebTransport => "WebTransport",
            Self::Fetch => "fetch",
        }
    }

    /// Whether the peer is a browser: it opens no lanes, and may be reloaded.
    pub fn is_browser(self) -> bool {
        self != Self::Quic
    }
}

/// The label of the exporter; its context is empty and its length 32 bytes.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-hayate/7";

/// The reading half of a [`Wire`].
pub trait WireReader {
    /// The next bytes, in the pieces they came in: at least one, cut anywhere. `None` when the peer has
    /// finished. Dropping the future loses nothing.
    fn read(&mut self) -> impl Future<Output = Result<Option<Vec<Bytes>>, WireError>>;
}

/// The writing half of a [`Wire`].
pub trait WireWriter {
    /// Takes all of `bytes`, as soon as the peer leaves room for them. Dropping the future may leave
    /// a part of them written: such a wire can only be closed.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), WireError>>;

    /// Says that nothing follows, and waits until the peer's machine has all that was written.
    /// That the peer read it, only the peer can say.
    fn finish(&mut self) -> impl Future<Output = Result<(), WireError>>;
}

/// The end of a [`Wire`].
///
/// Who heard the last word closes; who spoke it waits for that. The other way round the last word
/// may be lost on its way.
pub trait WireCloser {
    /// The peer has proved that it knows the code: it may send as fast as it can, and no longer
    /// counts as a stranger.
    fn authenticated(&mut self);

    /// Ends the wire at once. What was written and has not arrived is lost, so this is for the side
    /// that has heard the last word, or whose peer shall hear no more.
    fn close(self, code: u32) -> impl Future<Output = ()>;

    /// Bytes that left this machine, headers and repetitions included; `None` where nothing tells.
    fn sent(&self) -> Option<u64>;

    /// Waits until the peer closes the wire or it is lost, and says which. Bounded by the caller;
    /// dropping the future loses nothing.
    fn closed(&mut self) -> impl Future<Output = WireError>;
}

/// Why a wire carries nothing more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The peer closed it, with this code.
    #[error("the peer closed the connection (code {0})")]
    Closed(u32),
    /// Nothing came from the peer for too long.
    #[error("the peer is silent: its network is gone, or it was stopped")]
    Silent,
    /// The connection broke, for the reason given.
    #[error("the connection was lost: {0}")]
    Lost(String),
}

impl WireError {
    /// The end of a session with `peer` that this error caused.
    pub fn into_error(self, peer: SocketAddr) -> Error {
        Error::Session {
            peer: Some(peer),
            error: shared::Error::Disconnected,
        }
    }
}
