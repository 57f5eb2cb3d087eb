//! How a receiver comes back to its sender, or its sender to it, after their connection was lost.

use compio::time;
use futures_util::{FutureExt, StreamExt, select_biased, stream::FuturesUnordered};
use shared::{Offer, Side};

use super::{
    HayateReceiver, Source,
    find::{Base, browse, pair},
};
use crate::{
    Error,
    comeback::Comeback,
    drive::receive::{Admission, Drive},
    quic::{Dialler, Listener, QuicWire, probe},
    sender::cancelled,
};

/// The session over a new connection, and the offer that was made in it; `None` when the sender does not come back.
pub(super) async fn come_back(
    options: &HayateReceiver,
    base: &Base,
    comeback: Comeback,
) -> Result<Option<(Drive<QuicWire>, Offer)>, Error> {
    match base {
        Base::Dialler(dialler) => dial(options, dialler, comeback).await,
        Base::Listener(listener) => listen(options, listener, comeback).await,
    }
}

async fn dial(
    options: &HayateReceiver,
    dialler: &Dialler,
    mut comeback: Comeback,
) -> Result<Option<(Drive<QuicWire>, Offer)>, Error> {
    // A sender that was found may be found elsewhere now.
    let browser = match options.source {
        Source::Discovery => browse(options).ok(),
        _ => None,
    };
    while let Some(wire) = comeback
        .dial(dialler, browser.as_ref(), &options.stop)
        .await?
    {
        let ticket = comeback.tickets().last().cloned();
        let Some(ticket) = ticket else { break };
        let back = pair(options, wire, Side::Dialler, Admission::Returns(ticket)).await;
        match back {
            Ok(back) => return Ok(Some(back)),
            Err(failed) => {
                if !comeback.goes_on_after(failed.error).await? {
                    break;
                }
            }
        }
    }
    Ok(None)
}

async fn listen(
    options: &HayateReceiver,
    listener: &Listener,
    comeback: Comeback,
) -> Result<Option<(Drive<QuicWire>, Offer)>, Error> {
    let mut left = std::pin::pin!(probe::dialler_left(comeback.peer()).fuse());
    let mut over = std::pin::pin!(time::sleep_until(comeback.until()).fuse());
    // Who came while nobody was waited for is a stranger, and takes the places of others.
    while let Some(Some(_)) = listener.accept().now_or_never() {}
    let mut sessions = FuturesUnordered::new();
    loop {
        select_biased! {
            _ = options.stop.recv_async().fuse() => return Err(cancelled()),
            back = sessions.select_next_some() => if let Ok(back) = back {
                return Ok(Some(back));
            },
            wire = listener.accept().fuse() => match wire {
                Some(wire) => {
                    let tickets = Admission::Awaits(comeback.tickets());
                    sessions.push(pair(options, wire, Side::Listener, tickets));
                }
                None => return Ok(None),
            },
            () = left => return Ok(None),
            () = over => return Ok(None),
        }
    }
}
