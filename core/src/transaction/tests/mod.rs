//! Transactions under a clock that the test moves.

mod client;
mod server;

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::step::Step;
use crate::config::Times;
use crate::counts::Totals;
use crate::event::Output;
use crate::flow::{Channel, Flow, Transport};
use crate::outbox::Outbox;
use crate::slot::Slot;
use crate::timers::{Timer, Timers};

/// One transaction in its table.
struct Bench<Table> {
    begin: Instant,
    times: Times,
    timers: Timers,
    outbox: Outbox,
    totals: Totals,
    transactions: Table,
    slot: Slot,
}

impl<Table> Bench<Table> {
    fn around(transactions: Table, slot: Slot) -> Self {
        let (begin, times) = (Instant::now(), Times::default());
        Self {
            begin,
            timers: Timers::new(begin, &times),
            times,
            outbox: Outbox::default(),
            totals: Totals::default(),
            transactions,
            slot,
        }
    }

    fn step(&mut self) -> Step<'_, Table> {
        Step {
            slot: self.slot,
            transactions: &mut self.transactions,
            times: &self.times,
            timers: &mut self.timers,
            outbox: &mut self.outbox,
            totals: &mut self.totals,
        }
    }

    /// How long it is since the request, in ms.
    fn ms(&self) -> u128 {
        (self.timers.now() - self.begin).as_millis()
    }

    /// The next timer that is due. Time passes in steps of 1 ms until there is one, or until this many ms after
    /// the request.
    fn due(&mut self, until: u64) -> Option<Timer> {
        loop {
            if let Some(timer) = self.timers.due() {
                return Some(timer);
            }
            if self.ms() >= until.into() {
                return None;
            }
            self.timers
                .advance(self.timers.now() + Duration::from_millis(1));
        }
    }

    fn sent(&mut self) -> Vec<Bytes> {
        let outbox = &mut self.outbox;
        std::iter::from_fn(|| outbox.pop())
            .map(|output| match output {
                Output::Transmit(transmit) => transmit.bytes,
                other => panic!("{other:?} is nothing to send"),
            })
            .collect()
    }
}

fn flow(transport: Transport) -> Flow {
    let address = "192.0.2.1:5060".parse().unwrap();
    Flow {
        transport,
        channel: Channel::NONE,
        local: address,
        remote: address,
    }
}
