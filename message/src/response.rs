use crate::headers::Headers;
use crate::multipart::session_description;
use crate::parse::Span;
use crate::status::StatusCode;
use bytes::Bytes;

/// A response ([RFC 3261 7.2](https://www.rfc-editor.org/rfc/rfc3261#section-7.2)).
#[derive(Clone, Debug)]
pub struct Response {
    status: StatusCode,
    reason_phrase: Span,
    headers: Headers,
    body_start: usize,
}

impl Response {
    pub(crate) fn new(
        status: StatusCode,
        reason_phrase: Span,
        headers: Headers,
        body_start: usize,
    ) -> Self {
        Self {
            status,
            reason_phrase,
            headers,
            body_start,
        }
    }

    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The reason phrase as it came; it may be empty.
    pub fn reason_phrase(&self) -> &[u8] {
        self.reason_phrase.of(self.as_bytes())
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The body, empty if there is none.
    pub fn body(&self) -> &[u8] {
        self.as_bytes().get(self.body_start..).unwrap_or_default()
    }

    /// The body, sharing the memory of the message.
    pub fn body_bytes(&self) -> Bytes {
        self.headers.message().slice_ref(self.body())
    }

    /// The SDP that describes the session, as in [`Request::session_description`](crate::Request::session_description).
    pub fn session_description(&self) -> Option<&[u8]> {
        session_description(&self.headers, self.body())
    }

    /// The whole response as it came, without what lay behind its body.
    pub fn as_bytes(&self) -> &[u8] {
        self.headers.message()
    }

    /// The whole response, sharing its memory.
    pub fn bytes(&self) -> Bytes {
        self.headers.message().clone()
    }
}
