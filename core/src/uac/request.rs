//! Requests outside of a dialog other than INVITE
//! ([RFC 3261 §8.1](https://www.rfc-editor.org/rfc/rfc3261#section-8.1)).

use std::time::Instant;

use offhook_message::{Method, Response, StatusCode};

use super::is_challenge;
use crate::client_event::{RequestError, RequestFailure};
use crate::event::Event;
use crate::id::OutgoingRequestId;
use crate::outgoing::{OutgoingRequest, OutgoingRequestMessage};
use crate::state::State;
use crate::transaction::ClientUser;

/// Sends a request.
pub(crate) fn start(
    state: &mut State,
    now: Instant,
    method: Method,
    request: OutgoingRequest,
) -> Result<OutgoingRequestId, RequestError> {
    if matches!(
        method,
        Method::Invite | Method::Ack | Method::Cancel | Method::Bye | Method::Prack
    ) {
        return Err(RequestError::NotAlone);
    }
    request.check()?;
    if state.clients.len() >= state.config.limits.transactions {
        return Err(RequestError::Full);
    }
    let message = OutgoingRequestMessage::new(method, request, &mut state.random);
    let id = OutgoingRequestId(state.outgoing_requests.insert(message));
    attempt(state, now, id);
    Ok(id)
}

/// Hands on a response, unless the next flow may do better.
pub(super) fn receive_response(
    state: &mut State,
    now: Instant,
    id: OutgoingRequestId,
    response: Response,
) {
    let Some(message) = state.outgoing_requests.get_mut(id.0) else {
        return;
    };
    let status = response.status();
    if status == StatusCode::SERVICE_UNAVAILABLE && message.next_flow() {
        return attempt(state, now, id);
    }
    if is_challenge(status) && message.take_challenge(response.headers(), &mut state.random) {
        return attempt(state, now, id);
    }
    if status.is_final() {
        state.outgoing_requests.remove(id.0);
    }
    state.outbox.event(Event::Response {
        request: id,
        message: response,
    });
}

/// No response will come by this flow.
pub(super) fn failed(
    state: &mut State,
    now: Instant,
    id: OutgoingRequestId,
    cause: RequestFailure,
) {
    let Some(message) = state.outgoing_requests.get_mut(id.0) else {
        return;
    };
    if message.next_flow() {
        return attempt(state, now, id);
    }
    state.outgoing_requests.remove(id.0);
    state
        .outbox
        .event(Event::RequestFailed { request: id, cause });
}

fn attempt(state: &mut State, now: Instant, id: OutgoingRequestId) {
    let Some(message) = state.outgoing_requests.get_mut(id.0) else {
        return;
    };
    let Some(flow) = message.flow() else {
        return;
    };
    let branch = state.random.token();
    let bytes = message.write(flow, branch, &state.config);
    let (method, user) = (message.method.clone(), ClientUser::Request(id));
    let transaction = state.insert_client(now, branch, method, bytes, flow, user);
    state.send_client(now, transaction, flow);
}
