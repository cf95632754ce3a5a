//! Where we say that we are.

use offhook_message::ValueWriter;

use super::address::User;
use super::request::OutgoingRequest;
use crate::flow::{Flow, Scheme};

/// Writes our Contact: our user, at the address that the peer sees
/// ([RFC 3261 §8.1.1.8](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.1.8)).
pub(super) fn write_contact(value: &mut ValueWriter<'_>, request: &OutgoingRequest, flow: Flow) {
    let first_hop = request.routes.first().unwrap_or(&request.request_uri);
    let scheme = Scheme::of([request.request_uri.as_bytes(), first_hop.as_bytes()]);
    let user = request.contact_user.as_ref();
    let user = user.map(|user| User(user.as_str()).to_string());
    flow.write_contact(value, scheme, user.as_ref().map(String::as_bytes));
}

/// What a REGISTER asks for ([RFC 3261 §10.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2)).
#[derive(Clone, Debug)]
pub(crate) enum Binding {
    /// Our Contact, for this many seconds; 0 takes it away.
    Own {
        /// Further parameters, each with its semicolon.
        params: String,
        expires: u32,
    },
    /// The end of all bindings, whosever they are.
    NoneAtAll,
}
