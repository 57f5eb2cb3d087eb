//! A wire over QUIC (RFC 9000): one connection, one bidirectional stream.
//!
//! A [`Listener`] hands out the wires of peers that dialled and spoke, a [`Dialler`] makes them.
//! Everything here belongs to the thread it was made on.

mod config;
mod congestion;
mod dial;
#[cfg(all(target_os = "linux", not(feature = "portable-quic")))]
mod driver;
#[cfg(any(not(target_os = "linux"), feature = "portable-quic"))]
#[path = "portable.rs"]
mod driver;
mod listen;
mod marker;
pub(crate) mod probe;
mod shared_port;
mod socket;

use std::net::SocketAddr;

use bytes::Bytes;
use quinn_proto::{ConnectionStats, VarInt};
use shared::Binding;

pub use self::{
    config::{ALPN, Tuning, client_config, endpoint_config, server_config, server_config_for},
    dial::Dialler,
    listen::{ListenOptions, Listener, Port},
    marker::MARKER,
    shared_port::SharedPort,
    socket::udp_socket,
};
pub(crate) use self::{
    listen::DEADLINE,
    socket::{dialable, on_one_or_all, receive_buffer},
};
use crate::{
    Error,
    identity::certificate_hash,
    places::Place,
    wire::{Carrier, EXPORTER_LABEL, Wire, WireCloser, WireError, WireReader, WireWriter},
};
use driver::{
    Connection, ConnectionError, ReadError, RecvStream, SendStream, StoppedError, WriteError,
};

/// A wire to one peer over QUIC.
#[derive(Debug)]
pub struct QuicWire {
    peer: SocketAddr,
    binding: Binding,
    reader: QuicReader,
    writer: QuicWriter,
    closer: QuicCloser,
}

impl QuicWire {
    /// The wire over the one stream of `connection`; `certificate` is the hash of the listener's.
    fn new(
        connection: Connection,
        stream: (SendStream, RecvStream),
        certificate: [u8; 32],
        window: u32,
    ) -> Result<Self, Error> {
        let mut exporter = [0; 32];
        connection
            .export_keying_material(&mut exporter, EXPORTER_LABEL, b"")
            .map_err(|_| Error::Internal("TLS exporter: the handshake is not complete".into()))?;
        let (send, recv) = stream;
        Ok(Self {
            peer: plain(connection.remote_address()),
            binding: Binding {
                certificate,
                exporter: Some(exporter),
            },
            reader: QuicReader {
                stream: recv,
                early: None,
                connection: connection.clone(),
            },
            writer: QuicWriter {
                stream: send,
                connection: connection.clone(),
            },
            closer: QuicCloser {
                connection,
                window,
                place: None,
            },
        })
    }
}

impl Wire for QuicWire {
    type Reader = QuicReader;
    type Writer = QuicWriter;
    type Closer = QuicCloser;

    fn peer(&self) -> SocketAddr {
        self.peer
    }

    fn binding(&self) -> Binding {
        self.binding
    }

    fn carrier(&self) -> Carrier {
        Carrier::Quic
    }

    fn split(self) -> (QuicReader, QuicWriter, QuicCloser) {
        (self.reader, self.writer, self.closer)
    }
}

// In each part the stream comes before the connection: fields are dropped in this order, and the
// last `Connection` that goes closes the connection only if no stream is left of it.

/// The reading half of a [`QuicWire`].
#[derive(Debug)]
pub struct QuicReader {
    stream: RecvStream,
    early: Option<Vec<Bytes>>,
    connection: Connection,
}

impl QuicReader {
    /// Waits for the first bytes and keeps them for [`WireReader::read`]; false at the end of the stream.
    async fn fill(&mut self) -> Result<bool, WireError> {
        self.early = self.pieces().await?;
        Ok(self.early.is_some())
    }

