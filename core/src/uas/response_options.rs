//! What an application may say in a response.

use bytes::Bytes;
use offhook_message::{Body, Header, Success, Text, UriBuf};

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
    /// The value of Supported; `None` writes none.
    pub supported: Option<Text>,
    /// A To tag of the application's own, in its first response above 100. Later ones have the
    /// same whatever they say here.
    pub to_tag: Option<Tag>,
    /// Whether a provisional response is sent reliably where the caller supports that.
    pub is_reliable: bool,
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
    #[must_use]
    pub fn reliably(mut self) -> Self {
        self.is_reliable = true;
        self
    }

    /// With another reason phrase.
    #[must_use]
    pub fn with_reason_phrase(mut self, reason_phrase: Text) -> Self {
        self.reason_phrase = Some(reason_phrase);
        self
    }

    /// With one more header.
    #[must_use]
    pub fn with_header(mut self, header: Header) -> Self {
        self.extra_headers.push(header);
        self
    }

    /// With a body.
    #[must_use]
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

/// Where a caller is sent by a redirection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactTarget {
    /// The address.
    pub uri: UriBuf,
    /// How much it is preferred to the others.
    pub q: Option<QValue>,
}

impl From<UriBuf> for ContactTarget {
    fn from(uri: UriBuf) -> Self {
        Self { uri, q: None }
    }
}

/// A preference between 0 and 1 in thousandths
/// ([RFC 3261 §20.10](https://www.rfc-editor.org/rfc/rfc3261#section-20.10)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QValue(u16);

impl QValue {
    /// `None` above 1000.
    pub const fn from_thousandths(thousandths: u16) -> Option<Self> {
        if thousandths <= 1000 {
            Some(Self(thousandths))
        } else {
            None
        }
    }
}

impl std::fmt::Display for QValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == 1000 {
            return f.write_str("1.0");
        }
        let digits = format!("{:03}", self.0);
        let digits = digits.trim_end_matches('0');
        write!(f, "0.{}", if digits.is_empty() { "0" } else { digits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_is_written_as_the_grammar_has_it() {
        for (thousandths, text) in [(0, "0.0"), (5, "0.005"), (500, "0.5"), (1000, "1.0")] {
            let q = QValue::from_thousandths(thousandths);
            assert_eq!(q.map(|q| q.to_string()).as_deref(), Some(text));
        }
        assert_eq!(QValue::from_thousandths(1001), None);
    }
}
