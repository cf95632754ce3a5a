use crate::headers::Headers;
use crate::request::Request;
use crate::response::Response;
use bytes::Bytes;

/// A request or a response ([RFC 3261 7](https://www.rfc-editor.org/rfc/rfc3261#section-7)).
#[derive(Clone, Debug)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Message {
    /// The header fields.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => request.headers(),
            Self::Response(response) => response.headers(),
        }
    }

    /// The body, empty if there is none.
    pub fn body(&self) -> &[u8] {
        match self {
            Self::Request(request) => request.body(),
            Self::Response(response) => response.body(),
        }
    }

    /// The whole message as it came, without what lay behind its body.
    pub fn as_bytes(&self) -> &[u8] {
        self.headers().message()
    }

    /// The whole message, sharing its memory.
    pub fn bytes(&self) -> Bytes {
        self.headers().message().clone()
    }
}
