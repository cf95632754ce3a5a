//! Redirections of our calls ([RFC 3261 §8.1.3.4](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.3.4)).

use offhook_message::{Contact, Headers, UriBuf};

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
    let uri = contact.address()?.uri.to_request_uri();
    let q = contact.q().and_then(QValue::from_thousandths);
    Some(ContactTarget { uri, q })
}

/// How often one call is redirected before it is given up.
const MOST_REDIRECTS: usize = 5;
