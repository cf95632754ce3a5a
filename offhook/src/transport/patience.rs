use std::time::Duration;

use tokio::time::Instant;

use super::connection::End;
use super::limits::ConnectionLimits;

/// How long a peer may be silent, and when it is asked whether it is still there.
pub(super) struct Patience<'a> {
    limits: &'a ConnectionLimits,
    /// When the connection ends if no message comes before.
    idle: Instant,
    /// When it ends because octets have come that complete no frame.
    incomplete: Option<Instant>,
    /// The peer has sent a ping.
    pings: bool,
    asks: Asks,
    /// One of ours is not answered yet.
    awaits_pong: bool,
    /// When the next ping goes out, or when the last one must be answered.
    ask: Ask,
}

/// Whether we ping, and whom an answer is expected of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    Never,
    /// A peer that has answered once answers always.
    Trying,
    Always,
}

#[derive(Clone, Copy)]
enum Ask {
    Never,
    At(Instant),
    AnswerBy(Instant),
}

/// What the time has come for.
pub(super) enum Due {
    Ping,
    End(End),
}

impl<'a> Patience<'a> {
    /// `quiet` is how long the peer may take to begin.
    pub(super) fn new(
        limits: &'a ConnectionLimits,
        quiet: Duration,
        asks: Asks,
        now: Instant,
    ) -> Self {
        let mut patience = Self {
            limits,
            idle: now + quiet,
            incomplete: None,
            pings: false,
            asks,
            awaits_pong: false,
            ask: Ask::Never,
        };
        patience.ask_later(now);
        patience
    }

    /// When to call [`Patience::due`].
    pub(super) fn ends(&self) -> Instant {
        let ask = match self.ask {
            Ask::Never => None,
            Ask::At(instant) | Ask::AnswerBy(instant) => Some(instant),
        };
        let others = self.incomplete.into_iter().chain(ask);
        others.fold(self.idle, Instant::min)
    }

    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        if now >= self.idle || self.incomplete.is_some_and(|incomplete| now >= incomplete) {
            return Some(Due::End(End::Idle));
        }
        match self.ask {
            Ask::At(instant) if now >= instant => {
                self.awaits_pong = true;
                self.ask = match self.asks {
                    Asks::Always => Ask::AnswerBy(now + self.limits.pong_time),
                    _ => Ask::At(now + self.limits.ping_interval),
                };
                Some(Due::Ping)
            }
            Ask::AnswerBy(instant) if now >= instant => Some(Due::End(End::NoPong)),
            _ => None,
        }
    }

    /// Something has come, but no frame is complete: however small its pieces are, it must end in
    /// time.
    pub(super) fn incomplete(&mut self, now: Instant) {
        let end = now + self.limits.message_time;
        self.incomplete.get_or_insert(end);
    }

    pub(super) fn message(&mut self, now: Instant) {
        self.incomplete = None;
        self.idle = now
            + if self.pings {
                self.limits.pinging_idle_time
            } else {
                self.limits.idle_time
            };
        self.ask_later(now);
    }

    pub(super) fn ping(&mut self, now: Instant) {
        self.pings = true;
        self.message(now);
    }

    /// The answer to a ping shows that the peer is there, and not that it is of use. Whether it answers one of ours.
    pub(super) fn pong(&mut self, now: Instant) -> bool {
        self.incomplete = None;
        let is_answer = std::mem::take(&mut self.awaits_pong);
        if is_answer && self.asks == Asks::Trying {
            self.asks = Asks::Always;
        }
        self.ask_later(now);
        is_answer
    }

    fn ask_later(&mut self, now: Instant) {
        self.ask = match self.asks {
            Asks::Never => Ask::Never,
            Asks::Trying | Asks::Always => Ask::At(now + self.limits.ping_interval),
        };
    }
}
