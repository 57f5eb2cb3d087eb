//! The side that listens, and how it keeps strangers from costing it anything.

use std::{
    cell::Cell,
    io,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    time::Duration,
};

use compio::{runtime::JoinHandle, time};
use quinn_proto::ServerConfig;

use super::{
    OWN_DRIVER, QuicWire, SharedPort, Tuning,
    dial::FAREWELL,
    driver::{Connecting, Endpoint, Incoming},
    endpoint_config,
    marker::OwnIds,
    plain, server_config, shared_port, socket,
};
use crate::{
    Error,
    identity::Identity,
    options::is_on,
    places::{Admission, Place, Places},
};

/// What a [`Listener`] listens on.
#[derive(Debug, Clone)]
pub struct ListenOptions {
    /// The UDP port.
    pub port: Port,
    /// One address of this machine, or all of them.
    pub bind: Option<IpAddr>,
    /// The only interface whose addresses may be dialled, or all of them.
    pub interface: Option<String>,
    /// The numbers of the connections.
    pub tuning: Tuning,
}

/// How much a port number matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// This one or none; 0 is any free one.
    Exactly(u16),
    /// This one, or the next free one of the 20 that follow.
    From(u16),
}

impl Port {
    pub(crate) fn candidates(self) -> std::ops::RangeInclusive<u16> {
        match self {
            Self::Exactly(port) => port..=port,
            Self::From(port) => port..=port.saturating_add(20),
        }
    }
}

/// Accepts the wires of peers that dial, strangers until they prove that they know the code.
#[derive(Debug)]
pub struct Listener {
    endpoint: Endpoint,
    local: SocketAddr,
    interface: Option<String>,
    lets_in: Rc<Cell<bool>>,
    wires: flume::Receiver<QuicWire>,
    strangers: Places,
    worker: JoinHandle<()>,
}

impl Listener {
    /// Opens the port and starts to answer. Without a `bind` address both families are served where
    /// the machine has both.
    ///
    /// # Errors
    /// [`Error::Network`] when no port can be had, [`Error::Internal`] when TLS cannot be set up.
    pub fn bind(options: ListenOptions, identity: &Identity) -> Result<Self, Error> {
        Self::start(options, identity, false).map(|(listener, _)| listener)
    }

    /// As [`Listener::bind`], and leaves the connections of other protocols to another server: to one that uses the
    /// [`SharedPort`], where this system has the means.
    ///
    /// # Errors
    /// As [`Listener::bind`].
    pub fn bind_shared(
        options: ListenOptions,
        identity: &Identity,
    ) -> Result<(Self, Option<SharedPort>), Error> {
        Self::start(options, identity, OWN_DRIVER)
    }

    fn start(
        options: ListenOptions,
        identity: &Identity,
        share: bool,
    ) -> Result<(Self, Option<SharedPort>), Error> {
        let config = server_config(identity)?;
        let socket = open(&options).map_err(|source| network(&options, source))?;
        let tuning = options
            .tuning
            .clone()
            .fitted_to(socket::receive_buffer(&socket));
        let attach = || -> io::Result<(SocketAddr, Endpoint, Option<SharedPort>)> {
            let local = socket.local_addr()?;
            let mut parameters = endpoint_config();
            let (shared, guest) = match share {
                true => {
                    let own = OwnIds::new()?;
                    parameters.cid_generator(move || own.generator());
                    Some(shared_port::share(&socket, own)?).unzip()
                }
                false => (None, None),
            };
            let endpoint = Endpoint::new(socket, parameters, Some(config.clone()), guest)?;
            Ok((local, endpoint, shared))
        };
        let (local, endpoint, shared) = attach().map_err(|source| network(&options, source))?;
        let (found, wires) = flume::unbounded();
        let strangers = Places::for_strangers();
        let lets_in = Rc::new(Cell::new(true));
        let door = Door {
            endpoint: endpoint.clone(),
            config,
            tuning,
            certificate: identity.certificate_hash(),
            interface: options.interface.clone(),
            lets_in: Rc::clone(&lets_in),
            places: strangers.clone(),
            found,
        };
        let worker = compio::runtime::spawn(door.attend());
        let listener = Self {
            endpoint,
            local,
            interface: options.interface,
            lets_in,
            wires,
            strangers,
            worker,
        };
        Ok((listener, shared))
    }

    /// The port that was opened.
    pub fn port(&self) -> u16 {
        self.local.port()
    }

    /// Whether newcomers are let in, as they are at first; the others are refused, as when all places are taken, and ask
    /// again.
    pub fn let_in(&self, on: bool) {
        self.lets_in.set(on);
    }

    /// The places of peers that have not proved the code yet, for other carriers to share.
    pub(crate) fn strangers(&self) -> Places {
        self.strangers.clone()
    }

