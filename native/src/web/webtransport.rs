//! The wire of browsers with WebTransport: one session a connection, one bidirectional stream, opened by the browser
//! (PROTOCOL.md, "Transports").

use std::{io, net::SocketAddr, pin::pin, sync::Arc};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::pending, select_biased};
use quinn::{
    Connecting, Endpoint, EndpointConfig, Incoming, MtuDiscoveryConfig, ReadError, ServerConfig,
    TokioRuntime, TransportConfig, WriteError,
};
use tokio::time::timeout;
use wtransport::{
    Connection, RecvStream, SendStream, VarInt, endpoint::IncomingSessionFuture,
    error::ConnectionError,
};

use super::{
    FAREWELL, Leave, Site, UdpDoor,
    wire::{Far, Order, Outgoing, wire},
};
use crate::{
    Error,
    identity::Identity,
    places::{Admission, Place},
    quic::{DEADLINE, Tuning, dialable, receive_buffer, server_config_for},
    wire::{Carrier, WireError},
};

/// Accepts the sessions of browsers.
pub(super) struct Sessions {
    endpoint: Endpoint,
    config: ServerConfig,
    tuning: Tuning,
}

impl Sessions {
    /// Serves the sessions that come in by `door`; needs a tokio runtime.
    pub(super) fn new(door: UdpDoor, identity: &Identity) -> Result<Self, Error> {
        let config = server_config_for(identity, wtransport::proto::WEBTRANSPORT_ALPN)?;
        let network = |source: io::Error| Error::Network {
            doing: "cannot serve WebTransport".into(),
            source,
        };
        let (parameters, server) = (EndpointConfig::default(), Some(config.clone()));
        let runtime = Arc::new(TokioRuntime);
        let (tuning, endpoint) = match door {
            UdpDoor::Own(socket) => (
                Tuning::default().fitted_to(receive_buffer(&socket)),
                Endpoint::new(parameters, server, socket, runtime),
            ),
            UdpDoor::Shared(port) => {
                let port = Arc::new(port);
                (
                    Tuning::default(),
                    Endpoint::new_with_abstract_socket(parameters, server, port, runtime),
                )
            }
        };
        let endpoint = endpoint.map_err(network)?;
        Ok(Self {
            endpoint,
            config,
            tuning,
        })
    }

    /// Lets browsers in until `leave`, then tells those that are inside.
    pub(super) async fn attend(self, site: Arc<Site>, leave: Leave) {
        loop {
            let incoming = select_biased! {
                () = leave.wait().fuse() => break,
                incoming = self.endpoint.accept().fuse() => incoming,
            };
            let Some(incoming) = incoming else { break };
            if let Some((connecting, place)) = self.admit(&site, incoming) {
                let (site, window) = (Arc::clone(&site), self.tuning.stream_window);
                tokio::spawn(async move {
                    let newcomer = timeout(DEADLINE, welcome(connecting)).await;
                    if let Ok(Some(newcomer)) = newcomer {
                        newcomer.carry(&site, place, window).await;
                    }
                });
            }
        }
        self.endpoint.close(0u32.into(), b"");
        let _ = timeout(FAREWELL, self.endpoint.wait_idle()).await;
    }

    fn admit(&self, site: &Site, incoming: Incoming) -> Option<(Connecting, Place)> {
        let peer = dialable(incoming.remote_address());
        let place = match site.strangers.admit(peer.ip(), incoming.may_retry()) {
            Admission::Enter(place) => place,
            Admission::Refuse => {
                incoming.refuse();
                return None;
            }
            Admission::Prove => {
                let _ = incoming.retry();
                return None;
            }
        };
        let mut config = self.config.clone();
        config.transport_config(self.transport(peer));
        let connecting = incoming.accept_with(Arc::new(config)).ok()?;
        Some((connecting, place))
    }

    /// The numbers of the native connections, with what HTTP/3 needs besides.
    fn transport(&self, peer: SocketAddr) -> Arc<TransportConfig> {
        let mut transport = self.tuning.transport(peer);
        let mut search = MtuDiscoveryConfig::default();
        search.upper_bound(MAX_DATAGRAM);
        Arc::get_mut(&mut transport)
            .expect("nobody else has it yet")
            .initial_mtu(MIN_DATAGRAM)
            .mtu_discovery_config(Some(search))
            .enable_segmentation_offload(true)
            .max_concurrent_bidi_streams(STREAMS.into())
            .max_concurrent_uni_streams(UNI_STREAMS.into())
            // Browsers insist on datagrams; what comes is dropped.
            .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER));
        transport
    }
}

/// A session with the first bytes of its stream.
struct Newcomer {
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
    first: Bytes,
}

/// Takes a browser from its first packet to its first byte.
async fn welcome(connecting: Connecting) -> Option<Newcomer> {
    let request = IncomingSessionFuture::with_quic_connecting(connecting)
        .await
        .ok()?;
    if request.path() != PATH {
        request.not_found().await;
        return None;
    }
    let connection = request.accept().await.ok()?;
    let (send, mut recv) = connection.accept_bi().await.ok()?;
    let first = read(&mut recv).await.ok()??;
    Some(Newcomer {
        connection,
        send,
        recv,
        first,
    })
}

