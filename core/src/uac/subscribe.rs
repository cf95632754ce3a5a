//! Subscribing ([RFC 6665 §4.1](https://www.rfc-editor.org/rfc/rfc6665#section-4.1)).

use std::time::{Duration, Instant};

use offhook_message::{Header, HeaderName, Method, Response, StatusCode};

use super::in_dialog::InDialog;
use super::subscription::{Again, arm, end, live, lost, seconds, tell, wait};
use super::{alone, is_challenge};
use crate::client_event::{RequestError, RequestFailure, SubscriptionEnd, SubscriptionEvent};
use crate::dialog::dialog_id;
use crate::flow::{Channel, Flow};
use crate::id::SubscriptionId;
use crate::outgoing::{
    Asked, Subscription, SubscriptionDialog, SubscriptionOptions, SubscriptionStage, Subscriptions,
};
use crate::state::State;
use crate::timers::Timer;
use crate::transaction::ClientUser;

/// A subscription. The view borrows the core.
#[derive(Debug)]
pub struct SubscribeUserAgentClient<'a> {
    state: &'a mut State,
    id: SubscriptionId,
}

impl<'a> SubscribeUserAgentClient<'a> {
    pub(crate) fn new(state: &'a mut State, id: SubscriptionId) -> Option<Self> {
        state.subscriptions.get(id)?;
        Some(Self { state, id })
    }

    /// Which subscription this is.
    pub fn id(&self) -> SubscriptionId {
        self.id
    }

    /// Sends SUBSCRIBE now, and does not wait for the next refresh or try. Where a request is out
    /// already, that will do; one that is ending ends.
    pub fn refresh(self) {
        let Self { state, id } = self;
        let Some(subscription) = state.subscriptions.get(id) else {
            return;
        };
        if subscription.is_ending || subscription.asked.is_some() {
            return;
        }
        match subscription.stage {
            SubscriptionStage::Waiting => begin(state, id),
            SubscriptionStage::NotifyWait => {}
            SubscriptionStage::Subscribed(_) => ask(state, id, Asked::Refresh),
        }
    }

    /// Ends the subscription
    /// ([RFC 6665 §4.1.2.3](https://www.rfc-editor.org/rfc/rfc6665#section-4.1.2.3)). A last NOTIFY may come;
    /// [`SubscriptionEvent::Terminated`] follows, whatever the notifier says.
    pub fn unsubscribe(self) {
        let Self { state, id } = self;
        if let Some(subscription) = state.subscriptions.get_mut(id) {
            subscription.is_ending = true;
            subscription.notifiers = 0;
            go_on(state, id);
        }
    }
}

/// Subscribes.
pub(crate) fn start(
    state: &mut State,
    mut options: SubscriptionOptions,
) -> Result<SubscriptionId, RequestError> {
    let event = Header::known(HeaderName::Event, options.event.clone());
    options.request.extra_headers.insert(0, event);
    let message = alone::begin(state, Method::Subscribe, options.request)?;
    let (expires, further) = (options.expires, options.notifiers.saturating_sub(1));
    let now = state.timers.now();
    let subscription = Subscription::new(message, options.event, expires, further, now);
    let id = state.subscriptions.insert(subscription);
    begin(state, id);
    Ok(id)
}

/// Timer N, a refresh or the next try may be due.
pub(crate) fn is_due(state: &mut State, id: SubscriptionId) {
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    let now = state.timers.now();
    let is_past = |at: Option<Instant>| at.is_some_and(|at| at <= now);
    // Without a response, the end of the transaction says more.
    let is_unanswered = matches!(subscription.asked, Some(Asked::Initial | Asked::Refresh));
    let is_missed = is_past(subscription.notify_by) && !is_unanswered;
    let is_due = subscription
        .due
        .as_mut()
        .is_some_and(|due| due.is_over(now));
    if is_missed || (is_due && subscription.is_subscribed() && is_past(subscription.until)) {
        let cause = if is_missed {
            SubscriptionEnd::NotNotified
        } else {
            SubscriptionEnd::Expired
        };
        return lost(state, id, cause, Again::NotBefore(Duration::ZERO));
    }
    match subscription.stage {
        SubscriptionStage::Waiting if is_due => begin(state, id),
        SubscriptionStage::Subscribed(_) if is_due && !subscription.is_ending => {
            ask(state, id, Asked::Refresh);
        }
        _ if is_due => {}
        _ => arm(state, id),
    }
}

