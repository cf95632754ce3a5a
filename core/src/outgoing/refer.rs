//! What a REFER of ours says.

use offhook_message::{Header, HeaderName, ReferTo, Text};

use super::address::Address;

/// A REFER to be sent inside a session
/// ([RFC 3515](https://www.rfc-editor.org/rfc/rfc3515)): where the peer is to call.
///
/// ```
/// use offhook_core::{ReferOptions, message::ReferTo};
///
/// let carol: ReferTo = "sip:carol@example.com".parse()?;
/// let options = ReferOptions::from(carol).without_subscription();
/// assert!(!options.is_subscribing);
/// # Ok::<_, offhook_core::message::UriError>(())
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct ReferOptions {
    /// Where to.
    pub refer_to: ReferTo,
    /// Who refers ([RFC 3892](https://www.rfc-editor.org/rfc/rfc3892)); `None` is our address in
    /// the session.
    pub referred_by: Option<Address>,
    /// Whether we want to be told what becomes of it. Default true.
    pub is_subscribing: bool,
    /// Further headers, in this order.
    pub extra_headers: Vec<Header>,
}

impl ReferOptions {
    /// Asks the peer to tell nothing of what becomes of it
    /// ([RFC 4488](https://www.rfc-editor.org/rfc/rfc4488)). It may do so all the same.
    pub fn without_subscription(mut self) -> Self {
        self.is_subscribing = false;
        self
    }

    /// In the name of somebody else.
    pub fn with_referred_by(mut self, referred_by: Address) -> Self {
        self.referred_by = Some(referred_by);
        self
    }

    /// With one more header.
    pub fn with_header(mut self, header: Header) -> Self {
        self.extra_headers.push(header);
        self
    }

    /// The headers of the REFER; `local` is our address in the dialog.
    pub(crate) fn headers(self, local: String) -> Vec<Header> {
        let referred_by = self.referred_by.map_or(local, |by| by.to_string());
        let known = |name, value: String| Some(Header::known(name, Text::new(value).ok()?));
        let mut headers = Vec::new();
        headers.extend(known(HeaderName::ReferTo, self.refer_to.to_string()));
        headers.extend(known(HeaderName::ReferredBy, referred_by));
        if !self.is_subscribing {
            let value = Text::from_static("false");
            headers.push(Header::known(HeaderName::ReferSub, value));
            let value = Text::from_static("norefersub");
            headers.push(Header::known(HeaderName::Supported, value));
        }
        headers.extend(self.extra_headers);
        headers
    }
}

impl From<ReferTo> for ReferOptions {
    fn from(refer_to: ReferTo) -> Self {
        Self {
            refer_to,
            referred_by: None,
            is_subscribing: true,
            extra_headers: Vec::new(),
        }
    }
}
