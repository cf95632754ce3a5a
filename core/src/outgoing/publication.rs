//! A published state ([RFC 3903 §4](https://www.rfc-editor.org/rfc/rfc3903#section-4)).

use std::time::Instant;

use offhook_message::{Body, Header, HeaderName, Text};

use super::message::OutgoingRequestMessage;
use super::request::OutgoingRequest;
use super::soft_state::SoftState;
use super::subscription::Asked;

/// What an application says of a state that it publishes.
///
/// ```
/// use offhook_core::message::{Body, Text};
/// use offhook_core::{OutgoingRequest, PublicationOptions};
/// # fn flows() -> Vec<offhook_core::Flow> { Vec::new() }
///
/// let alice: offhook_core::Address = "sip:alice@example.com".parse()?;
/// let open = Body::new("application/pidf+xml", "<presence/>").expect("a media type");
/// let request = OutgoingRequest::new(flows(), alice.clone(), alice).with_body(open);
/// let options = PublicationOptions::new(request, Text::from_static("presence"));
/// # Ok::<_, offhook_core::message::UriError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PublicationOptions {
    /// The PUBLISH: the resource is its Request-URI, the state its body.
    pub request: OutgoingRequest,
    /// What it is about: the package
    /// ([RFC 6665 §8.2.1](https://www.rfc-editor.org/rfc/rfc6665#section-8.2.1)).
    pub event: Text,
    /// How long the compositor should keep it without a refresh, in seconds; it decides. Default
    /// 3600.
    pub expires: u32,
}

impl PublicationOptions {
    /// A state for an hour at a time.
    pub fn new(request: OutgoingRequest, event: Text) -> Self {
        Self {
            request,
            event,
            expires: 3600,
        }
    }
}

/// A state that is kept published.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) message: OutgoingRequestMessage,
    /// What each PUBLISH says beside Expires and SIP-If-Match.
    headers: Vec<Header>,
    /// The state.
    pub(crate) body: Option<Body>,
    /// Whether the compositor may not have it.
    pub(crate) has_news: bool,
    /// How the compositor names what it has.
    pub(crate) entity_tag: Option<Text>,
    pub(crate) soft: SoftState,
    /// The PUBLISH that is out.
    pub(crate) asked: Option<Asked>,
    /// Whether the application wants no more of it.
    pub(crate) is_ending: bool,
    /// When the next PUBLISH is due.
    pub(crate) due: Option<Instant>,
}

impl Publication {
    pub(crate) fn new(mut message: OutgoingRequestMessage, options: PublicationOptions) -> Self {
        let event = Header::known(HeaderName::Event, options.event);
        let further = std::mem::take(&mut message.request.extra_headers);
        Self {
            headers: [event].into_iter().chain(further).collect(),
            body: message.request.body.take(),
            message,
            has_news: true,
            entity_tag: None,
            soft: SoftState::new(options.expires.max(1)),
            asked: None,
            is_ending: false,
            due: None,
        }
    }

    /// Makes the PUBLISH say what is wanted now: the four operations of
    /// [RFC 3903 §4.1](https://www.rfc-editor.org/rfc/rfc3903#section-4.1).
    pub(crate) fn ask(&mut self) {
        let asked = match (&self.entity_tag, self.is_ending) {
            (_, true) => Asked::End,
            (None, false) => Asked::Initial,
            (Some(_), false) => Asked::Refresh,
        };
        let bears_state = asked == Asked::Initial || (asked == Asked::Refresh && self.has_news);
        let expires = if self.is_ending { 0 } else { self.soft.expires };
        let known = |name, value| Header::known(name, value);
        let expires = Text::new(expires.to_string()).ok();
        let entity_tag = self.entity_tag.clone();
        let request = &mut self.message.request;
        request.extra_headers = self.headers.clone();
        let own = expires.map(|it| known(HeaderName::Expires, it));
        let condition = entity_tag.map(|it| known(HeaderName::SipIfMatch, it));
        request
            .extra_headers
            .extend(own.into_iter().chain(condition));
        request.body = self.body.clone().filter(|_| bears_state);
        self.has_news = false;
        self.asked = Some(asked);
        self.due = None;
    }
}
