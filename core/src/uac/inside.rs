//! Requests of ours inside a session ([RFC 3261 §12.2.1, §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.1),
//! [RFC 3311 §5.1](https://www.rfc-editor.org/rfc/rfc3311#section-5.1)).

use std::time::{Duration, Instant};

use offhook_message::{Body, Header, Method, Response, StatusCode};

use super::write::InDialog;
use super::{bye, refresh, send_in_dialog, take_challenge};
use crate::dialog::OfferAnswer;
use crate::event::{Event, SessionEnd, SessionId, Unanswered};
use crate::session::{Acknowledged, Change, InviteSession, Phase, Role};
use crate::state::State;
use crate::timers::Timer;
use crate::transaction::{ClientOutcome, ClientUser};

/// Why a request inside a session was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsideError {
    /// The session is not confirmed, or it is ending.
    NotConfirmed,
    /// An offer waits for its answer, ours or the peer's: one at a time.
    OfferPending,
    /// The method has a verb of its own.
    OtherVerb,
    /// The peer's Contact is no address that a request could go to.
    NoTarget,
}

impl std::fmt::Display for InsideError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotConfirmed => "the session is not confirmed yet, or it is ending",
            Self::OfferPending => "an offer waits for its answer: try again when it has one",
            Self::OtherVerb => "the method has a verb of its own: use that",
            Self::NoTarget => "the Contact of the peer is no address to send a request to",
        })
    }
}

impl std::error::Error for InsideError {}

/// Sends a request that changes nothing of the session itself. Gives its CSeq number.
pub(crate) fn request(
    state: &mut State,
    now: Instant,
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
    );
    if has_verb {
        return Err(InsideError::OtherVerb);
    }
    confirmed(state, id)?;
    let request = InDialog {
        headers,
        body,
        ..InDialog::new(method)
    };
    let user = ClientUser::Inside(id);
    send_in_dialog(state, now, id, user, &request).ok_or(InsideError::NoTarget)?;
    let session = state.sessions.get(id);
    Ok(session.map_or(0, |session| session.dialog.local_cseq()))
}

/// Asks the peer to change the session, or to confirm it as it is where there is no offer.
pub(crate) fn change(
    state: &mut State,
    now: Instant,
    id: SessionId,
    method: Method,
    offer: Option<&Body>,
) -> Result<(), InsideError> {
    let session = confirmed(state, id)?;
    if session.change.is_some() || !session.is_settled() {
        return Err(InsideError::OfferPending);
    }
    session.begin_request();
    session.change = Some(Box::new(Change {
        method,
        cseq: 0,
        offer: offer.cloned(),
        collisions: 0,
    }));
    if send_change(state, now, id) {
        return Ok(());
    }
    give_up(state, id);
    Err(InsideError::NoTarget)
}

/// Sends the change again that met a request of the peer's.
pub(crate) fn retry(state: &mut State, now: Instant, id: SessionId) {
    let session = state.sessions.get(id);
    let is_free = session.is_some_and(|session| session.change.is_some() && session.is_settled());
    if !is_free {
        // The peer was faster, and what it wants is not settled yet.
        return collide(state, now, id);
    }
    if !send_change(state, now, id) {
        give_up(state, id);
    }
}

/// What a step of a transaction means to a request that changes nothing.
pub(super) fn finish(
    state: &mut State,
    now: Instant,
    id: SessionId,
    outcome: ClientOutcome,
    response: Option<Response>,
) {
    match (outcome, response) {
        (ClientOutcome::Final(status), Some(message)) => {
            state.outbox.event(Event::Answered {
                session: id,
                message,
            });
            end_if_gone(state, now, id, status);
        }
        (ClientOutcome::Timeout, _) => unanswered(state, now, id),
        _ => {}
    }
}

/// What a step of a transaction means to a change.
pub(super) fn finish_change(
    state: &mut State,
    now: Instant,
    id: SessionId,
    outcome: ClientOutcome,
    response: Option<Response>,
) {
    match (outcome, response) {
        (ClientOutcome::Final(status), Some(message)) => {
            let cseq = message.headers().cseq().map_or(0, |cseq| cseq.number);
            let change = state
                .sessions
                .get(id)
                .and_then(|session| session.change.as_ref());
            if change.is_none_or(|change| change.cseq != cseq) {
                return acknowledge_again(state, now, id, cseq);
            }
            changed(state, now, id, status, message);
        }
        (ClientOutcome::Timeout, _) => {
            give_up(state, id);
            unanswered(state, now, id);
        }
        _ => {}
    }
}

