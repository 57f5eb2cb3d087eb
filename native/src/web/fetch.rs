//! The wire of browsers without WebTransport: the body of one GET brings the sender's half, POSTs bring the receiver's
//! (PROTOCOL.md, "Transports").

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    Extension,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{FutureExt as _, Stream, lock, select_biased};
use tokio::time::{sleep, timeout};

use super::{
    Site,
    door::Guest,
    hex,
    page::Refusal,
    wire::{Far, Fate, Order, Outgoing, WebWire, wire},
};
use crate::{
    quic::DEADLINE,
    wire::{Carrier, WireError},
};

/// The wires of one sender, by their ids.
#[derive(Debug, Default)]
pub(super) struct Wires(Mutex<HashMap<String, Arc<FetchWire>>>);

impl Wires {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<FetchWire>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, id: &str) -> Result<Arc<FetchWire>, Refusal> {
        let gone = (StatusCode::NOT_FOUND, "This connection is over.\n");
        self.all().get(id).cloned().ok_or(gone)
    }
}

/// One wire over requests.
#[derive(Debug)]
struct FetchWire {
    ip: IpAddr,
    /// Whether the peer knows the code.
    paired: AtomicBool,
    /// The number of the next POST.
    next: lock::Mutex<u64>,
    state: Mutex<Halves>,
}

/// What there is of a wire. Without `fate` it is over.
#[derive(Debug)]
struct Halves {
    /// The wire, until the peer has sent its first bytes.
    fresh: Option<WebWire>,
    incoming: Option<flume::Sender<Bytes>>,
    outgoing: Option<flume::Receiver<Outgoing>>,
    fate: Option<Fate>,
    /// Ends the body of the GET: with an error, unless it is told otherwise.
    body: Option<flume::Sender<()>>,
    body_done: bool,
}

impl FetchWire {
    fn halves(&self) -> MutexGuard<'_, Halves> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_paired(&self) -> bool {
        self.paired.load(Ordering::Relaxed)
    }

    /// Ends the wire, once.
    fn over(&self, reason: WireError) {
        let mut halves = self.halves();
        halves.fresh = None;
        if let Some(fate) = halves.fate.take() {
            fate.over(reason);
        }
        (halves.incoming, halves.outgoing, halves.body) = (None, None, None);
    }

    /// The browser's half ended well; so did the wire, if the other one did.
    fn finished(&self) {
        let mut halves = self.halves();
        if let Some(fate) = &halves.fate {
            fate.finished();
        }
        halves.incoming = None;
        let done = halves.body_done;
        drop(halves);
        if done {
            self.over(WireError::Closed(0));
        }
    }

    /// The whole body of the GET was written.
    fn body_done(&self) {
        let mut halves = self.halves();
        halves.body_done = true;
        let finished = halves.incoming.is_none();
        drop(halves);
        if finished {
            self.over(WireError::Closed(0));
        }
    }
}

/// `POST /wire`: a new wire, for a stranger.
pub(super) async fn open(
    State(site): State<Arc<Site>>,
    Extension(guest): Extension<Guest>,
) -> Result<Response, Refusal> {
    let ip = guest.peer.ip();
    let place = site.strangers.take(ip).ok_or((
        StatusCode::SERVICE_UNAVAILABLE,
        "Others are trying their code phrase right now. Try again in some seconds.\n",
    ))?;
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| {
        let what = "This machine has no randomness.\n";
        (StatusCode::INTERNAL_SERVER_ERROR, what)
    })?;
    let id = hex(&random);
    let (fresh, far) = wire(guest.peer, Carrier::Fetch, site.certificate, place);
    let Far {
        incoming,
        outgoing,
        orders,
        fate,
    } = far;
    let wire = Arc::new(FetchWire {
        ip,
        paired: AtomicBool::new(false),
        next: lock::Mutex::default(),
        state: Mutex::new(Halves {
            fresh: Some(fresh),
            incoming: Some(incoming),
            outgoing: Some(outgoing),
            fate: Some(fate),
            body: None,
            body_done: false,
        }),
    });
    site.wires.all().insert(id.clone(), Arc::clone(&wire));
    tokio::spawn(attend(Arc::clone(&site), id.clone(), wire, orders));
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((StatusCode::CREATED, plain, id).into_response())
}

