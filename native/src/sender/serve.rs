//! The life of a sender: be found or dial, let peers prove the code, serve those that did.

use std::{
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use compio::time;
use futures_util::{
    FutureExt, StreamExt, future::LocalBoxFuture, select_biased, stream::FuturesUnordered,
};
use shared::{Binding, Code, Credentials, Reason, Seed, Side};

use super::{HayateSender, Payload, Ready, Sent, fill_random, fresh_code};
use crate::{
    Cipher, DEFAULT_PORT, Error, ErrorKind, Event,
    discover::{Announcement, Announcer, Scope},
    drive::{
        Link, at,
        feed::Feed,
        send::{self, Context, Outcome},
    },
    gate::Gate,
    identity::Identity,
    pool::Pool,
    quic::{Dialler, ListenOptions, Listener, Port, QuicWire, Tuning},
    wire::Wire,
};

/// How long one attempt to reach a receiver may take before the next one.
const DIAL: Duration = Duration::from_secs(3);

/// Between two attempts.
const RETRY: Duration = Duration::from_millis(300);

/// How long a sender that dials looks for the receiver where nobody said otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn serve(options: HayateSender, payload: Payload) -> Result<Vec<Sent>, Error> {
    let code = match options.code.clone() {
        Some(code) => code,
        None => fresh_code(options.words)?,
    };
    if matches!(payload, Payload::Stdin) && options.receivers != Some(1) {
        return Err(Error::Usage(
            "standard input can be sent to one receiver only; send a file instead".into(),
        ));
    }
    let selection = options.selection.clone();
    let ready = compio::runtime::spawn_blocking(move || Ready::new(&selection, payload))
        .await
        .map_err(|_| Error::Internal("the walk through the files broke off".into()))??;
    let mut left_out = 0;
    let (offer, feed) = match ready {
        Ready::Pipe(offer, pipe) => (offer, Feed::Pipe(Arc::new(pipe))),
        Ready::Gathered(gathered) => {
            for item in gathered.skipped {
                left_out += 1;
                let path = item.path.as_os_str().as_encoded_bytes().to_vec();
                options.events.tell(Event::Skipped {
                    path,
                    why: item.why,
                });
            }
            (gathered.offer, Feed::Source(Arc::new(gathered.source)))
        }
    };
    let context = Rc::new(Context {
        offer,
        feed,
        pool: Pool::start(options.compression)?,
        gate: Gate::new(options.receivers),
        events: options.events.clone(),
        // Only one connection can keep to a limit.
        lanes: if options.limit.is_some() {
            1
        } else {
            options.lanes
        },
        bind: options.bind,
        stop: options.stop.clone(),
    });
    let mut sent = match &options.target {
        None => listen(&options, &code, &context).await?,
        Some(_) => vec![dial(&options, &code, &context).await?],
    };
    for transfer in &mut sent {
        transfer.skipped += left_out;
    }
    Ok(sent)
}

/// Listens until every place is taken and every transfer over.
async fn listen(
    options: &HayateSender,
    code: &Code,
    context: &Rc<Context>,
) -> Result<Vec<Sent>, Error> {
    let identity = Identity::generate()?;
    let port = options.port.map_or(Port::From(DEFAULT_PORT), Port::Exactly);
    let listener = Listener::bind(
        ListenOptions {
            port,
            bind: options.bind,
            tuning: Tuning::default(),
        },
        &identity,
    )?;
    let mut announcer = announce(options, code, listener.port())?;
    tell_waiting(options, code, &listener);

    let deadline = options.timeout.map(|timeout| Instant::now() + timeout);
    let mut transfers: FuturesUnordered<LocalBoxFuture<'static, Outcome>> = FuturesUnordered::new();
    let (mut sent, mut failure, mut ended) = (Vec::new(), None, 0);
    let stop = options.stop.clone();
    let result = loop {
        if options
            .receivers
            .is_some_and(|receivers| ended >= receivers)
        {
            break Ok(());
        }
        let burned = context.gate.burned();
        let closed = burned.is_some();
        if let Some(burned) = burned.filter(|_| transfers.is_empty()) {
            break Err(burned);
        }
        // Strangers who still come must not keep a burned code alive.
        let newcomer = async {
            match closed {
                true => std::future::pending().await,
                false => listener.accept().await,
            }
        };
        let late = at(deadline.filter(|_| !context.gate.was_opened()));
        select_biased! {
            outcome = transfers.select_next_some() => {
                match (outcome.paired, outcome.result) {
                    (_, Ok(done)) => {
                        ended += 1;
                        tell_done(options, &done);
                        sent.push(done);
                    }
                    (true, Err(error)) => {
                        ended += 1;
                        if options.receivers != Some(1) {
                            options.events.warn(error.to_string());
                        }
                        failure.get_or_insert(error);
                    }
                    // A stranger.
                    (false, Err(_)) => {}
                }
            },
            wire = newcomer.fuse() => match wire {
                Some(wire) => {
                    let credentials = credentials(code, Side::Listener, options.cipher, wire.binding())?;
                    let link = Link::new(wire, options.limit);
                    transfers.push(send::run(link, credentials, Rc::clone(context)).boxed_local());
                }
                None => break Err(Error::Internal("the socket failed".into())),
            },
            _ = stop.recv_async().fuse() => {
                while transfers.next().await.is_some() {}
                break Err(cancelled());
            }
            // Somebody may have come while this waited.
            () = late.fuse() => if !context.gate.was_opened() { break Err(Error::NotFound(format!(
                "no receiver came within {} s; run it again, with a longer --timeout",
                options.timeout.unwrap_or_default().as_secs()
            ))) },
        }
        if context.gate.is_full() {
            // Everybody is here; nobody else needs to find this sender.
            announcer = None;
        }
    };
    drop(announcer);
    drop(transfers);
    listener.shutdown().await;
    result?;
    match failure {
        Some(error) => Err(error),
        None => Ok(sent),
    }
}

