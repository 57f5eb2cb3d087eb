//! Lanes: further QUIC connections of a session, each with a thread, a runtime and a socket of its own, that carry
//! nothing but sealed blocks (PROTOCOL.md, "Lanes").
//!
//! A lane that cannot be opened is no loss: blocks go over those that can. One that breaks later ends the session.

use std::{
    net::{IpAddr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use compio::{runtime::Runtime, time};
use futures_util::{FutureExt, select_biased};
use shared::{
    Sealed,
    lane::{Heard, Inlet, Joining, Lane},
};

use crate::{
    identity::Identity,
    quic::{Dialler, ListenOptions, Listener, Port, QuicWire, Tuning},
    wire::{Wire, WireCloser, WireError, WireReader, WireWriter},
};

/// How long a lane may take to come about, from its listening or dialling to both greetings.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Blocks that a lane takes ahead of the one it writes, or hands over ahead of the one that is opened.
pub(crate) const AHEAD: usize = 2;

/// What a lane carries, from where this side stands.
#[derive(Clone)]
pub(crate) enum Traffic {
    /// Blocks of the sender.
    Out(flume::Sender<Outlet>),
    /// Blocks for the receiver.
    In(flume::Sender<Arrival>),
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

/// Dials the lanes that a peer listens for at these ports of its address.
pub(crate) fn dial(
    peer: SocketAddr,
    bind: Option<IpAddr>,
    lanes: Vec<(u16, Lane)>,
    traffic: &Traffic,
) {
    for (port, lane) in lanes.into_iter().filter(|(port, _)| *port != 0) {
        let mut address = peer;
        address.set_port(port);
        let traffic = traffic.clone();
        let until = Instant::now() + PATIENCE;
        spawn(async move || {
            let Ok(dialler) = Dialler::with_tuning(bind, tuning()) else {
                return;
            };
            if let Ok(wire) = dialler.dial(address, PATIENCE).await {
                run(wire, lane, true, until, traffic).await;
            }
            dialler.shutdown().await;
        });
    }
}

/// Listens for lanes, each on a port of its own, and says on which ports; 0 stands for one that cannot be had.
pub(crate) async fn listen(bind: Option<IpAddr>, lanes: Vec<Lane>, traffic: Traffic) -> Vec<u16> {
    let (tell, told) = flume::unbounded();
    let mut ports = vec![0; lanes.len()];
    for (place, lane) in lanes.into_iter().enumerate() {
        let (traffic, tell) = (traffic.clone(), tell.clone());
        let until = Instant::now() + PATIENCE;
        spawn(async move || {
            let options = ListenOptions {
                port: Port::Exactly(0),
                bind,
                tuning: tuning(),
            };
            let identity = Identity::generate();
            let Ok(listener) = identity.and_then(|identity| Listener::bind(options, &identity))
            else {
                return;
            };
            let _ = tell.send((place, listener.port()));
            drop(tell);
            // One chance: whoever comes first and is a stranger has spoilt it, and the blocks go elsewhere.
            if let Ok(Some(wire)) = time::timeout_at(until, listener.accept()).await {
                run(wire, lane, false, until, traffic).await;
            }
            listener.shutdown().await;
        });
    }
    drop(tell);
    while let Ok((place, port)) = told.recv_async().await {
        ports[place] = port;
    }
    ports
}

/// Lanes share what one connection may have on its way: memory stays bounded however many there are.
fn tuning() -> Tuning {
    Tuning {
        stream_window: 2 << 20,
        ..Tuning::default()
    }
}

/// A lane that gets no thread is one that cannot be opened.
fn spawn(work: impl AsyncFnOnce() + Send + 'static) {
    let _ = thread::Builder::new()
        .name("hayate-lane".into())
        .spawn(move || {
            if let Ok(runtime) = Runtime::new() {
                runtime.block_on(work());
            }
        });
}

/// Greets, and carries blocks until there are no more.
async fn run(wire: QuicWire, lane: Lane, first: bool, until: Instant, traffic: Traffic) {
    let (number, joining) = (lane.number(), lane.join(wire.binding()));
    let (mut reader, mut writer, mut closer) = wire.split();
    let greeting = joining.greeting();
    let joined = time::timeout_at(until, async {
        if first {
            writer.write(greeting.clone()).await.ok()?;
        }
        let joined = greet(&mut reader, joining).await?;
        if !first {
            writer.write(greeting).await.ok()?;
        }
        Some(joined)
    });
    let Ok(Some((inlet, rest))) = joined.await else {
        return;
    };
    closer.authenticated();
    match traffic {
        Traffic::Out(tell) => {
            let (blocks, queue) = flume::bounded(AHEAD);
            let _ = tell.send(Outlet::Joined(number, blocks));
            let broken = select_biased! {
                error = send(&mut writer, number, &queue, &tell).fuse() => error,
                error = closer.closed().fuse() => Some(error),
            };
            if let Some(error) = broken {
                let _ = tell.send(Outlet::Lost(error));
            }
        }
        Traffic::In(arrivals) => {
            let _ = arrivals.send(Arrival::Joined);
            select_biased! {
                () = receive(&mut reader, inlet, rest, &arrivals).fuse() => {}
                _ = closer.closed().fuse() => {}
            }
            let _ = arrivals.send(Arrival::Ended);
        }
    }
    closer.close(0).await;
}

/// Hears the other end out; what it said behind its greeting comes back.
async fn greet(reader: &mut impl WireReader, mut joining: Joining) -> Option<(Inlet, Vec<Bytes>)> {
    loop {
        let mut pieces = reader.read().await.ok()??.into_iter();
        while let Some(mut piece) = pieces.next() {
            let (heard, used) = joining.hear(&piece).ok()?;
            match heard {
                Heard::Joining(still) => joining = still,
                Heard::Joined(inlet) => {
                    let rest = std::iter::once(piece.split_off(used)).chain(pieces);
                    return Some((inlet, rest.collect()));
                }
            }
        }
    }
}

/// Writes blocks until the session lets go of the lane.
async fn send(
    writer: &mut impl WireWriter,
    number: u8,
    blocks: &flume::Receiver<Bytes>,
    tell: &flume::Sender<Outlet>,
) -> Option<WireError> {
    for _ in 0..AHEAD {
        let _ = tell.send(Outlet::Idle(number));
    }
    while let Ok(block) = blocks.recv_async().await {
        if let Err(error) = writer.write(block).await {
            return Some(error);
        }
        let _ = tell.send(Outlet::Idle(number));
    }
    None
}

/// Hands over blocks as they come, no more than [`AHEAD`] of them before they are put away.
async fn receive(
    reader: &mut impl WireReader,
    mut inlet: Inlet,
    rest: Vec<Bytes>,
    arrivals: &flume::Sender<Arrival>,
) {
    let (give, permits) = flume::bounded(AHEAD);
    for _ in 0..AHEAD {
        let _ = give.send(());
    }
    let mut pieces = rest;
    loop {
        for piece in pieces {
            let mut rest = &piece[..];
            while !rest.is_empty() {
                let Ok((sealed, used)) = inlet.push(rest) else {
                    return;
                };
                rest = &rest[used..];
                let Some(sealed) = sealed else { continue };
                if permits.recv_async().await.is_err()
                    || arrivals
                        .send(Arrival::Block(sealed, Permit(give.clone())))
                        .is_err()
                {
                    return;
                }
            }
        }
        pieces = match reader.read().await {
            Ok(Some(pieces)) => pieces,
            Ok(None) | Err(_) => return,
        };
    }
}
