//! How much there is, and how much there was.

use std::ops::Add;

/// What a core holds now and what it has seen since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Server transactions that live.
    pub server_transactions: usize,
    /// Client transactions that live.
    pub client_transactions: usize,
    /// Calls that are not answered yet.
    pub invites: usize,
    /// Calls of ours that are not answered yet.
    pub outgoing_invites: usize,
    /// Sessions that live, early ones included.
    pub sessions: usize,
    /// Sessions that are over: a BYE came before the ACK of our 2xx, which is repeated until then.
    pub unacknowledged: usize,
    /// Registrations that are kept.
    pub registrations: usize,
    /// Subscriptions of ours that are kept.
    pub subscriptions: usize,
    /// States of ours that are kept published.
    pub publications: usize,
    /// Changes that peers want and the application has not answered.
    pub offers: usize,
    /// Requests other than INVITE that the application has not answered.
    pub requests: usize,
    /// Timers that are armed, some of which nobody waits for any more.
    pub timers: usize,
    /// What was seen since the core began.
    pub totals: Totals,
}

/// What a core has seen since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests received, repetitions included.
    pub requests: u64,
    /// Repetitions among them, those of ACK not counted.
    pub repeated_requests: u64,
    /// Responses sent, not counting their repetitions.
    pub responses: u64,
    /// Requests sent, not counting their repetitions.
    pub requests_sent: u64,
    /// Repetitions of requests that had no response in time, those of ACK not counted.
    pub repeated_requests_sent: u64,
    /// Messages that are no SIP, answered or not.
    pub malformed: u64,
    /// Messages dropped without an answer: no Via to route by, an ACK or a response that belongs
    /// to nothing, a request that is much shorter than the one whose branch it has.
    pub dropped: u64,
    /// Requests answered 503 because a table was full, or their source had asked too much.
    pub overload: u64,
    /// Requests that were not answered because their source had asked too much.
    pub shed: u64,
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            server_transactions: self.server_transactions + other.server_transactions,
            client_transactions: self.client_transactions + other.client_transactions,
            invites: self.invites + other.invites,
            outgoing_invites: self.outgoing_invites + other.outgoing_invites,
            sessions: self.sessions + other.sessions,
            unacknowledged: self.unacknowledged + other.unacknowledged,
            registrations: self.registrations + other.registrations,
            subscriptions: self.subscriptions + other.subscriptions,
            publications: self.publications + other.publications,
            offers: self.offers + other.offers,
            requests: self.requests + other.requests,
            timers: self.timers + other.timers,
            totals: self.totals + other.totals,
        }
    }
}

impl Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            repeated_requests: self.repeated_requests + other.repeated_requests,
            responses: self.responses + other.responses,
            requests_sent: self.requests_sent + other.requests_sent,
            repeated_requests_sent: self.repeated_requests_sent + other.repeated_requests_sent,
            malformed: self.malformed + other.malformed,
            dropped: self.dropped + other.dropped,
            overload: self.overload + other.overload,
            shed: self.shed + other.shed,
        }
    }
}
