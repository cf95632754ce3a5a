//! Requests outside of a dialog other than INVITE
//! ([RFC 3261 §8.1](https://www.rfc-editor.org/rfc/rfc3261#section-8.1)).

use offhook_message::{Method, Response};

use super::alone;
use crate::client_event::{RequestError, RequestFailure};
use crate::event::Event;
use crate::id::OutgoingRequestId;
use crate::outgoing::OutgoingRequest;
use crate::state::State;
use crate::transaction::ClientUser;

/// Sends a request.
pub(crate) fn start(
    state: &mut State,
    method: Method,
    request: OutgoingRequest,
) -> Result<OutgoingRequestId, RequestError> {
    if matches!(
        method,
        Method::Invite | Method::Ack | Method::Cancel | Method::Bye | Method::Prack
    ) {
        return Err(RequestError::NotAlone);
    }
    let message = alone::begin(state, method, request)?;
    let id = OutgoingRequestId(state.outgoing_requests.insert(message));
    alone::send(state, ClientUser::Request(id));
    Ok(id)
}

/// Hands on a response, unless the next flow may do better.
pub(super) fn receive_response(state: &mut State, id: OutgoingRequestId, response: Response) {
    if alone::send_again(state, ClientUser::Request(id), &response) {
        return;
    }
    let is_known = if response.status().is_final() {
        state.outgoing_requests.remove(id.0).is_some()
    } else {
        state.outgoing_requests.contains(id.0)
    };
    if !is_known {
        return;
    }
    state.outbox.event(Event::Response {
        request: id,
        message: response,
    });
}

/// No response will come by this flow.
pub(super) fn failed(state: &mut State, id: OutgoingRequestId, cause: RequestFailure) {
    if alone::send_elsewhere(state, ClientUser::Request(id)) {
        return;
    }
    if state.outgoing_requests.remove(id.0).is_some() {
        let failed = Event::RequestFailed { request: id, cause };
        state.outbox.event(failed);
    }
}
