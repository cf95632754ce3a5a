//! INVITE inside a dialog ([RFC 3261 §14.2](https://www.rfc-editor.org/rfc/rfc3261#section-14.2)).

use offhook_message::{Method, StatusCode};

use super::in_dialog::try_later;
use super::reply::Reply;
use super::{does_not_exist, offer, to_tag_of};
use crate::dialog::OfferAnswer;
use crate::event::SessionId;
use crate::incoming::Incoming;
use crate::session::Phase;
use crate::state::State;

/// Hands a re-INVITE to the application, unless another exchange is going on.
///
/// One that overtakes the ACK of our 2xx is served where the offer is answered: the peer has the
/// 2xx, or it would not know the dialog.
pub(super) fn receive(state: &mut State, id: SessionId, incoming: Incoming) {
    let Some(session) = state.sessions.get(id) else {
        return;
    };
    let reply = match session.phase {
        Phase::Early(_) => try_later(state),
        // §14.2: ours is out, the first or a further one.
        Phase::Inviting(_) | Phase::Answering(_) => Reply::new(StatusCode::REQUEST_PENDING),
        Phase::Terminating(_) | Phase::Over => does_not_exist(),
        Phase::AckWait { .. } | Phase::Confirmed => {
            let ours = session.change.as_ref().filter(|change| change.is_out());
            let is_invite = ours.is_some_and(|change| change.method == Method::Invite);
            if is_invite || (ours.is_some() && session.offer_answer == OfferAnswer::HaveLocalOffer)
            {
                let reply = Reply::new(StatusCode::REQUEST_PENDING);
                return reply.statefully(state, &incoming, to_tag_of(&incoming));
            }
            let is_free = session.is_settled() && session.accepted.len() < MOST_UNACKNOWLEDGED;
            if is_free {
                return offer::receive(state, id, incoming);
            }
            try_later(state)
        }
    };
    reply.statefully(state, &incoming, to_tag_of(&incoming));
}

/// How many 2xx of a session may wait for their ACK. Each is repeated for 32 s, so a peer that
/// acknowledges nothing gets no more of them.
const MOST_UNACKNOWLEDGED: usize = 2;
