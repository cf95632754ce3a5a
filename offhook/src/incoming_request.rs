use offhook_core::{
    ContactTarget, Flow, OutgoingResponse, RequestId, ResponseOptions, UserAgentServer,
};
use offhook_message::{Redirection, Rejection, Request, Success};

use crate::pending::Pending;

/// A request other than INVITE that the application answers, one of
/// [`Config::methods`](offhook_core::Config::methods).
///
/// A key that an INFO tells of is in [`Request::dtmf`]; answer 200.
///
/// Dropping it without an answer refuses it: with 480 (Temporarily Unavailable), inside a session with
/// 488 (Not Acceptable Here), which leaves the session as it is.
#[derive(Debug)]
#[must_use = "dropping a request refuses it"]
pub struct IncomingRequest {
    pending: Pending,
    id: RequestId,
}

impl IncomingRequest {
    pub(crate) fn new(pending: Pending, id: RequestId) -> Self {
        Self { pending, id }
    }

    /// The request.
    pub fn message(&self) -> &Request {
        &self.pending.arrival.message
    }

    /// The way it came. A registrar keeps that of a REGISTER with its Contact: a request to the Contact with it among
    /// [`OutgoingRequest::flows`](crate::OutgoingRequest::flows) goes back over the same connection, and there is no other
    /// way to a browser.
    pub fn flow(&self) -> Flow {
        self.pending.arrival.flow
    }

    /// Answers with a 2xx. `None` where it was refused in our place, because it took too
    /// long.
    pub fn accept(self, options: impl Into<ResponseOptions<Success>>) -> Option<OutgoingResponse> {
        self.respond(|server| server.accept(options))
    }

    /// Sends the peer elsewhere with a 3xx. `None` as in [`accept`](Self::accept).
    pub fn redirect(
        self,
        contacts: &[ContactTarget],
        options: impl Into<ResponseOptions<Redirection>>,
    ) -> Option<OutgoingResponse> {
        self.respond(|server| server.redirect(contacts, options))
    }

    /// Refuses the request. `None` as in [`accept`](Self::accept).
    pub fn reject(
        self,
        options: impl Into<ResponseOptions<Rejection>>,
    ) -> Option<OutgoingResponse> {
        self.respond(|server| server.reject(options))
    }

    fn respond(
        self,
        verb: impl FnOnce(UserAgentServer<'_>) -> OutgoingResponse,
    ) -> Option<OutgoingResponse> {
        self.pending
            .act(|state| state.core.request_server(state.now, self.id).map(verb))
    }
}
