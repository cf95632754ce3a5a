//! NOTIFY of ours: how the referral of a peer goes on
//! ([RFC 3515 §2.4.4](https://www.rfc-editor.org/rfc/rfc3515#section-2.4.4)).

use std::time::Instant;

use offhook_message::{Body, Header, HeaderName, Method, StatusCode, Text};

use super::Step;
use super::in_dialog::InDialog;
use crate::event::SessionId;
use crate::session::{Phase, Referral};
use crate::state::State;
use crate::timers::Timer;
use crate::transaction::ClientUser;

/// Begins to notify of a REFER that was accepted: 100 at once
/// ([RFC 3515 §2.4.5](https://www.rfc-editor.org/rfc/rfc3515#section-2.4.5)).
pub(crate) fn begin(state: &mut State, id: SessionId, cseq: u32) {
    let times = &state.config.times;
    // Longer than the call that is asked for may take (RFC 3515 §3.4).
    let life = times.ringing + times.transaction_life() * 2;
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    let refers = session.refers.get_or_insert_default();
    let number = refers.receive(cseq);
    refers.referrals.push(Referral {
        cseq,
        id: number,
        status: StatusCode::TRYING,
        reason: None,
        is_notifying: false,
        has_news: true,
        until: state.timers.now() + life,
    });
    state.timers.arm(life, Timer::Referral(id, cseq));
    send(state, id, cseq);
}

/// Tells how the referral goes on; a final status ends the subscription. False where it is over.
pub(crate) fn tell(state: &mut State, id: SessionId, cseq: u32, status: StatusCode) -> bool {
    let Some(referral) = state.referral(id, cseq) else {
        return false;
    };
    if referral.reason.is_some() {
        return false;
    }
    if status.is_final() {
        referral.reason = Some("noresource");
    } else if status == referral.status {
        return true;
    }
    referral.status = status;
    referral.has_news = true;
    send(state, id, cseq);
    true
}

/// The application has not told the outcome in time.
pub(crate) fn is_overdue(state: &mut State, id: SessionId, cseq: u32) {
    let Some(referral) = state.referral(id, cseq) else {
        return;
    };
    if referral.reason.is_none() {
        referral.reason = Some("timeout");
        referral.has_news = true;
        send(state, id, cseq);
    }
}

/// What a step of a transaction means to a subscription. A refused NOTIFY ends it, and not the
/// session ([RFC 6665 §4.2.2](https://www.rfc-editor.org/rfc/rfc6665#section-4.2.2), [RFC 5057 §5.1](https://www.rfc-editor.org/rfc/rfc5057#section-5.1)).
pub(super) fn finish(state: &mut State, id: SessionId, cseq: u32, step: &Step) {
    let is_accepted = match step {
        Step::Final(_, response) => response.status().is_success(),
        Step::Failed(_) => false,
        Step::Provisional(..) | Step::Over => return,
    };
    let Some(referral) = state.referral(id, cseq) else {
        return;
    };
    referral.is_notifying = false;
    let is_over = referral.reason.is_some() && !referral.has_news;
    if is_over || !is_accepted {
        return state.end_referral(id, cseq);
    }
    send(state, id, cseq);
}

/// Sends the news that waited for the end of a session whose BYE was out.
pub(crate) fn resume(state: &mut State, id: SessionId) {
    let session = state.sessions.get(id);
    let refers = session.and_then(|session| session.refers.as_ref());
    let referrals = refers.map(|refers| refers.referrals.iter().map(|it| it.cseq).collect());
    let referrals: Vec<_> = referrals.unwrap_or_default();
    for cseq in referrals {
        send(state, id, cseq);
    }
}

/// Sends the news, unless a NOTIFY or BYE waits for its response: then they follow it. A BYE that
/// is overtaken may be refused, and must not be
/// ([RFC 3261 §12.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.2)).
fn send(state: &mut State, id: SessionId, cseq: u32) {
    let session = state.sessions.get(id);
    let is_ending = session.is_some_and(|it| matches!(it.phase, Phase::Terminating(_)));
    let now = state.timers.now();
    let Some(referral) = state.referral(id, cseq).filter(|_| !is_ending) else {
        return;
    };
    if referral.is_notifying || !referral.has_news {
        return;
    }
    referral.is_notifying = true;
    referral.has_news = false;
    let (headers, body) = (headers(referral, now), Body::sipfrag(referral.status));
    let request = InDialog::new(Method::Notify, &headers, Some(&body));
    if let Some(session) = state.sessions.get_mut(id) {
        session.begin_request();
    }
    if request
        .send(state, id, ClientUser::Referral(id, cseq))
        .is_none()
    {
        state.end_referral(id, cseq);
    }
}

fn headers(referral: &Referral, now: Instant) -> Vec<Header> {
    let event = match referral.id {
        Some(id) => format!("refer;id={id}"),
        None => "refer".to_owned(),
    };
    let left = referral.until.saturating_duration_since(now).as_secs();
    let state = match referral.reason {
        Some(reason) => format!("terminated;reason={reason}"),
        None => format!("active;expires={left}"),
    };
    let headers = [
        (HeaderName::Event, event),
        (HeaderName::SubscriptionState, state),
    ];
    let texts = headers.map(|(name, value)| Some(Header::known(name, Text::new(value).ok()?)));
    texts.into_iter().flatten().collect()
}
