use offhook_core::{Channel, Flow, Opener, TransactionId};
use offhook_message::{Malformed, Message};

/// Who takes what the transport layer receives.
pub(crate) trait Receive: Send + Sync + 'static {
    fn message(&self, flow: Flow, message: Message);
    fn malformed(&self, flow: Flow, malformed: Malformed);
    /// What was accepted by [`TransportLayer::send`](super::TransportLayer::send) could not be delivered after all.
    fn undelivered(&self, shard: usize, transaction: TransactionId);
    /// A connection is gone: a WebSocket, or one that we opened.
    fn disconnected(&self, channel: Channel, opener: Opener);
}

/// Takes nothing.
#[cfg(test)]
pub(super) struct Nobody;

#[cfg(test)]
impl Receive for Nobody {
    fn message(&self, _: Flow, _: Message) {}
    fn malformed(&self, _: Flow, _: Malformed) {}
    fn undelivered(&self, _: usize, _: TransactionId) {}
    fn disconnected(&self, _: Channel, _: Opener) {}
}
