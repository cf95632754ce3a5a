//! Where we say that we are.

use std::fmt;

use super::address::User;
use super::request::OutgoingRequest;
use crate::flow::{Flow, Scheme};

/// Our Contact: our user, at the address that the peer sees
/// ([RFC 3261 §8.1.1.8](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.1.8)).
pub(super) struct OwnContact<'a> {
    pub(super) request: &'a OutgoingRequest,
    pub(super) flow: Flow,
}

impl fmt::Display for OwnContact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, flow } = self;
        let first_hop = request.routes.first().unwrap_or(&request.request_uri);
        let scheme = Scheme::of([request.request_uri.as_bytes(), first_hop.as_bytes()]);
        f.write_str(scheme.prefix())?;
        if let Some(user) = &request.contact_user {
            write!(f, "{}@", User(user.as_str()))?;
        }
        write!(f, "{}>", flow.contact_address(scheme))
    }
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
