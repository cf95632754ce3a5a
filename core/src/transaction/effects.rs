//! What a transaction may do: send, and arm a timer.

use std::time::Duration;

use bytes::Bytes;

use crate::config::Times;
use crate::event::TransactionId;
use crate::flow::Flow;
use crate::outbox::Outbox;
use crate::slot::Slot;
use crate::timers::{ClientTimer, ServerTimer, Timer, Timers};

/// What every step needs of the core around it.
pub(crate) struct Context<'a> {
    pub(crate) times: &'a Times,
    pub(crate) timers: &'a mut Timers,
    pub(crate) outbox: &'a mut Outbox,
}

/// The hands of one transaction during one step.
pub(crate) struct Effects<'a, 'core> {
    pub(crate) context: &'a mut Context<'core>,
    pub(crate) flow: Flow,
    pub(crate) slot: Slot,
    pub(crate) transaction: TransactionId,
}

impl Effects<'_, '_> {
    pub(crate) fn transmit(&mut self, bytes: &Bytes) {
        let transaction = Some(self.transaction);
        self.context
            .outbox
            .transmit(self.flow, bytes.clone(), transaction);
    }

    pub(crate) fn arm_server(&mut self, timer: ServerTimer, after: Duration) {
        let timer = Timer::Server(self.slot, timer);
        self.context.timers.arm(after, timer);
    }

    pub(crate) fn arm_client(&mut self, timer: ClientTimer, after: Duration) {
        let timer = Timer::Client(self.slot, timer);
        self.context.timers.arm(after, timer);
    }

    pub(crate) fn times(&self) -> &Times {
        self.context.times
    }

    pub(crate) fn is_reliable(&self) -> bool {
        self.flow.transport.is_reliable()
    }
}
