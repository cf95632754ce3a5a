//! Mutants that repeat a message by a clock of their own.

use std::time::Duration;

use offhook_core::Flow;
use offhook_core::{Output, Transmit};
use offhook_sim::{Mutant, Passing, milliseconds, seconds};

use crate::broken::{is, received, sent, transmit};

/// Repeats one response in place of the core.
#[derive(Debug)]
pub(crate) struct Repeater {
    status: &'static str,
    interval: Duration,
    stops_at_ack: bool,
    response: Option<(Flow, String)>,
    next: Option<Duration>,
    end: Duration,
}

impl Repeater {
    /// The 2xx to INVITE, whatever comes.
    pub(crate) fn for_ever() -> Self {
        Self::new("SIP/2.0 200", seconds(4), false)
    }

    /// A refusal, every T1 until the ACK or timer H.
    pub(crate) fn constant_timer_g() -> Self {
        Self::new("SIP/2.0 486", milliseconds(500), true)
    }

    fn new(status: &'static str, interval: Duration, stops_at_ack: bool) -> Self {
        Self {
            status,
            interval,
            stops_at_ack,
            response: None,
            next: None,
            end: Duration::MAX,
        }
    }

    fn begin(&mut self, now: Duration, flow: Flow, text: String) {
        self.response = Some((flow, text));
        self.next = Some(now + self.interval);
        if self.stops_at_ack {
            self.end = now + seconds(32);
        }
    }
}

impl Mutant for Repeater {
    fn pass(&mut self, now: Duration, passing: Passing) -> Vec<Passing> {
        let ack = received(&passing).filter(|(_, text)| text.starts_with("ACK "));
        if ack.is_some() && self.stops_at_ack {
            self.next = None;
        }
        let is_meant = sent(&passing).filter(|text| is(text, self.status, "INVITE"));
        if let (Some(text), Passing::Output(Output::Transmit(Transmit { flow, .. }))) =
            (is_meant, &passing)
        {
            if self.response.is_some() {
                return Vec::new();
            }
            self.begin(now, *flow, text);
        }
        vec![passing]
    }

    fn timeout(&self) -> Option<Duration> {
        self.next.filter(|next| *next < self.end)
    }

    fn act(&mut self, now: Duration) -> Vec<Passing> {
        self.next = Some(now + self.interval);
        let response = self.response.clone();
        let again = response.map(|(flow, text)| transmit(flow, text));
        again.into_iter().collect()
    }
}
