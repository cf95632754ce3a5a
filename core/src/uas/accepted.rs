//! The wait for the ACK of a 2xx
//! ([RFC 3261 §13.3.1.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1.4)).

use bytes::Bytes;
use offhook_message::{Headers, Request};

use super::drop_request;
use crate::dialog::{OfferAnswer, dialog_id};
use crate::event::{Event, SessionId};
use crate::flow::Flow;
use crate::session::{Accepted, Change, Phase};
use crate::slot::Slot;
use crate::state::State;
use crate::timers::Timer;
use crate::uac;

/// Begins to repeat the 2xx to the INVITE of this number, and to wait for its ACK.
pub(super) fn await_ack(
    state: &mut State,
    id: SessionId,
    cseq: u32,
    transaction: Slot,
    response: &Bytes,
) {
    let times = state.config.times;
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    let change = session.change.as_deref();
    let is_of_change = change.is_some_and(Change::has_opened_an_offer);
    let is_open = session.offer_answer == OfferAnswer::HaveLocalOffer;
    session.accepted.push(Accepted {
        response: response.clone(),
        transaction,
        interval: times.t1,
        cseq,
        is_offer: is_open && !is_of_change,
        is_proven_by_bye: true,
    });
    state.timers.arm(times.t1, Timer::Accepted(id, cseq));
    let life = times.transaction_life();
    state.timers.arm(life, Timer::Acknowledgement(id, cseq));
}

/// An ACK outside of a transaction: it confirms the 2xx of its number, once.
pub(super) fn receive_ack(state: &mut State, flow: Flow, request: Request) {
    let Ok(cseq) = request.headers().cseq() else {
        return drop_request(state, &request, "its CSeq is missing or malformed");
    };
    let id = find_session(state, request.headers());
    let session = id.and_then(|id| Some((id, state.sessions.get_mut(id)?)));
    let Some((id, session)) = session else {
        return drop_request(state, &request, "it belongs to no session");
    };
    let Some(accepted) = session.take_accepted(cseq.number) else {
        return drop_request(state, &request, "no 2xx waits for it");
    };
    if accepted.is_offer {
        // Without an answer none ever comes (RFC 3261 §13.2.2.4), and our offer is void.
        session.offer_answer = OfferAnswer::Stable;
    }
    let bye = match &mut session.phase {
        Phase::AckWait { cseq: first, bye } if *first == cseq.number => bye.take(),
        Phase::Over => return state.sessions.remove_unused(id),
        _ => {
            return state.outbox.event(Event::Reconfirmed {
                session: id,
                acknowledgement: request,
            });
        }
    };
    session.phase = Phase::Confirmed;
    state.sources.prove(state.timers.now(), flow.remote);
    state.outbox.event(Event::Confirmed {
        session: id,
        acknowledgement: request,
    });
    if let Some(bye) = bye {
        let (cause, headers) = *bye;
        uac::bye::send(state, id, cause, headers);
    }
}

/// The session whose dialog a request names that was not inspected, as an ACK is not.
pub(super) fn find_session(state: &State, headers: &Headers) -> Option<SessionId> {
    let tags = (headers.to_tag()?, headers.from_tag().unwrap_or_default());
    let call_id = headers.call_id().ok()?;
    let id = dialog_id(&state.fingerprinter, call_id, tags.0, tags.1);
    state.sessions.find(id)
}
