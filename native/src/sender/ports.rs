//! Where a sender listens: QUIC on a UDP port, and on the TCP port of the same number the page for browsers.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
};

use futures_util::{
    FutureExt,
    future::{OptionFuture, join, pending},
    select_biased,
};
use shared::{Code, discovery::PORT as BEACON_PORT};

use super::{HayateSender, fill_random};
use crate::{
    DEFAULT_PORT, Error, Event, Page,
    discover::{Announcement, Announcer, Scope},
    identity::Identity,
    quic::{ListenOptions, Listener, Port, QuicWire, SharedPort, Tuning},
    web::{self, LaneDesk, WebOptions, WebServer, WebWire},
    wire::{Carrier, Wire},
};

/// Everything a sender listens on.
pub(super) struct Ports {
    identity: Identity,
    listener: Listener,
    web: Option<WebServer>,
}

/// A peer that has connected and spoken.
pub(super) enum Newcomer {
    Native(QuicWire),
    Browser(WebWire),
}

impl Ports {
    /// Opens the ports that `options` ask for.
    pub(super) fn open(options: &HayateSender) -> Result<Self, Error> {
        let addresses = if_addrs::get_if_addrs().unwrap_or_default();
        let addresses = addresses
            .into_iter()
            .filter(|interface| match options.bind {
                Some(ip) if !ip.is_unspecified() => interface.ip() == ip,
                _ => options
                    .interface
                    .as_ref()
                    .is_none_or(|name| *name == interface.name),
            });
        let addresses = addresses.map(|interface| interface.ip());
        let identity = match options.web {
            true => Identity::generate_for(addresses)?,
            false => Identity::generate()?,
        };
        let (listener, shared, tcp) = bind(options, &identity)?;
        let started = tcp.map(|tcp| {
            let options = WebOptions {
                bind: options.bind,
                interface: options.interface.clone(),
                strangers: listener.strangers(),
            };
            WebServer::start(tcp, shared, &identity, options)
        });
        Ok(Self {
            web: started.transpose()?,
            identity,
            listener,
        })
    }

    /// The next peer; `None` when the socket has failed. Dropping the future loses nobody.
    pub(super) async fn accept(&self) -> Option<Newcomer> {
        let browser = async {
            let web = OptionFuture::from(self.web.as_ref().map(WebServer::accept));
            match web.await.flatten() {
                Some(wire) => wire,
                None => pending().await,
            }
        };
        select_biased! {
            wire = self.listener.accept().fuse() => wire.map(Newcomer::Native),
            wire = browser.fuse() => Some(Newcomer::Browser(wire)),
        }
    }

    /// Where the session on `wire` may ask for a lane: over requests there would be nothing to win.
    pub(super) fn desk(&self, wire: &WebWire) -> Option<&LaneDesk> {
        let web = self.web.as_ref()?;
        (wire.carrier() == Carrier::WebTransport).then(|| web.desk())
    }

    /// Ends all connections and waits, for a moment at most, until the peers were told.
    pub(super) async fn shutdown(self) {
        let web = OptionFuture::from(self.web.map(WebServer::shutdown));
        join(self.listener.shutdown(), web).await;
    }

    /// Whether native receivers are let in: see [`Listener::let_in`].
    pub(super) fn let_in(&self, on: bool) {
        self.listener.let_in(on);
    }

    /// Lets receivers find this sender by the channel of its code.
    pub(super) fn announce(
        &self,
        options: &HayateSender,
        code: &Code,
    ) -> Result<Option<Announcer>, Error> {
        let mut session = [0; 8];
        fill_random(&mut session)?;
        let port = self.listener.port();
        let announcement = Announcement {
            channel: code.channel(),
            session,
            port,
            web_port: if self.web.is_some() { port } else { 0 },
            flags: 0,
        };
        let scope = Scope {
            interface: options.interface.clone(),
            address: options.bind,
        };
        match Announcer::start(announcement, scope) {
            Ok(announcer) => Ok(Some(announcer)),
            Err(error) => {
                options.events.warn(format!(
                    "this sender cannot be found by code alone ({error}); the receiver needs --from"
                ));
                Ok(None)
            }
        }
    }

    /// Tells the person where this sender is.
    pub(super) fn tell_waiting(&self, options: &HayateSender, code: &Code) {
        let addresses = self.listener.addresses().into_iter();
        let (interfaces, addresses): (_, Vec<SocketAddr>) = addresses.unzip();
        let page = self.page(options, code, &addresses);
        if options.page.is_some() && page.is_none() {
            options.events.warn(
                "the page of --page cannot reach this sender: WebTransport has no UDP port here",
            );
        }
        options.events.tell(Event::Waiting {
            code: code.to_string(),
            addresses,
            interfaces,
            page,
        });
    }

    fn page(&self, options: &HayateSender, code: &Code, addresses: &[SocketAddr]) -> Option<Page> {
        let web = self.web.as_ref()?;
        let address = best(addresses)?;
        let certificate = self.identity.certificate_hash();
        let url = match &options.page {
            None => web::own_url(address, code),
            Some(page) => web::page_url(page, address, code, &certificate, web.webtransport()?),
        };
        Some(Page { url, certificate })
    }
}

/// The address that most likely leads here from a phone: that of the default route, else the first one that a URL can
/// hold.
fn best(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    let route = default_route();
    let plain = |at: &&SocketAddr| !matches!(at, SocketAddr::V6(v6) if v6.scope_id() != 0);
    let routed = addresses.iter().find(|at| Some(at.ip()) == route);
    routed.or_else(|| addresses.iter().find(plain)).copied()
}

/// The address that packets to the rest of the world leave from.
fn default_route() -> Option<IpAddr> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    // Connecting a UDP socket looks the route up and sends nothing; the address is for documentation (RFC 5737).
    socket.connect(("203.0.113.1", 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The ports of one number.
type Bound = (Listener, Option<SharedPort>, Option<TcpListener>);

/// One number for both ports where it can be had.
fn bind(options: &HayateSender, identity: &Identity) -> Result<Bound, Error> {
    let listen = |port| ListenOptions {
        port,
        interface: options.interface.clone(),
        bind: options.bind,
        tuning: Tuning::default(),
    };
    let port = options.port.map_or(Port::From(DEFAULT_PORT), Port::Exactly);
    if !options.web {
        return Ok((Listener::bind(listen(port), identity)?, None, None));
    }
    let udp = |port| Listener::bind_shared(listen(port), identity);
    if let Port::Exactly(_) = port {
        let (listener, shared) = udp(port)?;
        let tcp = web::listen(options.bind, listener.port()).map_err(|source| Error::Network {
            doing: format!(
                "cannot serve the page on TCP port {}; --no-web does without it",
                listener.port()
            ),
            source,
        })?;
        return Ok((listener, shared, Some(tcp)));
    }
    let mut refused = io::ErrorKind::AddrInUse.into();
    for number in port.candidates().filter(|number| *number != BEACON_PORT) {
        match web::listen(options.bind, number) {
            Ok(tcp) => match udp(Port::Exactly(number)) {
                Ok((listener, shared)) => return Ok((listener, shared, Some(tcp))),
                Err(Error::Network { source, .. }) if source.kind() == io::ErrorKind::AddrInUse => {
                }
                Err(error) => return Err(error),
            },
            Err(error) => refused = error,
        }
    }
    let listener = Listener::bind(listen(port), identity)?;
    options.events.warn(format!(
        "no page for browsers: no TCP port from {DEFAULT_PORT} on can be had ({refused})"
    ));
    Ok((listener, None, None))
}
