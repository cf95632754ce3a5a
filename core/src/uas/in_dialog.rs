//! Requests inside a dialog ([RFC 3261 §12.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.2)).

use offhook_message::{HeaderName, Method, StatusCode};

use super::reply::Reply;
use super::{
    bye, does_not_exist, notify, options, refer, reinvite, reliable, request, to_tag_of, update,
};
use crate::event::SessionId;
use crate::incoming::Incoming;
use crate::session::Phase;
use crate::state::State;

/// Serves a request whose dialog is known. Every one is answered.
pub(super) fn receive(state: &mut State, id: SessionId, incoming: Incoming) {
    let is_bye = *incoming.request.method() == Method::Bye;
    if !is_bye && !state.has_room(id, &incoming.request) {
        return Reply::overload(state).send_once(state, &incoming);
    }
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    let is_over = matches!(session.phase, Phase::Over);
    if is_bye && is_over {
        // There is no session to end. Its number is not taken, so that a repetition gets the same.
        return does_not_exist().send_once(state, &incoming);
    }
    if !session.dialog.take_cseq(incoming.cseq()) {
        if is_bye {
            return bye::overtaken(state, id, &incoming);
        }
        let reply = try_later(state);
        return reply.statefully(state, &incoming, to_tag_of(&incoming));
    }
    let is_ending = matches!(session.phase, Phase::Terminating(_));
    let reply = match incoming.request.method() {
        Method::Notify => return notify::receive(state, id, incoming),
        _ if is_over => does_not_exist(),
        Method::Refer => return refer::receive(state, Some(id), None, incoming),
        Method::Bye => return bye::receive(state, id, incoming),
        Method::Prack if is_ending && incoming.request.session_description().is_some() => {
            does_not_exist() // As any other offer that comes behind our BYE.
        }
        Method::Prack => return reliable::receive(state, id, incoming),
        Method::Options => options::capabilities(state),
        Method::Invite => return reinvite::receive(state, id, incoming),
        Method::Update => return update::receive(state, id, incoming),
        _ if is_ending => does_not_exist(),
        _ => return request::receive(state, Some(id), None, incoming),
    };
    reply.statefully(state, &incoming, to_tag_of(&incoming));
}

/// 500 with a Retry-After between 0 and 10 seconds.
pub(super) fn try_later(state: &mut State) -> Reply {
    let seconds = state.random.below(11);
    Reply::new(StatusCode::SERVER_INTERNAL_ERROR)
        .with_header(HeaderName::RetryAfter, &seconds.to_string())
}
