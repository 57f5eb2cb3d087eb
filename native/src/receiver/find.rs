//! How a receiver comes to its sender: by the channel alone, by address, or by being dialled.

use std::{
    cell::RefCell,
    collections::HashSet,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use compio::time;
use futures_util::{
    FutureExt, StreamExt, future::LocalBoxFuture, select_biased, stream::FuturesUnordered,
};
use shared::{Code, Offer, Side};

use super::{HayateReceiver, Source};
use crate::{
    DEFAULT_PORT, Error, Event, Target,
    discover::{Browser, Found, Scope},
    drive::{
        Link, at,
        receive::{Admission, Drive},
    },
    gate::Gate,
    identity::Identity,
    places::{Place, Places},
    quic::{Dialler, ListenOptions, Listener, Port, QuicWire, Tuning},
    sender::{cancelled, credentials, reach},
    wire::Wire,
};

/// How long a receiver looks for its sender where nobody said otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(50);

/// When a person who still waits is told what was seen so far.
const HINT: Duration = Duration::from_secs(8);

/// How long one connection may take to come about.
const DIAL: Duration = Duration::from_secs(5);

/// Senders that are tried under one code phrase: each is one guess for a rogue.
const TRIES: usize = 3;

/// Addresses that are dialled at a time: whoever announces what is not there costs no more than these.
const DIALS: usize = 128;

/// Of these those at one address.
const DIALS_AT_ONE: usize = 4;

/// Up to so many of them an address that did not answer is dialled again.
const CALM: usize = 16;

/// Between two of these dials.
const AGAIN: Duration = Duration::from_millis(300);

/// How long others may still turn up after a sender did not know the code.
const GRACE: Duration = Duration::from_millis(1500);

/// What the wire of a session hangs on.
pub(super) enum Base {
    Dialler(Dialler),
    Listener(Listener),
}

impl Base {
    pub(super) async fn shutdown(self) {
        match self {
            Self::Dialler(dialler) => dialler.shutdown().await,
            Self::Listener(listener) => listener.shutdown().await,
        }
    }
}

/// A sender that proved the code, and its offer.
pub(super) struct Paired {
    pub(super) drive: Drive<QuicWire>,
    pub(super) offer: Offer,
    pub(super) base: Base,
}

/// Finds the sender.
pub(super) async fn sender(options: &HayateReceiver) -> Result<Paired, Error> {
    code(options)?;
    let (base, result) = match &options.source {
        Source::Discovery => {
            let dialler = Dialler::new(options.bind)?;
            let result = search(options, &dialler).await;
            (Base::Dialler(dialler), result)
        }
        Source::At(target) => {
            let dialler = Dialler::new(options.bind)?;
            let result = dial(options, &dialler, target).await;
            (Base::Dialler(dialler), result)
        }
        Source::Listen(address) => {
            let listener = open(options, *address)?;
            let result = listen(options, &listener).await;
            (Base::Listener(listener), result)
        }
    };
    match result {
        Ok((drive, offer)) => Ok(Paired { drive, offer, base }),
        Err(error) => {
            base.shutdown().await;
            Err(error)
        }
    }
}

fn code(options: &HayateReceiver) -> Result<Code, Error> {
    let code = options.code.clone();
    code.ok_or_else(|| Error::Usage("a receiver needs the sender's code phrase".into()))
}

/// Dials one address until somebody is there.
async fn dial(
    options: &HayateReceiver,
    dialler: &Dialler,
    target: &Target,
) -> Result<(Drive<QuicWire>, Offer), Error> {
    let stop = options.stop.clone();
    let wire = select_biased! {
        wire = reach(dialler, target, options.deadline()).fuse() => wire?,
        _ = stop.recv_async().fuse() => return Err(cancelled()),
    };
    let paired = pair(options, wire, Side::Dialler, Admission::Dials).await;
    paired.map_err(|failed| failed.error)
}

/// A session that did not get as far as an offer.
pub(super) struct Failed {
    pub(super) error: Error,
    /// Whether the sender had proved the code.
    proved: bool,
    /// Where the sender is, if it had a guess at the code.
    guesser: Option<SocketAddr>,
}

/// Runs one session up to the offer.
pub(super) async fn pair(
    options: &HayateReceiver,
    wire: QuicWire,
    side: Side,
    admission: Admission<'_>,
) -> Result<(Drive<QuicWire>, Offer), Failed> {
    let credentials = || {
        let code = code(options)?;
        credentials(&code, side, options.cipher, wire.binding())
    };
    let mut credentials = credentials().map_err(|error| Failed {
        error,
        proved: false,
        guesser: None,
    })?;
    if let Admission::Returns(ticket) = &admission {
        credentials.ticket = Some(ticket.clone());
    }
    let mut drive = Drive::new(
        Link::new(wire, None),
        credentials,
        options.events.clone(),
        options.stop.clone(),
    );
    match drive.pair(admission).await {
        Ok(offer) => Ok((drive, offer)),
        Err(error) => {
            let proved = drive.has_proved();
            let guesser = drive.has_guessed().then_some(drive.peer());
            drive.end(Some(&error)).await;
            Err(Failed {
                error,
                proved,
                guesser,
            })
        }
    }
}

/// Looks for senders on the channel of the code.
pub(super) fn browse(options: &HayateReceiver) -> Result<Browser, Error> {
    let scope = Scope {
        interface: options.interface.clone(),
        address: options.bind,
    };
    Browser::start(code(options)?.channel(), scope).map_err(|source| Error::Network {
        doing: "cannot look for senders; give the sender's address with --from".into(),
        source,
    })
}

type Attempt<'a> = LocalBoxFuture<'a, Result<Option<(Drive<QuicWire>, Offer)>, Error>>;

/// Dials everybody who announces the channel, until one of them proves the code.
async fn search(
    options: &HayateReceiver,
    dialler: &Dialler,
) -> Result<(Drive<QuicWire>, Offer), Error> {
    let browser = browse(options)?;
    let tried = Rc::new(RefCell::new(HashSet::new()));
    let dials = Places::new(DIALS, DIALS_AT_ONE);
    let mut attempts: FuturesUnordered<Attempt<'_>> = FuturesUnordered::new();
    let (mut over, mut hint) = (options.deadline(), Some(Instant::now() + HINT));
    let (mut failure, mut failed) = (None, 0);
    let stop = options.stop.clone();
    loop {
        let until = hint.map_or(over, |hint| hint.min(over));
        // What is not fetched is told when it is heard again.
        let found = async {
            match dials.taken() < DIALS {
                true => browser.next().await,
                false => std::future::pending().await,
            }
        };
        select_biased! {
            attempt = attempts.select_next_some() => match attempt {
                Ok(Some(paired)) => return Ok(paired),
                Ok(None) => {}
                Err(error) => {
                    // A rogue costs one try, and never ends the search at once.
                    over = over.min(Instant::now() + GRACE);
                    failure = Some(error);
                    failed += 1;
                }
            },
            found = found.fuse() => match found {
                Some(found) => if let Some(place) = dials.take(found.address.ip()) {
                    let tried = Rc::clone(&tried);
                    attempts.push(attempt(options, dialler, tried, found, place).boxed_local());
                },
                None => return Err(Error::Internal("discovery ended".into())),
            },
            _ = stop.recv_async().fuse() => return Err(cancelled()),
            () = time::sleep_until(until).fuse() => {
                if Instant::now() >= over {
                    if failed == tried.borrow().len() || failed == 0 {
                        return Err(failure.unwrap_or_else(|| nobody(options, &browser)));
                    }
                    // Another sender is being tried, and that has a deadline of its own.
                    over = Instant::now() + GRACE;
                    continue;
                }
                hint = None;
                options.events.tell(Event::Searching { seen: seen(&browser) });
            }
        }
    }
}

/// Dials one address of one sender; `None` where another address of the same sender was faster.
async fn attempt(
    options: &HayateReceiver,
    dialler: &Dialler,
    tried: Rc<RefCell<HashSet<[u8; 8]>>>,
    found: Found,
    place: Place,
) -> Result<Option<(Drive<QuicWire>, Offer)>, Error> {
    let wire = loop {
        match dialler.dial(found.address, DIAL).await {
            Ok(wire) => break wire,
            // It may be full of strangers, or off the network for a moment. In a crowd nobody is asked twice.
            Err(_) if place.crowd() <= CALM && !tried.borrow().contains(&found.session) => {
                time::sleep(AGAIN).await;
            }
            Err(_) => return Ok(None),
        }
    };
    {
        let mut tried = tried.borrow_mut();
        if tried.len() >= TRIES || !tried.insert(found.session) {
            return Ok(None);
        }
    }
    let paired = pair(options, wire, Side::Dialler, Admission::Dials).await;
    paired.map(Some).map_err(|failed| failed.error)
}

/// Opens the port of a receiver that listens.
fn open(options: &HayateReceiver, address: Option<SocketAddr>) -> Result<Listener, Error> {
    let (port, bind) = match address {
        Some(address) => (Port::Exactly(address.port()), Some(address.ip())),
        None => (Port::Exactly(DEFAULT_PORT), options.bind),
    };
    let options = ListenOptions {
        port,
        bind,
        interface: options.interface.clone(),
        tuning: Tuning::default(),
    };
    Listener::bind(options, &Identity::generate()?)
}

/// Waits for a sender that dials.
async fn listen(
    options: &HayateReceiver,
    listener: &Listener,
) -> Result<(Drive<QuicWire>, Offer), Error> {
    let (interfaces, addresses) = listener.addresses().into_iter().unzip();
    options.events.tell(Event::Waiting {
        code: code(options)?.to_string(),
        addresses,
        interfaces,
        page: None,
    });
    let gate = Gate::new(Some(1));
    let deadline = options.timeout.map(|timeout| Instant::now() + timeout);
    let mut sessions = FuturesUnordered::new();
    let stop = options.stop.clone();
    loop {
        let burned = gate.burned();
        let closed = burned.is_some();
        if let Some(burned) = burned.filter(|_| sessions.is_empty()) {
            return Err(burned);
        }
        // Strangers who still come must not keep a burned code alive.
        let newcomer = async {
            match closed {
                true => std::future::pending().await,
                false => listener.accept().await,
            }
        };
        let late = at(deadline);
        select_biased! {
            session = sessions.select_next_some() => match session {
                Ok(paired) => return Ok(paired),
                // It had the code, which is good for one session.
                Err(Failed { error, proved: true, .. }) => return Err(error),
                Err(Failed { error, guesser, .. }) => {
                    if !matches!(error, Error::Session { error: shared::Error::WrongCode { .. }, .. }) {
                        options.events.warn(format!("a connection failed before the code was proved: {error}"));
                    }
                    if let Some(peer) = guesser {
                        options.events.tell(Event::AuthFailed { peer, left: gate.left() });
                    }
                }
            },
            wire = newcomer.fuse() => match wire {
                Some(wire) => sessions.push(pair(options, wire, Side::Listener, Admission::Gate(&gate))),
                None => return Err(Error::Internal("the socket failed".into())),
            },
            _ = stop.recv_async().fuse() => return Err(cancelled()),
            () = late.fuse() => return Err(Error::NotFound(format!(
                "no sender came within {} s; run it again, with a longer --timeout",
                options.timeout.unwrap_or_default().as_secs()
            ))),
        }
    }
}

fn nobody(options: &HayateReceiver, browser: &Browser) -> Error {
    Error::NotFound(format!(
        "no sender with this code phrase was found in {} s: {}; check that both are on one network, or give the \
         sender's address: hayate receive CODE --from ADDR",
        options.timeout.unwrap_or(PATIENCE).as_secs(),
        seen(browser)
    ))
}

fn seen(browser: &Browser) -> String {
    let seen = browser.seen();
    if seen.is_empty() {
        return "nobody announces anything here".into();
    }
    let list: Vec<String> = seen
        .iter()
        .map(|seen| format!("channel {} at {}", seen.channel, seen.address))
        .collect();
    format!("seen were {}", list.join(", "))
}
