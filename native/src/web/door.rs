//! The TCP port: https and http by the first byte, and no more connections than this machine can bear.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Body};
use futures_util::{FutureExt as _, select_biased};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{FAREWELL, Leave, Site, page};
use crate::quic::dialable;

/// One connection of a browser, as its requests see it.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    /// The other end.
    pub(super) peer: SocketAddr,
    /// The address of this machine that it came to.
    pub(super) local: IpAddr,
    /// Whether it is https.
    pub(super) secure: bool,
    departures: Arc<Mutex<Vec<flume::Sender<()>>>>,
}

impl Guest {
    pub(super) fn new(peer: SocketAddr, local: IpAddr, secure: bool) -> Self {
        Self {
            peer,
            local,
            secure,
            departures: Arc::default(),
        }
    }

    /// Answers `departed` once everything was written and the connection ended well; otherwise only drops it.
    pub(super) fn on_departure(&self, departed: flume::Sender<()>) {
        let mut departures = self
            .departures
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        departures.push(departed);
    }

    fn depart(&self) {
        let mut departures = self
            .departures
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for departed in departures.drain(..) {
            let _ = departed.send(());
        }
    }
}

/// Lets browsers in until `leave`, then gives those that are inside a moment.
pub(super) async fn attend(listener: TcpListener, site: Arc<Site>, tls: TlsAcceptor, leave: Leave) {
    let router = page::router(Arc::clone(&site));
    let mut inside = JoinSet::new();
    loop {
        let accepted = select_biased! {
            () = leave.wait().fuse() => break,
            accepted = listener.accept().fuse() => accepted,
        };
        while inside.try_join_next().is_some() {}
        let Ok((stream, peer)) = accepted else {
            // No descriptor is left, or the connection broke before it was taken.
            sleep(PAUSE).await;
            continue;
        };
        let peer = dialable(peer);
        // Who pairs is not shut out by strangers.
        let rooms = match site.friends.has(peer.ip()) {
            true => &site.friends_rooms,
            false => &site.rooms,
        };
        let Some(room) = rooms.take(peer.ip()) else {
            continue;
        };
        let (site, router) = (Arc::clone(&site), router.clone());
        let (tls, leave) = (tls.clone(), leave.clone());
        inside.spawn(async move {
            let _ = welcome(stream, peer, site, router, tls, leave).await;
            drop(room);
        });
    }
    drop(listener);
    let _ = timeout(FAREWELL, async {
        while inside.join_next().await.is_some() {}
    })
    .await;
}

async fn welcome(
    stream: TcpStream,
    peer: SocketAddr,
    site: Arc<Site>,
    router: Router,
    tls: TlsAcceptor,
    leave: Leave,
) -> Option<()> {
    let local = dialable(stream.local_addr().ok()?).ip();
    if !site.serves(local) {
        return None;
    }
    let _ = stream.set_nodelay(true);
    notice_silence(&stream);
    let mut first = [0];
    let read = timeout(PATIENCE, stream.peek(&mut first))
        .await
        .ok()?
        .ok()?;
    if read == 0 {
        return None;
    }
    let secure = first[0] == TLS_HANDSHAKE;
    let guest = Guest::new(peer, local, secure);
    if secure {
        let stream = timeout(PATIENCE, tls.accept(stream)).await.ok()?.ok()?;
        serve(stream, guest, &site, router, leave).await
    } else {
        serve(stream, guest, &site, router, leave).await
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: S,
    guest: Guest,
    site: &Site,
    router: Router,
    leave: Leave,
) -> Option<()> {
    let (port, webtransport) = (site.port, site.webtransport);
    let visitor = guest.clone();
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let request = request.map(Body::new);
        page::answer(router.clone(), port, visitor.clone(), webtransport, request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // From the end of the request before it, so it is for idle connections as well.
        .header_read_timeout(PATIENCE)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let result = select_biased! {
        result = connection.as_mut().fuse() => result,
        () = leave.wait().fuse() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    result.ok()?;
    guest.depart();
    Some(())
}

/// A browser without a network sends no farewell: the system shall notice.
fn notice_silence(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let probes = TcpKeepalive::new().with_time(PROBE).with_interval(PROBE);
    let _ = socket.set_tcp_keepalive(&probes);
    // For data that is not acknowledged, and for a browser that no longer reads.
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(SILENCE));
}

/// The first byte of every TLS connection: a record with a handshake message (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// How long a browser may take for a TLS handshake, and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a request's head, and of an answer that waits to be written.
const MAX_HEAD: usize = 64 << 10;
/// Between two looks for a connection where none can be taken.
const PAUSE: Duration = Duration::from_millis(50);
/// Between two signs of life on a silent connection.
const PROBE: Duration = Duration::from_secs(4);
/// How long a browser may leave bytes unacknowledged or unread: one in the background of a phone reads late.
#[cfg(target_os = "linux")]
const SILENCE: Duration = Duration::from_secs(30);
