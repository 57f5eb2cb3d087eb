//! One transfer as the receiver lives it: find the sender, hear the offer, decide, store.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use compio::time;
use futures_util::{FutureExt, select_biased};
use shared::{Offer, Ticket};

use super::{
    Decision, HayateReceiver, Received,
    again::come_back,
    find::{self, Base},
};
use crate::{
    Compression, Error, ErrorKind, Event, Offered,
    comeback::Comeback,
    drive::{
        receive::Drive,
        storage::{Arrived, Storage},
    },
    gate::RETURN,
    pool::Pool,
    quic::QuicWire,
    sender::cancelled,
    sink::{Plan, Sink},
};

/// How long a thread may hold what came over a connection that is not to be replaced.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections in a row that may break without a block having come.
const BARREN: u32 = 8;

pub(super) async fn run(
    options: HayateReceiver,
    mut decide: impl AsyncFnMut(&Offered, &Plan) -> Decision,
) -> Result<Received, Error> {
    let found = find::sender(&options).await?;
    let result = receive(&options, found.drive, found.offer, &found.base, &mut decide).await;
    found.base.shutdown().await;
    result
}

async fn receive(
    options: &HayateReceiver,
    drive: Drive<QuicWire>,
    offer: Offer,
    base: &Base,
    decide: &mut impl AsyncFnMut(&Offered, &Plan) -> Decision,
) -> Result<Received, Error> {
    let (drive, sink) = agree(options, drive, &offer, decide).await?;
    let transfer = Transfer {
        options,
        offer,
        base,
        peer: drive.peer(),
        started: Instant::now(),
        storage: Storage::start(sink, Pool::start(Compression::Off)?),
    };
    options.events.accepted(transfer.peer);
    let result = transfer.run(drive).await;
    // What the threads still hold goes with them.
    if let Some(path) = transfer.storage.end(result.as_ref().err()).await {
        options.events.tell(Event::Kept { path });
    }
    result
}

/// Asks what becomes of the offer, and opens a place for it.
async fn agree(
    options: &HayateReceiver,
    mut drive: Drive<QuicWire>,
    offer: &Offer,
    decide: &mut impl AsyncFnMut(&Offered, &Plan) -> Decision,
) -> Result<(Drive<QuicWire>, Sink), Error> {
    let offered = Offered {
        peer: drive.peer(),
        offer: offer.clone(),
    };
    options.events.tell(Event::Offered(offered.clone()));
    let mut plan = match plan(options, offer).await {
        Ok(plan) => plan,
        Err(error) => return Err(drive.decline(error).await),
    };
    let decision = match drive.while_waiting(decide(&offered, &plan)).await {
        Ok(decision) => decision,
        Err(error) => {
            drive.end(Some(&error)).await;
            return Err(error);
        }
    };
    match decision {
        Decision::Accept => {}
        Decision::AcceptAs(conflict) => plan.decide(conflict),
        Decision::Decline => return Err(drive.decline(declined()).await),
    }
    let resume = options.resume;
    let opening = compio::runtime::spawn_blocking(move || plan.open(true, resume));
    match drive.while_waiting(opening).await {
        Ok(Ok(Ok(sink))) => Ok((drive, sink)),
        Ok(Ok(Err(error))) => Err(drive.decline(error).await),
        Ok(Err(_)) => {
            let error = Error::Internal("the target was not opened".into());
            Err(drive.decline(error).await)
        }
        Err(error) => {
            drive.end(Some(&error)).await;
            Err(error)
        }
    }
}

/// A transfer that was agreed on, over one connection after the other.
struct Transfer<'a> {
    options: &'a HayateReceiver,
    offer: Offer,
    base: &'a Base,
    /// Where the sender was at first.
    peer: SocketAddr,
    started: Instant,
    storage: Storage,
}

