//! Virtual time.

use std::time::{Duration, Instant};

/// Time that passes only when it is told to. It counts from the start of the simulation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: Instant,
    now: Duration,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            now: Duration::ZERO,
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    /// The present as the core takes it.
    pub(crate) fn instant(&self) -> Instant {
        self.epoch + self.now
    }

    /// What an instant of the core is in virtual time.
    pub(crate) fn of(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.epoch)
    }

    pub(crate) fn advance(&mut self, to: Duration) {
        self.now = self.now.max(to);
    }
}

/// A duration, as scenarios write it.
pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A duration, as scenarios write it.
pub const fn milliseconds(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
