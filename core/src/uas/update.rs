//! UPDATE ([RFC 3311](https://www.rfc-editor.org/rfc/rfc3311)).

use offhook_message::{Method, StatusCode};

use super::in_dialog::try_later;
use super::reply::Reply;
use super::{does_not_exist, offer, open_transaction, session_timer, to_tag_of, write};
use crate::dialog::OfferAnswer;
use crate::event::SessionId;
use crate::incoming::Incoming;
use crate::session::Phase;
use crate::state::State;

/// Serves an UPDATE, in an early dialog too. One without an offer only refreshes the target; an
/// offer goes to the application, unless another waits for its answer
/// ([RFC 3311 §5.2](https://www.rfc-editor.org/rfc/rfc3311#section-5.2)).
pub(super) fn receive(state: &mut State, id: SessionId, incoming: Incoming) {
    let Some(session) = state.sessions.get(id) else {
        return;
    };
    let is_offer = incoming.request.session_description().is_some();
    let pending = session.offer.and_then(|slot| state.offers.get(slot));
    let is_updating =
        pending.is_some_and(|offer| *offer.incoming.request.method() == Method::Update);
    let reply = match (&session.phase, session.offer_answer) {
        (Phase::Terminating(_) | Phase::Over, _) => does_not_exist(),
        // One UPDATE at a time; and an offer overtakes no re-INVITE, not even one that asks for ours.
        _ if is_updating || (is_offer && session.offer.is_some()) => try_later(state),
        _ if !is_offer => return refresh(state, id, &incoming),
        (_, OfferAnswer::Stable) => return offer::receive(state, id, incoming),
        (_, OfferAnswer::HaveLocalOffer) => Reply::new(StatusCode::REQUEST_PENDING),
        (_, OfferAnswer::Initial | OfferAnswer::HaveRemoteOffer) => try_later(state),
    };
    reply.statefully(state, &incoming, to_tag_of(&incoming));
}

fn refresh(state: &mut State, id: SessionId, incoming: &Incoming) {
    state.sessions.refresh_target(id, incoming);
    session_timer::agree_again(state, id, &incoming.request);
    let bytes = write::session_response(state, id, incoming, None);
    let tag = to_tag_of(incoming);
    let transaction = open_transaction(state, incoming, None, tag);
    state.server(transaction).respond(StatusCode::OK, bytes);
}
