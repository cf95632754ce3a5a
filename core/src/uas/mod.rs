//! The user agent server ([RFC 3261 §8.2](https://www.rfc-editor.org/rfc/rfc3261#section-8.2)): what becomes of a request.

mod accepted;
pub(crate) mod bye;
mod cancel;
mod in_dialog;
mod inspect;
mod invite;
pub(crate) mod no_answer;
mod notify;
pub(crate) mod offer;
mod options;
pub(crate) mod refer;
mod reinvite;
pub(crate) mod reliable;
pub(crate) mod replaces;
mod reply;
pub(crate) mod request;
mod response_options;
mod session_timer;
mod subscription;
pub(crate) mod undelivered;
mod update;
mod verb_error;
mod write;

pub use invite::{InviteUserAgentServer, ServerTransactionView};
pub use refer::ReferUserAgentServer;
pub use request::UserAgentServer;
pub use response_options::{
    ContactTarget, OutgoingResponse, OutgoingResponseWithSession, QValue, ResponseOptions,
};
pub use verb_error::VerbError;

use offhook_message::{HeaderName, Malformed, Method, Rejection, Request, Span, StatusCode};

use crate::dialog::dialog_id;
use crate::event::{InviteEnd, InviteId};
use crate::fingerprint::Fingerprint;
use crate::flow::{Channel, Flow, Opener};
use crate::incoming::{Incoming, Inspected};
use crate::respond;
use crate::slot::Slot;
use crate::sources::Admission;
use crate::state::State;
use crate::tag::Tag;
use crate::transaction::{ServerTransaction, TransactionState, merge_key, server_key};
use reply::Reply;

/// Takes a request: to its transaction if it is a repetition, else to whom it concerns.
pub(crate) fn receive_request(state: &mut State, flow: Flow, request: Request) {
    state.totals.requests += 1;
    let via = match request.headers().via() {
        Ok(via) => via,
        Err(error) => return refuse(state, flow, request, error.into()),
    };
    let key = server_key(&state.fingerprinter, &request, &via, request.method());
    let response_address = respond::response_address(&via, flow);
    if *request.method() == Method::Ack {
        return receive_ack(state, flow, key, request);
    }
    if let Some(transaction) = state.servers.find(key) {
        if !state.servers.is_repeated_by(transaction, &request) {
            let reason = "it is much shorter than the one whose branch it has";
            return drop_request(state, &request, reason);
        }
        state.totals.repeated_requests += 1;
        return state.server(transaction).repeat();
    }
    let incoming = Incoming {
        via: respond::received_via(&request, &via, flow.remote),
        to_tag: to_tag(&request),
        request,
        flow,
        response_address,
        key,
        inspected: Inspected::default(),
    };
    dispatch(state, incoming);
}

/// Answers what is a request but no good one, and counts the rest.
pub(crate) fn receive_malformed(state: &mut State, flow: Flow, malformed: Malformed) {
    state.totals.malformed += 1;
    let status = malformed.defect.status();
    let reason = malformed.defect.to_string();
    let Some(request) = malformed.request else {
        return;
    };
    if *request.method() == Method::Ack {
        return;
    }
    let reply = if status == StatusCode::BAD_REQUEST {
        Reply::bad_request(&reason)
    } else {
        Reply::new(status)
    };
    refuse(state, flow, request, reply);
}

/// Answers a request that may be malformed anywhere, if its Via says at least who sent it.
fn refuse(state: &mut State, flow: Flow, request: Request, reply: Reply) {
    if *request.method() == Method::Ack {
        return drop_request(state, &request, "it is malformed");
    }
    let headers = request.headers();
    let whole = headers.via().ok();
    let Some(via) = whole.or_else(|| headers.via_to_sent_by()) else {
        return drop_request(state, &request, "it has no Via to route a response by");
    };
    let incoming = Incoming {
        via: whole.and_then(|via| respond::received_via(&request, &via, flow.remote)),
        to_tag: to_tag(&request),
        key: server_key(&state.fingerprinter, &request, &via, request.method()),
        response_address: respond::response_address(&via, flow),
        request,
        flow,
        inspected: Inspected::default(),
    };
    reply.statelessly(state, &incoming);
}

/// A WebSocket is gone: nobody is left to answer. An early session may have moved to it from that of its INVITE.
pub(crate) fn disconnected(state: &mut State, channel: Channel, opener: Opener) {
    let sessions = match opener {
        Opener::Peer => state.sessions.of_channel(channel),
        Opener::Us => Vec::new(),
    };
    let moved = sessions
        .into_iter()
        .filter_map(|id| state.sessions.get(id)?.early_invite());
    let invites = state.invites.of_channel(channel);
    let invites = invites.into_iter().map(InviteId);
    for id in invites.chain(moved).collect::<Vec<_>>() {
        if let Some(server) = InviteUserAgentServer::new(state, id) {
            let (status, cause) = (Rejection::TEMPORARILY_UNAVAILABLE, InviteEnd::Disconnected);
            server.end(status, cause, None);
        }
    }
}

