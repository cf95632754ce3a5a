//! NOTIFY: what becomes of a REFER of ours
//! ([RFC 3515 §2.4.4](https://www.rfc-editor.org/rfc/rfc3515#section-2.4.4), [RFC 6665 §4.1.3](https://www.rfc-editor.org/rfc/rfc6665#section-4.1.3)).

use std::time::Duration;

use offhook_message::{HeaderName, Method, Request, StatusCode};

use super::reply::Reply;
use super::{does_not_exist, request, to_tag_of};
use crate::client_event::{ReferEnd, ReferEvent};
use crate::config::Config;
use crate::event::SessionId;
use crate::incoming::Incoming;
use crate::session::ReferStage;
use crate::state::State;
use crate::uac::refer;

/// Serves a NOTIFY inside a dialog. It may overtake the 2xx to our REFER.
pub(super) fn receive(state: &mut State, id: SessionId, incoming: Incoming) {
    if !is_of_refer(&incoming.request) && serves_others(&state.config) {
        return request::receive(state, Some(id), None, incoming);
    }
    let reply = match read(&incoming.request) {
        Ok(news) => match find(state, id, &incoming.request) {
            Some(name) => {
                let tag = to_tag_of(&incoming);
                Reply::new(StatusCode::OK).statefully(state, &incoming, tag);
                return take(state, id, name, &news, incoming.request);
            }
            None => does_not_exist(),
        },
        Err(reply) => reply,
    };
    reply.statefully(state, &incoming, to_tag_of(&incoming));
}

/// Whether NOTIFYs of other packages go to the application.
pub(super) fn serves_others(config: &Config) -> bool {
    config.methods.contains(&Method::Notify)
}

/// What a NOTIFY says.
struct News {
    /// `None` where it has no body.
    status: Option<StatusCode>,
    is_terminated: bool,
    expires: Option<u32>,
}

fn is_of_refer(request: &Request) -> bool {
    let event = request.headers().event().ok().flatten();
    event.is_some_and(|event| event.name.eq_ignore_ascii_case(b"refer"))
}

fn read(request: &Request) -> Result<News, Reply> {
    let headers = request.headers();
    headers.event()?;
    if !is_of_refer(request) {
        let reply = Reply::new(StatusCode::BAD_EVENT);
        return Err(reply.with_header(HeaderName::AllowEvents, "refer"));
    }
    let Some(subscription) = headers.subscription_state()? else {
        return Err(Reply::bad_request(
            "The Subscription-State header is missing",
        ));
    };
    Ok(News {
        status: status(request)?,
        is_terminated: subscription.is_terminated(),
        expires: subscription.expires,
    })
}

/// The status line that the body begins with. One that ends the subscription may have no body.
fn status(request: &Request) -> Result<Option<StatusCode>, Reply> {
    if request.body().is_empty() {
        return Ok(None);
    }
    let media_type = request.headers().content_type()?;
    if media_type.is_none_or(|media_type| !media_type.is("message", "sipfrag")) {
        let reply = Reply::new(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        return Err(reply.with_header(HeaderName::Accept, "message/sipfrag"));
    }
    let status = StatusCode::of_sipfrag(request.body());
    let status = status.ok_or_else(|| Reply::bad_request("The body begins with no status line"))?;
    Ok(Some(status))
}

/// The name of the REFER that a NOTIFY is about.
fn find(state: &mut State, id: SessionId, request: &Request) -> Option<u32> {
    let event = request.headers().event().ok()??;
    let refers = state.sessions.get_mut(id)?.refers.as_mut()?;
    refers.notified(&event).map(|refer| refer.name)
}

fn take(state: &mut State, id: SessionId, name: u32, news: &News, message: Request) {
    let status = news.status;
    if let Some(status) = status {
        refer::tell(state, id, name, ReferEvent::Progress { status, message });
    }
    if !news.is_terminated {
        let life = news.expires.map_or(LONGEST, |seconds| {
            Duration::from_secs(seconds.into()).min(LONGEST)
        });
        return refer::await_notify(state, id, name, life);
    }
    let cause = ReferEnd::Notified;
    refer::tell(state, id, name, ReferEvent::Terminated { status, cause });
    match state.refer(id, name) {
        Some(refer) if refer.stage == ReferStage::Sent => refer.stage = ReferStage::Over,
        _ => {
            state.end_refer(id, name);
        }
    }
}

/// A subscription is given up by then, whatever the peer says. No call rings for as long.
const LONGEST: Duration = Duration::from_mins(10);
