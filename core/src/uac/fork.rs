//! Those who answer an INVITE of ours: each makes a dialog of its own
//! ([RFC 3261 §12.1.2, §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).

use offhook_message::Headers;

use crate::dialog::{Dialog, OfferAnswer, Sent, is_session_description};
use crate::event::{SessionEnd, SessionId};
use crate::flow::Flow;
use crate::id::OutgoingInviteId;
use crate::outgoing::Fork;
use crate::session::{InviteSession, Phase, Role};
use crate::state::State;
use crate::tag::Tag;

/// The early session of a provisional response; `None` where it makes no dialog.
pub(super) fn early_session(
    state: &mut State,
    id: OutgoingInviteId,
    flow: Flow,
    headers: &Headers,
) -> Option<SessionId> {
    let to_tag = to_tag(headers);
    let invite = state.outgoing_invites.get_mut(id)?;
    if let Some(fork) = invite.fork(to_tag) {
        let session = fork.session;
        return state.sessions.get(session).map(|_| session);
    }
    let is_full = state.sessions.len() >= state.config.limits.sessions;
    let is_readable = headers.to().is_ok() && has_contact(headers);
    if to_tag.is_empty() || is_full || !is_readable {
        return None;
    }
    new_fork(state, id, flow, headers)
}

/// The session of a 2xx: that of its provisional responses, or a new one. `None` where too many
/// have answered already.
pub(super) fn confirmed_session(
    state: &mut State,
    id: OutgoingInviteId,
    flow: Flow,
    headers: &Headers,
) -> Option<SessionId> {
    let to_tag = to_tag(headers);
    let invite = state.outgoing_invites.get_mut(id)?;
    let known = invite.fork(to_tag).map(|fork| fork.session);
    let known = known.filter(|session| state.sessions.get(*session).is_some());
    let session = match known {
        Some(session) => {
            let dialog = dialog(state, id, headers)?;
            state.sessions.get_mut(session)?.dialog.confirm(dialog);
            session
        }
        None => new_fork(state, id, flow, headers)?,
    };
    let invite = state.outgoing_invites.get_mut(id)?;
    invite.fork(to_tag)?.is_accepted = true;
    Some(session)
}

/// Somebody answers an INVITE for the first time, or again after its session ended.
fn new_fork(
    state: &mut State,
    id: OutgoingInviteId,
    flow: Flow,
    headers: &Headers,
) -> Option<SessionId> {
    let invite = state.outgoing_invites.get(id)?;
    if invite.forks.len() >= MOST_FORKS {
        state.totals.dropped += 1;
        return None;
    }
    let body = invite.message.request.body.as_ref();
    let offer_answer = if body.is_some_and(is_session_description) {
        OfferAnswer::Initial.sent()
    } else {
        OfferAnswer::Initial
    };
    // On a stream the peer is reached by the connection that the response came by.
    let sent_by = invite.attempt.as_ref()?.flow;
    let flow = if sent_by.transport.is_reliable() {
        let channel = flow.channel;
        Flow { channel, ..sent_by }
    } else {
        sent_by
    };
    let authentication = &invite.message.authentication;
    let authentication = authentication
        .has_credentials()
        .then(|| Box::new(authentication.clone()));
    let (dialog, phase) = (dialog(state, id, headers)?, Phase::Inviting(id));
    let session = state.sessions.insert(InviteSession {
        authentication,
        ..InviteSession::new(dialog, flow, Role::Caller, phase, offer_answer)
    });
    let to_tag = to_tag(headers);
    let invite = state.outgoing_invites.get_mut(id)?;
    invite.forks.retain(|fork| fork.to_tag.as_bytes() != to_tag);
    invite.forks.push(Fork {
        to_tag: Tag::received(to_tag),
        session,
        rseq: None,
        prack: None,
        unanswered_pracks: 0,
        is_accepted: false,
        acknowledgement: None,
    });
    Some(session)
}

/// The dialog that a response makes.
fn dialog(state: &State, id: OutgoingInviteId, headers: &Headers) -> Option<Dialog> {
    let message = &state.outgoing_invites.get(id)?.message;
    let to = message.request.to.to_string();
    let sent = Sent {
        call_id: message.call_id(),
        from: message.local(),
        from_tag: message.local_tag().as_bytes(),
        to: to.as_bytes(),
        request_uri: message.request.request_uri.as_bytes(),
        cseq: message.cseq,
    };
    Some(Dialog::at_client(&state.fingerprinter, &sent, headers))
}

/// Ends the sessions that are still early.
pub(super) fn end_early(state: &mut State, id: OutgoingInviteId) {
    for session in sessions(state, id, |fork| !fork.is_accepted) {
        let phase = state.sessions.get(session).map(|session| &session.phase);
        if matches!(phase, Some(Phase::Inviting(_))) {
            state.end_session(session, SessionEnd::NotAccepted, None);
        }
    }
    if let Some(invite) = state.outgoing_invites.get_mut(id) {
        invite.forks.retain(|fork| fork.is_accepted);
    }
}

pub(super) fn sessions(
    state: &State,
    id: OutgoingInviteId,
    filter: impl Fn(&Fork) -> bool,
) -> Vec<SessionId> {
    let forks = state.outgoing_invites.get(id).map(|invite| &invite.forks);
    let forks = forks.into_iter().flatten().filter(|fork| filter(fork));
    forks.map(|fork| fork.session).collect()
}

pub(super) fn to_tag(headers: &Headers) -> &[u8] {
    headers.to_tag().unwrap_or_default()
}

pub(super) fn has_contact(headers: &Headers) -> bool {
    let contact = headers.contacts().find_map(Result::ok);
    contact.is_some_and(|contact| contact.address().is_some())
}

/// How many may answer one INVITE. Past it a provisional response makes no session, and a 2xx is
/// left to its sender, who ends a session that is not acknowledged.
const MOST_FORKS: usize = 16;
