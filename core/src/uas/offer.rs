//! Offers that come inside a dialog, and their answers
//! ([RFC 3264](https://www.rfc-editor.org/rfc/rfc3264), [RFC 6337](https://www.rfc-editor.org/rfc/rfc6337)).

use offhook_message::{Body, Method, Rejection, StatusCode};

use super::reply::Reply;
use super::response_options::ResponseOptions;
use super::{VerbError, accepted, open_transaction, reliable, session_timer, to_tag_of, write};
use crate::dialog::OfferAnswer;
use crate::event::{Event, SessionId};
use crate::incoming::Incoming;
use crate::respond;
use crate::session::PendingOffer;
use crate::slot::Slot;
use crate::state::State;
use crate::timers::Timer;
use crate::transaction::TransactionUser;
use crate::uac::change;

/// Hands a request that changes the session to the application.
pub(super) fn receive(state: &mut State, id: SessionId, incoming: Incoming) {
    let tag = to_tag_of(&incoming);
    let transaction = open_transaction(state, &incoming, None, tag);
    let is_invite = *incoming.request.method() == Method::Invite;
    let slot = state.offers.insert(PendingOffer {
        incoming,
        transaction,
        session: id,
        due: state.timers.now(),
    });
    let user = TransactionUser::Offer(slot);
    state.servers.set_user(transaction, user);
    let times = state.config.times;
    if is_invite {
        state.timers.arm(times.trying, Timer::OfferTrying(slot));
    }
    state.tell_offer(id, slot);
}

/// Accepts the change with our description: the answer, or the offer that was asked for. Only now
/// does the target of our requests change
/// ([RFC 6141 §4.7](https://www.rfc-editor.org/rfc/rfc6141#section-4.7)).
pub(crate) fn answer(state: &mut State, id: SessionId, body: &Body) -> Result<(), VerbError> {
    let offer = take(state, id).ok_or(VerbError::NoOffer)?;
    let incoming = &offer.incoming;
    let request = &incoming.request;
    if let Some(session) = state.sessions.get_mut(id) {
        session.offer_answer = match request.session_description() {
            Some(_) => OfferAnswer::Stable,
            None => OfferAnswer::HaveLocalOffer,
        };
        if *request.method() != Method::Prack {
            state.sessions.refresh_target(id, incoming);
            session_timer::agree_again(state, id, request);
        }
    }
    if let Some(session) = state.sessions.get_mut(id) {
        session.describe(body);
    }
    let bytes = write::session_response(state, id, incoming, Some(body));
    if *request.method() == Method::Invite {
        accepted::await_ack(state, id, incoming.cseq(), offer.transaction, &bytes);
    }
    change::overtaken(state, id);
    state
        .server(offer.transaction)
        .respond(StatusCode::OK, bytes);
    reliable::release_success(state, id);
    Ok(())
}

/// Refuses the change: what was agreed before holds.
pub(crate) fn refuse(
    state: &mut State,
    id: SessionId,
    options: &ResponseOptions<Rejection>,
) -> Result<(), VerbError> {
    let offer = take(state, id).ok_or(VerbError::NoOffer)?;
    let bytes = write::plain_response(state, &offer.incoming, None, options, &[]);
    state
        .server(offer.transaction)
        .respond(options.status.into(), bytes);
    change::overtaken(state, id);
    reliable::release_success(state, id);
    Ok(())
}

/// CANCEL of a re-INVITE: 487, and what was agreed before holds.
pub(super) fn withdraw(state: &mut State, slot: Slot) {
    let Some(session) = state.offers.get(slot).map(|offer| offer.session) else {
        return;
    };
    if refuse(state, session, &Rejection::REQUEST_TERMINATED.into()).is_ok() {
        state.outbox.event(Event::OfferWithdrawn { session });
    }
}

/// Sends the 100 that is due 200 ms after a re-INVITE.
pub(crate) fn trying_is_due(state: &mut State, slot: Slot) {
    let Some(offer) = state.offers.get(slot) else {
        return;
    };
    let transaction = offer.transaction;
    let writer = respond::begin(&offer.incoming, StatusCode::TRYING, None, None);
    state
        .server(transaction)
        .respond(StatusCode::TRYING, writer.finish());
}

/// The application did not respond in time, or the session is over: no request stays without a
/// response.
pub(crate) fn is_overdue(state: &mut State, slot: Slot) {
    let offer = state
        .offers
        .get(slot)
        .filter(|offer| offer.due <= state.timers.now());
    let Some(id) = offer.map(|offer| offer.session) else {
        return;
    };
    if let Some(session) = state.sessions.get_mut(id) {
        if session.offer == Some(slot) {
            // It fails only where there is none.
            let _ = refuse(state, id, &Rejection::NOT_ACCEPTABLE_HERE.into());
            return;
        }
        if let Some(reliable) = &mut session.reliable {
            reliable.offer.take_if(|waiting| *waiting == slot);
        }
    }
    if let Some(offer) = state.offers.remove(slot) {
        let reply = Reply::new(StatusCode::REQUEST_TERMINATED);
        reply.through(state, &offer.incoming, offer.transaction);
    }
    reliable::release_success(state, id);
}

fn take(state: &mut State, id: SessionId) -> Option<PendingOffer> {
    let session = state.sessions.get_mut(id)?;
    let slot = session.offer.take()?;
    session.offer_answer = OfferAnswer::Stable;
    state.offers.remove(slot)
}
