//! CANCEL ([RFC 3261 §9.1](https://www.rfc-editor.org/rfc/rfc3261#section-9.1)).

use offhook_message::{Header, HeaderName, Method};

use crate::id::OutgoingInviteId;
use crate::outgoing::{Cancel, Stage};
use crate::slot::Slot;
use crate::state::State;
use crate::timers::Timer;
use crate::transaction::{ClientUser, follow_up};

/// Gives up an INVITE: at once where a provisional response is here, else when the first comes.
pub(crate) fn want(state: &mut State, id: OutgoingInviteId, headers: Vec<Header>) {
    let Some(invite) = state.outgoing_invites.get_mut(id) else {
        return;
    };
    if invite.is_cancelled() {
        return;
    }
    invite.cancel = Cancel::Wanted(headers);
    if invite.stage == Stage::Proceeding {
        send(state, id);
    }
}

/// Sends the CANCEL that is wanted, and sets an end to the wait for a final response.
pub(super) fn send(state: &mut State, id: OutgoingInviteId) {
    let Some(invite) = state.outgoing_invites.get_mut(id) else {
        return;
    };
    let Cancel::Wanted(headers) = &mut invite.cancel else {
        return;
    };
    let headers = std::mem::take(headers);
    invite.cancel = Cancel::Done;
    let life = state.config.times.transaction_life();
    invite.until = state.timers.arm(life, Timer::OutgoingInvite(id));
    if let Some(transaction) = invite.message.transaction {
        of_transaction(state, transaction, &headers);
    }
}

/// Sends the CANCEL of an INVITE that got a provisional response.
pub(super) fn of_transaction(state: &mut State, transaction: Slot, headers: &[Header]) {
    let Some((branch, flow, invite)) = state.clients.proceeding(transaction) else {
        return;
    };
    let Some(mut writer) = follow_up(invite, &Method::Cancel, None) else {
        return;
    };
    writer.header(HeaderName::MaxForwards, 70);
    for header in headers {
        writer.extra(header);
    }
    let (bytes, user) = (writer.finish(), ClientUser::Nobody);
    let transaction = state.insert_client(branch, Method::Cancel, bytes, flow, user);
    state.client(transaction).send(flow);
}
