use offhook_core::Transmit;

use super::receive::Receive;

/// Octets on their way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) transmit: Transmit,
    /// Which shard hears of a failure.
    pub(crate) shard: usize,
    /// Whether a connection broke under it once already.
    pub(super) rerouted: bool,
}

impl Outgoing {
    pub(crate) fn new(transmit: Transmit, shard: usize) -> Self {
        Self {
            transmit,
            shard,
            rerouted: false,
        }
    }

    pub(super) fn is_invite(&self) -> bool {
        self.transmit.bytes.starts_with(b"INVITE ")
    }

    pub(super) fn undelivered(&self, receiver: &dyn Receive) {
        if let Some(transaction) = self.transmit.transaction {
            receiver.undelivered(self.shard, transaction);
        }
    }
}

/// The octets did not go out and never will.
#[derive(Debug)]
pub(crate) struct Undelivered;
