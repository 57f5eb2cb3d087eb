//! A sender that dials a receiver.

use std::{
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use compio::time;
use futures_util::{FutureExt, select_biased};
use shared::{Code, Side, Ticket};

use super::{
    HayateSender, Sent,
    serve::{cancelled, credentials, tell_done},
};
use crate::{
    Error, ErrorKind, Event,
    comeback::{Comeback, DIAL, RETRY},
    drive::{
        Link,
        context::Context,
        send::{self, Outcome},
    },
    gate::{RETURN, returns::Stay},
    quic::{Dialler, QuicWire},
    wire::Wire,
};

/// Dials a receiver that listens, until it is there.
pub(super) async fn dial(
    options: &HayateSender,
    code: &Code,
    context: &Rc<Context>,
) -> Result<Sent, Error> {
    let target = options
        .target
        .clone()
        .ok_or_else(|| Error::Internal("nowhere to dial".into()))?;
    options.events.tell(Event::Waiting {
        code: code.to_string(),
        addresses: Vec::new(),
        interfaces: Vec::new(),
        page: None,
    });
    let dialler = Dialler::new(options.bind)?;
    let deadline = Instant::now() + options.timeout.unwrap_or(PATIENCE);
    let stop = options.stop.clone();
    let wire = select_biased! {
        wire = reach(&dialler, &target, deadline).fuse() => wire?,
        _ = stop.recv_async().fuse() => return Err(cancelled()),
    };
    let call = Call {
        options,
        code,
        context,
        dialler,
    };
    let result = call.run(wire).await;
    call.dialler.shutdown().await;
    let sent = result?;
    tell_done(options, &sent);
    Ok(sent)
}

/// A transfer over one connection after the other.
struct Call<'a> {
    options: &'a HayateSender,
    code: &'a Code,
    context: &'a Rc<Context>,
    dialler: Dialler,
}

impl Call<'_> {
    async fn session(&self, wire: QuicWire, ticket: Option<Ticket>) -> Result<Outcome, Error> {
        let mut credentials = credentials(
            self.code,
            Side::Dialler,
            self.options.cipher,
            wire.binding(),
        )?;
        credentials.ticket = ticket;
        let link = Link::new(wire, self.options.limit);
        Ok(send::run(link, credentials, Rc::clone(self.context), None).await)
    }

    async fn run(&self, wire: QuicWire) -> Result<Sent, Error> {
        let mut outcome = self.session(wire, None).await?;
        // Those of the last connection and the one before: which of them the receiver knows depends on where it broke.
        let mut stays: Vec<Stay> = Vec::new();
        while let Some(stay) = outcome.cut.take() {
            stays.push(stay);
            stays.drain(..stays.len().saturating_sub(2));
            let peer = outcome.peer;
            self.options.events.tell(Event::Gone { peer, wait: RETURN });
            let tickets = stays.iter().map(Stay::ticket).collect();
            match self.come_back(Comeback::new(peer, tickets)).await? {
                Some(next) => outcome = next,
                None => break,
            }
        }
        outcome.result
    }

    async fn come_back(&self, mut comeback: Comeback) -> Result<Option<Outcome>, Error> {
        let stop = &self.options.stop;
        while let Some(wire) = comeback.dial(&self.dialler, None, stop).await? {
            let ticket = comeback.tickets().last().cloned();
            let outcome = self.session(wire, ticket).await?;
            match outcome.result {
                Err(error) if outcome.cut.is_none() && !outcome.placed => {
                    if !comeback.goes_on_after(error).await? {
                        break;
                    }
                }
                result => return Ok(Some(Outcome { result, ..outcome })),
            }
        }
        Ok(None)
    }
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

/// How long a sender that dials looks for the receiver where nobody said otherwise.
const PATIENCE: Duration = Duration::from_secs(60);
