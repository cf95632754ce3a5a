//! BYE ([RFC 3261 §15.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-15.1.2)), and what a callee does in its place.

use offhook_message::{Header, Rejection, Request, StatusCode};

use super::invite::InviteUserAgentServer;
use super::reply::Reply;
use super::response_options::ResponseOptions;
use super::to_tag_of;
use crate::event::{Event, InviteEnd, SessionEnd, SessionId};
use crate::incoming::Incoming;
use crate::session::InviteSession;
use crate::state::State;
use crate::uac::{self, notify};

/// Answers 200 and ends the session.
pub(super) fn receive(state: &mut State, id: SessionId, incoming: Incoming) {
    let tag = to_tag_of(&incoming);
    Reply::new(StatusCode::OK).statefully(state, &incoming, tag);
    terminate_pending(state, id, Some(&incoming.request));
    state.end_session(id, SessionEnd::RemoteBye, Some(incoming.request));
    notify::resume(state, id);
}

/// Hangs up for the application. While the 2xx that it asked for waits, no caller knows of a session, and the callee may
/// not send BYE ([RFC 3261 §15](https://www.rfc-editor.org/rfc/rfc3261#section-15)): the INVITE is refused, with the headers of the BYE.
pub(crate) fn hang_up(state: &mut State, id: SessionId, headers: Vec<Header>) {
    if let Some(server) = held(state, id) {
        let mut options = ResponseOptions::new(Rejection::TEMPORARILY_UNAVAILABLE);
        options.extra_headers = headers;
        let ended = Event::Ended {
            session: id,
            cause: SessionEnd::LocalBye,
            message: None,
        };
        return server.close(&options, ended);
    }
    uac::bye::send(state, id, SessionEnd::LocalBye, headers);
}

/// The INVITE that the application has accepted as this session, while its 2xx waits.
pub(crate) fn held(state: &mut State, id: SessionId) -> Option<InviteUserAgentServer<'_>> {
    let invite = state.sessions.get(id)?.early_invite()?;
    let server = InviteUserAgentServer::new(state, invite);
    server.filter(|server| server.held_session() == Some(id))
}

/// A BYE is refused because it came behind a later request. For its sender the session is over all
/// the same ([RFC 3261 §15.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-15.1.1)), and nothing further would say so: it ends by a BYE of ours.
pub(super) fn overtaken(state: &mut State, id: SessionId, incoming: &Incoming) {
    // Without the Retry-After of others: nothing is to come again.
    let reply = Reply::new(StatusCode::SERVER_INTERNAL_ERROR);
    // Many may come before ours has its answer, and only the first ends anything.
    let is_full = state.servers.is_full(&state.config.limits);
    if is_full || !state.has_room(id, &incoming.request) {
        reply.send_once(state, incoming);
    } else {
        reply.statefully(state, incoming, to_tag_of(incoming));
    }
    terminate_pending(state, id, None);
    uac::bye::send(state, id, SessionEnd::RemoteBye, Vec::new());
}

/// Whatever is pending gets 487: a change that the application has not answered, and on an early
/// dialog the INVITE, which ends that, by this BYE where it is not refused.
fn terminate_pending(state: &mut State, id: SessionId, bye: Option<&Request>) {
    state.end_offers(id);
    let session = state.sessions.get(id);
    if let Some(invite) = session.and_then(InviteSession::early_invite)
        && let Some(server) = InviteUserAgentServer::new(state, invite)
    {
        let bye = bye.cloned();
        server.end(Rejection::REQUEST_TERMINATED, InviteEnd::Bye, bye);
    }
}
