//! What browsers are served: the page, and wires over WebTransport and over requests.
//!
//! One thread with one tokio runtime does all of it and hands wires over to the sender's thread; nothing else of the
//! crate knows tokio.
//!
//! | module | what it holds |
//! |---|---|
//! | `door` | the TCP port: https and http, bounded connections |
//! | `page` | the check of every request, the headers of every answer, the files |
//! | `assets` | the list of the files |
//! | `fetch` | wires over requests |
//! | `lane` | lanes over requests |
//! | `webtransport` | wires over WebTransport |
//! | `wire` | the two sides of a browser's wire |
//! | `address` | the URL that people open |

mod address;
mod assets;
mod door;
mod fetch;
mod lane;
mod page;
mod webtransport;
mod wire;

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    sync::Arc,
    thread,
    time::Duration,
};

use compio::time;
use futures_util::future::{OptionFuture, join};
use shared::discovery::PORT as BEACON_PORT;
use socket2::{Domain, Protocol, Socket, Type};
use tokio_rustls::TlsAcceptor;

pub(crate) use address::{own_url, page_url};
pub(crate) use lane::LaneDesk;
pub(crate) use wire::WebWire;

use crate::{
    Error,
    identity::{Identity, provider},
    options::is_on,
    places::Places,
    quic::{SharedPort, Tuning, on_one_or_all, udp_socket},
};
use webtransport::Sessions;

/// Serves browsers until it is dropped or shut down.
#[derive(Debug)]
pub(crate) struct WebServer {
    webtransport: Option<u16>,
    wires: flume::Receiver<WebWire>,
    desk: LaneDesk,
    stay: Option<flume::Sender<Infallible>>,
    done: flume::Receiver<Infallible>,
}

/// What a [`WebServer`] serves with.
pub(crate) struct WebOptions {
    /// The address it was bound to, or all of them.
    pub(crate) bind: Option<IpAddr>,
    /// Only addresses of this interface are served.
    pub(crate) interface: Option<String>,
    /// The places that are shared with other carriers.
    pub(crate) strangers: Places,
}

/// The TCP port `port`, on the address `bind` or on all of this machine.
pub(crate) fn listen(bind: Option<IpAddr>, port: u16) -> io::Result<TcpListener> {
    on_one_or_all(bind, |ip| {
        let address = SocketAddr::from((ip, port));
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(bind.is_some_and(|ip| !ip.is_unspecified()))?;
        }
        // Connections of a run before this one must not keep the port; elsewhere this would share it.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    })
}

impl WebServer {
    /// Starts the thread that serves `listener`, and WebTransport: on the UDP port of the same number where that is
    /// `shared`, else on another one where one can be had.
    ///
    /// # Errors
    /// [`Error::Internal`] when TLS, the runtime or the thread cannot be had.
    pub(crate) fn start(
        listener: TcpListener,
        shared: Option<SharedPort>,
        identity: &Identity,
        options: WebOptions,
    ) -> Result<Self, Error> {
        let internal = |error: io::Error| Error::Internal(format!("web server: {error}"));
        let port = listener.local_addr().map_err(internal)?.port();
        let door = match shared {
            Some(shared) => Some(UdpDoor::Shared(shared)),
            None => webtransport_socket(options.bind, port).map(UdpDoor::Own),
        };
        let webtransport = match &door {
            Some(UdpDoor::Shared(_)) => Some(port),
            Some(UdpDoor::Own(socket)) => Some(socket.local_addr().map_err(internal)?.port()),
            None => None,
        };
        let tls = TlsAcceptor::from(Arc::new(tls(identity)?));
        let (found, wires) = flume::unbounded();
        let (stay, leave) = flume::bounded(0);
        let (finish, done) = flume::bounded(0);
        let site = Arc::new(Site {
            port,
            webtransport,
            certificate: identity.certificate_hash(),
            interface: options.interface,
            strangers: options.strangers,
            rooms: Places::new(ROOMS, ROOMS_PER_ADDRESS),
            friends_rooms: Places::new(ROOMS_PER_ADDRESS, ROOMS_PER_ADDRESS),
            friends: Places::for_all(),
            wires: fetch::Wires::default(),
            lanes: lane::Lanes::default(),
            found,
        });
        let desk = LaneDesk(Arc::clone(&site));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(internal)?;
        let entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).map_err(internal)?;
        let sessions = door.map(|door| Sessions::new(door, identity));
        let sessions = sessions.transpose()?;
        drop(entered);
        let leave = Leave(leave);
        let serve = async move {
            let sessions = OptionFuture::from(
                sessions.map(|sessions| sessions.attend(Arc::clone(&site), leave.clone())),
            );
            join(door::attend(listener, site, tls, leave.clone()), sessions).await;
            drop(finish);
        };
        thread::Builder::new()
            .name("hayate-web".into())
            .spawn(move || runtime.block_on(serve))
            .map_err(internal)?;
        Ok(Self {
            webtransport,
            wires,
            desk,
            stay: Some(stay),
            done,
        })
    }

    /// The UDP port of WebTransport, where there is one.
    pub(crate) fn webtransport(&self) -> Option<u16> {
        self.webtransport
    }

    /// Where sessions over WebTransport ask for lanes.
    pub(crate) fn desk(&self) -> &LaneDesk {
        &self.desk
    }

    /// The next browser that has sent its first bytes.
    pub(crate) async fn accept(&self) -> Option<WebWire> {
        self.wires.recv_async().await.ok()
    }

    /// Ends everything, and waits a moment until browsers were told.
    pub(crate) async fn shutdown(mut self) {
        self.stay = None;
        // Wires that nobody took are closed.
        self.wires.drain();
        let _ = time::timeout(FAREWELL + SLACK, self.done.recv_async()).await;
    }
}