impl Transfer<'_> {
    async fn run(&self, mut drive: Drive<QuicWire>) -> Result<Received, Error> {
        let options = self.options;
        // Those of this connection and the one before: which of them the sender knows depends on where the wire broke.
        let mut tickets: Vec<Ticket> = Vec::new();
        let (mut told, mut kept, mut barren) = (false, 0, 0);
        loop {
            let peer = drive.peer();
            let transferred = drive
                .transfer(
                    &self.offer,
                    &self.storage,
                    options.max_size,
                    options.lane_address(),
                )
                .await;
            tickets.extend(drive.ticket());
            tickets.drain(..tickets.len().saturating_sub(2));
            told = told || self.tell_done();
            let (failure, cut) = match transferred {
                Ok(()) => {
                    let heard = select_biased! {
                        heard = drive.part().fuse() => heard,
                        // All is well here.
                        _ = options.stop.recv_async().fuse() => true,
                    };
                    (None, !heard)
                }
                Err(error) => {
                    let cut = drive.is_cut();
                    drive.end(Some(&error)).await;
                    (Some(error), cut)
                }
            };
            let lost = |error: &Error| error.kind() == ErrorKind::Disconnected;
            if !failure.as_ref().is_none_or(lost) {
                return self.outcome(failure);
            }
            // Nothing that was verified is lost with the connection, and nothing that was wrong is forgiven.
            let settled = async {
                let settled = self.storage.settle();
                match cut {
                    true => settled.await,
                    false => time::timeout(PATIENCE, settled).await.unwrap_or(Ok(())),
                }
            };
            let settled = select_biased! {
                settled = settled.fuse() => settled,
                _ = options.stop.recv_async().fuse() => Err(cancelled()),
            };
            told = told || self.tell_done();
            if settled.is_err() {
                return self.outcome(settled.err());
            }
            // What comes from a pipe cannot be sent again.
            if !cut || self.offer.payload.is_none() {
                return self.outcome(failure);
            }
            barren = match self.storage.kept().blocks() {
                blocks if blocks > kept => 0,
                _ => barren + 1,
            };
            kept = self.storage.kept().blocks();
            if barren > BARREN {
                return self.outcome(failure);
            }
            options.events.tell(Event::Gone { peer, wait: RETURN });
            let comeback = Comeback::new(peer, tickets.clone());
            drive = match come_back(options, self.base, comeback).await {
                Ok(Some((drive, offer))) if offer == self.offer => drive,
                Ok(Some((drive, _))) => {
                    let error = Error::Session {
                        peer: Some(peer),
                        error: shared::Error::Mismatch("the sender offers something else now"),
                    };
                    return self.outcome(Some(drive.decline(error).await));
                }
                Ok(None) => return self.outcome(failure),
                Err(error) => return self.outcome(Some(error)),
            };
        }
    }

    /// Says so once everything is there, whether the sender has heard of it or not.
    fn tell_done(&self) -> bool {
        let Some(arrived) = self.storage.arrived() else {
            return false;
        };
        self.options.events.tell(Event::Done {
            peer: self.peer,
            bytes: arrived.bytes,
            blake3: arrived.root,
            path: arrived.stored.path,
        });
        true
    }

    fn outcome(&self, failure: Option<Error>) -> Result<Received, Error> {
        let Some(Arrived {
            stored,
            bytes,
            root,
        }) = self.storage.arrived()
        else {
            let nothing = || Error::Internal("nothing arrived, and nothing failed".into());
            return Err(failure.unwrap_or_else(nothing));
        };
        Ok(Received {
            peer: self.peer,
            bytes,
            blake3: root,
            path: stored.path,
            text: stored.text,
            elapsed: self.started.elapsed(),
            skipped: stored.skipped,
        })
    }
}

/// Where the offer would go, if it may come at all.
async fn plan(options: &HayateReceiver, offer: &Offer) -> Result<Plan, Error> {
    if let Some(limit) = options.max_size
        && offer
            .payload
            .is_some_and(|payload| payload.max(offer.bytes) > limit)
    {
        return Err(Error::TooLarge { limit });
    }
    let (offer, output, conflict) = (offer.clone(), options.output.clone(), options.conflict);
    compio::runtime::spawn_blocking(move || Plan::new(&offer, &output, conflict))
        .await
        .unwrap_or_else(|_| Err(Error::Internal("the target was not looked at".into())))
}

fn declined() -> Error {
    Error::Session {
        peer: None,
        error: shared::Error::Ended(shared::Reason::Declined),
    }
}
