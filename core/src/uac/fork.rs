//! Those who answer an INVITE of ours: each makes a dialog of its own
//! ([RFC 3261 §12.1.2, §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).

use crate::dialog::{Answerer, OfferAnswer, is_session_description};
use crate::event::{SessionEnd, SessionId};
use crate::flow::Flow;
use crate::id::OutgoingInviteId;
use crate::outgoing::Fork;
use crate::session::{InviteSession, Phase, Role};
use crate::state::State;
use crate::tag::Tag;

/// The early session of a provisional response; `None` where it makes no dialog, or one that we have hung up.
pub(super) fn early_session(
    state: &mut State,
    id: OutgoingInviteId,
    flow: Flow,
    answerer: &Answerer<'_>,
) -> Option<SessionId> {
    let invite = state.outgoing_invites.get_mut(id)?;
    if let Some(fork) = invite.fork(answerer.tag) {
        let session = fork.session;
        let early = state.sessions.get(session);
        let early = early.filter(|early| matches!(early.phase, Phase::Inviting(_)));
        return early.map(|_| session);
    }
    let is_full = state.sessions.len() >= state.config.limits.sessions;
    if is_full || !answerer.makes_dialog() {
        return None;
    }
    let to = answerer.to()?;
    new_fork(state, id, flow, answerer, to)
}

/// The session of a 2xx: that of its provisional responses, or a new one. `None` where too many
/// have accepted already.
pub(super) fn confirmed_session(
    state: &mut State,
    id: OutgoingInviteId,
    flow: Flow,
    answerer: &Answerer<'_>,
) -> Option<SessionId> {
    let invite = state.outgoing_invites.get_mut(id)?;
    let known = invite.fork(answerer.tag).map(|fork| fork.session);
    let known = known.and_then(|known| Some((known, state.sessions.get_mut(known)?)));
    let session = if let Some((known, session)) = known {
        session.dialog.confirm(answerer);
        known
    } else {
        invite
            .forks
            .retain(|fork| fork.to_tag.as_bytes() != answerer.tag);
        make_room(state, id);
        let invite = state.outgoing_invites.get(id)?;
        // Where its To cannot be read, our own stands for it.
        let own = invite.message.request.to.to_string();
        let to = answerer.to().unwrap_or(own.as_bytes());
        new_fork(state, id, flow, answerer, to)?
    };
    let invite = state.outgoing_invites.get_mut(id)?;
    invite.fork(answerer.tag)?.is_accepted = true;
    Some(session)
}

/// Somebody answers an INVITE for the first time, or again after its session ended. `to` is the
/// value of its To.
fn new_fork(
    state: &mut State,
    id: OutgoingInviteId,
    flow: Flow,
    answerer: &Answerer<'_>,
    to: &[u8],
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
    let fingerprinter = &state.fingerprinter;
    let dialog = invite.message.dialog(fingerprinter, answerer, to);
    let phase = Phase::Inviting(id);
    let session = state.sessions.insert(InviteSession {
        authentication,
        ..InviteSession::new(dialog, flow, Role::Caller, phase, offer_answer)
    });
    let invite = state.outgoing_invites.get_mut(id)?;
    invite.forks.push(Fork {
        to_tag: Tag::received(answerer.tag),
        session,
        rseq: None,
        prack: None,
        is_accepted: false,
        is_hung_up: false,
        acknowledgement: None,
    });
    Some(session)
}

/// Where as many ring as may, the first of them makes room for one that accepts.
fn make_room(state: &mut State, id: OutgoingInviteId) {
    let Some(invite) = state.outgoing_invites.get_mut(id) else {
        return;
    };
    let ringing = invite.forks.iter().position(|fork| !fork.is_accepted);
    if let Some(ringing) = ringing.filter(|_| invite.forks.len() >= MOST_FORKS) {
        let fork = invite.forks.remove(ringing);
        end_if_early(state, fork.session);
    }
}

/// Ends the sessions that are still early.
pub(super) fn end_early(state: &mut State, id: OutgoingInviteId) {
    for session in sessions(state, id, |fork| !fork.is_accepted) {
        end_if_early(state, session);
    }
    if let Some(invite) = state.outgoing_invites.get_mut(id) {
        invite.forks.retain(|fork| fork.is_accepted);
    }
}

fn end_if_early(state: &mut State, session: SessionId) {
    let phase = state.sessions.get(session).map(|session| &session.phase);
    if matches!(phase, Some(Phase::Inviting(_))) {
        state.end_session(session, SessionEnd::NotAccepted, None);
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

/// How many may answer one INVITE. Past it a provisional response makes no session, and a 2xx takes the place
/// of one that rings. Where as many have accepted, it is left to its sender, who ends a session that is not acknowledged.
const MOST_FORKS: usize = 16;