/// What the application wished while a request was out.
pub(crate) fn go_on(state: &mut State, id: SubscriptionId) {
    let subscription = state.subscriptions.get(id);
    let Some(subscription) = subscription.filter(|it| it.is_ending && it.asked.is_none()) else {
        return;
    };
    match subscription.stage {
        SubscriptionStage::Waiting => end(state, id, SubscriptionEnd::Unsubscribed),
        // It takes the dialog that a NOTIFY makes, and without a NOTIFY there is nothing to end.
        SubscriptionStage::NotifyWait => {}
        SubscriptionStage::Subscribed(_) => ask(state, id, Asked::End),
    }
}

/// A final response to the SUBSCRIBE of this number.
pub(super) fn receive_response(
    state: &mut State,
    (id, number): (SubscriptionId, u32),
    flow: Flow,
    response: Response,
) {
    let Some(subscription) = asked(&mut state.subscriptions, id, number) else {
        return;
    };
    let Some(asked) = subscription.asked else {
        return;
    };
    let status = response.status();
    // Inside its dialog there is one way.
    let may_try = asked == Asked::Initial || is_challenge(status);
    let user = ClientUser::Subscription(id, number);
    if may_try && alone::is_worth_another(state, user, &response) {
        return send(state, id, asked);
    }
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    subscription.asked = None;
    if status.is_success() {
        subscription.soft.is_reached_by(flow, state.timers.now());
        accepted(state, id, asked, response);
    } else if asked != Asked::End && subscription.soft.is_longer_wanted(&response) {
        return ask(state, id, asked);
    } else {
        refused(state, id, asked, response);
    }
    go_on(state, id);
}

/// No response to the SUBSCRIBE of this number will come by this flow.
pub(super) fn failed(
    state: &mut State,
    (id, number): (SubscriptionId, u32),
    cause: RequestFailure,
) {
    let Some(subscription) = asked(&mut state.subscriptions, id, number) else {
        return;
    };
    let asked = subscription.asked.take();
    match asked {
        // A NOTIFY says that it was accepted all the same.
        Some(Asked::Initial) if subscription.is_subscribed() => {}
        Some(Asked::Initial) if subscription.message.next_flow() => {
            return send(state, id, Asked::Initial);
        }
        Some(Asked::Initial) => {
            let cause = SubscriptionEnd::Failed { cause };
            return lost(state, id, cause, Again::Later);
        }
        Some(Asked::Refresh) if cause == RequestFailure::Timeout => {
            return lost(
                state,
                id,
                SubscriptionEnd::NotNotified,
                Again::NotBefore(Duration::ZERO),
            );
        }
        Some(Asked::Refresh) => not_refreshed(state, id, None),
        Some(Asked::End) => return end(state, id, SubscriptionEnd::Unsubscribed),
        None => {}
    }
    go_on(state, id);
}

/// A connection is gone, by which notifiers reach us: the next SUBSCRIBE opens another. A refresh that is out
/// is lost with it.
pub(super) fn disconnected(state: &mut State, channel: Channel) {
    let life = state.config.times.transaction_life();
    for id in state.subscriptions.by_connection(channel) {
        let Some(subscription) = state.subscriptions.get_mut(id) else {
            continue;
        };
        let after = subscription
            .soft
            .reconnect_in(state.timers.now(), life, &mut state.random);
        subscription.asked = None;
        subscription.notify_by = None;
        wait(state, id, after);
    }
}

/// 2xx.
fn accepted(state: &mut State, id: SubscriptionId, asked: Asked, message: Response) {
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    // Outside a dialog it is the notifier's mistake: a NOTIFY makes the subscription, and must come.
    let is_silent = asked != Asked::Initial && message.status() == StatusCode::NO_NOTIFICATION;
    if is_silent {
        subscription.notify_by = None;
    }
    match asked {
        Asked::End if is_silent => return end(state, id, SubscriptionEnd::Unsubscribed),
        Asked::End => {
            subscription.asked = Some(Asked::End); // The last NOTIFY is still to come.
            return;
        }
        Asked::Refresh => subscription.soft.is_kept(),
        Asked::Initial => {}
    }
    let expires = message.headers().expires().ok().flatten();
    let expires = seconds(expires.unwrap_or(subscription.soft.expires));
    let is_told = asked == Asked::Initial && subscription.until.is_some();
    if !is_told {
        live(state, id, expires);
    }
    tell(state, id, SubscriptionEvent::Accepted { expires, message });
}

