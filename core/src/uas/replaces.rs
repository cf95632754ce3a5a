//! Replaces ([RFC 3891 §3](https://www.rfc-editor.org/rfc/rfc3891#section-3)): an INVITE that takes the place of a dialog.

use offhook_message::{HeaderName, Rejection, Replaces, Request};

use super::reply::Reply;
use crate::dialog::dialog_id;
use crate::event::SessionId;
use crate::fingerprint::Fingerprint;
use crate::session::Phase;
use crate::state::State;

/// What an INVITE says, where it says it well.
pub(super) fn read(request: &Request) -> Result<Option<Box<Replaces>>, Reply> {
    let headers = request.headers();
    if !headers.contains(HeaderName::Replaces) {
        return Ok(None);
    }
    if headers.contains(HeaderName::Join) {
        return Err(Reply::bad_request(
            "Replaces and Join contradict each other",
        ));
    }
    Ok(headers.replaces()?.map(Box::new))
}

/// The session that is to be replaced, or how the INVITE is to be refused.
pub(crate) fn find(state: &State, replaces: &Replaces) -> Result<SessionId, Rejection> {
    let keys = keys(state, replaces);
    let mut found = keys.iter().filter_map(|key| state.sessions.find(*key));
    let id = found.next();
    // One that matches several dialogs matches none.
    let id = id.filter(|_| found.next().is_none());
    let session = id.and_then(|id| Some((id, state.sessions.get(id)?)));
    let Some((id, session)) = session else {
        return Err(missing(state, &keys));
    };
    match session.phase {
        Phase::Over => Err(missing(state, &keys)),
        Phase::Terminating(_) => Err(Rejection::DECLINE),
        // We did not begin it, and its caller may ring at others too.
        Phase::Early(_) => Err(Rejection::CALL_OR_TRANSACTION_DOES_NOT_EXIST),
        Phase::AckWait { .. } | Phase::Confirmed | Phase::Answering(_) if replaces.early_only => {
            Err(Rejection::BUSY_HERE)
        }
        _ => Ok(id),
    }
}

/// One that has just ended is declined, so that nothing rings for a call that nobody wants any
/// more.
fn missing(state: &State, keys: &[Fingerprint]) -> Rejection {
    if keys.iter().any(|key| state.sessions.has_ended(*key)) {
        Rejection::DECLINE
    } else {
        Rejection::CALL_OR_TRANSACTION_DOES_NOT_EXIST
    }
}

/// The dialogs that may be meant: the tags are ours and the peer's, and `0` may stand for none,
/// as with a peer of RFC 2543 (§6.1). Ours is never none.
fn keys(state: &State, replaces: &Replaces) -> Vec<Fingerprint> {
    let [call_id, local, remote] = [&replaces.call_id, &replaces.to_tag, &replaces.from_tag]
        .map(|text| text.as_str().as_bytes());
    let none = (remote == b"0").then_some(&b""[..]);
    let remotes = [Some(remote), none].into_iter().flatten();
    remotes
        .map(|remote| dialog_id(&state.fingerprinter, call_id, local, remote))
        .collect()
}
