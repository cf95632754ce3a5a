//! Redirections of our calls ([RFC 3261 §8.1.3.4](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.3.4)).

use offhook_message::{Contact, Headers, Uri, UriBuf};

use crate::client_event::RequestError;
use crate::contact_target::{ContactTarget, QValue};
use crate::flow::Flow;
use crate::outgoing::{OutgoingInvite, Stage};

/// The contacts of a 3xx, the preferred first.
pub(super) fn contacts(headers: &Headers) -> Vec<ContactTarget> {
    let contacts = headers.contacts().filter_map(Result::ok);
    let mut targets: Vec<_> = contacts.filter_map(|contact| target(&contact)).collect();
    targets.sort_by_key(|target| std::cmp::Reverse(target.q.or(QValue::from_thousandths(1000))));
    targets
}

/// Makes the INVITE go to another target, where that is allowed.
pub(super) fn follow(
    invite: Option<&mut OutgoingInvite>,
    request_uri: UriBuf,
    flows: Vec<Flow>,
) -> Result<(), RequestError> {
    let invite = invite.filter(|invite| invite.stage == Stage::Redirected);
    let invite = invite.ok_or(RequestError::NotRedirected)?;
    if flows.is_empty() {
        return Err(RequestError::NoFlow);
    }
    if invite.tried.len() >= MOST_REDIRECTS {
        return Err(RequestError::TooManyRedirects);
    }
    let before = &invite.message.request.request_uri;
    if *before == request_uri || invite.tried.contains(&request_uri) {
        return Err(RequestError::AlreadyTried);
    }
    invite.tried.push(before.clone());
    invite.message.retarget(request_uri, flows);
    Ok(())
}

fn target(contact: &Contact<'_>) -> Option<ContactTarget> {
    let uri = request_uri(&contact.address()?.uri)?;
    let q = contact.q().and_then(QValue::from_thousandths);
    Some(ContactTarget { uri, q })
}

/// The URI without what must not be in a Request-URI: headers, and the parameter `method`
/// ([RFC 3261 §19.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-19.1.1)).
fn request_uri(uri: &Uri<'_>) -> Option<UriBuf> {
    let Uri::Sip(sip) = uri else {
        return Some(UriBuf::from(*uri));
    };
    let text = uri.as_bytes();
    let behind = sip.headers.map_or(0, |headers| headers.len() + 1);
    let text = text.get(..text.len() - behind)?;
    let (base, params) = text.split_at_checked(text.len() - sip.params.as_bytes().len())?;
    let mut kept = base.to_vec();
    for param in params.split(|byte| *byte == b';').skip(1) {
        let name = param.split(|byte| *byte == b'=').next();
        if name.is_some_and(|name| !name.eq_ignore_ascii_case(b"method")) {
            kept.push(b';');
            kept.extend_from_slice(param);
        }
    }
    UriBuf::parse(&kept).ok()
}

/// How often one call is redirected before it is given up.
const MOST_REDIRECTS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_loses_what_no_request_uri_may_have() {
        for (contact, expected) in [
            ("sip:a@b", "sip:a@b"),
            (
                "sip:a@b:5;transport=tcp;method=INVITE;x?Subject=y",
                "sip:a@b:5;transport=tcp;x",
            ),
            ("sip:a@b?Subject=y", "sip:a@b"),
            ("tel:+1;x=y", "tel:+1;x=y"),
        ] {
            let uri = Uri::parse(contact.as_bytes()).unwrap();
            let found = request_uri(&uri).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), Some(expected));
        }
    }
}
