//! Keeping up what a server keeps for us: refreshes, tries, and the end
//! ([RFC 3261 §10.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2), [RFC 3903 §4](https://www.rfc-editor.org/rfc/rfc3903#section-4)).

use std::time::Duration;

use offhook_message::{HeaderName, Headers, Response, StatusCode, Text};

use super::{alone, registered};
use crate::client_event::{PublicationEvent, RegistrationEvent, RequestFailure};
use crate::event::Event;
use crate::flow::{Channel, Flow};
use crate::id::{PublicationId, RegistrationId};
use crate::outgoing::{Kept, What, Wish, refresh_after};
use crate::slot::Slot;
use crate::state::State;
use crate::timers::Timer;
use crate::transaction::ClientUser;

/// Asks for it the first time.
pub(super) fn begin(state: &mut State, kept: Kept) -> Slot {
    let slot = state.kept.insert(kept);
    send(state, slot);
    slot
}

/// Asks for it again, unless a request is out already.
pub(super) fn refresh(state: &mut State, slot: Slot) {
    let kept = state.kept.get(slot);
    if kept.is_some_and(|kept| kept.asked.is_none()) {
        renew(state, slot);
    }
}

/// Takes it away. One request at a time: what is out is waited for. Who wishes less than before takes
/// nothing back.
pub(super) fn end(state: &mut State, slot: Slot, wish: Wish) {
    if let Some(kept) = state.kept.get_mut(slot) {
        kept.wish = kept.wish.max(wish);
        go_on(state, slot);
    }
}

/// The refresh is due, or the next try.
pub(crate) fn is_due(state: &mut State, slot: Slot) {
    let due = state.kept.get(slot).and_then(|kept| kept.due);
    if due.is_some_and(|due| due <= state.timers.now()) {
        renew(state, slot);
    }
}

/// A final response.
pub(super) fn receive_response(state: &mut State, slot: Slot, flow: Flow, response: Response) {
    if alone::send_again(state, ClientUser::Kept(slot), &response) {
        return;
    }
    let Some(kept) = state.kept.get_mut(slot) else {
        return;
    };
    let asked = kept.asked.take();
    if let Some(asked) = asked.filter(|asked| *asked != Wish::Kept) {
        return taken_away(state, slot, asked, Some(response));
    }
    let status = response.status();
    if status.is_success() {
        kept.soft.is_reached_by(flow, state.timers.now());
        accepted(state, slot, response);
        return go_on(state, slot);
    }
    kept.is_missed();
    // RFC 3903 §4.3: with 412 the compositor has it no more.
    let is_forgotten = status == StatusCode::CONDITIONAL_REQUEST_FAILED
        && kept.message.entity_tag.take().is_some();
    if is_forgotten || kept.soft.is_longer_wanted(&response) {
        return renew(state, slot);
    }
    let retry_in = kept.soft.retry_in(&response, &mut state.random);
    refused(state, slot, retry_in, response);
    go_on(state, slot);
}

/// No response will come by this flow.
pub(super) fn failed(state: &mut State, slot: Slot, cause: RequestFailure) {
    let Some(kept) = state.kept.get_mut(slot) else {
        return;
    };
    // It may be the answers that were lost. Then the same number would be taken for a repetition (§10.3).
    let may_be_taken = cause == RequestFailure::Timeout;
    if let What::Binding { is_bound } = &mut kept.what {
        *is_bound |= may_be_taken;
    }
    if kept.message.next_flow() {
        kept.message.cseq += u32::from(may_be_taken);
        alone::send(state, ClientUser::Kept(slot));
        return;
    }
    let asked = kept.asked.take();
    if let Some(asked) = asked.filter(|asked| *asked != Wish::Kept) {
        return taken_away(state, slot, asked, None);
    }
    kept.is_missed();
    kept.message.start_over();
    let retry_in = kept.soft.back_off(&mut state.random);
    wait(state, slot, retry_in);
    tell(state, slot, Outcome::Failed { cause, retry_in });
    go_on(state, slot);
}

/// A connection is gone, by which registrars reach us: the next REGISTER opens another
/// ([RFC 5626 §4.5](https://www.rfc-editor.org/rfc/rfc5626#section-4.5)). One that is out by the same flow is lost with it.
pub(super) fn disconnected(state: &mut State, channel: Channel) {
    let (life, now) = (state.config.times.transaction_life(), state.timers.now());
    let bindings = state.kept.iter().filter(|(_, kept)| kept.is_binding());
    let lost = bindings.filter(|(_, kept)| kept.soft.is_by(channel));
    for slot in lost.map(|(slot, _)| slot).collect::<Vec<_>>() {
        let Some(kept) = state.kept.get_mut(slot) else {
            continue;
        };
        if kept.asked.is_some() && kept.message.flow() != kept.accepted_by {
            kept.soft.lose_connection();
            continue;
        }
        let after = kept.soft.reconnect_in(now, life, &mut state.random);
        if kept.asked.take().is_some()
            && let Some(transaction) = kept.message.transaction
        {
            state.clients.remove(transaction);
        }
        if kept.wish == Wish::Kept {
            wait(state, slot, after);
        } else {
            go_on(state, slot); // Without a binding there is nothing to be reached by.
        }
    }
}

