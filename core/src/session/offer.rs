//! An offer that waits for the application.

use std::time::Instant;

use crate::event::SessionId;
use crate::incoming::Incoming;
use crate::slot::Slot;

/// A request inside a dialog with an offer that the application has not answered.
#[derive(Debug)]
pub(crate) struct PendingOffer {
    pub(crate) incoming: Incoming,
    pub(crate) transaction: Slot,
    pub(crate) session: SessionId,
    /// When nobody waits for the answer any more. It counts from when the application is told.
    pub(crate) due: Instant,
}
