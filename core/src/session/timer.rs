//! The life of a session without a refresh
//! ([RFC 4028](https://www.rfc-editor.org/rfc/rfc4028)).

use std::time::{Duration, Instant};

/// An agreed session timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionTimer {
    pub(crate) seconds: u32,
    pub(crate) refresher: Party,
    /// When to refresh, or when to give the session up. A refresh moves it.
    pub(crate) due: Instant,
}

/// Who refreshes a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    Us,
    Peer,
}

impl SessionTimer {
    pub(crate) fn new(seconds: u32, refresher: Party, now: Instant) -> Self {
        let life = Duration::from_secs(seconds.into());
        // §10: the refresher is early by half, and the other one gives up a little before the end.
        let after = match refresher {
            Party::Us => life / 2,
            Party::Peer => life.saturating_sub((life / 3).min(LAST_CALL)),
        };
        Self {
            seconds,
            refresher,
            due: now + after,
        }
    }
}

/// How long before its end a session that nobody refreshed gets its BYE, at the most
/// ([RFC 4028 §10](https://www.rfc-editor.org/rfc/rfc4028#section-10)).
const LAST_CALL: Duration = Duration::from_secs(32);