/// Dials a receiver that listens, until it is there.
async fn dial(options: &HayateSender, code: &Code, context: &Rc<Context>) -> Result<Sent, Error> {
    let target = options
        .target
        .clone()
        .ok_or_else(|| Error::Internal("nowhere to dial".into()))?;
    options.events.tell(Event::Waiting {
        code: code.to_string(),
        addresses: Vec::new(),
        interfaces: Vec::new(),
    });
    let dialler = Dialler::new(options.bind)?;
    let deadline = Instant::now() + options.timeout.unwrap_or(PATIENCE);
    let stop = options.stop.clone();
    let wire = select_biased! {
        wire = reach(&dialler, &target, deadline).fuse() => wire?,
        _ = stop.recv_async().fuse() => return Err(cancelled()),
    };
    let credentials = credentials(code, Side::Dialler, options.cipher, wire.binding())?;
    let outcome = send::run(
        Link::new(wire, options.limit),
        credentials,
        Rc::clone(context),
    )
    .await;
    dialler.shutdown().await;
    let sent = outcome.result?;
    tell_done(options, &sent);
    Ok(sent)
}

/// A wire to `target`, trying each of its addresses again and again.
pub(crate) async fn reach(
    dialler: &Dialler,
    target: &crate::Target,
    deadline: Instant,
) -> Result<QuicWire, Error> {
    let name = target.clone();
    let addresses: Vec<SocketAddr> = compio::runtime::spawn_blocking(move || name.resolve())
        .await
        .map_err(|_| Error::Internal("the name server was not asked".into()))??;
    let mut last = Error::NotFound(format!(
        "{target} did not answer in time; check the address and that it listens"
    ));
    loop {
        for address in &addresses {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(last);
            }
            match dialler.dial(*address, DIAL.min(left)).await {
                Ok(wire) => return Ok(wire),
                Err(error)
                    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Disconnected) =>
                {
                    last = error;
                }
                Err(error) => return Err(error),
            }
        }
        time::sleep(RETRY).await;
    }
}

pub(crate) fn credentials(
    code: &Code,
    side: Side,
    cipher: Cipher,
    binding: Binding,
) -> Result<Credentials, Error> {
    let mut seed = [0; 32];
    fill_random(&mut seed)?;
    Ok(Credentials {
        code: code.clone(),
        side,
        binding,
        suites: cipher.suites(side),
        seed: Seed::new(seed),
    })
}

pub(crate) fn cancelled() -> Error {
    Error::Session {
        peer: None,
        error: shared::Error::Ended(Reason::Cancelled),
    }
}

fn announce(options: &HayateSender, code: &Code, port: u16) -> Result<Option<Announcer>, Error> {
    let mut session = [0; 8];
    fill_random(&mut session)?;
    let announcement = Announcement {
        channel: code.channel(),
        session,
        port,
        web_port: 0,
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

fn tell_waiting(options: &HayateSender, code: &Code, listener: &Listener) {
    let mut addresses = listener.addresses();
    if let Some(interface) = &options.interface {
        addresses.retain(|(name, _)| name == interface);
    }
    let (interfaces, addresses) = addresses.into_iter().unzip();
    options.events.tell(Event::Waiting {
        code: code.to_string(),
        addresses,
        interfaces,
    });
}

fn tell_done(options: &HayateSender, sent: &Sent) {
    options.events.tell(Event::Done {
        peer: sent.peer,
        bytes: sent.bytes,
        blake3: sent.blake3,
        path: None,
    });
}
