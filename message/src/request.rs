use crate::headers::Headers;
use crate::method::Method;
use crate::multipart::session_description;
use crate::parse::Span;
use crate::uri::{Uri, UriError};
use bytes::Bytes;

/// A request ([RFC 3261 7.1](https://www.rfc-editor.org/rfc/rfc3261#section-7.1)).
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    uri: Span,
    headers: Headers,
    body_start: usize,
}

impl Request {
    pub(crate) fn new(method: Method, uri: Span, headers: Headers, body_start: usize) -> Self {
        Self {
            method,
            uri,
            headers,
            body_start,
        }
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI.
    pub fn uri(&self) -> Result<Uri<'_>, UriError> {
        Uri::parse(self.uri_bytes())
    }

    /// The Request-URI as it came.
    pub fn uri_bytes(&self) -> &[u8] {
        self.uri.of(self.as_bytes())
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

    /// The SDP that describes the session: the body, or the first such part of a multipart body
    /// ([RFC 3261 13.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.1), [RFC 5621](https://www.rfc-editor.org/rfc/rfc5621)).
    ///
    /// A body with another disposition than `session` describes none.
    pub fn session_description(&self) -> Option<&[u8]> {
        session_description(&self.headers, self.body())
    }

    /// The whole request as it came, without what lay behind its body.
    pub fn as_bytes(&self) -> &[u8] {
        self.headers.message()
    }

    /// The whole request, sharing its memory.
    pub fn bytes(&self) -> Bytes {
        self.headers.message().clone()
    }
}
