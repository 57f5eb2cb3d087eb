//! One transfer as the receiver lives it: find the sender, hear the offer, decide, store.

use std::time::Instant;

use shared::Offer;

use super::{Decision, HayateReceiver, Received, find};
use crate::{
    Compression, Error, Event, Offered, drive::receive::Drive, pool::Pool, quic::QuicWire,
    sink::Plan,
};

pub(super) async fn run(
    options: HayateReceiver,
    mut decide: impl AsyncFnMut(&Offered, &Plan) -> Decision,
) -> Result<Received, Error> {
    let found = find::sender(&options).await?;
    let result = receive(&options, found.drive, found.offer, &mut decide).await;
    found.base.shutdown().await;
    result
}

async fn receive(
    options: &HayateReceiver,
    mut drive: Drive<QuicWire>,
    offer: Offer,
    decide: &mut impl AsyncFnMut(&Offered, &Plan) -> Decision,
) -> Result<Received, Error> {
    let peer = drive.peer();
    let offered = Offered {
        peer,
        offer: offer.clone(),
    };
    options.events.tell(Event::Offered(offered.clone()));
    let mut plan = match plan(options, &offer).await {
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
    let sink = match drive.while_waiting(opening).await {
        Ok(Ok(Ok(sink))) => sink,
        Ok(Ok(Err(error))) => return Err(drive.decline(error).await),
        Ok(Err(_)) => {
            let error = Error::Internal("the target was not opened".into());
            return Err(drive.decline(error).await);
        }
        Err(error) => {
            drive.end(Some(&error)).await;
            return Err(error);
        }
    };
    let started = Instant::now();
    let pool = Pool::start(Compression::Off)?;
    let stored = drive
        .transfer(&offer, sink, pool, options.max_size, options.lane_address())
        .await;
    let blake3 = drive.root();
    drive.end(stored.as_ref().err()).await;
    let (stored, bytes) = stored?;
    options.events.tell(Event::Done {
        peer,
        bytes,
        blake3,
        path: stored.path.clone(),
    });
    let elapsed = started.elapsed();
    Ok(Received {
        peer,
        bytes,
        blake3,
        path: stored.path,
        text: stored.text,
        elapsed,
        skipped: stored.skipped,
    })
}

/// Where the offer would go, if it may come at all.
async fn plan(options: &HayateReceiver, offer: &Offer) -> Result<Plan, Error> {
    if let Some(limit) = options.max_size
        && offer
            .payload
            .is_some_and(|payload| payload.max(offer.bytes) > limit)
    {
        return Err(Error::too_large(limit));
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
