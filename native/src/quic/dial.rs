//! The side that dials.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, Instant},
};

use compio::time;
use futures_util::future::join;
use quinn_proto::{ClientConfig, TransportErrorCode};

use super::{
    QuicWire, Tuning, client_config,
    driver::{Connection, ConnectionError, Endpoint},
    endpoint_config, peer_certificate, socket,
};
use crate::{Error, identity::SERVER_NAME};

/// Dials listeners, several at once if need be.
#[derive(Debug)]
pub struct Dialler {
    v4: Option<Endpoint>,
    v6: Option<Endpoint>,
    config: ClientConfig,
    tuning: Tuning,
}

impl Dialler {
    /// A dialler from `bind`, or from any address of either family.
    ///
    /// # Errors
    /// [`Error::Network`] when no socket can be had, [`Error::Internal`] when TLS cannot be set up.
    pub fn new(bind: Option<IpAddr>) -> Result<Self, Error> {
        Self::with_tuning(bind, Tuning::default())
    }

    /// A dialler with numbers of its own.
    ///
    /// # Errors
    /// As [`Dialler::new`].
    pub fn with_tuning(bind: Option<IpAddr>, tuning: Tuning) -> Result<Self, Error> {
        let mut dialler = Self {
            v4: None,
            v6: None,
            config: client_config()?,
            tuning,
        };
        match bind {
            Some(ip) => {
                let endpoint = dialler.open(ip).map_err(|source| Error::Network {
                    doing: format!("cannot send from {ip}"),
                    source,
                })?;
                *if ip.is_ipv4() {
                    &mut dialler.v4
                } else {
                    &mut dialler.v6
                } = Some(endpoint);
            }
            None => {
                let v4 = dialler.open(Ipv4Addr::UNSPECIFIED.into());
                let v6 = dialler.open(Ipv6Addr::UNSPECIFIED.into());
                match (v4, v6) {
                    (Err(source), Err(_)) => {
                        return Err(Error::Network {
                            doing: "cannot open a UDP socket".into(),
                            source,
                        });
                    }
                    (v4, v6) => (dialler.v4, dialler.v6) = (v4.ok(), v6.ok()),
                }
            }
        }
        Ok(dialler)
    }

    fn open(&mut self, ip: IpAddr) -> std::io::Result<Endpoint> {
        let socket = socket::bind((ip, 0).into(), false, self.tuning.socket_buffer)?;
        self.tuning = self
            .tuning
            .clone()
            .fitted_to(socket::receive_buffer(&socket));
        Endpoint::new(socket, endpoint_config(), None, None)
    }

    /// Connects to `peer` and opens the stream; `timeout` bounds all of it.
    ///
    /// A peer that serves too many strangers at the moment is asked again until the time is over.
    /// The peer sees the wire when the first bytes are written.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nobody who speaks this protocol answers in time, [`Error::Network`]
    /// when this machine cannot reach such an address, [`Error::Session`] when the peer breaks TLS.
    pub async fn dial(&self, peer: SocketAddr, timeout: Duration) -> Result<QuicWire, Error> {
        let peer = socket::dialable(peer);
        let deadline = Instant::now() + timeout;
        match time::timeout_at(deadline, self.connect(peer)).await {
            Ok(wire) => wire,
            Err(_) => Err(silent(peer)),
        }
    }

    async fn connect(&self, peer: SocketAddr) -> Result<QuicWire, Error> {
        let unreachable = |source| Error::Network {
            doing: format!("cannot reach {peer}"),
            source,
        };
        let endpoint = if peer.is_ipv4() { &self.v4 } else { &self.v6 };
        let endpoint = endpoint.as_ref().ok_or_else(|| {
            let family = if peer.is_ipv4() { "IPv4" } else { "IPv6" };
            unreachable(std::io::Error::other(format!("no {family} socket")))
        })?;
        let mut config = self.config.clone();
        config.transport_config(self.tuning.transport_of_driver(peer));
        loop {
            let connecting = endpoint
                .connect(peer, SERVER_NAME, config.clone())
                .map_err(|error| unreachable(std::io::Error::other(error)))?;
            match connecting.await {
                Ok(connection) => return self.open_stream(connection, peer).await,
                Err(ConnectionError::ConnectionClosed(close))
                    if close.error_code == TransportErrorCode::CONNECTION_REFUSED =>
                {
                    time::sleep(RETRY).await;
                }
                Err(error) => return Err(failed(peer, &error)),
            }
        }
    }

    async fn open_stream(
        &self,
        connection: Connection,
        peer: SocketAddr,
    ) -> Result<QuicWire, Error> {
        let certificate = peer_certificate(&connection)
            .ok_or_else(|| Error::Internal("TLS: no certificate of the peer".into()))?;
        let stream = connection
            .open_bi_wait()
            .await
            .map_err(|error| failed(peer, &error))?;
        QuicWire::new(connection, stream, certificate, self.tuning.stream_window)
    }

    /// Ends all wires of this dialler and waits, for a moment at most, until the peers were told.
    pub async fn shutdown(self) {
        let end = async |endpoint: Option<Endpoint>| {
            if let Some(endpoint) = endpoint {
                endpoint.close(0u32.into(), b"");
                let _ = time::timeout(FAREWELL, endpoint.shutdown()).await;
            }
        };
        join(end(self.v4), end(self.v6)).await;
    }
}

fn silent(peer: SocketAddr) -> Error {
    Error::NotFound(format!(
        "{peer} does not answer; check the address, and that no firewall keeps UDP port {} closed",
        peer.port()
    ))
}

/// Why a connection was not made.
fn failed(peer: SocketAddr, error: &ConnectionError) -> Error {
    let code = match error {
        ConnectionError::TransportError(error) => Some(error.code),
        ConnectionError::ConnectionClosed(close) => Some(close.error_code),
        _ => None,
    };
    let session = |error| Error::Session {
        peer: Some(peer),
        error,
    };
    match (code, error) {
        (Some(code), _) if code == TransportErrorCode::crypto(NO_APPLICATION_PROTOCOL) => {
            Error::Version { peer }
        }
        (Some(_), ConnectionError::TransportError(_)) => session(shared::Error::Malformed(
            "its certificate or its QUIC does not hold",
        )),
        (_, ConnectionError::VersionMismatch | ConnectionError::TimedOut) => Error::NotFound(
            format!("{peer} does not answer as Hayate does; check the address and the port"),
        ),
        _ => session(shared::Error::Disconnected),
    }
}

/// The TLS alert of a listener that knows none of the protocols named (RFC 7301, 3.2).
const NO_APPLICATION_PROTOCOL: u8 = 120;
/// How long to wait before a busy listener is asked again.
const RETRY: Duration = Duration::from_millis(300);
/// How long a shutdown may wait for the peers.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);
