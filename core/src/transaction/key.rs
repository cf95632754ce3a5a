//! Which transaction a request belongs to.

use offhook_message::{Method, Request, Via};
use smallvec::SmallVec;

use crate::fingerprint::{Fingerprint, Fingerprinter};
use crate::incoming::Incoming;

/// The key of the server transaction that `request` starts or belongs to, taking its method for
/// `method` ([RFC 3261 §17.2.3](https://www.rfc-editor.org/rfc/rfc3261#section-17.2.3)).
///
/// An ACK has the key of its INVITE by itself. A CANCEL finds what it cancels when `method` is
/// INVITE.
pub(crate) fn server_key(
    fingerprinter: &Fingerprinter,
    request: &Request,
    via: &Via<'_>,
    method: &Method,
) -> Fingerprint {
    let method = match method {
        Method::Ack => Method::Invite.as_str(),
        other => other.as_str(),
    };
    let mut sent_by: SmallVec<[u8; 64]> = SmallVec::from_slice(via.sent_by);
    sent_by.make_ascii_lowercase();
    match via.branch().filter(|branch| is_unique(branch)) {
        Some(branch) => fingerprinter.of([b"3261", branch, &sent_by, method.as_bytes()]),
        None => key_without_branch(fingerprinter, request, via, &sent_by, method),
    }
}

/// The key that all copies of one request share which a forking proxy sent to us by different
/// ways ([RFC 3261 §8.2.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-8.2.2.2)). It names no dialog. `None` for one without
/// a From tag, which says too little.
pub(crate) fn merge_key(fingerprinter: &Fingerprinter, incoming: &Incoming) -> Option<Fingerprint> {
    Some(fingerprinter.of([
        b"merge",
        incoming.remote_tag()?,
        incoming.call_id(),
        &incoming.cseq().to_be_bytes(),
        incoming.request.method().as_str().as_bytes(),
    ]))
}

/// Whether a branch is unique by itself: it begins with the cookie of RFC 3261 and says more.
fn is_unique(branch: &[u8]) -> bool {
    branch.len() > COOKIE.len()
        && branch
            .get(..COOKIE.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(COOKIE))
}

/// The rule for peers of RFC 2543. The To tag is left out, because an ACK carries one that its
/// INVITE did not.
fn key_without_branch(
    fingerprinter: &Fingerprinter,
    request: &Request,
    via: &Via<'_>,
    sent_by: &[u8],
    method: &str,
) -> Fingerprint {
    let headers = request.headers();
    let from = headers.from_tag();
    let cseq = headers.cseq().map_or(0, |cseq| cseq.number);
    fingerprinter.of([
        b"2543",
        request.uri_bytes(),
        from.unwrap_or_default(),
        headers.call_id().unwrap_or_default(),
        &cseq.to_be_bytes(),
        via.branch().unwrap_or_default(),
        sent_by,
        method.as_bytes(),
    ])
}

/// What every branch of RFC 3261 begins with.
const COOKIE: &[u8] = b"z9hG4bK";
