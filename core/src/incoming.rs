//! A request on its way through the core.

use std::net::SocketAddr;

use offhook_message::{Request, Span};

use crate::fingerprint::Fingerprint;
use crate::flow::Flow;

/// A request and what every step needs to know of it.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) request: Request,
    /// Where it came from.
    pub(crate) flow: Flow,
    /// Where its responses go, by the same channel.
    pub(crate) response_address: SocketAddr,
    /// The key of its transaction.
    pub(crate) key: Fingerprint,
    /// Its topmost Via, unless its responses repeat that as it came.
    pub(crate) via: Option<ReceivedVia>,
    /// Whether it names a dialog.
    pub(crate) has_to_tag: bool,
}

impl Incoming {
    /// The way of its responses.
    pub(crate) fn response_flow(&self) -> Flow {
        Flow {
            remote: self.response_address,
            ..self.flow
        }
    }
}

/// The parts of a Via that are written together with where the request really came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReceivedVia {
    pub(crate) transport: Span,
    pub(crate) sent_by: Span,
    pub(crate) params: Span,
    /// Whether the client asks for its port.
    pub(crate) wants_rport: bool,
}
