//! What an application may say in a response.

use bytes::Bytes;
use offhook_message::{Body, Header, Rejection, Success, Text};

pub use crate::contact_target::{ContactTarget, QValue};
use crate::digest::Unauthorized;
use crate::event::SessionId;
use crate::tag::Tag;

/// A response to an INVITE: its status, of a class the verb takes, and all that may go with it.
///
/// ```
/// use offhook_core::ResponseOptions;
/// use offhook_core::message::{Body, Provisional};
///
/// let early_media = ResponseOptions::new(Provisional::SESSION_PROGRESS)
///     .with_body(Body::sdp("v=0\r\n"));
/// assert_eq!(early_media.status, Provisional::SESSION_PROGRESS);
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct ResponseOptions<S> {
    /// The status.
    pub status: S,
    /// The reason phrase; `None` is the one of the RFC.
    pub reason_phrase: Option<Text>,
    /// Further headers, in this order.
    pub extra_headers: Vec<Header>,
    /// The body.
    pub body: Option<Body>,
    /// The User-Agent; `None` is that of the configuration.
    pub user_agent: Option<Text>,
    /// The value of Supported. `None` is what the core supports, in a response that makes a dialog and is not sent
    /// reliably; others have none.
    pub supported: Option<Text>,
    /// A To tag of the application's own, in its first response above 100. Later ones have the
    /// same whatever they say here.
    pub to_tag: Option<Tag>,
    /// Whether a provisional response is sent reliably where the caller supports that.
    pub is_reliable: bool,
    /// The longest life without a refresh that the session is to have, in seconds. Only a 2xx to an
    /// INVITE heeds it.
    pub session_expires: Option<u32>,
}

impl<S: Default> ResponseOptions<S> {
    /// A response that says nothing but its status.
    pub fn new(status: S) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// Acknowledged by PRACK, where the caller supports it
    /// ([RFC 3262](https://www.rfc-editor.org/rfc/rfc3262)). Only a provisional response heeds it.
    pub fn reliably(mut self) -> Self {
        self.is_reliable = true;
        self
    }

    /// Sets a session timer ([RFC 4028](https://www.rfc-editor.org/rfc/rfc4028)): the session is to be
    /// refreshed within this time, in seconds, by the caller if it knows how to, else by us. It is
    /// not shorter than the caller's Min-SE and
    /// [`SessionTimerConfig::min_se`](crate::SessionTimerConfig::min_se). Only a 2xx to an INVITE heeds it.
    pub fn with_session_expires(mut self, seconds: u32) -> Self {
        self.session_expires = Some(seconds);
        self
    }

    /// With another reason phrase.
    pub fn with_reason_phrase(mut self, reason_phrase: Text) -> Self {
        self.reason_phrase = Some(reason_phrase);
        self
    }

    /// With one more header.
    pub fn with_header(mut self, header: Header) -> Self {
        self.extra_headers.push(header);
        self
    }

    /// With a body.
    pub fn with_body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }
}

impl<S: Default> From<S> for ResponseOptions<S> {
    fn from(status: S) -> Self {
        Self::new(status)
    }
}

impl From<Body> for ResponseOptions<Success> {
    /// 200 with this answer (or offer).
    fn from(body: Body) -> Self {
        Self::new(Success::OK).with_body(body)
    }
}

impl From<Unauthorized> for ResponseOptions<Rejection> {
    /// 401 with the challenges.
    fn from(unauthorized: Unauthorized) -> Self {
        Self {
            extra_headers: unauthorized.challenges,
            ..Self::new(Rejection::UNAUTHORIZED)
        }
    }
}

/// A response that went out.
#[derive(Clone, Debug)]
pub struct OutgoingResponse {
    /// Its octets.
    pub message: Bytes,
}

/// A response that went out and belongs to a dialog.
#[derive(Clone, Debug)]
pub struct OutgoingResponseWithSession {
    /// Its octets.
    pub message: Bytes,
    /// The session: early after a provisional response, and the same one once it is accepted.
    pub session: SessionId,
}
