//! Re-INVITE and UPDATE of ours ([RFC 3261 §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-14.1),
//! [RFC 3311 §5.1](https://www.rfc-editor.org/rfc/rfc3311#section-5.1)).

use std::time::{Duration, Instant};

use offhook_message::{Body, Method, Response, StatusCode, parse};

use super::in_dialog::InDialog;
use super::inside::{InsideError, confirmed, end_if_gone, unanswered};
use super::{Step, bye, cancel, challenged, is_challenge, prack, refresh};
use crate::dialog::OfferAnswer;
use crate::digest::Authentication;
use crate::event::{Event, SessionEnd, SessionId, Unanswered};
use crate::session::{Change, ChangeStage, InviteSession, Phase, Purpose, Role};
use crate::state::State;
use crate::timers::Timer;
use crate::transaction::ClientUser;

/// Asks the peer to change the session. Without an offer a re-INVITE asks for the peer's, and an
/// UPDATE confirms the session as it is.
pub(crate) fn begin(
    state: &mut State,
    id: SessionId,
    method: Method,
    offer: Option<&Body>,
    purpose: Purpose,
) -> Result<(), InsideError> {
    if prack::is_unanswered(state, id) {
        return Err(InsideError::OfferPending);
    }
    let session = match method {
        Method::Update => begun(state, id)?,
        _ => confirmed(state, id)?,
    };
    // RFC 3311 §5.1: an answer in a reliable response counts when its PRACK is here. After the final
    // response that may never come (RFC 3262 §4).
    let reliable = session.reliable.as_ref();
    let is_unacknowledged = session.early_invite().is_some()
        && reliable.is_some_and(|reliable| !reliable.is_acknowledged());
    if session.change.is_some() || !session.is_settled() || is_unacknowledged {
        return Err(InsideError::OfferPending);
    }
    session.begin_request();
    session.change = Some(Box::new(Change {
        method,
        cseq: 0,
        offer: offer.cloned(),
        request: None,
        asks_for_timer: false,
        purpose,
        attempts: 0,
        refused: 0,
        stage: ChangeStage::Waiting,
        until: None,
    }));
    if send(state, id) {
        return Ok(());
    }
    give_up(state, id);
    Err(InsideError::NoTarget)
}

/// The session, where an UPDATE may be sent inside: an early dialog will do
/// ([RFC 3311 §5.1](https://www.rfc-editor.org/rfc/rfc3311#section-5.1)).
fn begun(state: &mut State, id: SessionId) -> Result<&mut InviteSession, InsideError> {
    let session = state.sessions.get_mut(id);
    let is_begun = |session: &&mut InviteSession| {
        matches!(
            session.phase,
            Phase::Confirmed | Phase::Early(_) | Phase::Inviting(_)
        )
    };
    session.filter(is_begun).ok_or(InsideError::NotConfirmed)
}

/// The time of a stage may be over.
///
/// A re-INVITE that only gets provisional responses is cancelled, and taken for cancelled where no final
/// response follows ([RFC 3261 §9.1](https://www.rfc-editor.org/rfc/rfc3261#section-9.1)). An offer of the peer's that the
/// application does not answer ends the session, as that of a first 2xx does.
pub(crate) fn is_due(state: &mut State, id: SessionId) {
    let session = state.sessions.get_mut(id);
    let Some(change) = session.and_then(|session| session.change.as_deref_mut()) else {
        return;
    };
    if change.until.is_none_or(|until| until > state.timers.now()) {
        return; // It is past that, or this was the time of one before it.
    }
    match change.stage {
        ChangeStage::Waiting => retry(state, id),
        ChangeStage::Behind | ChangeStage::Calling(_) => {}
        ChangeStage::Proceeding(transaction) => {
            let after = state.config.times.transaction_life();
            change.stage = ChangeStage::Cancelled(transaction);
            change.until = state.timers.arm(after, Timer::Change(id));
            cancel::of_transaction(state, transaction, &[]);
        }
        ChangeStage::Cancelled(transaction) => {
            state.clients.remove(transaction);
            abandon(state, id, Unanswered::Cancelled);
        }
        ChangeStage::Answered(_) => bye::terminate(state, id, SessionEnd::NotAnswered, &[]),
    }
}

/// A PRACK is answered, or never will be: a change may wait for that.
pub(super) fn prack_is_answered(state: &mut State, id: SessionId) {
    let session = state.sessions.get(id);
    let change = session.and_then(|session| session.change.as_ref());
    if change.is_some_and(|change| change.stage == ChangeStage::Behind) {
        retry(state, id);
    }
}

/// Sends the change again, whose wait is over.
fn retry(state: &mut State, id: SessionId) {
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    if is_ending(session) {
        give_up(state, id); // The end of the session says enough.
        return;
    }
    if session.unanswered_pracks > 0 {
        return wait(session, ChangeStage::Behind, None);
    }
    if !session.is_settled() {
        // The peer was faster, and what it wants is not settled yet.
        return collide(state, id);
    }
    if !send(state, id) {
        // What it met has left no address to go to.
        abandon(state, id, Unanswered::Collision);
    }
}

