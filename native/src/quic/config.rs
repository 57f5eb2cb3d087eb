//! How Hayate speaks QUIC: the measured numbers, and TLS without anything that could be replayed or
//! resumed.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use quinn_proto::{
    AckFrequencyConfig, ClientConfig, EndpointConfig, MtuDiscoveryConfig, ServerConfig,
    TransportConfig, ValidationTokenConfig, VarInt,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use rustls::{client::Resumption, server::NoServerSessionStorage, version::TLS13};

use super::{OWN_DRIVER, congestion::Congestion, marker, socket};
use crate::{
    Error,
    identity::{Identity, KeyProof, has_aes, provider},
};

/// The numbers that decide how fast a connection is; the defaults are the measured best.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// Bytes the peer may send ahead of what was read.
    pub stream_window: u32,
    /// Bytes sent before the first acknowledgement says how much the path takes.
    pub initial_window: u64,
    /// Packets the peer may receive before it has to acknowledge.
    pub ack_threshold: u32,
    /// SO_RCVBUF and SO_SNDBUF, bytes; the system may give less.
    pub socket_buffer: usize,
    /// UDP payload of a full packet, bytes; `None` chooses by the route.
    pub datagram: Option<u16>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            // veth, 512 MiB: 1, 2 and 4 MiB are alike and lose nothing; 8 MiB, more than the socket
            // buffer, loses 800 to 9000 packets.
            stream_window: 4 << 20,
            // veth: 0.70 GiB/s with 1 or 4 MiB, 0.43 with the usual 14 KiB. Into 100 Mbit/s with a
            // queue of 256 KiB, 700 of 22 k packets are lost, 540 of them because the first MiB does not fit.
            initial_window: 1 << 20,
            // Makes no difference while flow control is the limit; where the congestion window is,
            // 64 instead of 1 halves the CPU time (6.8 to 3.1 s/GiB), as acknowledgements of a few
            // packets let out batches of a few packets.
            ack_threshold: 32,
            socket_buffer: 4 << 20,
            datagram: None,
        }
    }
}

impl Tuning {
    /// These numbers with a window that a socket with `receive_buffer` bytes of room can take.
    pub(crate) fn fitted_to(mut self, receive_buffer: usize) -> Self {
        let room = u32::try_from(receive_buffer).unwrap_or(u32::MAX);
        self.stream_window = self.stream_window.min(room.max(MIN_WINDOW));
        self
    }

    /// The transport parameters towards `peer`, for any driver.
    pub fn transport(&self, peer: SocketAddr) -> Arc<TransportConfig> {
        Arc::new(self.parameters(socket::route_payload(peer)))
    }

    /// The transport parameters towards `peer`, for the driver that [`super::driver`] is.
    pub(super) fn transport_of_driver(&self, peer: SocketAddr) -> Arc<TransportConfig> {
        let route = socket::route_payload(peer);
        let mut transport = self.parameters(route);
        if OWN_DRIVER {
            // It never makes a batch too large, and the system keeps its packets whole.
            transport.enable_segmentation_offload(true);
            if self.datagram.is_none() {
                let mut discovery = MtuDiscoveryConfig::default();
                let most = route.and_then(|route| u16::try_from(route).ok());
                discovery.upper_bound(most.unwrap_or(DATAGRAM).clamp(1200, LOOPBACK_DATAGRAM));
                transport.mtu_discovery_config(Some(discovery));
            }
        }
        Arc::new(transport)
    }

    fn parameters(&self, route: Option<usize>) -> TransportConfig {
        let datagram = self.datagram.unwrap_or_else(|| match route {
            Some(route) if route >= usize::from(LOOPBACK_DATAGRAM) => LOOPBACK_DATAGRAM,
            // Above the interface's own size nothing leaves, and the system turns GSO off.
            Some(route) => DATAGRAM.min(u16::try_from(route).unwrap_or(DATAGRAM)),
            None => DATAGRAM,
        });
        let mut acknowledgements = AckFrequencyConfig::default();
        acknowledgements
            .ack_eliciting_threshold(self.ack_threshold.into())
            .max_ack_delay(Some(Duration::from_millis(5)));
        let congestion = Congestion {
            initial_window: self.initial_window,
        };

        let mut transport = TransportConfig::default();
        transport
            .initial_mtu(datagram)
            // Black holes are found by loss: 1200 bytes always pass (RFC 9000, 14).
            .min_mtu(1200)
            .mtu_discovery_config(None)
            .enable_segmentation_offload(datagram <= MAX_OFFLOADED)
            .stream_receive_window(self.stream_window.into())
            // All a stranger can make this side hold; `authenticated` opens it.
            .receive_window(STRANGER_WINDOW.into())
            .send_window(SEND_WINDOW)
            .max_concurrent_bidi_streams(1u32.into())
            .max_concurrent_uni_streams(0u32.into())
            .datagram_receive_buffer_size(None)
            .ack_frequency_config(Some(acknowledgements))
            .congestion_controller_factory(Arc::new(congestion))
            // The first packets on a LAN are often lost to address resolution, or come before the peer listens: they are
            // repeated after 15 ms, and then ever more slowly.
            .initial_rtt(Duration::from_millis(5))
            .max_idle_timeout(Some(VarInt::from_u32(IDLE_MILLIS).into()))
            .keep_alive_interval(Some(KEEP_ALIVE))
            // Packets that overtake each other, as radio links have them, are no loss: RFC 9002 (6.1) says 3 and 9/8 for
            // paths where waiting is dear. Here 1 ms passes before the timer even counts.
            .packet_threshold(32)
            .time_threshold(2.0)
            .allow_spin(false);
        transport
    }
}

