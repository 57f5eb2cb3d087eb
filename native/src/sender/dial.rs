//! A sender that dials a receiver.

use std::{
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use compio::time;
use futures_util::{FutureExt, select_biased};
use shared::{Code, Side};

use super::{
    HayateSender, Sent,
    serve::{cancelled, credentials, tell_done},
};
use crate::{
    Error, ErrorKind, Event,
    drive::{Link, context::Context, send},
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
    let credentials = credentials(code, Side::Dialler, options.cipher, wire.binding())?;
    let outcome = send::run(
        Link::new(wire, options.limit),
        credentials,
        Rc::clone(context),
        None,
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

/// How long one attempt to reach a receiver may take before the next one.
const DIAL: Duration = Duration::from_secs(3);

/// Between two attempts.
const RETRY: Duration = Duration::from_millis(300);

/// How long a sender that dials looks for the receiver where nobody said otherwise.
const PATIENCE: Duration = Duration::from_secs(60);