/// An offer of the peer's is answered or refused while a change of ours waits, whatever for.
/// To look at that offer the application had to take its own back.
pub(crate) fn overtaken(state: &mut State, id: SessionId) {
    let change = state
        .sessions
        .get(id)
        .and_then(|session| session.change.as_ref());
    let is_overtaken = change.is_some_and(|it| !it.is_out() && it.offer.is_some());
    if is_overtaken {
        abandon(state, id, Unanswered::Collision);
    }
}

/// What a step of a transaction means to a change.
pub(super) fn finish(state: &mut State, id: SessionId, step: Step) {
    match step {
        Step::Provisional(_, message) => proceed(state, id, &message),
        Step::Final(_, message) => {
            let cseq = cseq(&message);
            let session = state.sessions.get(id);
            let change = session.and_then(|session| session.change.as_ref());
            if change.is_none_or(|change| change.cseq != cseq || change.is_answered()) {
                return;
            }
            changed(state, id, message);
        }
        Step::Failed(_) => {
            give_up(state, id);
            unanswered(state, id);
        }
        Step::Over => {}
    }
    state.release_offer(id);
}

/// Acknowledges the 2xx to a re-INVITE that asked for an offer, with our answer to that. False
/// where none waits for it.
pub(crate) fn answer(state: &mut State, id: SessionId, answer: Option<&Body>) -> bool {
    let Some(session) = state.sessions.get_mut(id) else {
        return false;
    };
    let Some(change) = session.change.take_if(|change| change.is_answered()) else {
        return false;
    };
    session.offer_answer = OfferAnswer::Stable;
    if let Some(answer) = answer {
        session.describe(answer);
    }
    acknowledge(state, id, &change, answer);
    true
}

/// The first provisional response sets a limit to a re-INVITE.
fn proceed(state: &mut State, id: SessionId, message: &Response) {
    let cseq = cseq(message);
    let session = state.sessions.get_mut(id);
    let change = session.and_then(|session| session.change.as_mut());
    let change = change.filter(|change| change.cseq == cseq && change.method == Method::Invite);
    if let Some(change) = change
        && let ChangeStage::Calling(transaction) = change.stage
    {
        change.stage = ChangeStage::Proceeding(transaction);
        let after = state.config.times.ringing;
        change.until = state.timers.arm(after, Timer::Change(id));
    }
}

/// The first final response to a change.
fn changed(state: &mut State, id: SessionId, message: Response) {
    let status = message.status();
    if status == StatusCode::REQUEST_PENDING {
        return collide(state, id);
    }
    let is_worth_another = take_challenge(state, id, &message)
        || (status == StatusCode::SESSION_INTERVAL_TOO_SMALL
            && refresh::take_min_se(state, id, message.headers()));
    if is_worth_another && send_again(state, id) {
        return;
    }
    if status.is_success() {
        return accepted(state, id, message);
    }
    // A refusal of a refresh would be taken for that of an offer which the application has made since.
    if give_up(state, id) == Some(Purpose::Application) {
        state.outbox.event(Event::Answered {
            session: id,
            message,
        });
    }
    end_if_gone(state, id, status);
}

/// A 2xx. That to a re-INVITE is acknowledged, unless the application has to answer its offer.
fn accepted(state: &mut State, id: SessionId, message: Response) {
    refresh::changed(state, id, message.headers());
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    let Some(mut change) = session.change.take() else {
        return;
    };
    session.dialog.refresh_target(message.headers());
    if change.has_opened_an_offer() {
        session.offer_answer = OfferAnswer::Stable;
    }
    let is_invite = change.method == Method::Invite;
    let is_offer = change.offer.is_none() && message.session_description().is_some();
    if is_invite
        && is_offer
        && matches!(session.phase, Phase::Confirmed)
        && let Some(transaction) = change.transaction()
    {
        session.offer_answer = OfferAnswer::HaveRemoteOffer;
        change.stage = ChangeStage::Answered(transaction);
        let after = state.config.times.transaction_life();
        change.until = state.timers.arm(after, Timer::Change(id));
        session.change = Some(change);
        return state.outbox.event(Event::AnsweredWithOffer {
            session: id,
            message,
        });
    }
    if let Some(offer) = &change.offer {
        session.describe(offer);
    }
    if is_invite {
        acknowledge(state, id, &change, None);
    }
    let session = id;
    match change.purpose {
        Purpose::Application => state.outbox.event(Event::Answered { session, message }),
        // RFC 3264 §8: it may say that the peer's media has moved.
        Purpose::Refresh if message.session_description().is_some() => {
            state.outbox.event(Event::Refreshed { session, message });
        }
        Purpose::Refresh => {}
    }
}

