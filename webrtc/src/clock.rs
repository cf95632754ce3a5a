//! The time of a connection.

use std::time::{Duration, Instant};

/// What str0m and the stream are told of the time. It stands still until the first datagram of the peer's: where the peer
/// leaves the DTLS handshake to us, str0m gives up after 40 s, and a call may ring for longer before the peer connects.
pub(crate) struct Clock {
    made: Instant,
    /// How late it is.
    delay: Option<Duration>,
}

impl Clock {
    /// One that stands still from `now` on.
    pub(crate) fn new(now: Instant) -> Self {
        let (made, delay) = (now, None);
        Self { made, delay }
    }

    /// Runs from `now` on, where it does not yet.
    pub(crate) fn run(&mut self, now: Instant) {
        self.delay = Some(self.delay(now));
    }

    /// The time.
    pub(crate) fn time(&self, now: Instant) -> Instant {
        now.checked_sub(self.delay(now)).unwrap_or(now)
    }

    /// When it is that time; never as long as it stands still.
    pub(crate) fn instant(&self, time: Instant) -> Option<Instant> {
        time.checked_add(self.delay?)
    }

    fn delay(&self, now: Instant) -> Duration {
        let still = || now.saturating_duration_since(self.made);
        self.delay.unwrap_or_else(still)
    }
}