    /// Takes what has come in out of the connection, packet by packet and without a copy.
    async fn pieces(&mut self) -> Result<Option<Vec<Bytes>>, WireError> {
        loop {
            let mut chunks = [const { Bytes::new() }; READ_CHUNKS];
            match self.stream.read_chunks(&mut chunks).await {
                Ok(Some(count)) => {
                    let pieces = chunks.into_iter().take(count);
                    let pieces: Vec<Bytes> = pieces.filter(|piece| !piece.is_empty()).collect();
                    if !pieces.is_empty() {
                        return Ok(Some(pieces));
                    }
                }
                Ok(None) => return Ok(None),
                Err(ReadError::ConnectionLost(error)) => return Err(error.into()),
                Err(error) => return Err(abandoned(&self.connection, error)),
            }
        }
    }
}

impl WireReader for QuicReader {
    async fn read(&mut self) -> Result<Option<Vec<Bytes>>, WireError> {
        match self.early.take() {
            Some(pieces) => Ok(Some(pieces)),
            None => self.pieces().await,
        }
    }
}

/// The writing half of a [`QuicWire`].
#[derive(Debug)]
pub struct QuicWriter {
    stream: SendStream,
    connection: Connection,
}

impl WireWriter for QuicWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), WireError> {
        match self.stream.write_all_chunks(&mut [bytes]).await {
            Ok(()) => Ok(()),
            Err(WriteError::ConnectionLost(error)) => Err(error.into()),
            Err(error) => Err(abandoned(&self.connection, error)),
        }
    }

    async fn finish(&mut self) -> Result<(), WireError> {
        // Finishing twice is harmless: what matters is that everything has arrived.
        let _ = self.stream.finish();
        match self.stream.stopped().await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(abandoned(&self.connection, "the peer reads no further")),
            Err(StoppedError::ConnectionLost(error)) => Err(error.into()),
            Err(error) => Err(abandoned(&self.connection, error)),
        }
    }
}

/// The end of a [`QuicWire`].
#[derive(Debug)]
pub struct QuicCloser {
    connection: Connection,
    window: u32,
    place: Option<Place>,
}

impl QuicCloser {
    /// What the connection did so far: packets, losses, round-trip time.
    pub fn stats(&self) -> ConnectionStats {
        self.connection.stats()
    }
}

impl WireCloser for QuicCloser {
    fn authenticated(&mut self) {
        self.place = None;
        self.connection
            .set_receive_window(VarInt::from_u32(self.window.saturating_mul(2)));
    }

    fn sent(&self) -> Option<u64> {
        Some(self.stats().udp_tx.bytes)
    }

    async fn close(self, code: u32) {
        self.connection.close(VarInt::from_u32(code), b"");
    }

    async fn closed(&mut self) -> WireError {
        driver::ended(&self.connection).await.into()
    }
}

impl From<ConnectionError> for WireError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(close) => {
                Self::Closed(u32::try_from(close.error_code.into_inner()).unwrap_or(u32::MAX))
            }
            ConnectionError::TimedOut => Self::Silent,
            // The reason a peer gives is its own text.
            ConnectionError::ConnectionClosed(close) => {
                Self::Lost(format!("the peer's QUIC gave up ({})", close.error_code))
            }
            error => Self::Lost(error.to_string()),
        }
    }
}

/// The error of a stream that ended on its own: the reason is the connection's, if it has one.
fn abandoned(connection: &Connection, error: impl std::fmt::Display) -> WireError {
    match connection.close_reason() {
        Some(reason) => reason.into(),
        None => WireError::Lost(error.to_string()),
    }
}

/// An address as a person knows it: no IPv6 form of an IPv4 address.
fn plain(address: SocketAddr) -> SocketAddr {
    dialable(address)
}

/// The hash of the certificate that the listener of `connection` showed.
fn peer_certificate(connection: &Connection) -> Option<[u8; 32]> {
    let chain = connection.peer_identity()?;
    chain.first().map(certificate_hash)
}

/// Whether [`driver`] is our own, which takes care of batches and of the path's MTU.
const OWN_DRIVER: bool = cfg!(all(target_os = "linux", not(feature = "portable-quic")));
/// Packets taken at once: some 370 KiB of full ones.
const READ_CHUNKS: usize = 256;
