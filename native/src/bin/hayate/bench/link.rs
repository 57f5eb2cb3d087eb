//! The link to another machine: an ordinary session with a code phrase that moves bytes nobody keeps.

use std::{cell::RefCell, future::Future, pin::pin, rc::Rc, time::Duration};

use futures_util::future::select;
use hayate::{Error, ErrorKind, Event, HayateReceiver, HayateSender, Payload};

use super::{
    clock::{Spent, Watch},
    measured::{Measured, What},
};

/// Receives for about this time and throws it away; `stop` ends it before.
///
/// # Errors
/// What the library says, unless enough had come.
pub(super) async fn receive(
    receiver: HayateReceiver,
    what: What,
    time: Duration,
    stop: impl Future<Output = ()> + 'static,
    mut listener: impl FnMut(&Event) + 'static,
) -> Result<Measured, Error> {
    let (enough, full) = flume::bounded::<()>(1);
    let tally = Tally::default();
    let note = tally.clone();
    let receiver = receiver
        .on_event(move |event| {
            // what is due at the first block after the time is over comes on the slowest link, too
            if note.note(&event) >= time {
                let _ = enough.try_send(());
            }
            listener(&event);
        })
        .until(async move {
            select(pin!(stop), pin!(full.recv_async())).await;
        });
    let accept = async |_: &_, _: &_| hayate::Decision::Accept;
    let result = receiver.run(accept).await;
    tally.measured(what, time, result.map(drop), ErrorKind::Cancelled)
}

/// Sends to one receiver until that has enough.
///
/// # Errors
/// What the library says, unless the receiver had enough.
pub(super) async fn send(
    sender: HayateSender,
    payload: Payload,
    mut listener: impl FnMut(&Event) + 'static,
) -> Result<Measured, Error> {
    let tally = Tally::default();
    let note = tally.clone();
    let sender = sender.on_event(move |event| {
        note.note(&event);
        listener(&event);
    });
    let result = sender.send_all(payload).await;
    tally.measured(
        What::Link,
        Duration::ZERO,
        result.map(drop),
        ErrorKind::Peer,
    )
}

/// How much came through since it was agreed on.
#[derive(Clone, Default)]
struct Tally(Rc<RefCell<Count>>);

#[derive(Default)]
struct Count {
    watch: Option<Watch>,
    bytes: u64,
    spent: Spent,
}

impl Tally {
    /// The time that has passed with the last bytes.
    fn note(&self, event: &Event) -> Duration {
        let mut count = self.0.borrow_mut();
        match event {
            Event::Accepted { .. } => count.watch = Some(Watch::start()),
            Event::Progress { progress, .. } => {
                count.bytes = progress.done;
                count.spent = count.watch.map(|watch| watch.spent()).unwrap_or_default();
            }
            _ => {}
        }
        count.spent.wall
    }

    /// What came, where the end was the payload's, or one of kind `end` after so much time.
    fn measured(
        &self,
        what: What,
        time: Duration,
        result: Result<(), Error>,
        end: ErrorKind,
    ) -> Result<Measured, Error> {
        let count = self.0.borrow();
        let enough = count.bytes > 0 && count.spent.wall >= time;
        match result {
            Err(error) if !enough || error.kind() != end => Err(error),
            _ => Ok(Measured {
                what,
                bytes: count.bytes,
                spent: count.spent,
            }),
        }
    }
}

/// More bytes than any link moves while it is measured.
pub(super) const ENDLESS: u64 = 1 << 40;