/// The first time a request is seen.
fn dispatch(state: &mut State, mut incoming: Incoming) {
    incoming.inspected = match inspect::inspect(&incoming.request, &state.config) {
        Ok(inspected) => inspected,
        // Who is in a call has proven itself, and a server with many calls is not to be taken for one that asks too much.
        Err(reply) if accepted::find_session(state, incoming.request.headers()).is_some() => {
            return reply.send_once(state, &incoming);
        }
        Err(reply) => return reply.statelessly(state, &incoming),
    };
    let request = &incoming.request;
    if *request.method() == Method::Cancel {
        return cancel::receive(state, &incoming);
    }
    // A BYE that ends a session makes room, so it is served whatever there is.
    let is_full = state.servers.is_full(&state.config.limits);
    if is_full && *request.method() != Method::Bye {
        return Reply::overload(state).statelessly(state, &incoming);
    }
    if let Some(to_tag) = incoming.local_tag() {
        let from_tag = incoming.remote_tag().unwrap_or_default();
        let id = dialog_id(&state.fingerprinter, incoming.call_id(), to_tag, from_tag);
        return match state.sessions.find(id) {
            Some(session) => in_dialog::receive(state, session, incoming),
            None if *request.method() == Method::Notify => {
                subscription::receive(state, incoming);
            }
            None => does_not_exist().statelessly(state, &incoming),
        };
    }
    let merge_key = merge_key(&state.fingerprinter, &incoming);
    if merge_key.is_some_and(|key| state.servers.is_merged(key)) {
        return Reply::new(StatusCode::LOOP_DETECTED).statelessly(state, &incoming);
    }
    if !is_answered_at_once(request.method()) {
        match state.admit(incoming.flow.remote) {
            Admission::Serve => {}
            Admission::Refuse => return Reply::overload(state).send_once(state, &incoming),
            Admission::Ignore => {
                state.totals.shed += 1;
                return;
            }
        }
    }
    match request.method() {
        Method::Invite => invite::receive(state, incoming, merge_key),
        Method::Options => options::answer(state).statelessly(state, &incoming),
        Method::Notify if !notify::serves_others(&state.config) => {
            does_not_exist().statelessly(state, &incoming);
        }
        Method::Refer => refer::receive(state, None, merge_key, incoming),
        method if is_for_dialogs(method) => does_not_exist().statelessly(state, &incoming),
        _ => request::receive(state, None, merge_key, incoming),
    }
}

/// Whether a request outside of a dialog needs no transaction, and is counted as it is answered.
fn is_answered_at_once(method: &Method) -> bool {
    *method == Method::Options || is_for_dialogs(method)
}

/// Whether a method has no meaning outside of a dialog. SIP.js answers such a request 481 as well.
fn is_for_dialogs(method: &Method) -> bool {
    matches!(
        method,
        Method::Ack | Method::Bye | Method::Info | Method::Prack | Method::Update
    )
}

/// 481: the request names no dialog and no transaction of ours.
fn does_not_exist() -> Reply {
    Reply::new(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST)
}

/// An ACK belongs to the transaction of a refused INVITE, or to the session of an accepted one. It
/// is never answered ([RFC 3261 §17.2.1, §13.3.1.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1.4)).
fn receive_ack(state: &mut State, flow: Flow, key: Fingerprint, request: Request) {
    let transaction = state.servers.find(key);
    let found = transaction.and_then(|slot| Some((slot, state.servers.get(slot)?.state())));
    match found {
        // RFC 6026 §7.1: one that has the branch of its INVITE goes to the session all the same.
        Some((_, TransactionState::Accepted)) | None => {
            accepted::receive_ack(state, flow, request);
        }
        Some((slot, _)) => state.server(slot).acknowledge(),
    }
}

/// Where the tag of the To lies.
fn to_tag(request: &Request) -> Span {
    let tag = request.headers().to_tag();
    let span = tag.and_then(|tag| Span::within(request.as_bytes(), tag));
    span.unwrap_or_default()
}

/// The To tag that a request inside a dialog came with.
fn to_tag_of(incoming: &Incoming) -> Tag {
    Tag::received(incoming.local_tag().unwrap_or_default())
}

fn drop_request(state: &mut State, request: &Request, reason: &str) {
    state.totals.dropped += 1;
    let call_id = request.headers().raw(HeaderName::CallId);
    let content = format_args!("dropped {}: {reason}", request.method());
    let call_id = call_id.unwrap_or_default();
    state.log("sip.user-agent-server", call_id, content);
}

/// A server transaction for a request, not answered yet.
fn open_transaction(
    state: &mut State,
    incoming: &Incoming,
    merge_key: Option<Fingerprint>,
    to_tag: Tag,
) -> Slot {
    let mut transaction = ServerTransaction::new(
        &incoming.request,
        incoming.key,
        merge_key,
        incoming.response_flow(),
        to_tag,
    );
    transaction.sent_by = undelivered::sent_by(incoming);
    state.servers.insert(transaction)
}