/// Does what the session orders, until it lets go of the wire or the wire is over.
async fn attend(site: Arc<Site>, id: String, wire: Arc<FetchWire>, orders: flume::Receiver<Order>) {
    let mut _friend = None;
    let mut late = std::pin::pin!(sleep(DEADLINE).fuse());
    let code = loop {
        select_biased! {
            order = orders.recv_async().fuse() => match order {
                Ok(Order::Authenticated) => {
                    wire.paired.store(true, Ordering::Relaxed);
                    _friend = site.friends.take(wire.ip);
                }
                Ok(Order::Close(code)) => break code,
                Err(_) => break 0,
            },
            // A session that has begun keeps its own time.
            () = late => if wire.halves().fresh.is_some() {
                break 0;
            },
        }
    };
    site.wires.all().remove(&id);
    if code == 0
        && let Some(body) = wire.halves().body.take()
    {
        let _ = body.try_send(());
    }
    wire.over(WireError::Lost("it was closed here".into()));
}

/// `GET /wire/<id>`: the sender's half, once.
pub(super) async fn body(
    State(site): State<Arc<Site>>,
    Extension(guest): Extension<Guest>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let wire = site.wires.find(&id)?;
    let (end, ended) = flume::bounded(1);
    let outgoing = {
        let mut halves = wire.halves();
        let taken = "Somebody is reading this connection.\n";
        let outgoing = halves.outgoing.take();
        let outgoing = outgoing.ok_or((StatusCode::CONFLICT, taken))?;
        halves.body = Some(end);
        outgoing
    };
    let half = Half {
        outgoing: outgoing.into_stream(),
        ended: ended.into_stream(),
        wire,
        guest,
        done: false,
    };
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        // The connection's end says that everything was written.
        (header::CONNECTION, "close"),
    ];
    Ok((headers, Body::from_stream(half)).into_response())
}

/// The body of the GET.
struct Half {
    outgoing: flume::r#async::RecvStream<'static, Outgoing>,
    ended: flume::r#async::RecvStream<'static, ()>,
    wire: Arc<FetchWire>,
    guest: Guest,
    done: bool,
}

impl Stream for Half {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.done {
            return Poll::Ready(None);
        }
        match Pin::new(&mut self.outgoing).poll_next(context) {
            Poll::Ready(Some(Outgoing::Bytes(bytes))) => {
                return Poll::Ready(Some(Ok(bytes)));
            }
            Poll::Ready(Some(Outgoing::Finish(arrived))) => {
                self.done = true;
                let (written, at_last) = flume::bounded(1);
                self.guest.on_departure(written);
                let wire = Arc::clone(&self.wire);
                tokio::spawn(async move {
                    if at_last.recv_async().await.is_ok() {
                        let _ = arrived.send(());
                        wire.body_done();
                    }
                });
                return Poll::Ready(None);
            }
            // The session let go of its half: what is to be said is said by `ended`.
            Poll::Ready(None) | Poll::Pending => {}
        }
        match Pin::new(&mut self.ended).poll_next(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(well) => {
                self.done = true;
                Poll::Ready(match well {
                    Some(()) => None,
                    None => Some(Err(io::ErrorKind::ConnectionAborted.into())),
                })
            }
        }
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        if !self.done {
            let gone = "the browser closed the page or lost its network";
            self.wire.over(WireError::Lost(gone.into()));
        }
    }
}

/// `POST /wire/<id>/<n>`: the receiver's bytes, in order.
pub(super) async fn bytes(
    State(site): State<Arc<Site>>,
    Path((id, number)): Path<(String, u64)>,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let wire = site.wires.find(&id)?;
    let limit = if wire.is_paired() {
        MAX_POST
    } else {
        MAX_STRANGERS_POST
    };
    let body = timeout(DEADLINE, to_bytes(body, limit)).await;
    let bytes = match body {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return Err((StatusCode::PAYLOAD_TOO_LARGE, "That is too much at once.\n")),
        Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "That took too long.\n")),
    };
    let mut next = wire.next.lock().await;
    if number < *next {
        return Ok(StatusCode::NO_CONTENT);
    }
    if number > *next {
        return Err((StatusCode::CONFLICT, "A part before this one is missing.\n"));
    }
    let over = (StatusCode::NOT_FOUND, "This connection is over.\n");
    let incoming = wire.halves().incoming.clone().ok_or(over)?;
    if !bytes.is_empty() {
        incoming.send_async(bytes).await.map_err(|_| over)?;
        if let Some(fresh) = wire.halves().fresh.take() {
            // Fails when the sender is done, and then the wire is over too.
            let _ = site.found.send(fresh);
        }
    }
    *next += 1;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /wire/<id>/close/<code>`: the end of the receiver's half, or of the wire.
pub(super) async fn close(
    State(site): State<Arc<Site>>,
    Path((id, code)): Path<(String, u32)>,
) -> Result<StatusCode, Refusal> {
    let wire = site.wires.find(&id)?;
    match code {
        0 => wire.finished(),
        code => wire.over(WireError::Closed(code)),
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Bytes of one POST.
const MAX_POST: usize = 1 << 20;
/// Bytes of one POST of a peer that has not proved the code.
const MAX_STRANGERS_POST: usize = 4 << 10;
