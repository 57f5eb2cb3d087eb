//! Lanes over requests: the answer of one POST brings blocks (PROTOCOL.md, "Lanes").
//!
//! In browsers it costs less than half of what WebTransport costs.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use axum::{
    body::{Body, to_bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::Stream as _;
use http_body::Frame;
use shared::{
    Binding,
    lane::{GREETING, Joining, Lane},
};
use tokio::time::timeout;

use super::{Site, page::Refusal};
use crate::{
    drive::lanes::{AHEAD, Outlet},
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

    /// Waits for the browser's end of `lane`, as long as the session hears what becomes of it.
    pub(crate) fn expect(&self, lane: Lane, tell: flume::Sender<Outlet>) {
        let number = lane.number();
        let joining = lane.join(Binding {
            certificate: self.0.certificate,
            exporter: None,
        });
        self.0.lanes.all().push(Expected {
            number,
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
    joining: Joining,
    tell: flume::Sender<Outlet>,
}

impl Lanes {
    /// Those whose sessions still run.
    fn all(&self) -> MutexGuard<'_, Vec<Expected>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|lane| !lane.tell.is_disconnected());
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
    let _ = lane.tell.send(Outlet::Joined(lane.number, blocks));
    for _ in 0..AHEAD {
        let _ = lane.tell.send(Outlet::Idle(lane.number));
    }
    let blocks = Blocks {
        greeting: Some(lane.joining.greeting()),
        queue: queue.into_stream(),
        number: lane.number,
        tell: lane.tell,
        done: false,
    };
    let headers = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((headers, Body::new(blocks)).into_response())
}

/// The answer's body: it ends when the session lets go of the lane.
struct Blocks {
    greeting: Option<Bytes>,
    queue: flume::r#async::RecvStream<'static, Bytes>,
    number: u8,
    tell: flume::Sender<Outlet>,
    done: bool,
}

impl http_body::Body for Blocks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(greeting) = self.greeting.take() {
            return Poll::Ready(Some(Ok(Frame::data(greeting))));
        }
        let block = futures_util::ready!(Pin::new(&mut self.queue).poll_next(context));
        match block {
            Some(_) => drop(self.tell.send(Outlet::Idle(self.number))),
            None => self.done = true,
        }
        Poll::Ready(block.map(|block| Ok(Frame::data(block))))
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        if !self.done {
            let gone = "the browser closed the page or lost its network";
            let _ = self.tell.send(Outlet::Lost(WireError::Lost(gone.into())));
        }
    }
}
