//! A request that waits for the application.

use offhook_message::Method;

use crate::event::SessionId;
use crate::incoming::Incoming;
use crate::slot::Slot;

/// A request other than INVITE that the application has not answered.
#[derive(Debug)]
pub(crate) struct PendingRequest {
    pub(crate) incoming: Incoming,
    pub(crate) transaction: Slot,
    /// The session it belongs to.
    pub(crate) session: Option<SessionId>,
}

impl PendingRequest {
    pub(crate) fn is_refer(&self) -> bool {
        *self.incoming.request.method() == Method::Refer
    }
}
