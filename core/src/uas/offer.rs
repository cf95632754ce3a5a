//! Offers that come inside a dialog, and their answers
//! ([RFC 3264](https://www.rfc-editor.org/rfc/rfc3264)).

use std::time::Instant;

use offhook_message::{Body, Rejection, StatusCode};

use super::reply::Reply;
use super::{VerbError, open_transaction, reliable, respond, to_tag_of};
use crate::dialog::OfferAnswer;
use crate::event::{Event, SessionId};
use crate::incoming::Incoming;
use crate::session::PendingOffer;
use crate::slot::Slot;
use crate::state::State;
use crate::timers::Timer;

/// Hands an offer to the application.
pub(super) fn receive(state: &mut State, now: Instant, id: SessionId, incoming: Incoming) {
    let tag = to_tag_of(&incoming.request);
    let transaction = open_transaction(state, &incoming, None, tag);
    let message = incoming.request.clone();
    let slot = state.offers.insert(PendingOffer {
        incoming,
        transaction,
        session: id,
    });
    if let Some(session) = state.sessions.get_mut(id) {
        session.offer = Some(slot);
        session.offer_answer = OfferAnswer::HaveRemoteOffer;
    }
    let patience = state.config.times.transaction_life() / 2;
    state.arm(now, patience, Timer::Offer(slot));
    state.outbox.event(Event::Offer {
        session: id,
        message,
    });
}

/// Whether an offer waits for the application.
pub(super) fn is_pending(state: &State, id: SessionId) -> bool {
    let session = state.sessions.get(id);
    session.is_some_and(|session| session.offer.is_some())
}

/// Answers the offer with a 200.
pub(crate) fn answer(
    state: &mut State,
    now: Instant,
    id: SessionId,
    body: &Body,
) -> Result<(), VerbError> {
    let offer = take(state, id).ok_or(VerbError::NoOffer)?;
    let incoming = &offer.incoming;
    let source = incoming.flow.remote;
    let writer = respond::begin(&incoming.request, source, StatusCode::OK, None, None);
    let bytes = writer.body(body);
    state.respond(now, offer.transaction, StatusCode::OK, bytes);
    reliable::release_success(state, now, id);
    Ok(())
}

/// Refuses the offer: what was agreed before holds.
pub(crate) fn refuse(
    state: &mut State,
    now: Instant,
    id: SessionId,
    status: Rejection,
) -> Result<(), VerbError> {
    let offer = take(state, id).ok_or(VerbError::NoOffer)?;
    let reply = Reply::new(status.into());
    reply.through(state, now, &offer.incoming, offer.transaction);
    reliable::release_success(state, now, id);
    Ok(())
}

/// The application did not answer in time, or the session is over: no request stays without a
/// response.
pub(crate) fn is_overdue(state: &mut State, now: Instant, slot: Slot) {
    let Some(offer) = state.offers.get(slot) else {
        return;
    };
    let session = offer.session;
    if refuse(state, now, session, Rejection::NOT_ACCEPTABLE_HERE).is_ok() {
        return;
    }
    if let Some(offer) = state.offers.remove(slot) {
        let reply = Reply::new(StatusCode::REQUEST_TERMINATED);
        reply.through(state, now, &offer.incoming, offer.transaction);
    }
}

fn take(state: &mut State, id: SessionId) -> Option<PendingOffer> {
    let session = state.sessions.get_mut(id)?;
    let slot = session.offer.take()?;
    session.offer_answer = OfferAnswer::Stable;
    state.offers.remove(slot)
}