/// The first final response to a change.
fn changed(state: &mut State, now: Instant, id: SessionId, status: StatusCode, message: Response) {
    if status == StatusCode::REQUEST_PENDING {
        return collide(state, now, id);
    }
    if take_challenge(state, id, &message) && send_change(state, now, id) {
        return;
    }
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    let change = session.change.take();
    session.offer_answer = OfferAnswer::Stable;
    if status.is_success() {
        session.dialog.refresh_target(message.headers());
        refresh::agreed(state, now, id, message.headers());
        if let Some(change) = change.filter(|change| change.method == Method::Invite) {
            acknowledge(state, now, id, change.cseq);
        }
    }
    state.outbox.event(Event::Answered {
        session: id,
        message,
    });
    end_if_gone(state, now, id, status);
}

/// Both sides asked at the same time: ours waits a random time and tries again, the owner of the
/// Call-ID longer ([RFC 3261 §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-14.1)).
fn collide(state: &mut State, now: Instant, id: SessionId) {
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    let Some(change) = &mut session.change else {
        return;
    };
    change.collisions += 1;
    session.offer_answer = match session.offer {
        Some(_) => session.offer_answer,
        None => OfferAnswer::Stable,
    };
    if change.collisions > MOST_COLLISIONS {
        give_up(state, id);
        return state.outbox.event(Event::Unanswered {
            session: id,
            cause: Unanswered::Collision,
        });
    }
    let (least, choices) = match session.role {
        Role::Caller => (210, 191),
        Role::Callee => (0, 201),
    };
    let hundredths = least + state.random.below(choices);
    let after = Duration::from_millis(hundredths * 10);
    state.arm(now, after, Timer::Change(id));
}

/// What was agreed before holds.
fn give_up(state: &mut State, id: SessionId) {
    if let Some(session) = state.sessions.get_mut(id) {
        session.change = None;
        if session.offer.is_none() {
            session.offer_answer = OfferAnswer::Stable;
        }
    }
}

/// Sends the request of the change. False where it has no address to go to.
fn send_change(state: &mut State, now: Instant, id: SessionId) -> bool {
    let Some(session) = state.sessions.get_mut(id) else {
        return false;
    };
    let Some(change) = &session.change else {
        return false;
    };
    let (method, offer) = (change.method.clone(), change.offer.clone());
    if offer.is_some() {
        session.offer_answer = OfferAnswer::HaveLocalOffer;
    }
    let headers = refresh::headers(session);
    let request = InDialog {
        headers: &headers,
        body: offer.as_ref(),
        ..InDialog::new(method)
    };
    let user = ClientUser::Change(id);
    let is_sent = send_in_dialog(state, now, id, user, &request).is_some();
    if let Some(session) = state.sessions.get_mut(id) {
        let cseq = session.dialog.local_cseq();
        if let Some(change) = &mut session.change {
            change.cseq = cseq;
        }
    }
    is_sent
}

/// The ACK of the 2xx to a re-INVITE of ours.
fn acknowledge(state: &mut State, now: Instant, id: SessionId, cseq: u32) {
    let request = InDialog {
        cseq: Some(cseq),
        ..InDialog::new(Method::Ack)
    };
    let transaction = send_in_dialog(state, now, id, ClientUser::Nobody, &request);
    if let Some(session) = state.sessions.get_mut(id) {
        session.acknowledged = transaction.map(|transaction| Acknowledged { cseq, transaction });
    }
}

/// A 2xx to a re-INVITE came again: its ACK was lost.
fn acknowledge_again(state: &mut State, now: Instant, id: SessionId, cseq: u32) {
    let session = state.sessions.get(id);
    let acknowledged = session.and_then(|session| session.acknowledged);
    if let Some(acknowledged) = acknowledged.filter(|last| last.cseq == cseq) {
        state.repeat_client(now, acknowledged.transaction);
    }
}

/// A response that says the peer does not know the dialog, or never got the request, ends the
/// session ([RFC 3261 §12.2.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.1.2), [RFC 5057 §5.1](https://www.rfc-editor.org/rfc/rfc5057#section-5.1)).
fn end_if_gone(state: &mut State, now: Instant, id: SessionId, status: StatusCode) {
    if matches!(
        status,
        StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST | StatusCode::REQUEST_TIMEOUT
    ) {
        bye::terminate(state, now, id, SessionEnd::Gone, &[]);
    }
}

/// No response came: the same as 408.
fn unanswered(state: &mut State, now: Instant, id: SessionId) {
    state.outbox.event(Event::Unanswered {
        session: id,
        cause: Unanswered::Timeout,
    });
    bye::terminate(state, now, id, SessionEnd::Gone, &[]);
}

fn confirmed(state: &mut State, id: SessionId) -> Result<&mut InviteSession, InsideError> {
    let session = state.sessions.get_mut(id);
    session
        .filter(|session| matches!(session.phase, Phase::Confirmed))
        .ok_or(InsideError::NotConfirmed)
}

/// How often a change may meet a request of the peer's before it is given up.
const MOST_COLLISIONS: u32 = 5;
