//! Reliable provisional responses to an INVITE of ours
//! ([RFC 3262 §4](https://www.rfc-editor.org/rfc/rfc3262#section-4)).

use offhook_message::{Body, Header, HeaderName, Headers, Method, RAck, Text};

use super::in_dialog::InDialog;
use crate::capabilities::RELIABLE;
use crate::config::{Config, Reliability};
use crate::dialog::is_session_description;
use crate::event::SessionId;
use crate::outgoing::Fork;
use crate::session::InviteSession;
use crate::state::State;
use crate::transaction::ClientUser;

/// The RSeq of a provisional response that wants a PRACK.
pub(super) fn rseq(headers: &Headers, config: &Config) -> Option<u32> {
    let requires = headers.require().filter_map(Result::ok);
    let mut requires = requires.filter(|tag| tag.eq_ignore_ascii_case(RELIABLE.as_bytes()));
    if config.reliability == Reliability::Off || requires.next().is_none() {
        return None;
    }
    headers.rseq().ok().flatten()
}

/// Takes the RSeq of a reliable provisional response. False where it is a repetition, comes
/// before one that is missing, or finds too many before it: then the response does not count.
#[must_use]
pub(super) fn take(fork: &mut Fork, early: &InviteSession, rseq: u32) -> bool {
    // RFC 3262 §3: what is not acknowledged comes again, and the second not before the first is.
    if fork.prack.is_some() || early.unanswered_pracks >= MOST_PRACKS {
        return false;
    }
    let is_next = match fork.rseq {
        None => true,
        Some(last) => last.checked_add(1) == Some(rseq),
    };
    if is_next {
        fork.rseq = Some(rseq);
    }
    is_next
}

/// Answers the offer of a reliable provisional response in the PRACK that waits for it. False
/// where none does.
pub(crate) fn answer(state: &mut State, id: SessionId, answer: &Body) -> bool {
    let session = state.sessions.get(id);
    let invite = session.and_then(InviteSession::outgoing_invite);
    let outgoing = invite.and_then(|invite| state.outgoing_invites.get_mut(invite));
    let rack = outgoing.and_then(|outgoing| outgoing.fork_of(id)?.prack.take());
    let Some(rack) = rack else {
        return false;
    };
    if let Some(session) = state.sessions.get_mut(id)
        && is_session_description(answer)
    {
        session.offer_answer = session.offer_answer.sent();
        session.describe(answer);
    }
    send(state, id, &rack, Some(answer));
    true
}

/// Whether a PRACK has no response. What overtakes it makes it come out of order
/// ([RFC 3261 §12.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.2)), and a PRACK that is refused is the end of the call.
pub(super) fn is_unanswered(state: &State, id: SessionId) -> bool {
    let session = state.sessions.get(id);
    session.is_some_and(|session| session.unanswered_pracks > 0)
}

/// A PRACK is answered, or never will be.
pub(super) fn is_answered(state: &mut State, id: SessionId) {
    if let Some(session) = state.sessions.get_mut(id) {
        session.unanswered_pracks = session.unanswered_pracks.saturating_sub(1);
    }
}

/// Sends PRACK. The application hears nothing of its answer: a provisional response that is not
/// acknowledged comes again.
pub(super) fn send(state: &mut State, id: SessionId, rack: &RAck, body: Option<&Body>) {
    let RAck { rseq, cseq, method } = rack;
    let Ok(value) = Text::new(format!("{rseq} {cseq} {method}")) else {
        return;
    };
    let headers = [Header::known(HeaderName::RAck, value)];
    let request = InDialog::new(Method::Prack, &headers, body);
    if let Some(session) = state.sessions.get_mut(id) {
        session.begin_request();
    }
    let is_sent = request.send(state, id, ClientUser::Prack(id)).is_some();
    if let Some(session) = state.sessions.get_mut(id).filter(|_| is_sent) {
        session.unanswered_pracks = session.unanswered_pracks.saturating_add(1);
    }
}

/// How many PRACKs of one session may have no response. Past it a reliable provisional response is not taken.
const MOST_PRACKS: u16 = 8;
