//! NOTIFY of a subscription of ours
//! ([RFC 6665 §4.1.3](https://www.rfc-editor.org/rfc/rfc6665#section-4.1.3)).

use offhook_message::StatusCode;

use super::reply::Reply;
use super::{does_not_exist, in_dialog, to_tag_of};
use crate::dialog::dialog_id;
use crate::id::SubscriptionId;
use crate::incoming::Incoming;
use crate::state::State;
use crate::uac::{subscribe, subscription};

/// Serves a NOTIFY of no session. It may come before the 2xx to its SUBSCRIBE.
pub(super) fn receive(state: &mut State, incoming: Incoming) {
    let id = match find(state, &incoming) {
        Ok(id) => id,
        Err(reply) => return reply.statelessly(state, &incoming),
    };
    if !state.has_room_for_notify(id, &incoming.request) {
        return Reply::overload(state).send_once(state, &incoming);
    }
    let tag = to_tag_of(&incoming);
    let subscription = state.subscriptions.get_mut(id);
    let dialog = subscription.and_then(|subscription| subscription.dialog());
    if !dialog.is_some_and(|it| it.dialog.take_cseq(incoming.cseq())) {
        return in_dialog::try_later(state).statefully(state, &incoming, tag);
    }
    Reply::new(StatusCode::OK).statefully(state, &incoming, tag);
    subscription::notified(state, id, incoming.request);
    subscribe::go_on(state, id);
}

/// The subscription whose dialog a NOTIFY names, or which it makes.
fn find(state: &mut State, incoming: &Incoming) -> Result<SubscriptionId, Reply> {
    let notify = &incoming.request;
    let headers = notify.headers();
    let tag = incoming.remote_tag().ok_or_else(does_not_exist)?;
    let known = named(state, incoming, tag);
    let root = named(state, incoming, b"");
    let id = known.or(root).ok_or_else(does_not_exist)?;
    if headers.subscription_state()?.is_none() {
        let reason = "The Subscription-State header is missing";
        return Err(Reply::bad_request(reason));
    }
    if known.is_some() {
        return Ok(id);
    }
    let opened = subscription::open_dialog(state, id, notify, incoming.flow);
    opened.ok_or_else(does_not_exist)
}

/// The subscription of this peer's tag that a NOTIFY is about.
fn named(state: &State, notify: &Incoming, remote_tag: &[u8]) -> Option<SubscriptionId> {
    let (call_id, local_tag) = (notify.call_id(), notify.local_tag()?);
    let key = dialog_id(&state.fingerprinter, call_id, local_tag, remote_tag);
    let id = state.subscriptions.find(key)?;
    let event = notify.request.headers().event().ok()??;
    let is_about = state.subscriptions.get(id)?.is_about(&event);
    is_about.then_some(id)
}
