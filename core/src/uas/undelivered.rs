//! Responses that cannot be delivered ([RFC 3263 §5](https://www.rfc-editor.org/rfc/rfc3263#section-5)).

use offhook_message::{Method, Via};

use super::Incoming;
use crate::event::{Event, TransactionId, TransactionSlot};
use crate::flow::Flow;
use crate::slot::Slot;
use crate::state::State;
use crate::transaction::{HostName, TransactionUser};

/// The name that a client gives itself, where its INVITE came by a connection that may be gone before
/// the answer. Other requests are answered at once, and a browser has no other way.
pub(super) fn sent_by(incoming: &Incoming) -> Option<Box<HostName>> {
    let transport = incoming.flow.transport;
    if !transport.is_reliable() || transport.is_websocket() {
        return None;
    }
    if *incoming.request.method() != Method::Invite {
        return None;
    }
    let Via { host, port, .. } = incoming.request.headers().via().ok()?;
    let is_name = host.ip().is_none();
    is_name.then(|| {
        let host = host.to_string();
        Box::new(HostName { host, port })
    })
}

/// The connection of a client is gone, and nobody is at its address: it is looked for by its name, once.
pub(crate) fn undeliverable(state: &mut State, slot: Slot) {
    let Some(transaction) = state.servers.get_mut(slot) else {
        return;
    };
    if let Some(sent_by) = transaction.sent_by.take() {
        let id = TransactionId(TransactionSlot::Server(slot));
        let resolve = sent_by.resolve(id, transaction.flow.transport);
        return state.outbox.resolve(resolve);
    }
    if let TransactionUser::Invite(invite) = transaction.user {
        state.outbox.event(Event::Undelivered { invite });
    }
}

/// The ways to the name of a client. The response goes by the first, and those to come.
pub(crate) fn resolved(state: &mut State, slot: Slot, flows: &[Flow]) {
    let Some(found) = flows.first() else {
        return undeliverable(state, slot);
    };
    if let Some(transaction) = state.servers.get_mut(slot) {
        transaction.flow.channel = found.channel;
        transaction.flow.remote = found.remote;
        state.server(slot).repeat();
    }
}
