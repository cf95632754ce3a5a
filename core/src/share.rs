//! What one session or subscription may take of a table that fills up.

use std::time::{Duration, Instant};

/// What the peer of a session or subscription has asked for lately.
#[derive(Debug)]
pub(crate) struct Share {
    since: Instant,
    taken: Room,
}

impl Share {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            since: now,
            taken: Room::default(),
        }
    }

    /// Takes room for a request. False where its part of what is left is taken, for this long. The first request always
    /// has room.
    #[must_use]
    pub(crate) fn take(&mut self, demand: &Demand) -> bool {
        if demand.at.saturating_duration_since(self.since) >= demand.period {
            *self = Self::new(demand.at);
        }
        let Self { taken, .. } = self;
        let left = demand.left;
        let is_first = taken.requests == 0;
        let has = is_first
            || (taken.requests < left.requests / PART && taken.octets < left.octets / PART);
        if has {
            taken.requests += 1;
            taken.octets += demand.octets;
        }
        has
    }
}

/// A request that comes while the table fills up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    pub(crate) at: Instant,
    /// What it and its response hold, about.
    pub(crate) octets: usize,
    /// What all have, together.
    pub(crate) left: Room,
    /// How long what is taken counts.
    pub(crate) period: Duration,
}

/// A part of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) requests: usize,
    pub(crate) octets: usize,
}

/// Each has this part of what is left, which is less the more of them ask: it takes hundreds to fill the table.
const PART: usize = 256;

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test needs one instant to start from"
)]
mod tests {
    use super::*;

    fn demand(octets: usize) -> Demand {
        Demand {
            at: Instant::now(),
            octets,
            left: Room {
                requests: 256 * 20,
                octets: 256 << 20,
            },
            period: Duration::from_secs(32),
        }
    }

    /// How many requests like this one have room.
    fn taken(share: &mut Share, demand: Demand) -> usize {
        (0..100).take_while(|_| share.take(&demand)).count()
    }

    #[test]
    fn small_requests_are_bounded_by_their_number_and_large_ones_by_their_octets() {
        for (octets, most) in [(1000, 20), (128 << 10, 8), (2 << 20, 1)] {
            let demand = demand(octets);
            assert_eq!(taken(&mut Share::new(demand.at), demand), most, "{octets}");
        }
    }

    #[test]
    fn a_share_comes_back_after_its_period() {
        let first = demand(128 << 10);
        let mut share = Share::new(first.at);
        let after = |duration| Demand {
            at: first.at + duration,
            ..first
        };
        assert_eq!(taken(&mut share, first), 8);
        let almost = Duration::from_millis(31_999);
        assert_eq!(taken(&mut share, after(almost)), 0);
        assert_eq!(taken(&mut share, after(first.period)), 8);
    }

    #[test]
    fn where_nothing_is_left_the_first_request_has_room() {
        let full = Demand {
            left: Room::default(),
            ..demand(1000)
        };
        assert_eq!(taken(&mut Share::new(full.at), full), 1);
    }
}
