//! Ctrl-C and SIGTERM: the first ends the transfer politely, the second kills.

use std::{future::Future, pin::pin, thread, time::Duration};

use futures_util::future::{Either, select};

/// Runs `work` until it is done or a signal asks to stop; then drops it and gives the exit code.
///
/// The listeners are gone with the first signal, so the next one has the system's default effect: it kills.
pub(crate) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Result<T, u8> {
    // the signals come first, so that they are listened to when `work` blocks in a question
    match select(pin!(signal()), pin!(work)).await {
        Either::Right((result, _)) => Ok(result),
        Either::Left((code, _)) => {
            thread::spawn(move || {
                thread::sleep(PATIENCE);
                std::process::exit(i32::from(code));
            });
            Err(code)
        }
    }
}

/// Lets what is left of a session, after its future was dropped, say goodbye to the peer.
pub(crate) async fn farewell() {
    compio::time::sleep(GRACE).await;
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
pub(crate) const TERMINATED: u8 = 143;
/// How long a cancelled transfer may take to clean up.
const PATIENCE: Duration = Duration::from_secs(1);
/// A sealed reason needs one round trip on a LAN.
const GRACE: Duration = Duration::from_millis(300);
