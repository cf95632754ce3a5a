//! The ACK of a 2xx ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).

use offhook_message::Body;

use super::change;
use super::in_dialog::InDialog;
use crate::dialog::OfferAnswer;
use crate::event::SessionId;
use crate::id::OutgoingInviteId;
use crate::session::Phase;
use crate::state::State;
use crate::transaction::ClientUser;

/// Acknowledges the 2xx of a session, with the answer to the offer that the 2xx made. False where
/// it waits for none.
pub(crate) fn answer(state: &mut State, id: SessionId, answer: &Body) -> bool {
    let session = state.sessions.get_mut(id);
    let Some(session) = session.filter(|session| matches!(session.phase, Phase::Answering(_)))
    else {
        return change::answer(state, id, Some(answer));
    };
    session.offer_answer = OfferAnswer::Stable;
    session.describe(answer);
    send(state, id, Some(answer));
    true
}

/// Sends the ACK of a session whose 2xx is here, and keeps it for repetitions of that.
pub(super) fn send(state: &mut State, id: SessionId, body: Option<&Body>) {
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    if let Phase::Answering(invite) = session.phase {
        session.phase = Phase::Confirmed;
        of_fork(state, invite, id, body);
    }
}

/// Sends the ACK for one of those who accepted an INVITE.
pub(super) fn of_fork(
    state: &mut State,
    invite: OutgoingInviteId,
    id: SessionId,
    body: Option<&Body>,
) {
    let Some(outgoing) = state.outgoing_invites.get(invite) else {
        return;
    };
    let credentials = outgoing.authorization();
    let request = InDialog::ack(outgoing.message.cseq, &credentials, body);
    let transaction = request.send(state, id, ClientUser::Nobody);
    let outgoing = state.outgoing_invites.get_mut(invite);
    if let Some(fork) = outgoing.and_then(|outgoing| outgoing.fork_of(id)) {
        fork.acknowledgement = transaction;
    }
}
