//! What goes over a lane: the greetings, and blocks in one direction.

use std::time::Instant;

use bytes::Bytes;
use compio::time;
use futures_channel::mpsc::UnboundedSender;
use futures_util::{FutureExt, select_biased};
use shared::{
    Binding, Sealed,
    lane::{Heard, Inlet, Joining, Lane, Room},
};

use super::{AHEAD, Arrival, Outlet, Permit, Traffic};
use crate::{
    quic::QuicReader,
    wire::{WireError, WireReader, WireWriter},
};

/// The reading half of a lane.
pub(crate) trait LaneReader: WireReader {
    /// [`WireReader::read`], which may append to a block on its way instead, where that saves a copy.
    fn fill(
        &mut self,
        room: Room,
    ) -> impl Future<Output = Result<(Room, Option<Vec<Bytes>>), WireError>> {
        async { Ok((room, self.read().await?)) }
    }
}

impl LaneReader for QuicReader {}

/// The two halves of a connection, and what its proofs are bound to.
pub(crate) struct Ends<R, W> {
    pub(crate) binding: Binding,
    pub(crate) reader: R,
    pub(crate) writer: W,
}

/// Greets, and carries blocks until there are no more; `joined` hears that the other end has proved itself.
pub(super) async fn run(
    ends: Ends<impl LaneReader, impl WireWriter>,
    lane: Lane,
    first: bool,
    until: Instant,
    traffic: Traffic,
    joined: impl FnOnce(),
) {
    let Ends {
        binding,
        mut reader,
        mut writer,
    } = ends;
    let (number, joining) = (lane.number(), lane.join(binding));
    let greeting = joining.greeting();
    let greeted = time::timeout_at(until, async {
        if first {
            writer.write(greeting.clone()).await.ok()?;
        }
        let greeted = greet(&mut reader, joining).await?;
        if !first {
            writer.write(greeting).await.ok()?;
        }
        Some(greeted)
    });
    let Ok(Some((inlet, rest))) = greeted.await else {
        return;
    };
    joined();
    match traffic {
        Traffic::Out(tell) => {
            let (blocks, queue) = flume::bounded(AHEAD);
            let _ = tell.unbounded_send(Outlet::Joined(number, blocks));
            let broken = select_biased! {
                error = send(&mut writer, number, &queue, &tell).fuse() => error,
                error = end(&mut reader).fuse() => Some(error),
            };
            if let Some(error) = broken {
                let _ = tell.unbounded_send(Outlet::Lost(error));
            }
        }
        Traffic::In(arrivals) => {
            let _ = arrivals.unbounded_send(Arrival::Joined);
            receive(&mut reader, inlet, rest, &arrivals).await;
            let _ = arrivals.unbounded_send(Arrival::Ended);
        }
    }
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

/// Waits for the end of a connection that brings nothing.
async fn end(reader: &mut impl WireReader) -> WireError {
    match reader.read().await {
        Err(error) => error,
        Ok(_) => WireError::Lost("the receiver closed it".into()),
    }
}

/// Writes blocks until the session lets go of the lane.
async fn send(
    writer: &mut impl WireWriter,
    number: u8,
    blocks: &flume::Receiver<Bytes>,
    tell: &UnboundedSender<Outlet>,
) -> Option<WireError> {
    for _ in 0..AHEAD {
        let _ = tell.unbounded_send(Outlet::Idle(number));
    }
    while let Ok(block) = blocks.recv_async().await {
        if let Err(error) = writer.write(block).await {
            return Some(error);
        }
        let _ = tell.unbounded_send(Outlet::Idle(number));
    }
    None
}

/// Hands over blocks as they come, no more than [`AHEAD`] of them before they are put away; until the lane ends, or
/// brings what is no block.
async fn receive(
    reader: &mut impl LaneReader,
    mut inlet: Inlet,
    rest: Vec<Bytes>,
    arrivals: &UnboundedSender<Arrival>,
) -> Option<()> {
    let (give, permits) = flume::bounded(AHEAD);
    for _ in 0..AHEAD {
        let _ = give.send(());
    }
    let hand_over = async |sealed: Option<Sealed>| {
        let Some(sealed) = sealed else {
            return Some(());
        };
        permits.recv_async().await.ok()?;
        let arrival = Arrival::Block(sealed, Permit(give.clone()));
        arrivals.unbounded_send(arrival).ok()
    };
    let mut pieces = rest;
    loop {
        for piece in pieces {
            let mut rest = &piece[..];
            while !rest.is_empty() {
                let (sealed, used) = inlet.push(rest).ok()?;
                rest = &rest[used..];
                hand_over(sealed).await?;
            }
        }
        pieces = match inlet.lend() {
            None => reader.read().await.ok()??,
            Some(room) => {
                let (room, pieces) = reader.fill(room).await.ok()?;
                hand_over(inlet.fill(room).ok()?).await?;
                pieces?
            }
        };
    }
}