/// The notifier refused
/// ([RFC 6665 §4.1.2.2](https://www.rfc-editor.org/rfc/rfc6665#section-4.1.2.2) for refreshes).
fn refused(state: &mut State, id: SubscriptionId, asked: Asked, message: Response) {
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    let status = message.status().as_u16();
    let again = match (asked, status) {
        (Asked::End, _) => return end(state, id, SubscriptionEnd::Unsubscribed),
        // A NOTIFY says that somebody accepted it.
        (Asked::Initial, _) if subscription.is_subscribed() => return,
        (Asked::Refresh, 481) => Again::NotBefore(Duration::ZERO),
        (Asked::Initial, _)
        | (Asked::Refresh, 404 | 405 | 410 | 416 | 480..=485 | 489 | 501 | 604) => {
            match subscription.soft.retry_in(&message, &mut state.random) {
                Some(after) => Again::After(after),
                None => Again::Never,
            }
        }
        (Asked::Refresh, _) => return not_refreshed(state, id, Some(&message)),
    };
    let message = Box::new(message);
    lost(state, id, SubscriptionEnd::Refused { message }, again);
}

/// The subscription lives until its time is over; another refresh may succeed before.
fn not_refreshed(state: &mut State, id: SubscriptionId, refused: Option<&Response>) {
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    let (soft, random) = (&mut subscription.soft, &mut state.random);
    let named = refused.and_then(|refused| soft.retry_in(refused, random));
    let after = named.unwrap_or_else(|| soft.back_off(random));
    subscription.notify_by = None;
    let rest = subscription.until.unwrap_or(state.timers.now());
    let rest = rest.saturating_duration_since(state.timers.now());
    wait(state, id, after.min(rest));
}

/// Sends the SUBSCRIBE that makes a subscription.
fn begin(state: &mut State, id: SubscriptionId) {
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    let message = &mut subscription.message;
    if subscription.sent > 0 {
        message.renew_dialog(&mut state.random);
    }
    let (call_id, tag) = (message.call_id(), message.local_tag().as_bytes());
    let key = dialog_id(&state.fingerprinter, call_id, tag, b"");
    subscription.key = Some(key);
    subscription.stage = SubscriptionStage::NotifyWait;
    subscription.begun = state.timers.now();
    state.subscriptions.index(key, id);
    send(state, id, Asked::Initial);
}

/// Sends a further SUBSCRIBE.
fn ask(state: &mut State, id: SubscriptionId, asked: Asked) {
    if let Some(subscription) = state.subscriptions.get_mut(id) {
        subscription.message.renew();
        send(state, id, asked);
    }
}

fn send(state: &mut State, id: SubscriptionId, asked: Asked) {
    let life = state.config.times.transaction_life();
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    subscription.asked = Some(asked);
    subscription.sent = subscription.sent.wrapping_add(1);
    subscription.due = None;
    subscription.notify_by = state.timers.now().checked_add(life);
    let number = subscription.sent;
    let is_sent = match asked {
        Asked::Initial => send_initial(state, id),
        Asked::Refresh | Asked::End => send_inside(state, id, asked),
    };
    state.timers.arm(life, Timer::Subscription(id));
    if is_sent.is_none() {
        failed(state, (id, number), RequestFailure::Undelivered);
    }
}

fn send_initial(state: &mut State, id: SubscriptionId) -> Option<()> {
    let subscription = state.subscriptions.get_mut(id)?;
    let user = ClientUser::Subscription(id, subscription.sent);
    subscription.message.expires = Some(subscription.soft.expires);
    alone::send(state, user).map(drop)
}

/// `None` where the dialog has no address to go to.
fn send_inside(state: &mut State, id: SubscriptionId, asked: Asked) -> Option<()> {
    let subscription = state.subscriptions.get_mut(id)?;
    let user = ClientUser::Subscription(id, subscription.sent);
    let headers = subscription.headers(asked);
    let request = InDialog::new(Method::Subscribe, &headers, None);
    let Subscription { message, stage, .. } = subscription;
    let SubscriptionStage::Subscribed(subscribed) = stage else {
        return None;
    };
    let SubscriptionDialog { dialog, flow } = &mut **subscribed;
    let authentication = Some(&mut message.authentication);
    let (random, own) = (&mut state.random, &state.introduction);
    let written = request.write(dialog, *flow, authentication, random, own)?;
    written.send(state, user);
    Some(())
}

/// The subscription that waits for a response to its SUBSCRIBE of this number.
fn asked(
    subscriptions: &mut Subscriptions,
    id: SubscriptionId,
    number: u32,
) -> Option<&mut Subscription> {
    let subscription = subscriptions.get_mut(id);
    subscription.filter(|subscription| subscription.sent == number)
}
