//! What waits to be polled.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::event::{Event, Output, Resolve, TransactionId, Transmit};
use crate::flow::Flow;

/// The outputs, in the order they were caused.
#[derive(Debug, Default)]
pub(crate) struct Outbox(VecDeque<Output>);

impl Outbox {
    pub(crate) fn transmit(
        &mut self,
        flow: Flow,
        bytes: Bytes,
        transaction: Option<TransactionId>,
    ) {
        self.0.push_back(Output::Transmit(Transmit {
            flow,
            bytes,
            transaction,
        }));
    }

    pub(crate) fn resolve(&mut self, resolve: Resolve) {
        self.0.push_back(Output::Resolve(resolve));
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.0.push_back(Output::Event(event));
    }

    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.0.pop_front()
    }
}
