//! What becomes of a subscription of ours: the NOTIFYs that make it and end it, and how long it lives
//! ([RFC 6665 §4.1.3](https://www.rfc-editor.org/rfc/rfc6665#section-4.1.3)).

use std::time::Duration;

use offhook_message::Request;

use crate::client_event::{SubscriptionEnd, SubscriptionEvent, SubscriptionState};
use crate::dialog::Dialog;
use crate::event::Event;
use crate::flow::Flow;
use crate::id::SubscriptionId;
use crate::outgoing::{Asked, LEAST_WAIT, SubscriptionDialog, SubscriptionStage, refresh_after};
use crate::state::State;
use crate::timers::{Deadline, Timer};

/// A NOTIFY that nobody has sent a dialog for: it makes one, where the SUBSCRIBE waits for it, or
/// where it was forked and one more notifier may answer.
pub(crate) fn open_dialog(
    state: &mut State,
    root: SubscriptionId,
    notify: &Request,
    flow: Flow,
) -> Option<SubscriptionId> {
    let life = state.config.times.transaction_life();
    let subscription = state.subscriptions.get_mut(root)?;
    let message = &subscription.message;
    let (user, cseq) = (message.contact_user(), message.cseq);
    let dialog = Dialog::at_subscriber(&state.fingerprinter, notify, user, cseq);
    let key = dialog.id;
    let dialog = Box::new(SubscriptionDialog { dialog, flow });
    if matches!(subscription.stage, SubscriptionStage::NotifyWait) {
        subscription.stage = SubscriptionStage::Subscribed(dialog);
        state.subscriptions.index(key, root);
        return Some(root);
    }
    let is_late = state.timers.now() > subscription.begun + life;
    if is_late || subscription.notifiers == 0 || !subscription.is_subscribed() {
        return None;
    }
    subscription.notifiers -= 1;
    let mut fork = subscription.fork(dialog);
    fork.soft.is_reached_by(flow, state.timers.now());
    let id = state.subscriptions.insert(fork);
    state.subscriptions.index(key, id);
    tell(state, root, SubscriptionEvent::Forked { subscription: id });
    Some(id)
}

/// A NOTIFY of this subscription, which is answered.
pub(crate) fn notified(state: &mut State, id: SubscriptionId, message: Request) {
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    let Ok(Some(news)) = message.headers().subscription_state() else {
        return;
    };
    // The last one is still missed where the end was asked for.
    if subscription.asked != Some(Asked::End) {
        subscription.notify_by = None;
    }
    if let Some(it) = subscription.dialog() {
        it.dialog.refresh_target(message.headers());
    }
    let expires = news.expires;
    let again = Again::after(news.reason, news.retry_after);
    let state_of = if news.is_terminated() {
        SubscriptionState::Terminated
    } else if news.state.eq_ignore_ascii_case(b"pending") {
        SubscriptionState::Pending
    } else {
        SubscriptionState::Active
    };
    let notified = SubscriptionEvent::Notified {
        state: state_of,
        message,
    };
    tell(state, id, notified);
    if state_of == SubscriptionState::Terminated {
        return lost(state, id, SubscriptionEnd::Notified, again);
    }
    shorten(state, id, expires);
}

/// Whether a subscription that is gone is made anew.
#[derive(Clone, Copy)]
pub(super) enum Again {
    Never,
    /// After this time.
    After(Duration),
    /// After this time at first, and after one that grows where it is lost again and again.
    NotBefore(Duration),
    /// After a time that grows.
    Later,
}

impl Again {
    /// What the reason of a last NOTIFY asks for
    /// ([RFC 6665 §4.1.3](https://www.rfc-editor.org/rfc/rfc6665#section-4.1.3)).
    fn after(reason: Option<&[u8]>, retry_after: Option<u32>) -> Self {
        let reason = reason.unwrap_or_default().to_ascii_lowercase();
        match (&*reason, retry_after) {
            (b"deactivated" | b"timeout", _) => Self::NotBefore(Duration::ZERO),
            (b"rejected" | b"noresource" | b"invariant", _) => Self::Never,
            (_, Some(named)) => Self::NotBefore(seconds(named).max(LEAST_WAIT)),
            (_, None) => Self::Later,
        }
    }
}

