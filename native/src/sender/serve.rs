//! The life of a sender: be found or dial, let peers prove the code, serve those that did.

use std::{
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use compio::time;
use futures_util::{
    FutureExt, StreamExt, future::LocalBoxFuture, select_biased, stream::FuturesUnordered,
};
use shared::{Binding, Code, Credentials, Reason, Seed, Side};

use super::{
    HayateSender, Payload, Sent,
    dial::dial,
    fill_random, fresh_code,
    payload::Ready,
    ports::{Newcomer, Ports},
};
use crate::{
    Cipher, Error, ErrorKind, Event, Lanes,
    discover::Announcer,
    drive::{
        Link, at,
        context::Context,
        feed::Feed,
        send::{self, Outcome},
    },
    gate::{Gate, RELOAD, RETURN},
    pool::Pool,
    quic::probe,
    web::LaneDesk,
    wire::Wire,
};

/// How long files may be looked for before the code phrase is shown: a person who waits for it types nothing. Who comes
/// before they are found is told to come again, a browser waits.
const HEAD_START: Duration = Duration::from_millis(100);

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
    let mut gathering = pin!(
        async {
            let ready = compio::runtime::spawn_blocking(move || Ready::new(&selection, payload));
            let ready = ready.await;
            let broken = || Error::Internal("the walk through the files broke off".into());
            prepare(&options, ready.map_err(|_| broken())??)
        }
        .fuse()
    );
    if options.target.is_some() {
        let (context, left_out) = unless_stopped(&options, gathering).await?;
        let sent = dial(&options, &code, &context).await?;
        return Ok(vec![with(sent, left_out)]);
    }
    let early = time::timeout(HEAD_START, gathering.as_mut()).await;
    let early = early.ok().transpose()?;
    let ports = Ports::open(&options)?;
    let announcer = ports.announce(&options, &code)?;
    ports.tell_waiting(&options, &code);
    let gathered = match early {
        Some(gathered) => Ok(gathered),
        None => {
            // A session has a deadline, and a walk has none.
            ports.let_in(false);
            let gathered = unless_stopped(&options, gathering).await;
            ports.let_in(true);
            gathered
        }
    };
    let result = match &gathered {
        Ok((context, _)) => listen(&options, &code, context, &ports, announcer).await,
        Err(_) => Ok(Vec::new()),
    };
    ports.shutdown().await;
    let (_, left_out) = gathered?;
    let sent = result?.into_iter();
    Ok(sent.map(|sent| with(sent, left_out)).collect())
}

/// Waits for `work`, but not after somebody stopped the sender.
async fn unless_stopped<T>(
    options: &HayateSender,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    select_biased! {
        done = work.fuse() => done,
        _ = options.stop.recv_async().fuse() => Err(cancelled()),
    }
}

/// Counts what was not even offered.
fn with(mut sent: Sent, left_out: u64) -> Sent {
    sent.skipped += left_out;
    sent
}

/// What all sessions share, and how many items of the source are left out.
fn prepare(options: &HayateSender, ready: Ready) -> Result<(Rc<Context>, u64), Error> {
    let mut left_out = 0;
    let (offer, feed) = match ready {
        Ready::Pipe(offer, pipe) => (offer, Feed::Pipe(Arc::new(pipe))),
        Ready::Gathered(gathered) => {
            left_out = gathered.skipped.len() as u64;
            options.events.tell(Event::Gathered {
                offer: gathered.offer.clone(),
                skipped: left_out,
            });
            for item in gathered.skipped {
                let path = item.path.as_os_str().as_encoded_bytes().to_vec();
                options.events.tell(Event::Skipped {
                    path,
                    why: item.why,
                });
            }
            (gathered.offer, Feed::Source(Arc::new(gathered.source)))
        }
    };
    let context = Context {
        offer,
        feed,
        pool: Pool::start(options.compression)?,
        gate: Gate::new(options.receivers),
        strangers: std::cell::Cell::new(0),
        events: options.events.clone(),
        // Only one connection can keep to a limit.
        lanes: if options.limit.is_some() {
            Lanes::Quic(1)
        } else {
            options.lanes
        },
        bind: options.bind,
        stop: options.stop.clone(),
    };
    Ok((Rc::new(context), left_out))
}

