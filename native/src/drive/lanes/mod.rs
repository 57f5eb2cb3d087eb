//! Lanes: further connections of a session that carry nothing but sealed blocks (PROTOCOL.md, "Lanes"). Those of QUIC have
//! a thread, a runtime and a socket of their own.
//!
//! A lane that cannot be opened is no loss: blocks go over those that can. One that breaks later ends the session, which
//! the receiver then takes up again without lanes.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use compio::{runtime::Runtime, time};
use futures_channel::mpsc::UnboundedSender;
use futures_util::{FutureExt, select_biased};
use shared::{
    Sealed,
    lane::{Lane, LaneAt, LaneKind},
};

use crate::{
    Error,
    identity::Identity,
    quic::{Dialler, ListenOptions, Listener, Port, QuicWire, Tuning},
    tcp,
    wire::{Wire as _, WireCloser as _, WireError},
};

mod carry;

use carry::run;
pub(crate) use carry::{Ends, LaneReader};

/// How long a lane may take to come about, from its listening or dialling to both greetings.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Blocks that a lane takes ahead of the one it writes, or hands over ahead of the one that is opened.
pub(crate) const AHEAD: usize = 2;

/// What a lane carries, from where this side stands.
#[derive(Clone)]
pub(crate) enum Traffic {
    /// Blocks of the sender.
    Out(UnboundedSender<Outlet>),
    /// Blocks for the receiver.
    In(UnboundedSender<Arrival>),
}

/// What a sender hears of its lanes, by their numbers.
pub(crate) enum Outlet {
    /// A lane joined; its blocks go in here, one each time it is idle.
    Joined(u8, flume::Sender<Bytes>),
    /// A lane has room for one more block.
    Idle(u8),
    /// A lane broke.
    Lost(WireError),
}

/// What a receiver hears of its lanes.
pub(crate) enum Arrival {
    /// A lane joined.
    Joined,
    /// A block; the permit goes back to the lane when the block was put away.
    Block(Sealed, Permit),
    /// A lane ended.
    Ended,
}

/// The right of a lane to hand over one more block; returned by dropping it.
pub(crate) struct Permit(flume::Sender<()>);

impl Drop for Permit {
    fn drop(&mut self) {
        let _ = self.0.try_send(());
    }
}

/// Dials the lanes that a peer listens for; `over` disconnects with their session.
pub(crate) fn dial(
    peer: SocketAddr,
    bind: Option<IpAddr>,
    lanes: Vec<(LaneAt, Lane)>,
    traffic: &Traffic,
    over: &flume::Receiver<()>,
) {
    for (at, lane) in lanes.into_iter().filter(|(at, _)| at.port != 0) {
        let mut address = peer;
        address.set_port(at.port);
        let traffic = traffic.clone();
        let until = Instant::now() + PATIENCE;
        let over = over.clone();
        spawn(at.kind, async move || match at.kind {
            LaneKind::Quic => {
                let Ok(dialler) = Dialler::with_tuning(bind, tuning()) else {
                    return;
                };
                if let Ok(wire) = dialler.dial(address, PATIENCE).await {
                    over_quic(wire, lane, true, until, traffic, &over).await;
                }
                dialler.shutdown().await;
            }
            LaneKind::Tcp => {
                let dialled = time::timeout_at(until, tcp::dial(address, bind)).await;
                if let Ok(Ok(ends)) = dialled {
                    let carried = run(ends, lane, true, until, traffic, || ());
                    unless_over(&over, carried).await;
                }
            }
            // A lane of browsers.
            LaneKind::Fetch => {}
        });
    }
}

