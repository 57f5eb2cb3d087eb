//! Time on the wall, and time of the processor.

use std::{
    ops::AddAssign,
    time::{Duration, Instant},
};

/// What some work took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    /// From its start to its end.
    pub(crate) wall: Duration,
    /// On all cores of this process; `None` where the system does not tell.
    pub(crate) cpu: Option<Duration>,
}

impl Spent {
    /// Adds what `work` takes.
    pub(crate) fn on<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let watch = Watch::start();
        let result = work();
        *self += watch.spent();
        result
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, more: Self) {
        self.wall += more.wall;
        self.cpu = more.cpu.map(|cpu| cpu + self.cpu.unwrap_or_default());
    }
}

/// A watch that runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch {
    wall: Instant,
    cpu: Option<Duration>,
}

impl Watch {
    pub(crate) fn start() -> Self {
        Self {
            wall: Instant::now(),
            cpu: cpu(),
        }
    }

    /// Since the start.
    pub(crate) fn spent(&self) -> Spent {
        let cpu = cpu().zip(self.cpu);
        Spent {
            wall: self.wall.elapsed(),
            cpu: cpu.map(|(now, start)| now.saturating_sub(start)),
        }
    }
}

/// User and system time of this process so far.
#[cfg(unix)]
fn cpu() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).ok()?;
    Some(Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?))
}

#[cfg(not(unix))]
fn cpu() -> Option<Duration> {
    None
}
