//! Dialogs that a NOTIFY makes.

use offhook_message::{HeaderName, Request};

use super::{Dialog, remote_target, route_set};
use crate::fingerprint::Fingerprinter;

impl Dialog {
    /// The dialog that the first NOTIFY makes which answers our SUBSCRIBE
    /// ([RFC 6665 §4.4.1](https://www.rfc-editor.org/rfc/rfc6665#section-4.4.1)); `contact_user` is the
    /// user of its Contact, and `cseq` its number.
    pub(crate) fn at_subscriber(
        fingerprinter: &Fingerprinter,
        notify: &Request,
        contact_user: &[u8],
        cseq: u32,
    ) -> Self {
        let headers = notify.headers();
        let texts = [
            headers.call_id().unwrap_or_default(),
            headers.raw(HeaderName::To).unwrap_or_default(),
            headers.raw(HeaderName::From).unwrap_or_default(),
            remote_target(headers).unwrap_or_default(),
            &route_set(headers),
            contact_user,
        ];
        let tags = [headers.to_tag(), headers.from_tag()].map(Option::unwrap_or_default);
        Self::new(fingerprinter, texts, tags, cseq, None)
    }
}
