//! What the 2xx to a REGISTER says
//! ([RFC 3261 §10.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-10.2.4)).

use std::time::Duration;

use offhook_message::{Contact, HeaderName, Headers, NameAddr, Response, Uri, UriBuf};

use crate::client_event::{Binding, RegistrationEvent};
use crate::outgoing::OutgoingRequestMessage;

/// What is told of a 2xx.
pub(super) fn event(expires: Duration, message: Response) -> RegistrationEvent {
    RegistrationEvent::Registered {
        expires,
        bindings: bindings(message.headers()).collect(),
        service_route: service_route(message.headers()),
        message,
    }
}

/// How long our binding holds, in seconds: as its Contact says, or else the Expires header
/// ([RFC 3261 §10.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-10.2.4)). A Contact that stands alone is ours, whatever
/// somebody on the way has made of it. `None` where the registrar says nothing.
pub(super) fn granted(register: &OutgoingRequestMessage, headers: &Headers) -> Option<u32> {
    let own = register.flow().and_then(|flow| register.contact(flow));
    let is_own = |contact: &Contact<'_>| {
        let uri = contact.address().map(|address| &address.uri);
        let own: Option<Uri<'_>> = own.as_ref().map(UriBuf::as_uri);
        uri.zip(own).is_some_and(|(uri, own)| uri.equivalent(&own))
    };
    let contacts = || headers.contacts().filter_map(Result::ok);
    let is_alone = contacts().nth(1).is_none();
    let mut own = contacts().filter(|contact| is_alone || is_own(contact));
    own.find_map(|own| own.expires())
        .or_else(|| headers.expires().ok().flatten())
}

/// The bindings of a 2xx.
fn bindings(headers: &Headers) -> impl Iterator<Item = Binding> {
    let contacts = headers.contacts().filter_map(Result::ok);
    contacts.filter_map(|contact| {
        Some(Binding {
            uri: UriBuf::from(contact.address()?.uri),
            expires: contact
                .expires()
                .map(|seconds| Duration::from_secs(seconds.into())),
        })
    })
}

fn service_route(headers: &Headers) -> Vec<UriBuf> {
    let lines = headers.all(HeaderName::ServiceRoute);
    let routes = lines.flat_map(|line| NameAddr::parse_list(line.value));
    let routes = routes.map_while(Result::ok);
    routes.map(|route| UriBuf::from(route.uri)).collect()
}
