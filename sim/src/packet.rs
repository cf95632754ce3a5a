//! One message on its way.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::Flow;
use offhook_message::{HeaderName, Headers, Malformed, Message, Request, parse};

use crate::faults::Fault;

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the user agent under test.
    ToServer,
    /// From it.
    FromServer,
}

/// One of the two who talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Who calls.
    Client,
    /// The user agent that is called.
    Server,
}

impl End {
    /// Which way its messages go.
    pub(crate) const fn sends(self) -> Direction {
        match self {
            Self::Client => Direction::ToServer,
            Self::Server => Direction::FromServer,
        }
    }
}

/// One message on its way, as it was sent.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Its place in the order of sending, from 0.
    pub number: usize,
    /// When it was sent.
    pub at: Duration,
    /// Which way it goes.
    pub direction: Direction,
    /// Who else has a part in it: the sender of a packet to the server, the receiver of one from
    /// it.
    pub peer: SocketAddr,
    /// The way as the server sees it.
    pub flow: Flow,
    /// The octets.
    pub bytes: Bytes,
    /// What went wrong with it.
    pub fault: Option<Fault>,
    message: Result<Message, Malformed>,
}

impl Packet {
    pub(crate) fn new(
        number: usize,
        at: Duration,
        direction: Direction,
        peer: SocketAddr,
        flow: Flow,
        bytes: Bytes,
    ) -> Self {
        Self {
            number,
            at,
            direction,
            peer,
            flow,
            fault: None,
            message: parse(bytes.clone()),
            bytes,
        }
    }

    /// The message, or what is wrong with the octets.
    pub fn message(&self) -> Result<&Message, &Malformed> {
        self.message.as_ref()
    }

    /// What a figure calls it: `INVITE`, `180 Ringing`, or the first line where it is no SIP.
    pub fn label(&self) -> String {
        match &self.message {
            Ok(Message::Response(response)) => {
                let reason = String::from_utf8_lossy(response.reason_phrase());
                format!("{} {reason}", response.status())
            }
            Ok(Message::Request(request))
            | Err(Malformed {
                request: Some(request),
                ..
            }) => request.method().to_string(),
            Err(_) => {
                let mut lines = self.bytes.split(|byte| *byte == b'\r');
                let line = lines.next().unwrap_or_default();
                line.escape_ascii().to_string()
            }
        }
    }

    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        match &self.message {
            Ok(Message::Response(response)) => Some(response.status().as_u16()),
            _ => None,
        }
    }

    /// The value of the first line of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let field = self.headers()?.all(known(name)).next()?;
        std::str::from_utf8(field.value).ok()
    }

    /// All lines of a header, as they are.
    pub fn header_lines(&self, name: &str) -> Vec<&str> {
        let fields = self.headers().into_iter();
        fields
            .flat_map(|headers| headers.all(known(name)))
            .filter_map(|field| std::str::from_utf8(field.line).ok())
            .collect()
    }

    /// The tag of To.
    pub fn to_tag(&self) -> Option<&str> {
        let to = self.headers()?.to().ok()?;
        std::str::from_utf8(to.tag()?).ok()
    }

    /// A response to this request, with what it repeats of it
    /// ([RFC 3261 §8.2.6](https://www.rfc-editor.org/rfc/rfc3261#section-8.2.6)). Empty where this is no request.
    pub fn response(&self, status: &str) -> Bytes {
        match &self.message {
            Ok(Message::Request(request)) => respond(request, status),
            _ => Bytes::new(),
        }
    }

    /// The whole message as text.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// The body as text.
    pub fn body(&self) -> &str {
        let body = self.message.as_ref().map_or(&b""[..], Message::body);
        std::str::from_utf8(body).unwrap_or_default()
    }

    fn headers(&self) -> Option<&Headers> {
        match &self.message {
            Ok(message) => Some(message.headers()),
            Err(malformed) => malformed.request.as_ref().map(Request::headers),
        }
    }
}

impl PartialEq for Packet {
    /// Whether the same is sent at the same time, octet for octet, and the same becomes of it.
    fn eq(&self, other: &Self) -> bool {
        let is_same = self.direction == other.direction && self.fault == other.fault;
        is_same && self.at == other.at && self.bytes == other.bytes
    }
}

/// A scenario that asks for a header by a wrong name would find none, and be content.
fn known(name: &str) -> HeaderName {
    let known = HeaderName::parse(name.as_bytes());
    assert_ne!(known, HeaderName::Other, "{name} is no registered header");
    known
}

/// A response with what it repeats of its request, and no more.
fn respond(request: &Request, status: &str) -> Bytes {
    respond_with(request, status, &[], "")
}

/// A response with what it repeats of its request, further headers and a session description.
pub(crate) fn respond_with(
    request: &Request,
    status: &str,
    headers: &[(&str, String)],
    body: &str,
) -> Bytes {
    let mut text = [b"SIP/2.0 ", status.as_bytes(), b"\r\n"].concat();
    for name in [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
    ] {
        for field in request.headers().all(name) {
            text.extend_from_slice(field.line);
            text.extend_from_slice(b"\r\n");
        }
    }
    for (name, value) in headers {
        text.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if !body.is_empty() {
        text.extend_from_slice(b"Content-Type: application/sdp\r\n");
    }
    text.extend_from_slice(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    text.into()
}
