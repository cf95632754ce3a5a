//! Requests that the application answers: INFO, MESSAGE and whatever else it names
//! ([RFC 3261 §8.2.5](https://www.rfc-editor.org/rfc/rfc3261#section-8.2.5)).

use offhook_message::{
    HeaderName, Method, Redirection, Rejection, Request, StatusCode, Success, Text,
};

use super::reply::Reply;
use super::response_options::{ContactTarget, OutgoingResponse, ResponseOptions};
use super::{open_transaction, to_tag_of, write};
use crate::config::Config;
use crate::event::{Event, RequestId, SessionId};
use crate::fingerprint::Fingerprint;
use crate::flow::Flow;
use crate::incoming::Incoming;
use crate::session::PendingRequest;
use crate::state::State;
use crate::tag::Tag;
use crate::timers::Timer;

/// Hands a request to the application.
pub(super) fn receive(
    state: &mut State,
    session: Option<SessionId>,
    merge_key: Option<Fingerprint>,
    incoming: Incoming,
) {
    let tag = own_tag(state, session, &incoming);
    if let Some(reply) = check_package(&incoming.request, &state.config) {
        return reply.statefully(state, &incoming, tag);
    }
    if state.requests.len() >= state.config.limits.requests {
        return Reply::overload(state).statefully(state, &incoming, tag);
    }
    let transaction = open_transaction(state, &incoming, merge_key, tag);
    let is_refer = *incoming.request.method() == Method::Refer;
    let id = RequestId(state.requests.insert(PendingRequest {
        incoming,
        transaction,
        session,
    }));
    let patience = state.config.times.transaction_life() / 2;
    state.timers.arm(patience, Timer::Request(id));
    state.outbox.event(if is_refer {
        Event::Referred {
            request: id,
            session,
        }
    } else {
        Event::Request {
            request: id,
            session,
        }
    });
}

/// The To tag of the answers to a request: that of its session, or a new one.
pub(super) fn own_tag(state: &mut State, session: Option<SessionId>, incoming: &Incoming) -> Tag {
    match session {
        Some(_) => to_tag_of(incoming),
        None => Tag::from(state.random.token()),
    }
}

/// One request that is not answered yet, other than INVITE. Without an answer it gets 480 after
/// 32·T1, inside a session 488.
///
/// The view borrows the core. Each verb sends the final response and takes the view; there are no
/// provisional responses ([RFC 4320 §4.1](https://www.rfc-editor.org/rfc/rfc4320#section-4.1)).
#[derive(Debug)]
pub struct UserAgentServer<'a> {
    pub(super) state: &'a mut State,
    pub(super) id: RequestId,
}

impl<'a> UserAgentServer<'a> {
    pub(crate) fn new(state: &'a mut State, id: RequestId) -> Option<Self> {
        let pending = state.requests.get(id.0)?;
        (!pending.is_refer()).then_some(Self { state, id })
    }

    /// Which request this is.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// The request.
    pub fn message(&self) -> &Request {
        &self.pending().incoming.request
    }

    /// The way it came.
    pub fn flow(&self) -> Flow {
        self.pending().incoming.flow
    }

    /// The session it belongs to; `None` outside of a dialog.
    pub fn session(&self) -> Option<SessionId> {
        self.pending().session
    }

    /// Sends a 2xx.
    pub fn accept(self, options: impl Into<ResponseOptions<Success>>) -> OutgoingResponse {
        self.respond(&options.into(), &[])
    }

    /// Sends the peer elsewhere with a 3xx.
    pub fn redirect(
        self,
        contacts: &[ContactTarget],
        options: impl Into<ResponseOptions<Redirection>>,
    ) -> OutgoingResponse {
        self.respond(&options.into(), contacts)
    }

    /// Refuses the request.
    pub fn reject(self, options: impl Into<ResponseOptions<Rejection>>) -> OutgoingResponse {
        self.respond(&options.into(), &[])
    }

    /// Ends the request without a word of the application's: 480, and 488 inside a session, which a
    /// peer might end on 480 ([RFC 5057 §5.1](https://www.rfc-editor.org/rfc/rfc5057#section-5.1)).
    pub fn dispose(self) {
        let status = match self.session() {
            Some(_) => Rejection::NOT_ACCEPTABLE_HERE,
            None => Rejection::TEMPORARILY_UNAVAILABLE,
        };
        self.respond(&status.into(), &[]);
    }

    #[expect(
        clippy::expect_used,
        reason = "the view is made of a request in the table and borrows the table while it lives"
    )]
    fn pending(&self) -> &PendingRequest {
        let pending = self.state.requests.get(self.id.0);
        pending.expect("the request of a view is in the table")
    }

    fn respond<S: Copy + Into<StatusCode>>(
        self,
        options: &ResponseOptions<S>,
        contacts: &[ContactTarget],
    ) -> OutgoingResponse {
        let pending = self.pending();
        let transaction = pending.transaction;
        let found = self.state.servers.get(transaction);
        let tag = options.to_tag.as_ref().or(found.map(|found| &found.to_tag));
        let incoming = &pending.incoming;
        let message = write::plain_response(self.state, incoming, tag, options, contacts);
        let status = options.status.into();
        let Self { state, id } = self;
        state.requests.remove(id.0);
        state.server(transaction).respond(status, message.clone());
        OutgoingResponse { message }
    }
}

/// The application did not answer in time: no request stays without a response.
pub(crate) fn is_overdue(state: &mut State, id: RequestId) {
    let Some(pending) = state.requests.get(id.0) else {
        return;
    };
    let is_refer = pending.is_refer();
    let server = UserAgentServer { state, id };
    if is_refer {
        // RFC 3515 §2.4.2: a REFER that nobody approves of is declined.
        server.reject(Rejection::DECLINE);
    } else {
        server.dispose();
    }
}

/// An INFO of a package that nobody here receives gets 469 and the list of those that are
/// ([RFC 6086 §4.2.2](https://www.rfc-editor.org/rfc/rfc6086#section-4.2.2)).
fn check_package(request: &Request, config: &Config) -> Option<Reply> {
    if *request.method() != Method::Info {
        return None;
    }
    let package = request.headers().raw(HeaderName::InfoPackage)?;
    let name = package.split(|byte| *byte == b';').next()?.trim_ascii();
    let mut received = config.info_packages.iter().map(Text::as_str);
    if received.any(|received| received.as_bytes().eq_ignore_ascii_case(name)) {
        return None;
    }
    let list: Vec<_> = config.info_packages.iter().map(Text::as_str).collect();
    let reply = Reply::new(StatusCode::BAD_INFO_PACKAGE);
    Some(reply.with_header(HeaderName::RecvInfo, &list.join(", ")))
}
