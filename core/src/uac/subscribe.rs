//! Subscribing ([RFC 6665 §4.1](https://www.rfc-editor.org/rfc/rfc6665#section-4.1)).

use std::time::{Duration, Instant};

use offhook_message::{Method, Request, Response, StatusCode};

use super::write::InDialog;
use super::{alone, is_challenge, next_hop, reach};
use crate::client_event::{
    RequestError, RequestFailure, SubscriptionEnd, SubscriptionEvent, SubscriptionState,
};
use crate::dialog::{Dialog, dialog_id};
use crate::event::Event;
use crate::flow::{Channel, Flow};
use crate::id::SubscriptionId;
use crate::outgoing::{
    Asked, LEAST_WAIT, SentBy, Subscription, SubscriptionDialog, SubscriptionOptions,
    SubscriptionStage, Subscriptions, refresh_after,
};
use crate::state::State;
use crate::timers::Timer;
use crate::transaction::ClientUser;

/// A subscription. The view borrows the core.
#[derive(Debug)]
pub struct SubscribeUserAgentClient<'a> {
    state: &'a mut State,
    now: Instant,
    id: SubscriptionId,
}

impl<'a> SubscribeUserAgentClient<'a> {
    pub(crate) fn new(state: &'a mut State, now: Instant, id: SubscriptionId) -> Option<Self> {
        state.subscriptions.get(id)?;
        Some(Self { state, now, id })
    }

    /// Which subscription this is.
    pub fn id(&self) -> SubscriptionId {
        self.id
    }

    /// Sends SUBSCRIBE now, and does not wait for the next refresh or try. Where a request is out
    /// already, that will do; one that is ending ends.
    pub fn refresh(self) {
        let Self { state, now, id } = self;
        let Some(subscription) = state.subscriptions.get(id) else {
            return;
        };
        if subscription.is_ending || subscription.asked.is_some() {
            return;
        }
        match subscription.stage {
            SubscriptionStage::Waiting => begin(state, now, id),
            SubscriptionStage::NotifyWait => {}
            SubscriptionStage::Subscribed(_) => ask(state, now, id, Asked::Refresh),
        }
    }

    /// Ends the subscription
    /// ([RFC 6665 §4.1.2.3](https://www.rfc-editor.org/rfc/rfc6665#section-4.1.2.3)). A last NOTIFY may come;
    /// [`SubscriptionEvent::Terminated`] follows, whatever the notifier says.
    pub fn unsubscribe(self) {
        let Self { state, now, id } = self;
        if let Some(subscription) = state.subscriptions.get_mut(id) {
            subscription.is_ending = true;
            subscription.notifiers = 0;
            go_on(state, now, id);
        }
    }
}

/// Subscribes.
pub(crate) fn start(
    state: &mut State,
    now: Instant,
    options: SubscriptionOptions,
) -> Result<SubscriptionId, RequestError> {
    let message = alone::begin(state, Method::Subscribe, options.request.clone())?;
    let subscription = Subscription::new(message, options, now);
    let id = state.subscriptions.insert(subscription);
    begin(state, now, id);
    Ok(id)
}

/// Timer N, a refresh or the next try may be due.
pub(crate) fn is_due(state: &mut State, now: Instant, id: SubscriptionId) {
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    let is_past = |at: Option<Instant>| at.is_some_and(|at| at <= now);
    // Without a response, the end of the transaction says more.
    let is_unanswered = matches!(subscription.asked, Some(Asked::Initial | Asked::Refresh));
    if is_past(subscription.notify_by) && !is_unanswered {
        return lost(
            state,
            now,
            id,
            SubscriptionEnd::NotNotified,
            Again::NotBefore(Duration::ZERO),
        );
    }
    if !is_past(subscription.due) {
        return;
    }
    match subscription.stage {
        SubscriptionStage::Waiting => begin(state, now, id),
        SubscriptionStage::NotifyWait => {}
        SubscriptionStage::Subscribed(_) if is_past(subscription.until) => {
            lost(
                state,
                now,
                id,
                SubscriptionEnd::Expired,
                Again::NotBefore(Duration::ZERO),
            );
        }
        SubscriptionStage::Subscribed(_) => ask(state, now, id, Asked::Refresh),
    }
}

/// A final response to the SUBSCRIBE of this number.
pub(super) fn receive_response(
    state: &mut State,
    now: Instant,
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
        return send(state, now, id, asked);
    }
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    subscription.asked = None;
    if status.is_success() {
        subscription.soft.is_reached_by(flow, now);
        accepted(state, now, id, asked, response);
    } else if asked != Asked::End && subscription.soft.is_longer_wanted(&response) {
        return ask(state, now, id, asked);
    } else {
        refused(state, now, id, asked, response);
    }
    go_on(state, now, id);
}

