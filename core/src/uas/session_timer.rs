//! Agreeing on a session timer, as the one who answers
//! ([RFC 4028 §9](https://www.rfc-editor.org/rfc/rfc4028#section-9)).

use offhook_message::{
    Body, HeaderName, Headers, Method, Refresher, Request, StatusCode, ValueWriter,
};

use super::reply::Reply;
use crate::capabilities::{TIMER, takes_update};
use crate::config::Config;
use crate::event::SessionId;
use crate::session::{Agreement, InviteSession, Party};
use crate::state::State;
use crate::uac::refresh;

impl Agreement {
    /// Neither side gets less than it bears.
    fn new(seconds: u32, refresher: Refresher, headers: &Headers, config: &Config) -> Self {
        let theirs = headers.min_se().ok().flatten().unwrap_or(0);
        let least = config.session_timer.min_se.max(theirs);
        let seconds = seconds.max(least);
        Self { seconds, refresher }
    }

    /// Writes the value of Session-Expires.
    pub(super) fn write(self, value: &mut ValueWriter<'_>) {
        value.put_number(self.seconds.into());
        value.put(match self.refresher {
            Refresher::Uac => b";refresher=uac",
            Refresher::Uas => b";refresher=uas",
        });
    }
}

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

/// What to answer to an INVITE; `most` is the longest life that the application grants. `None`: the
/// session lives until somebody ends it.
pub(super) fn agree(headers: &Headers, config: &Config, most: Option<u32>) -> Option<Agreement> {
    let asked = headers.session_expires().ok().flatten();
    let asked_for = asked.map(|asked| asked.seconds);
    let longest = asked_for.map_or(most, |seconds| {
        Some(most.map_or(seconds, |most| most.min(seconds)))
    });
    let seconds = longest.or(config.session_timer.expires)?;
    let refresher = match asked.and_then(|asked| asked.refresher) {
        Some(refresher) => refresher,
        None if knows_timers(headers) => Refresher::Uac,
        None => Refresher::Uas,
    };
    Some(Agreement::new(seconds, refresher, headers, config))
}

/// What to answer to a re-INVITE or UPDATE. One that asks for nothing leaves the timer as it is.
pub(super) fn agree_again(
    headers: &Headers,
    config: &Config,
    session: &InviteSession,
) -> Option<Agreement> {
    let asked = headers.session_expires().ok().flatten();
    let Some(timer) = session.timer else {
        return agree(headers, config, None);
    };
    let refresher = match asked.and_then(|asked| asked.refresher) {
        Some(refresher) => refresher,
        None if timer.refresher == Party::Peer && knows_timers(headers) => Refresher::Uac,
        None => Refresher::Uas,
    };
    let seconds = asked.map_or(timer.seconds, |asked| asked.seconds);
    Some(Agreement::new(seconds, refresher, headers, config))
}

/// Begins the timer that a 2xx of ours to this request has agreed on, or ends the one there was.
/// `description` is ours.
pub(super) fn begin(
    state: &mut State,
    id: SessionId,
    request: &Request,
    agreement: Option<Agreement>,
    description: Option<&Body>,
) {
    let agreed = agreement.map(|agreement| match agreement.refresher {
        Refresher::Uac => (agreement.seconds, Party::Peer),
        Refresher::Uas => (agreement.seconds, Party::Us),
    });
    refresh::set(state, id, agreed);
    if let Some(session) = state.sessions.get_mut(id) {
        let is_ours = agreed.is_some_and(|(_, refresher)| refresher == Party::Us);
        if is_ours && *request.method() == Method::Invite && !takes_update(request.headers()) {
            session.refresh_by_invite.get_or_insert_default();
        }
        session.describe(description);
    }
}

/// The option tag of the extension, for the Require of a 2xx that makes the peer refresh.
pub(super) fn required(agreement: Option<Agreement>) -> Option<&'static str> {
    agreement
        .filter(|agreement| agreement.refresher == Refresher::Uac)
        .map(|_| TIMER)
}

fn knows_timers(headers: &Headers) -> bool {
    let options = headers.supported().chain(headers.require());
    let mut options = options.filter_map(Result::ok);
    options.any(|option| option.eq_ignore_ascii_case(TIMER.as_bytes()))
}
