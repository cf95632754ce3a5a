//! Those who answer a request of ours.

use offhook_message::{HeaderName, Headers, NameAddr};

use super::{Dialog, MOST_OCTETS, kept_octets};

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

    /// Whether it can be the peer of a dialog: it has a tag and a target, and says no more than we keep.
    pub(crate) fn makes_dialog(&self) -> bool {
        !self.tag.is_empty() && self.target.is_some() && kept_octets(self.headers) <= MOST_OCTETS
    }

    /// The value of its To, where that can be read.
    pub(crate) fn to(&self) -> Option<&'a [u8]> {
        self.headers.to().ok()?;
        self.headers.raw(HeaderName::To)
    }

    /// The route set: its Record-Route backwards.
    pub(crate) fn routes(&self) -> Vec<u8> {
        let routes = self.headers.record_routes().map_while(Result::ok);
        let routes = routes.map(|route| [b"<", route.uri_bytes(), b">"].concat());
        let mut routes: Vec<_> = routes.collect();
        routes.reverse();
        routes.join(&b", "[..])
    }
}

impl Dialog {
    /// A 2xx makes the route set and the target anew, and nothing else
    /// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).
    pub(crate) fn confirm(&mut self, answerer: &Answerer<'_>) {
        self.lead(answerer.target, Some(&answerer.routes()));
    }
}