/// Both sides asked at the same time: ours waits a random time and tries again, the owner of the
/// Call-ID longer ([RFC 3261 §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-14.1)).
fn collide(state: &mut State, id: SessionId) {
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    let Some(change) = &mut session.change else {
        return;
    };
    change.attempts += 1;
    if change.attempts > MOST_COLLISIONS {
        return abandon(state, id, Unanswered::Collision);
    }
    let (least, choices) = match session.role {
        Role::Caller => (210, 191),
        Role::Callee => (0, 201),
    };
    let hundredths = least + state.random.below(choices);
    let after = Duration::from_millis(hundredths * 10);
    let until = state.timers.arm(after, Timer::Change(id));
    wait(session, ChangeStage::Waiting, until);
}

/// Its request is out no more, and neither is its offer.
fn wait(session: &mut InviteSession, stage: ChangeStage, until: Option<Instant>) {
    if let Some(change) = &mut session.change {
        if change.has_opened_an_offer() {
            session.offer_answer = OfferAnswer::Stable;
        }
        change.stage = stage;
        change.until = until;
    }
}

/// What was agreed before holds, and the application hears of it if the change was its own.
fn abandon(state: &mut State, id: SessionId, cause: Unanswered) {
    if give_up(state, id) == Some(Purpose::Application) {
        let session = id;
        state.outbox.event(Event::Unanswered { session, cause });
    }
}

/// What was agreed before holds. Gives whose wish the change was.
fn give_up(state: &mut State, id: SessionId) -> Option<Purpose> {
    let session = state.sessions.get_mut(id)?;
    let change = session.change.take()?;
    if change.has_opened_an_offer() {
        session.offer_answer = OfferAnswer::Stable;
    }
    Some(change.purpose)
}

/// Takes a response. True where it asks for credentials that the request can be sent again with.
fn take_challenge(state: &mut State, id: SessionId, response: &Response) -> bool {
    if !is_challenge(response.status()) {
        return false;
    }
    let Some(session) = state.sessions.get_mut(id) else {
        return false;
    };
    let change = session.change.as_ref();
    let request = change.and_then(|change| parse(change.request.clone()?).ok());
    let (authentication, random) = (session.authentication.as_deref_mut(), &mut state.random);
    request.zip(authentication).is_some_and(|(request, it)| {
        challenged::take(it, request.headers(), response.headers(), random)
    })
}

/// Sends the request of the change again, but lets it overtake no PRACK. False as for [`send`].
fn send_again(state: &mut State, id: SessionId) -> bool {
    if !prack::is_unanswered(state, id) {
        return send(state, id);
    }
    if let Some(session) = state.sessions.get_mut(id) {
        wait(session, ChangeStage::Behind, None);
    }
    true
}

/// Sends the request of the change. False where it has no address to go to, or the session is ending
/// by now.
fn send(state: &mut State, id: SessionId) -> bool {
    let session = state.sessions.get_mut(id);
    let Some(session) = session.filter(|session| !is_ending(session)) else {
        return false;
    };
    let Some(change) = &session.change else {
        return false;
    };
    let (method, offer) = (change.method.clone(), change.offer.clone());
    let headers = refresh::headers(session);
    let asks_for_timer = session.timer.is_some();
    let request = InDialog::new(method, &headers, offer.as_ref());
    let Some(transaction) = request.send(state, id, ClientUser::Change(id)) else {
        return false;
    };
    let request = state.clients.waiting(transaction);
    if let Some(session) = state.sessions.get_mut(id) {
        let cseq = session.dialog.local_cseq();
        if offer.is_some() {
            session.offer_answer = OfferAnswer::HaveLocalOffer;
        }
        if let Some(change) = &mut session.change {
            change.cseq = cseq;
            change.request = request;
            change.asks_for_timer = asks_for_timer;
            change.stage = ChangeStage::Calling(transaction);
            change.until = None;
        }
    }
    true
}

/// The ACK of the 2xx to a re-INVITE of ours. It belongs to the transaction of that: another change
/// may follow, or the end of the session, while the ACK is lost.
fn acknowledge(state: &mut State, id: SessionId, change: &Change, body: Option<&Body>) {
    // Those of the session may be others by now.
    let credentials = change.request.as_ref().map(Authentication::of_request);
    let credentials = credentials.unwrap_or_default();
    let request = InDialog::ack(change.cseq, &credentials, body);
    let acknowledgement = request.send(state, id, ClientUser::Nobody);
    if let Some((invite, acknowledgement)) = change.transaction().zip(acknowledgement) {
        let user = ClientUser::Acknowledged(acknowledgement);
        state.clients.set_user(invite, user);
    }
}

fn is_ending(session: &InviteSession) -> bool {
    matches!(session.phase, Phase::Terminating(_) | Phase::Over)
}

fn cseq(message: &Response) -> u32 {
    message.headers().cseq().map_or(0, |cseq| cseq.number)
}

/// How often a change may meet a request of the peer's before it is given up.
const MOST_COLLISIONS: u32 = 5;