/// Listens for lanes, each on a port of its own, and says where; `over` disconnects with their session.
pub(crate) async fn listen(
    bind: Option<IpAddr>,
    lanes: Vec<(LaneKind, Lane)>,
    traffic: Traffic,
    over: flume::Receiver<()>,
) -> Vec<LaneAt> {
    let (tell, told) = flume::unbounded();
    let mut at: Vec<_> = lanes
        .iter()
        .map(|(kind, _)| LaneAt {
            kind: *kind,
            port: 0,
        })
        .collect();
    for (place, (kind, lane)) in lanes.into_iter().enumerate() {
        let (traffic, tell, over) = (traffic.clone(), tell.clone(), over.clone());
        let until = Instant::now() + PATIENCE;
        // One chance: whoever comes first and is a stranger has spoilt it, and the blocks go elsewhere.
        spawn(kind, async move || match kind {
            LaneKind::Quic => {
                let Ok(listener) = listen_quic(bind) else {
                    return;
                };
                let _ = tell.send((place, listener.port()));
                drop(tell);
                if let Ok(Some(wire)) = time::timeout_at(until, listener.accept()).await {
                    over_quic(wire, lane, false, until, traffic, &over).await;
                }
                listener.shutdown().await;
            }
            LaneKind::Tcp => {
                let Ok(listener) = tcp::Listener::bind(bind) else {
                    return;
                };
                let _ = tell.send((place, listener.port()));
                drop(tell);
                if let Ok(Ok(ends)) = time::timeout_at(until, listener.accept()).await {
                    let carried = run(ends, lane, false, until, traffic, || ());
                    unless_over(&over, carried).await;
                }
            }
            LaneKind::Fetch => {}
        });
    }
    drop(tell);
    while let Ok((place, port)) = told.recv_async().await {
        at[place].port = port;
    }
    at
}

fn listen_quic(bind: Option<IpAddr>) -> Result<Listener, Error> {
    let options = ListenOptions {
        interface: None,
        port: Port::Exactly(0),
        bind,
        tuning: tuning(),
    };
    Listener::bind(options, &Identity::generate()?)
}

/// Lanes share what one connection may have on its way: memory stays bounded however many there are.
fn tuning() -> Tuning {
    Tuning {
        stream_window: 2 << 20,
        ..Tuning::default()
    }
}

/// QUIC fills a core. TCP leaves the work to the kernel: its lane stays on the session's thread, where nothing has to be
/// handed from one to another. A lane that gets no thread is one that cannot be opened.
fn spawn(kind: LaneKind, work: impl AsyncFnOnce() + Send + 'static) {
    if kind != LaneKind::Quic {
        return compio::runtime::spawn(async move { work().await }).detach();
    }
    let start = || -> io::Result<()> {
        Runtime::new()?.block_on(work());
        Ok(())
    };
    let _ = thread::Builder::new()
        .name("hayate-lane".into())
        .spawn(start);
}

/// Has a lane end with its session, whatever its peer does: one that holds the connection and sends nothing would keep a
/// thread and a port.
async fn unless_over(over: &flume::Receiver<()>, carried: impl Future<Output = ()>) {
    select_biased! {
        _ = over.recv_async().fuse() => {}
        () = carried.fuse() => {}
    }
}

async fn over_quic(
    wire: QuicWire,
    lane: Lane,
    first: bool,
    until: Instant,
    traffic: Traffic,
    over: &flume::Receiver<()>,
) {
    let binding = wire.binding();
    let (reader, writer, mut closer) = wire.split();
    let ends = Ends {
        binding,
        reader,
        writer,
    };
    let carried = run(ends, lane, first, until, traffic, || closer.authenticated());
    unless_over(over, carried).await;
    closer.close(0).await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::future::pending;

    use super::*;

    #[compio::test]
    async fn a_lane_of_any_kind_ends_with_its_session_whatever_it_waits_for() {
        for kind in [LaneKind::Tcp, LaneKind::Quic] {
            let (tie, over) = flume::bounded(0);
            let (held, ended) = flume::bounded::<()>(0);
            spawn(kind, async move || {
                let _held = held;
                unless_over(&over, pending()).await;
            });
            let early = time::timeout(Duration::from_millis(20), ended.recv_async());
            assert!(early.await.is_err(), "the session is not over");
            drop(tie);
            let end = time::timeout(Duration::from_secs(5), ended.recv_async());
            assert!(end.await.unwrap().is_err());
        }
    }
}
