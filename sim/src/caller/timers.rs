//! The timers of a caller.

use std::time::Duration;

use crate::clock::{milliseconds, seconds};
use crate::policy::Verb;

/// What a timer is for. The number says which transaction or dialog it belongs to; one that is past
/// caring ignores it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    /// The INVITE again.
    A(usize),
    /// No response to the INVITE.
    B(usize),
    /// No more repetitions of a final response are expected.
    D(usize),
    /// No more 2xx are expected (RFC 6026 §7.2).
    M(usize),
    /// Another request again.
    E(usize),
    /// No final response to another request.
    F(usize),
    /// No more repetitions of its response are expected.
    K(usize),
    /// No more repetitions of a request from the server are expected.
    J(usize),
    /// The user has waited long enough.
    GiveUp,
    /// The user wants something inside the session.
    Talk(Verb),
    /// The 2xx to a re-INVITE again.
    Success(usize),
    /// What the referral of the server has come to.
    Referral(usize),
    /// No final response to the INVITE came after its CANCEL (RFC 3261 §9.1).
    Abandon(usize),
}

#[derive(Debug, Default)]
pub(super) struct Timers {
    armed: Vec<(Duration, Timer)>,
}

impl Timers {
    pub(super) fn arm(&mut self, at: Duration, timer: Timer) {
        self.armed.push((at, timer));
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        self.armed.iter().map(|(at, _)| *at).min()
    }

    /// Takes the earliest timer that is due; of two of one time, the one that was armed first.
    pub(super) fn due(&mut self, now: Duration) -> Option<Timer> {
        let armed = self.armed.iter().enumerate();
        let (place, (at, _)) = armed.min_by_key(|(_, (at, _))| *at)?;
        if *at > now {
            return None;
        }
        Some(self.armed.remove(place).1)
    }
}

/// The estimate of the round trip (RFC 3261 §17.1.1.1).
pub(super) const T1: Duration = milliseconds(500);
/// The longest interval between repetitions of another request than INVITE.
pub(super) const T2: Duration = seconds(4);
/// How long a message stays in the network.
pub(super) const T4: Duration = seconds(5);
/// 64·T1.
pub(super) const LIFE: Duration = seconds(32);
