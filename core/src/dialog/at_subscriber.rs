//! Dialogs that a NOTIFY makes.

use offhook_message::{HeaderName, Request};

use super::{Dialog, dialog_id, join, remote_target, route_set};
use crate::fingerprint::Fingerprinter;

impl Dialog {
    /// The dialog that the first NOTIFY makes which answers our SUBSCRIBE
    /// ([RFC 6665 §4.4.1](https://www.rfc-editor.org/rfc/rfc6665#section-4.4.1)); `cseq` is the number of that.
    pub(crate) fn at_subscriber(
        fingerprinter: &Fingerprinter,
        notify: &Request,
        cseq: u32,
    ) -> Self {
        let headers = notify.headers();
        let call_id = headers.call_id().unwrap_or_default();
        let (texts, ends) = join([
            call_id,
            headers.raw(HeaderName::To).unwrap_or_default(),
            headers.raw(HeaderName::From).unwrap_or_default(),
            remote_target(headers).unwrap_or_default(),
            &route_set(headers),
        ]);
        Self {
            id: dialog_id(
                fingerprinter,
                call_id,
                headers.to_tag().unwrap_or_default(),
                headers.from_tag().unwrap_or_default(),
            ),
            texts,
            ends,
            local_cseq: cseq,
            remote_cseq: None,
        }
    }
}
