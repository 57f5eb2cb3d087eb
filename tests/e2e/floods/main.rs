//! Floods: whoever pours packets over a machine costs it little memory, and delays those who mean it by little.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Mutex, MutexGuard, PoisonError};

mod announcements;
mod datagrams;
#[path = "../outsiders/frames.rs"]
mod frames;
#[path = "../outsiders/packets.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod packets;
mod pour;
#[path = "../outsiders/quic.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod quic;
#[path = "../outsiders/siege.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod siege;
#[path = "../outsiders/stranger.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod stranger;
#[path = "../outsiders/tls.rs"]
mod tls;

/// One flood at a time: each takes all the time that the machine has.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
