//! Who offered and who answered ([RFC 3264](https://www.rfc-editor.org/rfc/rfc3264)). What the descriptions say is not looked at.

use offhook_message::{Body, Headers};

/// The state of the exchange that an INVITE begins
/// ([RFC 3261 §13.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfferAnswer {
    /// Nobody offered: the INVITE had no session description.
    Initial,
    /// The INVITE offered and we have not answered.
    HaveRemoteOffer,
}

impl OfferAnswer {
    pub(crate) fn of_invite(headers: &Headers, body: &[u8]) -> Self {
        if has_session_description(headers, body) {
            Self::HaveRemoteOffer
        } else {
            Self::Initial
        }
    }
}

/// Whether the body describes a session: SDP by its media type, with no disposition but
/// `session` ([RFC 3261 §20.11](https://www.rfc-editor.org/rfc/rfc3261#section-20.11)).
fn has_session_description(headers: &Headers, body: &[u8]) -> bool {
    if body.is_empty() {
        return false;
    }
    let is_session = match headers.content_disposition() {
        Ok(Some(disposition)) => disposition.is("session"),
        Ok(None) => true,
        Err(_) => false,
    };
    let media_type = headers.content_type().ok().flatten();
    is_session && media_type.is_some_and(|media_type| media_type.is("application", "sdp"))
}

/// Whether a body of ours describes a session.
pub(crate) fn is_session_description(body: &Body) -> bool {
    let content_type = body.content_type().as_str();
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/sdp")
}
