//! Keeping a session alive, and giving it up
//! ([RFC 4028 §10](https://www.rfc-editor.org/rfc/rfc4028#section-10)).

use std::time::{Duration, Instant};

use offhook_message::{Header, HeaderName, Headers, Method, Refresher, Text};

use super::{bye, inside};
use crate::capabilities::TIMER;
use crate::event::{SessionEnd, SessionId};
use crate::session::{InviteSession, Party, SessionTimer};
use crate::state::State;
use crate::timers::Timer;

/// The session timer is due: we refresh, or the peer did not.
pub(crate) fn is_due(state: &mut State, now: Instant, id: SessionId) {
    let Some(timer) = state.sessions.get(id).and_then(|session| session.timer) else {
        return;
    };
    if now < timer.due {
        return; // A refresh has moved it.
    }
    match timer.refresher {
        Party::Peer => bye::terminate(state, now, id, SessionEnd::Expired, &[]),
        Party::Us => refresh(state, now, id, timer),
    }
}

/// The headers of a request that refreshes a session; none where it has no timer.
pub(super) fn headers(session: &InviteSession) -> Vec<Header> {
    let Some(timer) = session.timer else {
        return Vec::new();
    };
    let refresher = match timer.refresher {
        Party::Us => "uac",
        Party::Peer => "uas",
    };
    let expires = Text::new(format!("{};refresher={refresher}", timer.seconds));
    let expires = expires.map(|expires| Header::known(HeaderName::SessionExpires, expires));
    let supported = Header::known(HeaderName::Supported, Text::from_static(TIMER));
    expires.into_iter().chain([supported]).collect()
}

/// A 2xx to a request of ours that refreshes: it says how the session goes on.
pub(super) fn agreed(state: &mut State, now: Instant, id: SessionId, headers: &Headers) {
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    let expires = headers.session_expires().ok().flatten();
    session.timer = expires.map(|expires| {
        let refresher = match expires.refresher {
            Some(Refresher::Uas) => Party::Peer,
            Some(Refresher::Uac) | None => Party::Us,
        };
        SessionTimer::new(expires.seconds, refresher, now)
    });
    if let Some(timer) = session.timer {
        state.arm(now, timer.due - now, Timer::Session(id));
    }
}

/// Sends an UPDATE, or tries again soon where another change is under way. The next time is before
/// the session ends: an UPDATE that fails leaves it as it is.
fn refresh(state: &mut State, now: Instant, id: SessionId, timer: SessionTimer) {
    let is_sent = inside::change(state, now, id, Method::Update, None).is_ok();
    let after = if is_sent {
        Duration::from_secs(timer.seconds.into()) / 4
    } else {
        SOON
    };
    if let Some(session) = state.sessions.get_mut(id) {
        session.timer = Some(SessionTimer {
            due: now + after,
            ..timer
        });
        state.arm(now, after, Timer::Session(id));
    }
}

const SOON: Duration = Duration::from_secs(5);