/// The server has it, for as long as the 2xx says.
fn accepted(state: &mut State, slot: Slot, message: Response) {
    let Some(kept) = state.kept.get_mut(slot) else {
        return;
    };
    let headers = message.headers();
    let granted = match kept.what {
        What::Binding { .. } => registered::granted(&kept.message, headers),
        What::State { .. } => {
            kept.message.entity_tag = entity_tag(headers);
            headers.expires().ok().flatten()
        }
    };
    if granted == Some(0) {
        // A 2xx that takes away what it was asked for.
        kept.is_missed();
        let retry_in = kept.soft.back_off(&mut state.random);
        return refused(state, slot, Some(retry_in), message);
    }
    let has_news = match &mut kept.what {
        What::Binding { is_bound } => {
            *is_bound = true;
            false
        }
        What::State { has_news, .. } => *has_news,
    };
    let expires = Duration::from_secs(granted.unwrap_or(kept.soft.expires).into());
    kept.soft.is_kept();
    kept.accepted_by = kept.message.flow();
    let refresh = refresh_after(expires, &mut state.random);
    wait(state, slot, refresh);
    tell(state, slot, Outcome::Kept { expires, message });
    if has_news {
        renew(state, slot);
    }
}

/// The server refused. It is asked again where it says when, or where it may only be in trouble.
fn refused(state: &mut State, slot: Slot, retry_in: Option<Duration>, message: Response) {
    let outcome = Outcome::Refused { retry_in, message };
    match retry_in {
        Some(retry_in) => {
            if let Some(kept) = state.kept.get_mut(slot) {
                kept.message.start_over();
            }
            wait(state, slot, retry_in);
            tell(state, slot, outcome);
        }
        None => over(state, slot, outcome),
    }
}

/// What was to go is gone, whatever the server says of it. Meanwhile those of others may be to go, too.
fn taken_away(state: &mut State, slot: Slot, asked: Wish, message: Option<Response>) {
    match state.kept.get(slot) {
        Some(kept) if kept.wish > asked => renew(state, slot),
        _ => over(state, slot, Outcome::Gone(message)),
    }
}

/// What the application wished while a request was out.
fn go_on(state: &mut State, slot: Slot) {
    let kept = state.kept.get(slot);
    match kept.filter(|kept| kept.wish != Wish::Kept && kept.asked.is_none()) {
        Some(kept) if kept.is_there() => renew(state, slot),
        Some(_) => over(state, slot, Outcome::Gone(None)),
        None => {}
    }
}

fn wait(state: &mut State, slot: Slot, after: Duration) {
    if let Some(kept) = state.kept.get_mut(slot) {
        kept.due = state.timers.arm(after, Timer::Kept(slot));
    }
}

/// Sends a further request.
fn renew(state: &mut State, slot: Slot) {
    if let Some(kept) = state.kept.get_mut(slot) {
        kept.renew();
        send(state, slot);
    }
}

/// Sends the request that is wanted now.
fn send(state: &mut State, slot: Slot) {
    if let Some(kept) = state.kept.get_mut(slot) {
        kept.ask();
        alone::send(state, ClientUser::Kept(slot));
    }
}

fn over(state: &mut State, slot: Slot, outcome: Outcome) {
    tell(state, slot, outcome);
    state.kept.remove(slot);
}

/// What is told of it.
enum Outcome {
    Kept {
        expires: Duration,
        message: Response,
    },
    Refused {
        retry_in: Option<Duration>,
        message: Response,
    },
    Failed {
        cause: RequestFailure,
        retry_in: Duration,
    },
    Gone(Option<Response>),
}

fn tell(state: &mut State, slot: Slot, outcome: Outcome) {
    let Some(kept) = state.kept.get(slot) else {
        return;
    };
    state.outbox.event(if kept.is_binding() {
        Event::Registration {
            registration: RegistrationId(slot),
            event: outcome.into(),
        }
    } else {
        Event::Publication {
            publication: PublicationId(slot),
            event: outcome.into(),
        }
    });
}

impl From<Outcome> for RegistrationEvent {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Kept { expires, message } => registered::event(expires, message),
            Outcome::Refused { retry_in, message } => Self::Refused { retry_in, message },
            Outcome::Failed { cause, retry_in } => Self::Failed { cause, retry_in },
            Outcome::Gone(message) => Self::Unregistered { message },
        }
    }
}

impl From<Outcome> for PublicationEvent {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Kept { expires, message } => Self::Published { expires, message },
            Outcome::Refused { retry_in, message } => Self::Refused { retry_in, message },
            Outcome::Failed { cause, retry_in } => Self::Failed { cause, retry_in },
            Outcome::Gone(message) => Self::Unpublished { message },
        }
    }
}

/// How the compositor names what it has
/// ([RFC 3903 §11.3.1](https://www.rfc-editor.org/rfc/rfc3903#section-11.3.1)).
fn entity_tag(headers: &Headers) -> Option<Text> {
    let value = std::str::from_utf8(headers.raw(HeaderName::SipETag)?).ok()?;
    Text::new(value.trim())
        .ok()
        .filter(|it| !it.as_str().is_empty())
}
