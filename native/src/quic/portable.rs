//! QUIC for systems without a driver of our own: compio-quic.

use std::{io, net::UdpSocket};

use compio_quic::{ClientConfig, ConnectError, EndpointConfig, ServerConfig};

use super::shared_port::Guest;

pub(super) use compio_quic::{
    Connecting, Connection, ConnectionError, Incoming, ReadError, RecvStream, SendStream,
    StoppedError, WriteError,
};

/// A UDP socket that speaks QUIC.
#[derive(Debug, Clone)]
pub(super) struct Endpoint(compio_quic::Endpoint);

impl Endpoint {
    pub(super) fn new(
        socket: UdpSocket,
        config: EndpointConfig,
        server: Option<ServerConfig>,
        _guest: Option<Guest>,
    ) -> io::Result<Self> {
        let socket = compio::net::UdpSocket::from_std(socket)?;
        compio_quic::Endpoint::new(socket, config, server, None).map(Self)
    }

    pub(super) fn connect(
        &self,
        peer: std::net::SocketAddr,
        name: &str,
        config: ClientConfig,
    ) -> Result<Connecting, ConnectError> {
        self.0.connect(peer, name, Some(config))
    }

    pub(super) async fn wait_incoming(&self) -> Option<Incoming> {
        self.0.wait_incoming().await
    }

    pub(super) fn close(&self, code: compio_quic::VarInt, reason: &[u8]) {
        self.0.close(code, reason);
    }

    pub(super) async fn shutdown(self) {
        let _ = self.0.shutdown().await;
    }
}

/// Waits for the end of a connection, and says what it was. Dropping the future changes nothing.
pub(super) async fn ended(connection: &Connection) -> ConnectionError {
    // `Connection::closed` would stop the connection when its future is dropped. The peer may open no such stream, so
    // this ends with the connection and only then.
    loop {
        if let Err(error) = connection.accept_uni().await {
            return error;
        }
    }
}