/// No response to the SUBSCRIBE of this number will come by this flow.
pub(super) fn failed(
    state: &mut State,
    now: Instant,
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
            return send(state, now, id, Asked::Initial);
        }
        Some(Asked::Initial) => {
            let cause = SubscriptionEnd::Failed { cause };
            return lost(state, now, id, cause, Again::Later);
        }
        Some(Asked::Refresh) if cause == RequestFailure::Timeout => {
            return lost(
                state,
                now,
                id,
                SubscriptionEnd::NotNotified,
                Again::NotBefore(Duration::ZERO),
            );
        }
        Some(Asked::Refresh) => not_refreshed(state, now, id, None),
        Some(Asked::End) => return end(state, id, SubscriptionEnd::Unsubscribed),
        None => {}
    }
    go_on(state, now, id);
}

/// A connection is gone, by which notifiers reach us: the next SUBSCRIBE opens another. A refresh that is out
/// is lost with it.
pub(super) fn disconnected(state: &mut State, now: Instant, channel: Channel) {
    let life = state.config.times.transaction_life();
    for id in state.subscriptions.by_connection(channel) {
        let Some(subscription) = state.subscriptions.get_mut(id) else {
            continue;
        };
        let after = subscription.soft.reconnect_in(now, life, &mut state.random);
        subscription.asked = None;
        subscription.notify_by = None;
        wait(state, now, id, after);
    }
}

/// A NOTIFY that nobody has sent a dialog for: it makes one, where the SUBSCRIBE waits for it, or
/// where it was forked and one more notifier may answer.
pub(crate) fn open_dialog(
    state: &mut State,
    now: Instant,
    root: SubscriptionId,
    notify: &Request,
    flow: Flow,
) -> Option<SubscriptionId> {
    let life = state.config.times.transaction_life();
    let subscription = state.subscriptions.get_mut(root)?;
    let cseq = subscription.message.cseq;
    let dialog = Dialog::at_subscriber(&state.fingerprinter, notify, cseq);
    let key = dialog.id;
    let dialog = Box::new(SubscriptionDialog { dialog, flow });
    if matches!(subscription.stage, SubscriptionStage::NotifyWait) {
        subscription.stage = SubscriptionStage::Subscribed(dialog);
        state.subscriptions.index(key, root);
        return Some(root);
    }
    let is_late = now > subscription.begun + life;
    if is_late || subscription.notifiers == 0 || !subscription.is_subscribed() {
        return None;
    }
    subscription.notifiers -= 1;
    let mut fork = subscription.fork();
    fork.stage = SubscriptionStage::Subscribed(dialog);
    fork.soft.is_reached_by(flow, now);
    let id = state.subscriptions.insert(fork);
    state.subscriptions.index(key, id);
    tell(state, root, SubscriptionEvent::Forked { subscription: id });
    Some(id)
}

/// A NOTIFY of this subscription, which is answered.
pub(crate) fn notified(state: &mut State, now: Instant, id: SubscriptionId, message: Request) {
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    let Ok(Some(news)) = message.headers().subscription_state() else {
        return;
    };
    subscription.notify_by = None;
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
        return lost(state, now, id, SubscriptionEnd::Notified, again);
    }
    shorten(state, now, id, expires);
    go_on(state, now, id);
}

/// Whether a subscription that is gone is made anew.
#[derive(Clone, Copy)]
enum Again {
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

/// 2xx.
fn accepted(state: &mut State, now: Instant, id: SubscriptionId, asked: Asked, message: Response) {
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    let is_silent = message.status() == StatusCode::NO_NOTIFICATION;
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
        live(state, now, id, expires);
    }
    tell(state, id, SubscriptionEvent::Accepted { expires, message });
}

/// The notifier refused
/// ([RFC 6665 §4.1.2.2](https://www.rfc-editor.org/rfc/rfc6665#section-4.1.2.2) for refreshes).
fn refused(state: &mut State, now: Instant, id: SubscriptionId, asked: Asked, message: Response) {
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
        (Asked::Refresh, _) => return not_refreshed(state, now, id, Some(&message)),
    };
    let message = Box::new(message);
    lost(state, now, id, SubscriptionEnd::Refused { message }, again);
}

/// The subscription lives until its time is over; another refresh may succeed before.
fn not_refreshed(state: &mut State, now: Instant, id: SubscriptionId, refused: Option<&Response>) {
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    let (soft, random) = (&mut subscription.soft, &mut state.random);
    let named = refused.and_then(|refused| soft.retry_in(refused, random));
    let after = named.unwrap_or_else(|| soft.back_off(random));
    subscription.notify_by = None;
    let rest = subscription.until.unwrap_or(now);
    let rest = rest.saturating_duration_since(now);
    wait(state, now, id, after.min(rest));
}

/// What the application wished while a request was out.
fn go_on(state: &mut State, now: Instant, id: SubscriptionId) {
    let subscription = state.subscriptions.get(id);
    let Some(subscription) = subscription.filter(|it| it.is_ending && it.asked.is_none()) else {
        return;
    };
    match subscription.stage {
        SubscriptionStage::Waiting => end(state, id, SubscriptionEnd::Unsubscribed),
        // It takes the dialog that a NOTIFY makes, and without a NOTIFY there is nothing to end.
        SubscriptionStage::NotifyWait => {}
        SubscriptionStage::Subscribed(_) => ask(state, now, id, Asked::End),
    }
}

