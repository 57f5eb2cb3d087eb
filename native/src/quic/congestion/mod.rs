//! How much may be on its way: a window that follows what the path delivers and how long its queue is, not each loss.
//!
//! It learns the delivered rate and the round trip without a queue, as BBR does
//! (draft-cardwell-iccrg-bbr-congestion-control), and grows until a queue shows. Then it tries what a smaller window
//! changes: if the queue goes, it was ours, and the window stays small; if it stays, somebody else keeps it full, and
//! the window is treated as TCP's would be (CUBIC, RFC 9438). Losses of some percent are tried in the same way; fewer,
//! where no queue is, are the path's own and change nothing (RFC 9002, 7.3 leaves the algorithm open).

mod curve;
mod path;
mod round;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod window;

use std::{any::Any, sync::Arc, time::Instant};

use quinn_proto::{
    RttEstimator,
    congestion::{Controller, ControllerFactory, ControllerMetrics},
};

use self::window::Window;

/// Makes the windows of connections.
#[derive(Debug, Clone)]
pub(super) struct Congestion {
    /// Bytes sent before the first acknowledgement.
    pub(super) initial_window: u64,
}

impl ControllerFactory for Congestion {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Window::new(self.initial_window, now, current_mtu))
    }
}

impl Controller for Window {
    fn on_sent(&mut self, _: Instant, bytes: u64, _: u64) {
        self.sent(bytes);
    }

    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        app_limited: bool,
        _: &RttEstimator,
    ) {
        self.arrived(now, sent, bytes, app_limited);
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, _: Option<u64>) {
        self.settle(now, in_flight, app_limited);
    }

    fn on_congestion_event(
        &mut self,
        now: Instant,
        sent: Instant,
        is_persistent_congestion: bool,
        lost_bytes: u64,
    ) {
        self.missed(now, sent, is_persistent_congestion, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.resized(new_mtu);
    }

    fn window(&self) -> u64 {
        self.bytes as u64
    }

    fn metrics(&self) -> ControllerMetrics {
        let mut metrics = ControllerMetrics::default();
        metrics.congestion_window = self.window();
        metrics
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        self.initial
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
