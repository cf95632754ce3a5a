//! Dialogs that a response to a request of ours makes.

use offhook_message::{HeaderName, Headers, NameAddr};

use super::Dialog;
use crate::fingerprint::Fingerprinter;

/// What a dialog takes from the request that we sent.
pub(crate) struct Sent<'a> {
    pub(crate) call_id: &'a [u8],
    /// The value of From.
    pub(crate) from: &'a [u8],
    pub(crate) from_tag: &'a [u8],
    /// The value of To, with the tag of the answer.
    pub(crate) to: &'a [u8],
    pub(crate) request_uri: &'a [u8],
    /// The user of its Contact, empty where that has none.
    pub(crate) contact_user: &'a [u8],
    pub(crate) cseq: u32,
}

/// Who answers, as a response says.
pub(crate) struct Answerer<'a> {
    pub(crate) headers: &'a Headers,
    /// The To tag, empty where there is none.
    pub(crate) tag: &'a [u8],
    /// The URI of its Contact.
    pub(crate) target: Option<&'a [u8]>,
}

impl<'a> Answerer<'a> {
    pub(crate) fn of(headers: &'a Headers) -> Self {
        let contact = headers.contacts().find_map(Result::ok);
        let address = contact.as_ref().and_then(|contact| contact.address());
        Self {
            headers,
            tag: headers.to_tag().unwrap_or_default(),
            target: address.map(NameAddr::uri_bytes),
        }
    }

    /// The value of its To, where that can be read.
    pub(crate) fn to(&self) -> Option<&'a [u8]> {
        self.headers.to().ok()?;
        self.headers.raw(HeaderName::To)
    }

    /// The route set: its Record-Route backwards.
    fn routes(&self) -> Vec<u8> {
        let routes = self.headers.record_routes().map_while(Result::ok);
        let routes = routes.map(|route| [b"<", route.uri_bytes(), b">"].concat());
        let mut routes: Vec<_> = routes.collect();
        routes.reverse();
        routes.join(&b", "[..])
    }
}

impl Dialog {
    /// The dialog that a response to our request makes
    /// ([RFC 3261 §12.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.1.2)). Where it has no Contact, it leads to where the
    /// request went.
    pub(crate) fn at_client(
        fingerprinter: &Fingerprinter,
        sent: &Sent<'_>,
        answerer: &Answerer<'_>,
    ) -> Self {
        let target = answerer.target.unwrap_or(sent.request_uri);
        let routes = answerer.routes();
        let user = sent.contact_user;
        let texts = [sent.call_id, sent.from, sent.to, target, &routes, user];
        let tags = [sent.from_tag, answerer.tag];
        Self::new(fingerprinter, texts, tags, sent.cseq, None)
    }

    /// A 2xx makes the route set and the target anew, and nothing else
    /// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).
    pub(crate) fn confirm(&mut self, answerer: &Answerer<'_>) {
        self.lead(answerer.target, Some(&answerer.routes()));
    }
}
