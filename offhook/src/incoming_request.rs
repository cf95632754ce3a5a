use std::fmt;
use std::sync::Arc;

use offhook_core::{
    ContactTarget, Flow, OutgoingResponse, RequestId, ResponseOptions, UserAgentServer,
};
use offhook_message::{Redirection, Rejection, Request, Success};

use crate::backlog::Arrival;
use crate::shell::Shell;

/// A request other than INVITE that the application answers, one of
/// [`Config::methods`](offhook_core::Config::methods).
///
/// A key that an INFO tells of is in [`Request::dtmf`]; answer 200.
///
/// Dropping it without an answer refuses it: with 480 (Temporarily Unavailable), inside a session with
/// 488 (Not Acceptable Here), which leaves the session as it is.
#[must_use = "dropping a request refuses it"]
pub struct IncomingRequest {
    shell: Arc<Shell>,
    id: RequestId,
    arrival: Box<Arrival>,
    is_open: bool,
}

impl IncomingRequest {
    pub(crate) fn new(shell: Arc<Shell>, id: RequestId, arrival: Box<Arrival>) -> Self {
        Self {
            shell,
            id,
            arrival,
            is_open: true,
        }
    }

    /// The request.
    pub fn message(&self) -> &Request {
        &self.arrival.message
    }

    /// The way it came.
    pub fn flow(&self) -> Flow {
        self.arrival.flow
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
        mut self,
        verb: impl FnOnce(UserAgentServer<'_>) -> OutgoingResponse,
    ) -> Option<OutgoingResponse> {
        self.is_open = false;
        self.shell.act(self.arrival.shard, |state, now| {
            state.core.request_server(now, self.id).map(verb)
        })
    }
}

impl Drop for IncomingRequest {
    fn drop(&mut self) {
        if self.is_open {
            self.shell.act(self.arrival.shard, |state, now| {
                state.dispose(now, self.id);
            });
        }
    }
}

impl fmt::Debug for IncomingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingRequest")
            .field("method", self.message().method())
            .field("flow", &self.arrival.flow)
            .finish_non_exhaustive()
    }
}