/// The endpoint parameters of both sides.
pub fn endpoint_config() -> EndpointConfig {
    let mut config = EndpointConfig::default();
    config
        .max_udp_payload_size(MAX_DATAGRAM)
        .expect("the constant is in range");
    config
}

/// The TLS and transport side of a listener; [`Tuning::transport`] is set for each peer.
///
/// # Errors
/// [`Error::Internal`] when `identity` is unusable.
pub fn server_config(identity: &Identity) -> Result<ServerConfig, Error> {
    server_config_for(identity, ALPN)
}

/// As [`server_config`], for a protocol of another name.
///
/// # Errors
/// As for [`server_config`].
pub fn server_config_for(identity: &Identity, alpn: &[u8]) -> Result<ServerConfig, Error> {
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(internal)?
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate().clone()], identity.key())
        .map_err(internal)?;
    tls.alpn_protocols = vec![alpn.to_vec()];
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    tls.send_tls13_tickets = 0;
    tls.max_early_data_size = 0;
    tls.cert_compressors.clear();
    tls.cert_decompressors.clear();
    // The side without AES hardware is the slower one: let it choose.
    tls.ignore_client_order = !has_aes();
    let tls = QuicServerConfig::try_from(tls).map_err(internal)?;

    let mut tokens = ValidationTokenConfig::default();
    tokens.sent(0);
    let mut config = ServerConfig::with_crypto(Arc::new(tls));
    config
        .validation_token_config(tokens)
        .migration(false)
        .max_incoming(32)
        .incoming_buffer_size(64 << 10)
        .incoming_buffer_size_total(1 << 20);
    Ok(config)
}

/// The TLS and transport side of a dialler; [`Tuning::transport`] is set for each peer.
///
/// # Errors
/// [`Error::Internal`] when the provider lacks what QUIC needs.
pub fn client_config() -> Result<ClientConfig, Error> {
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(internal)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(KeyProof::new()))
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.resumption = Resumption::disabled();
    tls.enable_sni = false;
    tls.enable_early_data = false;
    tls.cert_compressors.clear();
    tls.cert_decompressors.clear();
    let tls = QuicClientConfig::try_from(tls).map_err(internal)?;
    let mut config = ClientConfig::new(Arc::new(tls));
    config.initial_dst_cid_provider(Arc::new(marker::first_id));
    Ok(config)
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("TLS: {error}"))
}

/// The protocol both sides must name.
pub const ALPN: &[u8] = b"hayate/7";

/// UDP payload on a route of 1500 bytes, IPv4 or IPv6. 1200 costs a fifth more CPU. Where a router
/// takes only 1280 the connection falls back to 1200 after some 2900 lost packets, still in the first
/// second.
const DATAGRAM: u16 = 1452;
/// UDP payload on loopback: 0.96 GiB/s and 1.1 s/GiB of CPU for both ends, 0.41 and 2.7 with 1452.
const LOOPBACK_DATAGRAM: u16 = 65_000;
/// Larger packets are not batched: 32 of them would exceed the 64 KiB of one GSO send, and
/// compio-quic drops such a send silently.
const MAX_OFFLOADED: u16 = 2040;
/// The largest UDP payload this side takes.
const MAX_DATAGRAM: u16 = 65_527;
/// Bytes a peer may send ahead before it has proved that it knows the code.
const STRANGER_WINDOW: u32 = 16 << 10;
/// The smallest window, whatever the socket buffer: what 800 Mbit/s of Wi-Fi have under way in 5 ms.
/// With the 208 KiB of a stock Linux, 1 MiB instead of 208 KiB loses 1 % on veth at equal speed.
const MIN_WINDOW: u32 = 512 << 10;
/// Bytes written and not yet acknowledged that are held for retransmission.
const SEND_WINDOW: u64 = 6 << 20;
/// Milliseconds of silence after which a peer is gone.
const IDLE_MILLIS: u32 = 15_000;
const KEEP_ALIVE: Duration = Duration::from_secs(3);
