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
    /// The tag of its To.
    pub(crate) to_tag: Span,
    pub(crate) inspected: Inspected,
}

/// What a request was found to say when it was inspected; before that, nothing. What it does not say is
/// empty.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Inspected {
    /// Its number.
    pub(crate) cseq: u32,
    pub(crate) call_id: Span,
    /// The tag of its From.
    pub(crate) from_tag: Span,
    /// The user of its Request-URI.
    pub(crate) user: Span,
    /// The URI of the Contact of an INVITE.
    pub(crate) target: Span,
}

impl Incoming {
    /// The way of its responses.
    pub(crate) fn response_flow(&self) -> Flow {
        Flow {
            remote: self.response_address,
            ..self.flow
        }
    }

    pub(crate) fn cseq(&self) -> u32 {
        self.inspected.cseq
    }

    pub(crate) fn call_id(&self) -> &[u8] {
        self.inspected.call_id.of(self.request.as_bytes())
    }

    /// The tag of its To, where it names a dialog.
    pub(crate) fn local_tag(&self) -> Option<&[u8]> {
        self.part(self.to_tag)
    }

    /// The tag of its From; a peer of RFC 2543 has none.
    pub(crate) fn remote_tag(&self) -> Option<&[u8]> {
        self.part(self.inspected.from_tag)
    }

    pub(crate) fn user(&self) -> Option<&[u8]> {
        self.part(self.inspected.user)
    }

    pub(crate) fn target(&self) -> Option<&[u8]> {
        self.part(self.inspected.target)
    }

    fn part(&self, span: Span) -> Option<&[u8]> {
        let part = span.of(self.request.as_bytes());
        (!part.is_empty()).then_some(part)
    }
}

/// A Via that is written together with where the request really came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReceivedVia {
    pub(crate) params: Span,
    /// Whether the client asks for its port.
    pub(crate) wants_rport: bool,
}
