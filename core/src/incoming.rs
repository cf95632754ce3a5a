//! A request on its way through the core.

use offhook_message::Request;

use crate::fingerprint::Fingerprint;
use crate::flow::Flow;

/// A request and what every step needs to know of it.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) request: Request,
    /// Where it came from.
    pub(crate) flow: Flow,
    /// Where its responses go.
    pub(crate) response_flow: Flow,
    /// The key of its transaction.
    pub(crate) key: Fingerprint,
}
