//! Requests inside a dialog ([RFC 3261 §12.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.2)).

use std::time::Instant;

use offhook_message::{HeaderName, Method, Request, StatusCode};

use super::reply::Reply;
use super::{bye, drop_request, find_session, options, reliable, to_tag_of};
use crate::event::{Event, SessionId};
use crate::incoming::Incoming;
use crate::session::Phase;
use crate::state::State;
use crate::uac;

/// Serves a request whose dialog is known. Every one is answered.
pub(super) fn receive(
    state: &mut State,
    now: Instant,
    id: SessionId,
    cseq: u32,
    incoming: Incoming,
) {
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    if !session.dialog.take_cseq(cseq) {
        let reply = try_later(state);
        return reply.statefully(state, now, &incoming, to_tag_of(&incoming.request));
    }
    let reply = match incoming.request.method() {
        Method::Bye => return bye::receive(state, now, id, incoming),
        Method::Prack => return reliable::receive(state, now, id, incoming),
        Method::Options => options::capabilities(state),
        _ if matches!(session.phase, Phase::Confirmed) => {
            Reply::new(StatusCode::NOT_ACCEPTABLE_HERE)
        }
        // §14.2: the INVITE before this one is still being served.
        _ => try_later(state),
    };
    reply.statefully(state, now, &incoming, to_tag_of(&incoming.request));
}

/// An ACK outside of a transaction: it confirms the 2xx of its number, once.
pub(super) fn receive_ack(state: &mut State, now: Instant, request: Request) {
    let id = find_session(state, &request);
    let Ok(cseq) = request.headers().cseq() else {
        return drop_request(state, &request, "its CSeq is missing or malformed");
    };
    let session = id.and_then(|id| Some((id, state.sessions.get_mut(id)?)));
    let Some((id, session)) = session else {
        return drop_request(state, &request, "it belongs to no session");
    };
    let Phase::AckWait { accepted, bye } = &mut session.phase else {
        return drop_request(state, &request, "its session waits for none");
    };
    if accepted.cseq != cseq.number {
        return drop_request(state, &request, "its number is not that of the INVITE");
    }
    let bye = bye.take();
    session.phase = Phase::Confirmed;
    if request.session_description().is_some() {
        session.offer_answer = session.offer_answer.received();
    }
    state.outbox.event(Event::Confirmed {
        session: id,
        acknowledgement: request,
    });
    if let Some(headers) = bye {
        uac::bye::send(state, now, id, headers);
    }
}

/// 500 with a Retry-After between 0 and 10 seconds.
fn try_later(state: &mut State) -> Reply {
    let seconds = state.random.below(11);
    Reply::new(StatusCode::SERVER_INTERNAL_ERROR)
        .with_header(HeaderName::RetryAfter, &seconds.to_string())
}
