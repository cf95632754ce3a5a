//! Agreeing on a session timer, as the one who answers
//! ([RFC 4028 §9](https://www.rfc-editor.org/rfc/rfc4028#section-9)).

use offhook_message::{HeaderName, Headers, Method, Refresher, Request, StatusCode};

use super::reply::Reply;
use crate::capabilities::TIMER;
use crate::config::{Config, SessionTimerConfig};
use crate::event::SessionId;
use crate::session::{Agreement, Party};
use crate::state::State;
use crate::uac::refresh;

/// 422 where the peer wants a shorter life than we bear. A peer that does not know session timers
/// would not understand that, and gets the shortest that we bear.
pub(super) fn check(request: &Request, config: &Config) -> Result<(), Reply> {
    if !matches!(request.method(), Method::Invite | Method::Update) {
        return Ok(());
    }
    let headers = request.headers();
    let expires = headers.session_expires()?;
    headers.min_se()?;
    let least = config.session_timer.min_se;
    if expires.is_some_and(|expires| expires.seconds < least) && knows_timers(headers) {
        let reply = Reply::new(StatusCode::SESSION_INTERVAL_TOO_SMALL);
        return Err(reply.with_header(HeaderName::MinSe, &least.to_string()));
    }
    Ok(())
}

/// What to answer to an INVITE or UPDATE; `most` is the longest life that the application grants, and `before` the
/// timer that a request which asks for nothing leaves as it is. `None`: the session lives until somebody ends it.
/// Neither side gets less than it bears.
pub(super) fn agree(
    headers: &Headers,
    config: &SessionTimerConfig,
    before: Option<Agreement>,
    most: Option<u32>,
) -> Option<Agreement> {
    let asked = headers.session_expires().ok().flatten();
    let theirs = asked.map(|asked| asked.seconds);
    let known = before.map(|before| before.seconds).or(config.expires);
    let seconds = theirs.into_iter().chain(most).min().or(known)?;
    let least = headers.min_se().ok().flatten().unwrap_or(0);
    let may_be_theirs = before.is_none_or(|before| before.refresher == Party::Peer);
    let refresher = match asked.and_then(|asked| asked.refresher) {
        Some(refresher) => Party::of(refresher, Refresher::Uas),
        None if may_be_theirs && knows_timers(headers) => Party::Peer,
        None => Party::Us,
    };
    Some(Agreement {
        seconds: seconds.max(config.min_se).max(least),
        refresher,
    })
}

/// Agrees with a re-INVITE or UPDATE, whose 2xx says so.
pub(super) fn agree_again(state: &mut State, id: SessionId, request: &Request) {
    let before = state.sessions.get(id).and_then(|session| session.timer);
    let before = before.map(|before| before.agreed());
    let config = &state.config.session_timer;
    let agreement = agree(request.headers(), config, before, None);
    begin(state, id, request, agreement);
}

/// Begins the timer that a 2xx of ours to this request has agreed on, or ends the one there was.
pub(super) fn begin(
    state: &mut State,
    id: SessionId,
    request: &Request,
    agreement: Option<Agreement>,
) {
    refresh::set(state, id, agreement);
    if *request.method() == Method::Invite {
        refresh::by_invite(state, id, request.headers());
    }
}

fn knows_timers(headers: &Headers) -> bool {
    let options = headers.supported().chain(headers.require());
    let mut options = options.filter_map(Result::ok);
    options.any(|option| option.eq_ignore_ascii_case(TIMER.as_bytes()))
}
