//! OPTIONS ([RFC 3261 §11.2](https://www.rfc-editor.org/rfc/rfc3261#section-11.2)).

use offhook_message::{HeaderName, StatusCode};

use super::reply::Reply;
use crate::capabilities::{ACCEPT, Allow, supported};
use crate::state::State;

/// The answer outside of a dialog: what an INVITE would get now, 200 or 503.
pub(super) fn answer(state: &mut State) -> Reply {
    match state.refusing {
        Some(_) => Reply::overload(state),
        None => capabilities(state),
    }
}

/// 200 with what we can do: a call that is there goes on, whatever becomes of new ones.
pub(super) fn capabilities(state: &State) -> Reply {
    Reply::new(StatusCode::OK)
        .with_header(HeaderName::Allow, &Allow(&state.config).to_string())
        .with_header(HeaderName::Accept, ACCEPT)
        .with_header(HeaderName::Supported, supported(&state.config))
}