    /// The addresses peers can dial, each with the name of its interface: IPv4 first, link-local
    /// IPv6 last. Loopback is there only if nothing else is.
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        let bound = self.local.ip();
        let mut interfaces: Vec<(String, SocketAddr)> = if_addrs::get_if_addrs()
            .unwrap_or_default()
            .into_iter()
            .filter(|interface| {
                let name = self.interface.as_ref();
                name.is_none_or(|name| *name == interface.name)
            })
            .filter(|interface| match bound {
                ip if !ip.is_unspecified() => interface.ip() == ip,
                IpAddr::V4(_) => interface.ip().is_ipv4(),
                IpAddr::V6(_) => true,
            })
            .map(|interface| {
                let scope = interface.index.unwrap_or_default();
                let mut address = SocketAddr::new(interface.ip(), self.port());
                if let SocketAddr::V6(v6) = &mut address {
                    v6.set_scope_id(scope);
                }
                (interface.name, socket::dialable(address))
            })
            .collect();
        if interfaces.iter().any(|(_, at)| !at.ip().is_loopback()) {
            interfaces.retain(|(_, at)| !at.ip().is_loopback());
        }
        let scoped = |at: &SocketAddr| matches!(at, SocketAddr::V6(v6) if v6.scope_id() != 0);
        interfaces.sort_by_key(|(_, at)| (at.is_ipv6(), scoped(at)));
        if interfaces.is_empty() && !bound.is_unspecified() {
            interfaces.push((String::new(), self.local));
        }
        interfaces
    }

    /// The next peer that has connected, opened its stream and sent its first bytes on it. `None`
    /// when the socket has failed.
    ///
    /// No peer waits for another: each has 10 s for all of this. At most 4 strangers are served at
    /// a time, 2 from one address; a wire counts until it is
    /// [authenticated](crate::wire::WireCloser::authenticated) or dropped. Dropping the future loses
    /// nothing.
    pub async fn accept(&self) -> Option<QuicWire> {
        self.wires.recv_async().await.ok()
    }

    /// Ends all wires of this listener and waits, for a moment at most, until the peers were told.
    pub async fn shutdown(self) {
        self.endpoint.close(0u32.into(), b"");
        self.worker.cancel().await;
        drop(self.wires);
        let _ = time::timeout(FAREWELL, self.endpoint.shutdown()).await;
    }
}

fn open(options: &ListenOptions) -> io::Result<std::net::UdpSocket> {
    let mut result = Err(io::ErrorKind::AddrInUse.into());
    for port in options.port.candidates() {
        result = open_port(options, port);
        match &result {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            _ => break,
        }
    }
    result
}

fn open_port(options: &ListenOptions, port: u16) -> io::Result<std::net::UdpSocket> {
    let (dual, buffer) = (options.bind.is_none(), options.tuning.socket_buffer);
    socket::on_one_or_all(options.bind, |ip| {
        socket::bind((ip, port).into(), dual, buffer)
    })
}

fn network(options: &ListenOptions, source: io::Error) -> Error {
    let ports = options.port.candidates();
    let (first, last) = (ports.start(), ports.end());
    let at = options.bind.map(|ip| format!(" of {ip}"));
    let at = at.unwrap_or_default();
    Error::Network {
        doing: if first == last {
            format!("cannot listen on UDP port {first}{at}")
        } else {
            format!("cannot listen on any of the UDP ports {first} to {last}{at}")
        },
        source,
    }
}

/// Who answers the door: it decides who may come in, and lets each newcomer take its own time.
struct Door {
    endpoint: Endpoint,
    config: ServerConfig,
    tuning: Tuning,
    certificate: [u8; 32],
    interface: Option<String>,
    lets_in: Rc<Cell<bool>>,
    places: Places,
    found: flume::Sender<QuicWire>,
}

impl Door {
    async fn attend(self) {
        while let Some(incoming) = self.endpoint.wait_incoming().await {
            if let Some((connecting, place)) = self.admit(incoming) {
                let welcome = welcome(
                    connecting,
                    place,
                    self.certificate,
                    self.tuning.stream_window,
                );
                let found = self.found.clone();
                compio::runtime::spawn(async move {
                    if let Ok(Some(wire)) = time::timeout(DEADLINE, welcome).await {
                        // Fails when the listener is gone, and then nobody wants the wire.
                        let _ = found.send(wire);
                    }
                })
                .detach();
            }
        }
    }

    fn admit(&self, incoming: Incoming) -> Option<(Connecting, Place)> {
        if !self.lets_in.get() {
            incoming.refuse();
            return None;
        }
        let peer = plain(incoming.remote_address());
        let place = match self.places.admit(peer.ip(), incoming.may_retry()) {
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
        // Asks the system, so not for everybody.
        let chosen = |ip| is_on(self.interface.as_deref(), ip);
        if !incoming.local_ip().is_none_or(chosen) {
            incoming.refuse();
            return None;
        }
        let mut config = self.config.clone();
        config.transport_config(self.tuning.transport_of_driver(peer));
        let connecting = incoming.accept_with(config).ok()?;
        Some((connecting, place))
    }
}

/// Takes a peer from its first packet to its first byte.
async fn welcome(
    connecting: Connecting,
    place: Place,
    certificate: [u8; 32],
    window: u32,
) -> Option<QuicWire> {
    let connection = connecting.await.ok()?;
    let stream = connection.accept_bi().await.ok()?;
    let mut wire = QuicWire::new(connection, stream, certificate, window).ok()?;
    wire.closer.place = Some(place);
    wire.reader.fill().await.ok()?.then_some(wire)
}

/// From the first packet to the first byte on the stream.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
