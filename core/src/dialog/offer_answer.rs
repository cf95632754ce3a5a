//! Who offered and who answered ([RFC 3264](https://www.rfc-editor.org/rfc/rfc3264)). What the descriptions say is not looked at.

use offhook_message::{Body, Message, MessageWriter, Request, StatusCode, parse};

/// The state of the exchange of session descriptions in a dialog
/// ([RFC 3261 §13.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.1), [RFC 6337](https://www.rfc-editor.org/rfc/rfc6337)).
///
/// ```text
///                  their offer: INVITE, PRACK
///    +---------+ ----------------------------> +-----------------+
///    | Initial |                               | HaveRemoteOffer |<---+
///    +---------+                               +-----------------+    |
///         |                            our answer: |                  |
///         | our offer:          2xx, reliable 1xx, |                  | their
///         | 2xx, reliable 1xx     the 200 to PRACK |                  | offer
///         v                                        v                  |
///  +----------------+  their answer: ACK, PRACK  +--------+           |
///  | HaveLocalOffer | -------------------------> | Stable | ----------+
///  +----------------+                            +--------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfferAnswer {
    Initial,
    HaveRemoteOffer,
    HaveLocalOffer,
    Stable,
}

impl OfferAnswer {
    pub(crate) fn of_invite(invite: &Request) -> Self {
        if invite.session_description().is_some() {
            Self::HaveRemoteOffer
        } else {
            Self::Initial
        }
    }

    /// After a description of ours in a message that cannot get lost.
    pub(crate) fn sent(self) -> Self {
        match self {
            Self::Initial => Self::HaveLocalOffer,
            Self::HaveRemoteOffer => Self::Stable,
            same => same,
        }
    }

    /// After a description of theirs.
    pub(crate) fn received(self) -> Self {
        match self {
            Self::HaveLocalOffer => Self::Stable,
            Self::Initial | Self::Stable => Self::HaveRemoteOffer,
            Self::HaveRemoteOffer => self,
        }
    }
}

/// Whether a body of ours describes a session, by itself or in one of its parts.
pub(crate) fn is_session_description(body: &Body) -> bool {
    let content_type = body.content_type().as_str();
    if content_type == SDP {
        return true;
    }
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let kind = media_type.split('/').next().unwrap_or_default();
    media_type.eq_ignore_ascii_case(SDP)
        || (kind.eq_ignore_ascii_case("multipart") && is_found_in(body))
}

/// Whether the peer finds a session description in a body as we do in its bodies.
fn is_found_in(body: &Body) -> bool {
    let message = MessageWriter::response(StatusCode::OK, None).body(body);
    match parse(message) {
        Ok(Message::Response(response)) => response.session_description().is_some(),
        _ => false,
    }
}

/// The type of a session description.
const SDP: &str = "application/sdp";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_description_may_be_a_part() {
        let parts = |kind| {
            let isup = "Content-Type: application/ISUP;version=itu-t92+\r\n\r\nISUP";
            format!("--x\r\nContent-Type: {kind}\r\n\r\nv=0\r\n\r\n--x\r\n{isup}\r\n--x--\r\n")
        };
        for (content_type, content, is_one) in [
            ("application/sdp", "v=0\r\n".to_owned(), true),
            ("Application/SDP; charset=utf-8", "v=0\r\n".to_owned(), true),
            ("multipart/mixed;boundary=x", parts("application/sdp"), true),
            (
                "Multipart/Mixed; boundary=x",
                parts("application/sdp"),
                true,
            ),
            ("multipart/mixed;boundary=x", parts("text/plain"), false),
            (
                "multipart/mixed;boundary=y",
                parts("application/sdp"),
                false,
            ),
            ("text/plain", "v=0\r\n".to_owned(), false),
        ] {
            let body = Body::new(content_type, content).unwrap();
            assert_eq!(is_session_description(&body), is_one, "{content_type}");
        }
    }
}