/// The subscription is gone.
pub(super) fn lost(state: &mut State, id: SubscriptionId, cause: SubscriptionEnd, again: Again) {
    let life = state.config.times.transaction_life();
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    let is_asked_for =
        matches!(cause, SubscriptionEnd::Notified) || subscription.asked == Some(Asked::End);
    if subscription.is_ending && is_asked_for {
        return end(state, id, SubscriptionEnd::Unsubscribed);
    }
    if subscription.is_ending || subscription.is_fork {
        return end(state, id, cause);
    }
    if subscription.is_subscribed() && state.timers.now() >= subscription.begun + life {
        subscription.soft.is_kept();
    }
    let retry_in = match again {
        Again::Never => return end(state, id, cause),
        Again::After(after) => after,
        Again::NotBefore(named) if subscription.soft.failures == 0 => {
            subscription.soft.failures = 1;
            named
        }
        Again::NotBefore(named) => subscription.soft.back_off(&mut state.random).max(named),
        Again::Later => subscription.soft.back_off(&mut state.random),
    };
    state.subscriptions.forget_dialogs(id);
    if let Some(subscription) = state.subscriptions.get_mut(id) {
        subscription.stage = SubscriptionStage::Waiting;
        subscription.asked = None;
        subscription.until = None;
        subscription.notify_by = None;
    }
    wait(state, id, retry_in);
    tell(state, id, SubscriptionEvent::Lost { cause, retry_in });
}

pub(super) fn end(state: &mut State, id: SubscriptionId, cause: SubscriptionEnd) {
    if state.subscriptions.remove(id).is_some() {
        tell(state, id, SubscriptionEvent::Terminated { cause });
    }
}

/// Takes the time that a NOTIFY says, where it is shorter than what we know.
fn shorten(state: &mut State, id: SubscriptionId, expires: Option<u32>) {
    let Some(subscription) = state.subscriptions.get(id) else {
        return;
    };
    let known = subscription.until;
    let known = known.map(|until| until.saturating_duration_since(state.timers.now()));
    let asked = seconds(subscription.soft.expires);
    let named = expires.map(seconds);
    let life = named.or(known).unwrap_or(asked);
    let is_shorter = known.is_none_or(|known| life + Duration::from_secs(1) < known);
    // Without a dialog, its refresh had to wait.
    let is_missed = subscription.asked.is_none()
        && subscription
            .due
            .is_none_or(|due| due.at <= state.timers.now());
    if is_shorter {
        live(state, id, life);
    } else if is_missed {
        live(state, id, known.unwrap_or(asked));
    }
}

/// The subscription lives so long from now on, and is refreshed before.
pub(super) fn live(state: &mut State, id: SubscriptionId, life: Duration) {
    let life = life.min(LONGEST);
    let refresh = refresh_after(life, &mut state.random);
    if let Some(subscription) = state.subscriptions.get_mut(id) {
        subscription.until = Some(state.timers.now() + life);
        wait(state, id, refresh);
    }
}

/// The next SUBSCRIBE is due after this time.
pub(super) fn wait(state: &mut State, id: SubscriptionId, after: Duration) {
    let at = state.timers.now().checked_add(after);
    if let Some(subscription) = state.subscriptions.get_mut(id) {
        let before = subscription.due;
        subscription.due = at.map(|at| Deadline::replacing(before, at));
        arm(state, id);
    }
}

/// Arms the timer of a subscription where its next SUBSCRIBE has a time.
pub(super) fn arm(state: &mut State, id: SubscriptionId) {
    let subscription = state.subscriptions.get_mut(id);
    let due = subscription.and_then(|subscription| subscription.due.as_mut());
    if let Some(after) = due.and_then(|due| due.arm(state.timers.now())) {
        state.timers.arm(after, Timer::Subscription(id));
    }
}

pub(super) fn tell(state: &mut State, subscription: SubscriptionId, event: SubscriptionEvent) {
    state.outbox.event(Event::Subscription {
        subscription,
        event,
    });
}

pub(super) fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

/// A subscription is refreshed by then, whatever the notifier grants.
const LONGEST: Duration = Duration::from_hours(24);
