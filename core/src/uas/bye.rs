//! BYE ([RFC 3261 §15.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-15.1.2)).

use std::time::Instant;

use offhook_message::{Rejection, StatusCode};

use super::invite::InviteUserAgentServer;
use super::offer;
use super::reply::Reply;
use super::to_tag_of;
use crate::event::{InviteEnd, SessionEnd, SessionId};
use crate::incoming::Incoming;
use crate::session::InviteSession;
use crate::state::State;
use crate::uac::{change, notify};

/// Answers 200 and ends the session. Whatever else is pending in it gets 487: a change that the
/// application has not answered, and on an early dialog the INVITE.
pub(super) fn receive(state: &mut State, now: Instant, id: SessionId, incoming: Incoming) {
    let tag = to_tag_of(&incoming.request);
    Reply::new(StatusCode::OK).statefully(state, now, &incoming, tag);
    offer::abandon(state, now, id, Rejection::REQUEST_TERMINATED.into());
    let session = state.sessions.get(id);
    if let Some(invite) = session.and_then(InviteSession::early_invite) {
        let server = InviteUserAgentServer::new(state, now, invite);
        if let Some(server) = server {
            server.end(Rejection::REQUEST_TERMINATED, InviteEnd::Bye);
        }
        return;
    }
    change::session_ends(state, now, id);
    state.end_session(id, SessionEnd::RemoteBye, Some(incoming.request));
    notify::resume(state, now, id);
}
