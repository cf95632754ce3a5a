//! Who offered and who answered ([RFC 3264](https://www.rfc-editor.org/rfc/rfc3264)). What the descriptions say is not looked at.

use offhook_message::{Body, Request};

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

/// Whether a body of ours describes a session.
pub(crate) fn is_session_description(body: &Body) -> bool {
    let content_type = body.content_type().as_str();
    if content_type == SDP {
        return true;
    }
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(SDP)
}

/// The type of a session description.
const SDP: &str = "application/sdp";
