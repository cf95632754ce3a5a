//! Requests of ours outside of a dialog, through all their attempts
//! ([RFC 3261 §8.1](https://www.rfc-editor.org/rfc/rfc3261#section-8.1)).

use offhook_message::{Method, Response, StatusCode};

use super::is_challenge;
use crate::capabilities::Introduction;
use crate::client_event::RequestError;
use crate::outgoing::{Attempt, OutgoingRequest, OutgoingRequestMessage};
use crate::random::Random;
use crate::state::State;
use crate::transaction::ClientUser;

/// What is to be sent for an application, where it can be and there is room.
pub(super) fn begin(
    state: &mut State,
    method: Method,
    request: OutgoingRequest,
) -> Result<OutgoingRequestMessage, RequestError> {
    request.check()?;
    if state.clients.is_full(&state.config.limits) {
        return Err(RequestError::Full);
    }
    let random = &mut state.random;
    Ok(OutgoingRequestMessage::new(method, request, random))
}

/// Sends the request of this user, by the flow whose turn it is. `None` where it is over.
pub(super) fn send(state: &mut State, user: ClientUser) -> Option<Attempt> {
    let (message, random, own) = message(state, user)?;
    let flow = message.flow()?;
    let (method, branch) = (message.method.clone(), random.token());
    let bytes = message.write(flow, branch, own);
    let transaction = state.insert_client(branch, method, bytes.clone(), flow, user);
    if let Some((message, ..)) = self::message(state, user) {
        message.transaction = Some(transaction);
    }
    state.client(transaction).send(flow);
    Some(Attempt { flow, bytes })
}

/// Sends the request again where its response leaves hope: with credentials, or by the next flow.
#[must_use]
pub(super) fn send_again(state: &mut State, user: ClientUser, response: &Response) -> bool {
    is_worth_another(state, user, response) && send(state, user).is_some()
}

/// Sends the request again by the next flow, where there is one.
#[must_use]
pub(super) fn send_elsewhere(state: &mut State, user: ClientUser) -> bool {
    let found = message(state, user);
    found.is_some_and(|(message, ..)| message.next_flow()) && send(state, user).is_some()
}

/// Whether the request is worth another attempt after this response.
#[must_use]
pub(super) fn is_worth_another(state: &mut State, user: ClientUser, response: &Response) -> bool {
    let Some((message, random, _)) = message(state, user) else {
        return false;
    };
    match response.status() {
        StatusCode::SERVICE_UNAVAILABLE => message.next_flow(),
        status => is_challenge(status) && message.take_challenge(response.headers(), random),
    }
}

/// The request of a user, and what is needed to write it. `None` where it belongs to a session.
pub(super) fn message(
    state: &mut State,
    user: ClientUser,
) -> Option<(&mut OutgoingRequestMessage, &mut Random, &Introduction)> {
    let message = match user {
        ClientUser::Invite(id) => &mut state.outgoing_invites.get_mut(id)?.message,
        ClientUser::Request(id) => state.outgoing_requests.get_mut(id.0)?,
        ClientUser::Kept(slot) => &mut state.kept.get_mut(slot)?.message,
        ClientUser::Subscription(id, _) => &mut state.subscriptions.get_mut(id)?.message,
        _ => return None,
    };
    Some((message, &mut state.random, &state.introduction))
}
