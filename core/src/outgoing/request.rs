//! What an application says of a request outside of a dialog.

use offhook_message::{Body, Header, HeaderName, Replaces, Text, UriBuf};

use super::address::Address;
use crate::client_event::RequestError;
use crate::digest::Credentials;
use crate::flow::Flow;

/// A request outside of a dialog. The core adds Via, Max-Forwards, Call-ID, CSeq, the tag of From
/// and what each method needs.
///
/// ```
/// use offhook_core::OutgoingRequest;
/// # fn flows() -> Vec<offhook_core::Flow> { Vec::new() }
///
/// let (alice, bob) = ("sip:alice@example.com".parse()?, "sip:bob@example.org".parse()?);
/// let options = OutgoingRequest::new(flows(), alice, bob);
/// # Ok::<_, offhook_core::message::UriError>(())
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct OutgoingRequest {
    /// The ways to the next hop, best first: to the first of `routes`, or else to `request_uri`.
    /// The next one is taken where one fails ([RFC 3263 §4.3](https://www.rfc-editor.org/rfc/rfc3263#section-4.3)).
    pub flows: Vec<Flow>,
    /// The Request-URI. What must not stand there, headers and `method`, is left out
    /// ([RFC 3261 §19.1.1, table 1](https://www.rfc-editor.org/rfc/rfc3261#section-19.1.1)).
    pub request_uri: UriBuf,
    /// Who sends it, without a tag.
    pub from: Address,
    /// Whom it is for, without a tag. Where that is the Request-URI, what must not stand in To is left
    /// out, such as a port and `transport`; what you put here instead goes out as it is.
    pub to: Address,
    /// The user of our Contact, not escaped. The host is that of the flow. Without one, all who register by a listener
    /// have the same Contact, and their calls cannot be told apart.
    pub contact_user: Option<Text>,
    /// The Route set: an outbound proxy, a Service-Route.
    pub routes: Vec<UriBuf>,
    /// The Call-ID; `None` makes a random one. Whoever spreads calls over several cores by
    /// Call-ID chooses it, and it must be unique.
    pub call_id: Option<Text>,
    /// Further headers, in this order.
    pub extra_headers: Vec<Header>,
    /// The body.
    pub body: Option<Body>,
    /// What answers the challenges of servers and proxies: the first that fits a realm.
    pub credentials: Vec<Credentials>,
}

impl OutgoingRequest {
    /// A request for `to`, sent to the URI of `to`.
    pub fn new(flows: Vec<Flow>, from: Address, to: Address) -> Self {
        Self {
            flows,
            request_uri: to.uri.clone(),
            from,
            to,
            contact_user: None,
            routes: Vec::new(),
            call_id: None,
            extra_headers: Vec::new(),
            body: None,
            credentials: Vec::new(),
        }
    }

    /// With one more header.
    pub fn with_header(mut self, header: Header) -> Self {
        self.extra_headers.push(header);
        self
    }

    /// An INVITE that takes the place of a dialog of its receiver's, which must know how
    /// ([RFC 3891 §4](https://www.rfc-editor.org/rfc/rfc3891#section-4)).
    pub fn with_replaces(self, replaces: &Replaces) -> Self {
        let Ok(value) = Text::new(replaces.to_string()) else {
            return self; // Its parts are texts, so it is one.
        };
        let required = Text::from_static("replaces");
        self.with_header(Header::known(HeaderName::Replaces, value))
            .with_header(Header::known(HeaderName::Require, required))
    }

    /// With a body. In an INVITE, a session description is our offer; without one the callee makes
    /// the offer.
    pub fn with_body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// With credentials, for when a server or proxy asks for them.
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials.push(credentials);
        self
    }

    /// Whether it can be sent, and read where it arrives.
    pub(crate) fn check(&self) -> Result<(), RequestError> {
        if self.flows.is_empty() {
            return Err(RequestError::NoFlow);
        }
        let call_id = self.call_id.as_ref().map(Text::as_str);
        if call_id.is_some_and(|it| it.is_empty() || it.contains([' ', '\t'])) {
            return Err(RequestError::BadCallId);
        }
        Ok(())
    }
}
