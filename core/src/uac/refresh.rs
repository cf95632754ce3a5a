//! Keeping a session alive, and giving it up
//! ([RFC 4028 §10](https://www.rfc-editor.org/rfc/rfc4028#section-10)).

use std::time::Duration;

use offhook_message::{Body, Header, HeaderName, Headers, Method, Refresher, Text, ValueWriter};

use super::{bye, change};
use crate::capabilities::takes_update;
use crate::event::{SessionEnd, SessionId};
use crate::outgoing::longer_life;
use crate::session::{Agreement, InviteSession, Party, Purpose, RefreshByInvite, SessionTimer};
use crate::state::State;
use crate::timers::Timer;

/// The session timer is due: we refresh, or the peer did not.
pub(crate) fn is_due(state: &mut State, id: SessionId) {
    let session = state.sessions.get_mut(id);
    let Some(timer) = session.and_then(|session| session.timer.as_mut()) else {
        return;
    };
    if !timer.due.is_over(state.timers.now()) {
        return arm(state, id); // A refresh has moved it.
    }
    match timer.refresher {
        Party::Us if timer.attempts < MOST_ATTEMPTS => refresh(state, id),
        Party::Us | Party::Peer => bye::terminate(state, id, SessionEnd::Expired, &[]),
    }
}

/// The headers of a request that refreshes a session; none where it has no timer.
pub(super) fn headers(session: &InviteSession) -> Vec<Header> {
    let Some(timer) = session.timer else {
        return Vec::new();
    };
    let expires = ValueWriter::text(|value| timer.agreed().write(value, Refresher::Uac));
    let least = timer.is_least.then(|| timer.seconds.to_string());
    let values = [
        (HeaderName::SessionExpires, Some(expires)),
        (HeaderName::MinSe, least),
    ];
    let header = |(name, value): (_, Option<_>)| Some(Header::known(name, Text::new(value?).ok()?));
    values.into_iter().filter_map(header).collect()
}

/// A 2xx to an INVITE of ours: it says whether there is a timer, and by what means we would refresh.
/// `description` is that of the INVITE, which holds where none has followed it.
pub(super) fn begin(
    state: &mut State,
    id: SessionId,
    headers: &Headers,
    description: Option<&Body>,
) {
    agreed(state, id, headers);
    if let Some(refresh) = by_invite(state, id, headers) {
        if refresh.description.is_none() {
            refresh.description = description.cloned();
        }
    } else if let Some(session) = state.sessions.get_mut(id) {
        session.refresh_by_invite = None;
    }
}

/// A 2xx to a change of ours. Where neither of the two says anything of a timer, one that was agreed on meanwhile
/// goes on: the change may have begun in the early dialog, before the 2xx to the INVITE.
pub(super) fn changed(state: &mut State, id: SessionId, headers: &Headers) {
    let session = state.sessions.get(id);
    let Some(change) = session.and_then(|session| session.change.as_ref()) else {
        return;
    };
    let is_invite = change.method == Method::Invite;
    if !change.asks_for_timer && headers.raw(HeaderName::SessionExpires).is_none() {
        return;
    }
    agreed(state, id, headers);
    if is_invite {
        by_invite(state, id, headers);
    }
}

/// Where we refresh a peer that takes no UPDATE, a re-INVITE does, with what is agreed on from now on. `None` elsewhere.
pub(crate) fn by_invite<'a>(
    state: &'a mut State,
    id: SessionId,
    peer: &Headers,
) -> Option<&'a mut RefreshByInvite> {
    let session = state.sessions.get_mut(id)?;
    let timer = session.timer.as_ref();
    let is_ours = timer.is_some_and(|timer| timer.refresher == Party::Us);
    (is_ours && !takes_update(peer))
        .then(|| session.refresh_by_invite.get_or_insert_default().as_mut())
}

/// A 2xx to a request of ours that refreshes: it says how the session goes on. A peer that knows no
/// timers says nothing, and we go on refreshing for it
/// ([RFC 4028 §7.2](https://www.rfc-editor.org/rfc/rfc4028#section-7.2)). Whatever it says, no session
/// lives for less than we agree to (§4): each refresh would be followed by the next at once.
fn agreed(state: &mut State, id: SessionId, headers: &Headers) {
    let before = state.sessions.get(id).and_then(|session| session.timer);
    let before = before.map(|before| before.agreed());
    let agreed = match headers.session_expires().ok().flatten() {
        Some(expires) => Some(Agreement {
            seconds: expires.seconds.max(state.config.session_timer.min_se),
            refresher: Party::of(expires.refresher.unwrap_or(Refresher::Uac), Refresher::Uac),
        }),
        None => before.filter(|before| before.refresher == Party::Us),
    };
    set(state, id, agreed);
}

/// Begins the timer that is agreed on anew, or ends the one there was. An early session has none: how long that
/// lives is for its INVITE to say.
pub(crate) fn set(state: &mut State, id: SessionId, agreed: Option<Agreement>) {
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    if session.is_early() {
        return;
    }
    let before = session.timer;
    session.timer = agreed.map(|agreed| SessionTimer::new(before, agreed, state.timers.now()));
    if agreed.is_none_or(|agreed| agreed.refresher == Party::Peer) {
        session.refresh_by_invite = None;
    }
    arm(state, id);
}

/// Arms the timer of a session where it has one.
pub(crate) fn arm(state: &mut State, id: SessionId) {
    let session = state.sessions.get_mut(id);
    let timer = session.and_then(|session| session.timer.as_mut());
    if let Some(after) = timer.and_then(|timer| timer.due.arm(state.timers.now())) {
        state.timers.arm(after, Timer::Session(id));
    }
}

/// Takes the Min-SE of a 422 to a refresh. True where that is worth another try.
pub(super) fn take_min_se(state: &mut State, id: SessionId, headers: &Headers) -> bool {
    let Some(session) = state.sessions.get_mut(id) else {
        return false;
    };
    let (Some(timer), Some(change)) = (&mut session.timer, &mut session.change) else {
        return false;
    };
    let longer = longer_life(headers, timer.seconds, change.refused);
    if let Some(seconds) = longer {
        change.refused += 1;
        timer.seconds = seconds;
        timer.is_least = true;
    }
    longer.is_some()
}

/// Sends an UPDATE, or a re-INVITE that offers what is agreed already. The next time is before the
/// session ends: a refresh that fails, or has to wait for another change, leaves it as it is.
fn refresh(state: &mut State, id: SessionId) {
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    if let Some(timer) = &mut session.timer {
        let quarter = Duration::from_secs(timer.seconds.into()) / 4;
        timer.due = timer.due.moved_to(state.timers.now() + quarter);
        timer.attempts += 1;
    }
    let description = session
        .refresh_by_invite
        .as_ref()
        .and_then(|refresh| refresh.description.clone());
    let method = match description {
        Some(_) => Method::Invite,
        None => Method::Update,
    };
    arm(state, id);
    // Where another change is under way, its answer refreshes the session too.
    let purpose = Purpose::Refresh;
    let _ = change::begin(state, id, method, description.as_ref(), purpose);
}

/// A refresh is due when half of the time is over, and again after another quarter. With the next
/// one the session ends.
const MOST_ATTEMPTS: u8 = 2;
