//! OPTIONS ([RFC 3261 §11.2](https://www.rfc-editor.org/rfc/rfc3261#section-11.2)).

use offhook_message::{HeaderName, StatusCode};

use super::reply::Reply;
use crate::capabilities::{ACCEPT, Allow, supported};
use crate::state::State;

/// The answer that an INVITE would get now: 200 with what we can do, or 503.
pub(crate) fn capabilities(state: &mut State) -> Reply {
    if state.refusing.is_some() {
        return Reply::overload(state);
    }
    Reply::new(StatusCode::OK)
        .with_header(HeaderName::Allow, &Allow(&state.config).to_string())
        .with_header(HeaderName::Accept, ACCEPT)
        .with_header(HeaderName::Supported, supported(&state.config))
}