/// The subscription is gone.
fn lost(state: &mut State, now: Instant, id: SubscriptionId, cause: SubscriptionEnd, again: Again) {
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
    if subscription.is_subscribed() && now >= subscription.begun + life {
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
    wait(state, now, id, retry_in);
    tell(state, id, SubscriptionEvent::Lost { cause, retry_in });
}

fn end(state: &mut State, id: SubscriptionId, cause: SubscriptionEnd) {
    if state.subscriptions.remove(id).is_some() {
        tell(state, id, SubscriptionEvent::Terminated { cause });
    }
}

/// Takes the time that a NOTIFY says, where it is shorter than what we know.
fn shorten(state: &mut State, now: Instant, id: SubscriptionId, expires: Option<u32>) {
    let Some(subscription) = state.subscriptions.get(id) else {
        return;
    };
    let known = subscription.until;
    let known = known.map(|until| until.saturating_duration_since(now));
    let asked = seconds(subscription.soft.expires);
    let named = expires.map(seconds);
    let life = named.or(known).unwrap_or(asked);
    let is_shorter = known.is_none_or(|known| life + Duration::from_secs(1) < known);
    // Without a dialog, its refresh had to wait.
    let is_missed = subscription.asked.is_none() && subscription.due.is_none_or(|due| due <= now);
    if is_shorter {
        live(state, now, id, life);
    } else if is_missed {
        live(state, now, id, known.unwrap_or(asked));
    }
}

/// The subscription lives so long from now on, and is refreshed before.
fn live(state: &mut State, now: Instant, id: SubscriptionId, life: Duration) {
    let life = life.min(LONGEST);
    let refresh = refresh_after(life, &mut state.random);
    if let Some(subscription) = state.subscriptions.get_mut(id) {
        subscription.until = Some(now + life);
        wait(state, now, id, refresh);
    }
}

fn wait(state: &mut State, now: Instant, id: SubscriptionId, after: Duration) {
    if let Some(subscription) = state.subscriptions.get_mut(id) {
        subscription.due = now.checked_add(after);
        state.arm(now, after, Timer::Subscription(id));
    }
}

/// Sends the SUBSCRIBE that makes a subscription.
fn begin(state: &mut State, now: Instant, id: SubscriptionId) {
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
    subscription.begun = now;
    state.subscriptions.index(key, id);
    send(state, now, id, Asked::Initial);
}

/// Sends a further SUBSCRIBE.
fn ask(state: &mut State, now: Instant, id: SubscriptionId, asked: Asked) {
    if let Some(subscription) = state.subscriptions.get_mut(id) {
        subscription.message.renew();
        send(state, now, id, asked);
    }
}

fn send(state: &mut State, now: Instant, id: SubscriptionId, asked: Asked) {
    let life = state.config.times.transaction_life();
    let Some(subscription) = state.subscriptions.get_mut(id) else {
        return;
    };
    subscription.asked = Some(asked);
    subscription.sent = subscription.sent.wrapping_add(1);
    subscription.due = None;
    subscription.notify_by = now.checked_add(life);
    let number = subscription.sent;
    let is_sent = match asked {
        Asked::Initial => send_initial(state, now, id),
        Asked::Refresh | Asked::End => send_inside(state, now, id, asked),
    };
    state.arm(now, life, Timer::Subscription(id));
    if is_sent.is_none() {
        failed(state, now, (id, number), RequestFailure::Undelivered);
    }
}

fn send_initial(state: &mut State, now: Instant, id: SubscriptionId) -> Option<()> {
    let subscription = state.subscriptions.get_mut(id)?;
    let user = ClientUser::Subscription(id, subscription.sent);
    subscription.message.request.extra_headers = subscription.headers(Asked::Initial);
    alone::send(state, now, user).map(drop)
}

/// `None` where the dialog has no address to go to.
fn send_inside(state: &mut State, now: Instant, id: SubscriptionId, asked: Asked) -> Option<()> {
    let subscription = state.subscriptions.get_mut(id)?;
    let user = ClientUser::Subscription(id, subscription.sent);
    let headers = subscription.headers(asked);
    let request = InDialog {
        headers: &headers,
        ..InDialog::new(Method::Subscribe)
    };
    let Subscription { message, stage, .. } = subscription;
    let SubscriptionStage::Subscribed(subscribed) = stage else {
        return None;
    };
    let SubscriptionDialog { dialog, flow } = &mut **subscribed;
    let hop = next_hop(dialog, *flow)?;
    let flow = hop.flow(*flow);
    let branch = state.random.token();
    let sent_by = SentBy { flow, branch };
    let authentication = Some(&mut message.authentication);
    let bytes = request.write(dialog, authentication, &sent_by, &state.introduction)?;
    let transaction = state.insert_client(now, branch, Method::Subscribe, bytes, flow, user);
    reach(state, now, transaction, flow, hop);
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

fn tell(state: &mut State, subscription: SubscriptionId, event: SubscriptionEvent) {
    state.outbox.event(Event::Subscription {
        subscription,
        event,
    });
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

/// A subscription is refreshed by then, whatever the notifier grants.
const LONGEST: Duration = Duration::from_hours(24);
