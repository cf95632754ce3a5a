//! A published state ([RFC 3903 §4](https://www.rfc-editor.org/rfc/rfc3903#section-4)).

use offhook_message::Text;

use super::request::OutgoingRequest;

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
