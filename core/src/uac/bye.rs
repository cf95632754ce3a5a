//! Ending a session from our side ([RFC 3261 §15.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-15.1.1)).

use offhook_message::{Header, Method};

use super::in_dialog::InDialog;
use super::{acknowledge, change, notify};
use crate::event::{Event, SessionEnd, SessionId};
use crate::session::Phase;
use crate::state::State;
use crate::transaction::ClientUser;

/// Sends BYE, or keeps it until the ACK of our 2xx is here: before that the callee may not send
/// one ([RFC 3261 §15](https://www.rfc-editor.org/rfc/rfc3261#section-15)). The early session of an incoming INVITE is none yet: that one is to be answered.
pub(crate) fn send(state: &mut State, id: SessionId, cause: SessionEnd, headers: Vec<Header>) {
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    match &mut session.phase {
        Phase::Early(_) | Phase::Terminating(_) | Phase::Over => {}
        Phase::AckWait { bye, .. } => {
            bye.get_or_insert_with(|| Box::new((cause, headers)));
        }
        Phase::Answering(_) => {
            acknowledge::send(state, id, None);
            terminate(state, id, cause, &headers);
        }
        // §15: the caller may end an early dialog by itself.
        Phase::Confirmed | Phase::Inviting(_) => terminate(state, id, cause, &headers),
    }
}

/// No ACK came in 64·T1: the session is confirmed and must be ended
/// ([RFC 3261 §13.3.1.4, §14.2](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1.4)).
pub(crate) fn not_acknowledged(state: &mut State, id: SessionId, cseq: u32) {
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    if session.take_accepted(cseq).is_some() {
        if matches!(session.phase, Phase::Over) {
            return state.sessions.remove_unused(id);
        }
        let headers = match &mut session.phase {
            Phase::AckWait { bye, .. } => bye.take().map(|bye| bye.1),
            _ => None,
        };
        let headers = headers.unwrap_or_default();
        terminate(state, id, SessionEnd::NotAcknowledged, &headers);
    }
}

/// Our BYE is answered, or never will be. Whatever the answer says, the session is over.
pub(super) fn answered(state: &mut State, id: SessionId, how: SessionEnd) {
    let Some(session) = state.sessions.get(id) else {
        return;
    };
    if let Phase::Terminating(cause) = session.phase {
        let cause = match cause {
            SessionEnd::LocalBye => how,
            other => other,
        };
        state.end_session(id, cause, None);
        notify::resume(state, id);
    }
}

pub(super) fn terminate(state: &mut State, id: SessionId, cause: SessionEnd, headers: &[Header]) {
    // §13.2.2.4: a 2xx to a re-INVITE is acknowledged, even where its offer is of no use.
    change::answer(state, id, None);
    state.limit_change(id);
    if let Some(session) = state.sessions.get_mut(id) {
        if matches!(
            session.phase,
            Phase::Early(_) | Phase::Terminating(_) | Phase::Over
        ) {
            return; // The INVITE is to be answered (§15), or one BYE is out already.
        }
        if let Phase::Inviting(invite) = session.phase {
            let invite = state.outgoing_invites.get_mut(invite);
            if let Some(fork) = invite.and_then(|invite| invite.fork_of(id)) {
                fork.is_hung_up = true;
            }
        }
        session.phase = Phase::Terminating(cause);
        session.begin_request();
        state
            .outbox
            .event(Event::Terminating { session: id, cause });
    }
    // No answer of ours goes out behind our BYE.
    state.end_offers(id);
    let request = InDialog::new(Method::Bye, headers, None);
    if request.send(state, id, ClientUser::Session(id)).is_none() {
        answered(state, id, SessionEnd::ByeUnanswered);
    }
}
