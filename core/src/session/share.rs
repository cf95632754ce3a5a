//! What one session may take of a table that fills up.

use std::time::{Duration, Instant};

/// What the peer of a session has asked for lately.
#[derive(Debug)]
pub(crate) struct Share {
    since: Instant,
    requests: usize,
    octets: usize,
}

impl Share {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            requests: 0,
            octets: 0,
        }
    }

    /// Takes room for a request of this many octets, where as many requests and octets are left. False where the session
    /// has its part of them, for this long. The first request always has room.
    #[must_use]
    pub(crate) fn take(
        &mut self,
        now: Instant,
        period: Duration,
        [requests, octets]: [usize; 2],
        length: usize,
    ) -> bool {
        if now.saturating_duration_since(self.since) >= period {
            *self = Self::new(now);
        }
        let is_first = self.requests == 0;
        let has = is_first || (self.requests < requests / PART && self.octets < octets / PART);
        if has {
            self.requests += 1;
            self.octets += length;
        }
        has
    }
}

/// Each session has this part of what is left, which is less the more of them ask: it takes hundreds to fill the table.
const PART: usize = 256;