/// Listens until every place is taken and every transfer over.
async fn listen(
    options: &HayateSender,
    code: &Code,
    context: &Rc<Context>,
    ports: &Ports,
    mut announcer: Option<Announcer>,
) -> Result<Vec<Sent>, Error> {
    let deadline = options.timeout.map(|timeout| Instant::now() + timeout);
    let mut transfers: FuturesUnordered<LocalBoxFuture<'static, Outcome>> = FuturesUnordered::new();
    // Whose process is known to have ended.
    let mut left: FuturesUnordered<LocalBoxFuture<'static, Option<SocketAddr>>> =
        FuturesUnordered::new();
    let (mut sent, mut failure, mut ended) = (Vec::new(), None, 0);
    let stop = options.stop.clone();
    let result = loop {
        if options
            .receivers
            .is_some_and(|receivers| ended >= receivers)
        {
            break Ok(());
        }
        let gate = &context.gate;
        let burned = gate.burned();
        // A burned code ends nothing that somebody may come back to without it.
        let burned = burned.filter(|_| !gate.waits());
        let closed = burned.is_some();
        if let Some(burned) = burned.filter(|_| transfers.is_empty()) {
            break Err(burned);
        }
        // Strangers who still come must not keep a burned code alive.
        let newcomer = async {
            match closed {
                true => std::future::pending().await,
                false => ports.accept().await,
            }
        };
        let late = at(deadline.filter(|_| !gate.was_opened()));
        let overdue = at(gate.next_overdue());
        select_biased! {
            outcome = transfers.select_next_some() => match outcome.result {
                Ok(done) if outcome.placed => {
                    ended += 1;
                    tell_done(options, &done);
                    sent.push(done);
                }
                Err(error) if outcome.placed => {
                    let peer = outcome.peer;
                    let browser = outcome.carrier.is_browser();
                    let wait = match browser {
                        true if error.kind() != ErrorKind::Disconnected => None,
                        true => Some(if outcome.silent { RETURN } else { RELOAD }),
                        false => outcome.cut.is_some().then_some(RETURN),
                    };
                    if let Some(wait) = wait {
                        // A browser comes back by the code.
                        gate.keep_place(peer, wait, error, outcome.cut.filter(|_| !browser));
                        options.events.tell(Event::Gone { peer, wait });
                        if !browser {
                            let gone = time::timeout(wait, probe::dialler_left(peer));
                            left.push(gone.map(move |gone| gone.ok().map(|()| peer)).boxed_local());
                        }
                    } else {
                        ended += 1;
                        note(options, &mut failure, error);
                    }
                }
                // A stranger, or somebody who goes on over another connection.
                _ => {}
            },
            wire = newcomer.fuse() => match wire {
                Some(Newcomer::Native(wire)) => transfers.push(start(options, code, context, wire, None)?),
                Some(Newcomer::Browser(wire)) => {
                    let desk = ports.desk(&wire).filter(|_| options.limit.is_none()).cloned();
                    transfers.push(start(options, code, context, wire, desk)?);
                }
                None => break Err(Error::Internal("the socket failed".into())),
            },
            _ = stop.recv_async().fuse() => {
                while transfers.next().await.is_some() {}
                break Err(cancelled());
            }
            peer = left.select_next_some() => if let Some(error) = peer.and_then(|peer| gate.give_up_on(peer)) {
                ended += 1;
                note(options, &mut failure, error);
            },
            () = overdue.fuse() => if let Some(error) = gate.give_up() {
                ended += 1;
                note(options, &mut failure, error);
            },
            // Somebody may have come while this waited.
            () = late.fuse() => if !gate.was_opened() { break Err(Error::NotFound(format!(
                "no receiver came within {} s; run it again, with a longer --timeout",
                options.timeout.unwrap_or_default().as_secs()
            ))) },
        }
        // Who was here may look for this sender at another address; once everybody is here, nobody needs to find it.
        if gate.next_overdue().is_some() {
            if announcer.is_none() {
                announcer = ports.announce(options, code)?;
            }
        } else if gate.is_full() {
            announcer = None;
        }
    };
    drop(announcer);
    drop(transfers);
    result?;
    match failure {
        Some(error) => Err(error),
        None => Ok(sent),
    }
}

/// Starts the session of a newcomer.
fn start<W: Wire + 'static>(
    options: &HayateSender,
    code: &Code,
    context: &Rc<Context>,
    wire: W,
    desk: Option<LaneDesk>,
) -> Result<LocalBoxFuture<'static, Outcome>, Error> {
    let credentials = credentials(code, Side::Listener, options.cipher, wire.binding())?;
    let link = Link::new(wire, options.limit);
    Ok(send::run(link, credentials, Rc::clone(context), desk).boxed_local())
}

/// Keeps the first failure; where others are still to come, each is told at once.
fn note(options: &HayateSender, failure: &mut Option<Error>, error: Error) {
    if options.receivers != Some(1) {
        options.events.warn(error.to_string());
    }
    failure.get_or_insert(error);
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
        ticket: None,
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

pub(super) fn tell_done(options: &HayateSender, sent: &Sent) {
    options.events.tell(Event::Done {
        peer: sent.peer,
        bytes: sent.bytes,
        blake3: sent.blake3,
        path: None,
    });
}
