//! Requests of ours inside a session ([RFC 3261 §12.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.1)).

use offhook_message::{Body, Header, Method, StatusCode};

use super::in_dialog::InDialog;
use super::{Step, bye};
use crate::event::{Event, SessionEnd, SessionId, Unanswered};
use crate::session::{InviteSession, Phase};
use crate::state::State;
use crate::transaction::ClientUser;

/// Why a request inside a session was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InsideError {
    /// The session is not confirmed, or it is ending.
    #[error("the session is not confirmed yet, or it is ending")]
    NotConfirmed,
    /// An offer waits for its answer, ours or the peer's: one at a time. Or a PRACK does, which none may overtake.
    #[error("an offer waits for its answer: try again when it has one")]
    OfferPending,
    /// The method has a verb of its own.
    #[error("the method has a verb of its own: use that")]
    OtherVerb,
    /// The peer's Contact is no address that a request could go to.
    #[error("the Contact of the peer is no address to send a request to")]
    NoTarget,
    /// Too many REFERs of ours are under way.
    #[error("too many REFERs are under way: wait until one of them ends")]
    TooManyRefers,
}

/// Sends a request that changes nothing of the session itself. Gives its CSeq number.
pub(crate) fn request(
    state: &mut State,
    id: SessionId,
    method: Method,
    headers: &[Header],
    body: Option<&Body>,
) -> Result<u32, InsideError> {
    let has_verb = matches!(
        method,
        Method::Invite
            | Method::Ack
            | Method::Cancel
            | Method::Bye
            | Method::Prack
            | Method::Update
            | Method::Refer
    );
    if has_verb {
        return Err(InsideError::OtherVerb);
    }
    confirmed(state, id)?.begin_request();
    let request = InDialog::new(method, headers, body);
    request
        .send(state, id, ClientUser::Inside(id))
        .ok_or(InsideError::NoTarget)?;
    let session = state.sessions.get(id);
    Ok(session.map_or(0, |session| session.dialog.local_cseq()))
}

/// What a step of a transaction means to a request that changes nothing.
pub(super) fn finish(state: &mut State, id: SessionId, step: Step) {
    match step {
        Step::Final(_, message) => {
            let status = message.status();
            state.outbox.event(Event::Answered {
                session: id,
                message,
            });
            end_if_gone(state, id, status);
        }
        Step::Failed(_) => unanswered(state, id),
        Step::Provisional(..) | Step::Over => {}
    }
}

/// A response that says that the peer does not know the dialog, never got the request or cannot get
/// any, ends the session ([RFC 3261 §12.2.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.1.2), [RFC 5057 §5.1](https://www.rfc-editor.org/rfc/rfc5057#section-5.1)).
/// 405, 480 and 501 refuse a request, and the session goes on as it was
/// ([RFC 3261 §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-14.1)).
pub(super) fn end_if_gone(state: &mut State, id: SessionId, status: StatusCode) {
    if matches!(
        status.as_u16(),
        404 | 408 | 410 | 416 | 481..=485 | 502 | 604
    ) {
        bye::send(state, id, SessionEnd::Gone, Vec::new());
    }
}

/// No response came: the same as 408. Of a session that is over nothing more is told.
pub(super) fn unanswered(state: &mut State, id: SessionId) {
    let session = state.sessions.get(id);
    if session.is_none_or(|session| matches!(session.phase, Phase::Over)) {
        return;
    }
    state.outbox.event(Event::Unanswered {
        session: id,
        cause: Unanswered::Timeout,
    });
    bye::send(state, id, SessionEnd::Gone, Vec::new());
}

pub(super) fn confirmed(
    state: &mut State,
    id: SessionId,
) -> Result<&mut InviteSession, InsideError> {
    let session = state.sessions.get_mut(id);
    session
        .filter(|session| matches!(session.phase, Phase::Confirmed))
        .ok_or(InsideError::NotConfirmed)
}