/// Where WebTransport comes in.
enum UdpDoor {
    Shared(SharedPort),
    Own(UdpSocket),
}

/// A socket for WebTransport, on a free port near `port`.
fn webtransport_socket(bind: Option<IpAddr>, port: u16) -> Option<UdpSocket> {
    let near = port..=port.saturating_add(NEAR);
    near.filter(|near| *near != BEACON_PORT).find_map(|near| {
        on_one_or_all(bind, |ip| udp_socket((ip, near).into(), &Tuning::default())).ok()
    })
}

fn tls(identity: &Identity) -> Result<rustls::ServerConfig, Error> {
    let internal = |error: rustls::Error| Error::Internal(format!("TLS: {error}"));
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(internal)?
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate().clone()], identity.key())
        .map_err(internal)?;
    // HTTP/2 brings a download to half the speed, and its own ways to flood.
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    tls.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    tls.send_tls13_tickets = 0;
    Ok(tls)
}

/// What all connections share.
#[derive(Debug)]
struct Site {
    port: u16,
    webtransport: Option<u16>,
    certificate: [u8; 32],
    interface: Option<String>,
    strangers: Places,
    rooms: Places,
    friends_rooms: Places,
    /// Those that have proved the code, as long as their wires last.
    friends: Places,
    wires: fetch::Wires,
    lanes: lane::Lanes,
    found: flume::Sender<WebWire>,
}

impl Site {
    /// Whether `local`, an address of this machine, is for browsers.
    fn serves(&self, local: IpAddr) -> bool {
        is_on(self.interface.as_deref(), local)
    }
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tells every task when it is time to go.
#[derive(Debug, Clone)]
struct Leave(flume::Receiver<Infallible>);

impl Leave {
    async fn wait(&self) {
        // Nothing is ever sent: it is an error when the sender is done.
        let _ = self.0.recv_async().await;
    }
}

/// TCP connections at a time, and those of one address.
const ROOMS: usize = 64;
const ROOMS_PER_ADDRESS: usize = 16;
/// Connections that wait to be taken.
const BACKLOG: i32 = 128;
/// How far from the page's port that of WebTransport may be.
const NEAR: u16 = 40;
/// How long browsers that are inside may take to hear the end.
const FAREWELL: Duration = Duration::from_millis(800);
const SLACK: Duration = Duration::from_millis(200);