impl Newcomer {
    /// Hands the wire over and carries its bytes until it ends.
    async fn carry(self, site: &Site, place: Place, window: u32) {
        let Self {
            connection,
            mut send,
            mut recv,
            first,
        } = self;
        let peer = dialable(connection.remote_address());
        let (wire, far) = wire(peer, Carrier::WebTransport, site.certificate, place);
        let Far {
            incoming,
            outgoing,
            orders,
            fate,
        } = far;
        // There is room for it, and a sender that is done wants none.
        let _ = incoming.send(first);
        let _ = site.found.send(wire);

        let mut reading = pin!(bring(&mut recv, incoming.clone()).fuse());
        let mut writing = pin!(take(&mut send, outgoing).fuse());
        let mut obeying = pin!(obey(&connection, orders, window, site).fuse());
        let mut ending = pin!(end(&connection).fuse());
        // Dropped at the end of the browser's half, or else after `fate` knows why the wire is over.
        let mut incoming = Some(incoming);
        let reason = loop {
            select_biased! {
                code = obeying => {
                    connection.close(VarInt::from_u32(code), b"");
                    break WireError::Lost("it was closed here".into());
                }
                half = reading => match half {
                    Half::Finished => {
                        fate.finished();
                        incoming = None;
                    }
                    Half::Unheard => {}
                    Half::Broken(reason) => break reason,
                },
                reason = writing => break reason,
                reason = ending => {
                    fate.over(reason.clone());
                    // What came before the end is still to be read.
                    let _ = timeout(FAREWELL, reading).await;
                    break reason;
                }
            }
        };
        fate.over(reason);
        drop((fate, incoming));
        connection.close(VarInt::from_u32(0), b"");
    }
}

async fn read(recv: &mut RecvStream) -> Result<Option<Bytes>, ReadError> {
    let chunk = recv.quic_stream_mut().read_chunk(MAX_READ, true).await?;
    Ok(chunk.map(|chunk| chunk.bytes))
}

/// How the browser's half of the stream ended.
enum Half {
    Finished,
    /// Nobody listens any more, or the connection is over and says why itself.
    Unheard,
    Broken(WireError),
}

/// Brings what the browser sends.
async fn bring(recv: &mut RecvStream, incoming: flume::Sender<Bytes>) -> Half {
    loop {
        match read(recv).await {
            Ok(Some(bytes)) => {
                if incoming.send_async(bytes).await.is_err() {
                    return Half::Unheard;
                }
            }
            Ok(None) => return Half::Finished,
            Err(ReadError::ConnectionLost(_)) => return Half::Unheard,
            Err(error) => return Half::Broken(WireError::Lost(error.to_string())),
        }
    }
}

/// Takes what is for the browser; ends only if the stream breaks on its own.
async fn take(send: &mut SendStream, outgoing: flume::Receiver<Outgoing>) -> WireError {
    let stream = send.quic_stream_mut();
    while let Ok(piece) = outgoing.recv_async().await {
        let written = match piece {
            Outgoing::Bytes(bytes) => stream.write_chunk(bytes).await,
            Outgoing::Finish(arrived) => {
                // Finishing twice is harmless: what matters is that everything has arrived.
                let _ = stream.finish();
                if let Ok(None) = stream.stopped().await {
                    let _ = arrived.send(());
                }
                Ok(())
            }
        };
        match written {
            Ok(()) => {}
            Err(WriteError::ConnectionLost(_)) => break,
            Err(error) => return WireError::Lost(error.to_string()),
        }
    }
    // Held, so that a session that still writes waits for the end of the connection.
    let _outgoing = outgoing;
    pending().await
}

/// Does what the session orders, and says with which code it closes.
async fn obey(
    connection: &Connection,
    orders: flume::Receiver<Order>,
    window: u32,
    site: &Site,
) -> u32 {
    let mut _friend = None;
    loop {
        match orders.recv_async().await {
            Ok(Order::Authenticated) => {
                _friend = site
                    .friends
                    .take(dialable(connection.remote_address()).ip());
                let window = window.saturating_mul(2);
                connection
                    .quic_connection()
                    .set_receive_window(window.into());
            }
            Ok(Order::Close(code)) => return code,
            Err(_) => return 0,
        }
    }
}

/// Waits for the end of the connection. The browser has its stream, so whatever it opens besides ends it as well.
async fn end(connection: &Connection) -> WireError {
    match connection.accept_bi().await {
        Ok(_) => WireError::Lost("the browser opened a stream it may not open".into()),
        Err(ConnectionError::ApplicationClosed(close)) => {
            let code = u32::try_from(close.code().into_inner());
            WireError::Closed(code.unwrap_or(u32::MAX))
        }
        Err(ConnectionError::TimedOut) => WireError::Silent,
        Err(ConnectionError::ConnectionClosed(_)) => {
            WireError::Lost("the browser's QUIC gave up".into())
        }
        Err(error) => WireError::Lost(error.to_string()),
    }
}

/// The path of the session, with the version of the protocol.
const PATH: &str = "/hayate/7";
/// Bytes taken out of the connection at once.
const MAX_READ: usize = 64 << 10;
/// The request of the session and the one stream of the wire.
const STREAMS: u32 = 2;
/// The control stream, two of QPACK (RFC 9114, 6.2), and one that only exercises extensibility (6.2.3).
const UNI_STREAMS: u32 = 4;
const DATAGRAM_BUFFER: usize = 4 << 10;
/// UDP payload that always passes (RFC 9000, 14), and the largest one worth searching for.
const MIN_DATAGRAM: u16 = 1200;
const MAX_DATAGRAM: u16 = 1452;
