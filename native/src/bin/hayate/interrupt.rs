//! Ctrl-C and SIGTERM: the first ends the transfer politely, the second kills.

use std::{
    cell::Cell,
    future::Future,
    io::{self, Write as _},
    pin::pin,
    rc::Rc,
    thread,
    time::Duration,
};

use futures_util::future::{Either, select};

use crate::failure::Failure;

/// Whether a signal asked this process to stop; its clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt(Rc<Cell<Option<u8>>>);

impl Interrupt {
    /// Ready with the first signal.
    ///
    /// The listeners are gone then, so the next signal has the system's default effect: it kills. And whoever cannot
    /// end politely in time is ended.
    pub(crate) async fn signal(self) {
        let code = signal().await;
        self.0.set(Some(code));
        thread::spawn(move || {
            thread::sleep(PATIENCE);
            let _ = writeln!(io::stderr(), "hayate: interrupted");
            std::process::exit(i32::from(code));
        });
    }

    /// The result of what was cancelled by the signal, if there was one: its exit code counts.
    pub(crate) fn explain<T, E>(&self, result: Result<T, E>) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        result.map_err(|error| {
            self.0
                .get()
                .map_or_else(|| error.into(), Failure::Interrupted)
        })
    }

    /// Waits for `work`, and drops it with the first signal.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        match select(pin!(self.clone().signal()), pin!(work)).await {
            Either::Left(_) => Err(Failure::Interrupted(self.0.get().unwrap_or(INTERRUPTED))),
            Either::Right((result, _)) => Ok(result),
        }
    }
}

#[cfg(unix)]
async fn signal() -> u8 {
    use rustix::process::Signal;
    let terminated = compio::signal::unix::signal(Signal::TERM.as_raw());
    match select(pin!(compio::signal::ctrl_c()), pin!(terminated)).await {
        Either::Left((Ok(()), _)) => INTERRUPTED,
        Either::Right((Ok(()), _)) => TERMINATED,
        // without listeners the signals kill, which is right too
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn signal() -> u8 {
    match compio::signal::ctrl_c().await {
        Ok(()) => INTERRUPTED,
        Err(_) => std::future::pending().await,
    }
}

/// Exit code after Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;
/// Exit code after SIGTERM.
#[cfg(unix)]
const TERMINATED: u8 = 143;
/// How long a cancelled transfer may take to tell the peer and to clean up.
const PATIENCE: Duration = Duration::from_secs(4);
