//! Lanes over requests: the answer of one POST brings blocks (PROTOCOL.md, "Lanes").
//!
//! In browsers it costs less than half of what WebTransport costs.

use std::{
    convert::Infallible,
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use axum::{
    body::{Body, to_bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_channel::mpsc::UnboundedSender;
use futures_util::{StreamExt as _, stream};
use shared::{
    Binding,
    lane::{GREETING, Joining, Lane},
};
use tokio::time::timeout;

use super::{Site, page::Refusal};
use crate::{
    drive::lanes::{AHEAD, Outlet, PATIENCE},
    quic::DEADLINE,
    wire::WireError,
};

/// Where the sessions of browsers ask for lanes.
#[derive(Debug, Clone)]
pub(crate) struct LaneDesk(pub(super) Arc<Site>);

impl LaneDesk {
    /// The TCP port that a browser finds its lane at.
    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }

    /// Waits [a while](PATIENCE) for the browser's end of `lane`, if the session hears what becomes of it.
    pub(crate) fn expect(&self, lane: Lane, tell: UnboundedSender<Outlet>) {
        let number = lane.number();
        let joining = lane.join(Binding {
            certificate: self.0.certificate,
            exporter: None,
        });
        self.0.lanes.all().push(Expected {
            number,
            until: Instant::now() + PATIENCE,
            joining,
            tell,
        });
    }
}

/// Lanes that browsers may open.
#[derive(Default)]
pub(super) struct Lanes(Mutex<Vec<Expected>>);

struct Expected {
    number: u8,
    until: Instant,
    joining: Joining,
    tell: UnboundedSender<Outlet>,
}

impl Lanes {
    /// Those whose sessions still wait.
    fn all(&self) -> MutexGuard<'_, Vec<Expected>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|lane| lane.until > Instant::now() && !lane.tell.is_closed());
        all
    }

    fn take(&self, greeting: &[u8]) -> Option<Expected> {
        let mut all = self.all();
        let place = all
            .iter()
            .position(|lane| lane.joining.is_greeted_by(greeting))?;
        Some(all.swap_remove(place))
    }
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} lanes", self.all().len())
    }
}

/// `POST /lane`: the browser's greeting; the answer is this side's and then blocks.
pub(super) async fn open(
    State(site): State<Arc<Site>>,
    greeting: Body,
) -> Result<Response, Refusal> {
    let unknown = (StatusCode::FORBIDDEN, "Nobody waits for this lane.\n");
    let greeting = timeout(DEADLINE, to_bytes(greeting, GREETING)).await;
    let Ok(Ok(greeting)) = greeting else {
        return Err(unknown);
    };
    let lane = site.lanes.take(&greeting).ok_or(unknown)?;
    let (blocks, queue) = flume::bounded(AHEAD);
    let (number, tell) = (lane.number, lane.tell);
    let _ = tell.unbounded_send(Outlet::Joined(number, blocks));
    for _ in 0..AHEAD {
        let _ = tell.unbounded_send(Outlet::Idle(number));
    }
    let carried = Carried { tell, done: false };
    let blocks = stream::unfold((queue, carried), move |(queue, carried)| async move {
        let Ok(block) = queue.recv_async().await else {
            carried.end();
            return None;
        };
        let _ = carried.tell.unbounded_send(Outlet::Idle(number));
        Some((block, (queue, carried)))
    });
    let bytes = stream::once(ready(lane.joining.greeting())).chain(blocks);
    let headers = [(header::CONTENT_TYPE, "application/octet-stream")];
    let body = Body::from_stream(bytes.map(Ok::<Bytes, Infallible>));
    Ok((headers, body).into_response())
}

/// Tells the session when the answer ends before it let go of the lane.
struct Carried {
    tell: UnboundedSender<Outlet>,
    done: bool,
}

impl Carried {
    fn end(mut self) {
        self.done = true;
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        if !self.done {
            let gone = "the browser closed the page or lost its network";
            let _ = self
                .tell
                .unbounded_send(Outlet::Lost(WireError::Lost(gone.into())));
        }
    }
}
