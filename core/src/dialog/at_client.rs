//! Dialogs that a response to a request of ours makes.

use offhook_message::{HeaderName, Headers};

use super::Dialog;
use crate::fingerprint::Fingerprinter;

/// What a dialog takes from the request that we sent.
pub(crate) struct Sent<'a> {
    pub(crate) call_id: &'a [u8],
    /// The value of From.
    pub(crate) from: &'a [u8],
    pub(crate) from_tag: &'a [u8],
    /// The value of To.
    pub(crate) to: &'a [u8],
    pub(crate) request_uri: &'a [u8],
    pub(crate) cseq: u32,
}

impl Dialog {
    /// The dialog that a response to our request makes
    /// ([RFC 3261 §12.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.1.2)). Where it has no Contact, it leads to where the
    /// request went; where its To cannot be read, our own stands for it.
    pub(crate) fn at_client(
        fingerprinter: &Fingerprinter,
        sent: &Sent<'_>,
        response: &Headers,
    ) -> Self {
        let to = match response.to() {
            Ok(_) => response.raw(HeaderName::To).unwrap_or_default(),
            Err(_) => sent.to,
        };
        let contact = response.contacts().find_map(Result::ok);
        let contact = contact.as_ref().and_then(|contact| contact.address());
        let target = contact.map_or(sent.request_uri, |address| address.uri_bytes());
        let routes = response.record_routes().map_while(Result::ok);
        let mut routes: Vec<_> = routes
            .map(|route| [b"<", route.uri_bytes(), b">"].concat())
            .collect();
        routes.reverse();
        let routes = routes.join(&b", "[..]);
        let texts = [sent.call_id, sent.from, to, target, &routes];
        let tags = [sent.from_tag, response.to_tag().unwrap_or_default()];
        Self::new(fingerprinter, texts, tags, sent.cseq, None)
    }

    /// A 2xx makes the route set and the target anew, and leaves the numbers
    /// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).
    pub(crate) fn confirm(&mut self, confirmed: Self) {
        *self = Self {
            local_cseq: self.local_cseq,
            remote_cseq: self.remote_cseq,
            ..confirmed
        };
    }
}
