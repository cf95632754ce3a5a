//! Messages to octets ([RFC 3261 7](https://www.rfc-editor.org/rfc/rfc3261#section-7)).

use crate::body::Body;
use crate::grammar::{Class, is_token};
use crate::headers::{HeaderField, HeaderName, Headers};
use crate::method::Method;
use crate::status::StatusCode;
use crate::text::{InvalidText, Text};
use crate::uri::UriBuf;
use bytes::Bytes;
use std::fmt::{self, Display, Write};
use std::net::IpAddr;

/// Writes one message from the first line to the last, into one buffer. No value can end its line: CR, LF and NUL become
/// spaces.
#[must_use = "the message is given by `finish` or `body`"]
pub struct MessageWriter {
    /// Most messages are put together here and allocated once, in the right size.
    stack: [u8; 1024],
    /// How much of it is written.
    length: usize,
    /// The whole of a message that is longer, else empty.
    heap: Vec<u8>,
}

impl MessageWriter {
    /// Begins a response. Without a reason the registered phrase is written.
    pub fn response(status: StatusCode, reason: Option<&Text>) -> Self {
        let mut writer = Self::empty();
        let reason = reason.map_or(status.reason_phrase(), Text::as_str);
        writer.put(b"SIP/2.0 ");
        writer.put_number(u64::from(status.as_u16()));
        writer.put(b" ");
        writer.put(reason.as_bytes());
        writer.put(LINE_END);
        writer
    }

    /// Begins a request.
    pub fn request(method: &Method, uri: &UriBuf) -> Self {
        let mut writer = Self::empty();
        writer.put_value(method.as_str().as_bytes());
        writer.put(b" ");
        writer.put_value(uri.as_bytes());
        writer.put(b" SIP/2.0\r\n");
        writer
    }

    /// Copies a header line as it came, folds included.
    pub fn copy(&mut self, field: HeaderField<'_>) -> &mut Self {
        self.put_line(field.line)
    }

    /// Copies all lines of a header as they came, in their order.
    pub fn copy_all(&mut self, headers: &Headers, name: HeaderName) -> &mut Self {
        for field in headers.all(name) {
            self.copy(field);
        }
        self
    }

    /// Copies a header line as it came and writes more behind its last value.
    pub fn copy_with(
        &mut self,
        field: HeaderField<'_>,
        more: impl FnOnce(&mut ValueWriter<'_>),
    ) -> &mut Self {
        self.put(field.line);
        more(&mut ValueWriter { writer: self });
        self.put(LINE_END);
        self
    }

    /// Copies a header line as it came and writes something else in the place of a part of it. What is no part of the line is
    /// not replaced.
    pub fn copy_replacing(
        &mut self,
        field: HeaderField<'_>,
        part: &[u8],
        other: impl FnOnce(&mut ValueWriter<'_>),
    ) -> &mut Self {
        let Some((before, behind)) = around(field.line, part) else {
            return self.copy(field);
        };
        self.put(before);
        other(&mut ValueWriter { writer: self });
        self.put_line(behind)
    }

    /// Writes a header from anything that can be displayed: numbers, texts, hosts, URIs, `format_args!`.
    /// [`HeaderName::Other`] has no text and is not written.
    pub fn header(&mut self, name: HeaderName, value: impl Display) -> &mut Self {
        self.header_with(name, |writer| {
            // Only a `Display` of the caller can fail, and then its value ends early.
            let _ = write!(writer, "{value}");
        })
    }

    /// Writes a header piece by piece: that is much cheaper than [`MessageWriter::header`]. [`HeaderName::Other`] is not
    /// written.
    pub fn header_with(
        &mut self,
        name: HeaderName,
        value: impl FnOnce(&mut ValueWriter<'_>),
    ) -> &mut Self {
        if name == HeaderName::Other {
            return self;
        }
        self.put_name(name.as_str());
        value(&mut ValueWriter { writer: self });
        self.put(LINE_END);
        self
    }

    /// Writes a header from octets, which may be the value of another message. [`HeaderName::Other`] is not written.
    pub fn header_bytes(&mut self, name: HeaderName, value: &[u8]) -> &mut Self {
        self.header_with(name, |writer| writer.put(value))
    }

    /// Writes `CSeq`.
    pub fn cseq(&mut self, number: u32, method: &Method) -> &mut Self {
        self.header_with(HeaderName::CSeq, |value| {
            value.put_number(number.into());
            value.put(b" ");
            value.put(method.as_str().as_bytes());
        })
    }

    /// Writes a header that was put together elsewhere. One that each message has already is not written: two of them
    /// are read differently by different readers.
    pub fn extra(&mut self, header: &Header) -> &mut Self {
        if header.name().is_empty() || header.is_reserved() {
            return self;
        }
        self.put_text(header.name(), &header.value)
    }

    /// Ends the message with a body and the headers that describe it.
    #[must_use]
    pub fn body(mut self, body: &Body) -> Bytes {
        self.put_text(HeaderName::ContentType.as_str(), body.content_type());
        if let Some(disposition) = body.disposition() {
            self.put_text(HeaderName::ContentDisposition.as_str(), disposition);
        }
        self.end(body.content())
    }

    /// Ends the message without a body.
    #[must_use]
    pub fn finish(self) -> Bytes {
        self.end(&[])
    }

    fn end(mut self, content: &[u8]) -> Bytes {
        self.put(b"Content-Length: ");
        self.put_number(content.len() as u64);
        self.put(b"\r\n\r\n");
        self.put(content);
        Bytes::copy_from_slice(self.written())
    }

    fn put_line(&mut self, line: &[u8]) -> &mut Self {
        self.put(line);
        self.put(LINE_END);
        self
    }

    /// A text cannot end its line.
    fn put_text(&mut self, name: &str, value: &Text) -> &mut Self {
        self.put_name(name);
        self.put_line(value.as_str().as_bytes())
    }

    fn put_name(&mut self, name: &str) {
        self.put(name.as_bytes());
        self.put(b": ");
    }

    fn put_value(&mut self, value: &[u8]) {
        if !Class::LINE_END.has_any(value) {
            return self.put(value);
        }
        let mut before = 0;
        for byte in value {
            let is_quoted = std::mem::replace(&mut before, *byte) == b'\\';
            match byte {
                b'\r' | b'\n' => self.put(b" "),
                b'\0' if !is_quoted => self.put(b" "),
                other => self.put(&[*other]),
            }
        }
    }

    fn put_number(&mut self, number: u64) {
        self.put(itoa::Buffer::new().format(number).as_bytes());
    }

    fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        match self.stack.get_mut(self.length..end) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length = end;
            }
            None => self.put_on_heap(bytes),
        }
    }

    #[cold]
    fn put_on_heap(&mut self, bytes: &[u8]) {
        if self.heap.is_empty() {
            self.heap = self.written().to_vec();
            // From here on nothing fits.
            self.length = self.stack.len();
        }
        self.heap.extend_from_slice(bytes);
    }

    fn written(&self) -> &[u8] {
        if self.heap.is_empty() {
            self.stack.get(..self.length).unwrap_or_default()
        } else {
            &self.heap
        }
    }

    fn empty() -> Self {
        Self {
            stack: [0; 1024],
            length: 0,
            heap: Vec::new(),
        }
    }
}

/// Shows no octets: they may hold credentials or keys.
impl fmt::Debug for MessageWriter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MessageWriter({} octets)", self.written().len())
    }
}

/// Writes the value of one header. As text it is written by way of [`fmt::Write`].
#[derive(Debug)]
pub struct ValueWriter<'a> {
    writer: &'a mut MessageWriter,
}

impl ValueWriter<'_> {
    /// What `value` writes, where it is no header yet.
    pub fn text(value: impl FnOnce(&mut ValueWriter<'_>)) -> String {
        let mut writer = MessageWriter::empty();
        value(&mut ValueWriter {
            writer: &mut writer,
        });
        String::from_utf8_lossy(writer.written()).into_owned()
    }

    /// Writes a piece, without line ends.
    pub fn put(&mut self, piece: &[u8]) {
        self.writer.put_value(piece);
    }

    /// Writes a number.
    pub fn put_number(&mut self, number: u64) {
        self.writer.put_number(number);
    }

    /// Writes an address, IPv6 without brackets.
    pub fn put_address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                let [first, others @ ..] = address.octets();
                self.put_number(first.into());
                for octet in others {
                    self.writer.put(b".");
                    self.put_number(octet.into());
                }
            }
            IpAddr::V6(address) => {
                // Nothing fails here.
                let _ = write!(self, "{address}");
            }
        }
    }
}

impl Write for ValueWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

/// A header to be sent, with any name.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    name: Name,
    value: Text,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Known(HeaderName),
    Other(Box<str>),
}

impl Header {
    /// Checks name and value.
    ///
    /// Via, From, To, Call-ID, `CSeq`, Max-Forwards, Content-Length, Content-Type and Content-Disposition have their
    /// own places in requests, responses and bodies, and are refused here.
    pub fn new(name: &str, value: &str) -> Result<Self, InvalidHeader> {
        if !is_token(name.as_bytes()) {
            return Err(InvalidHeader::Name);
        }
        let value = Text::new(value).map_err(InvalidHeader::Value)?;
        let name = match HeaderName::parse(name.as_bytes()) {
            HeaderName::Other => Name::Other(name.into()),
            known => Name::Known(known),
        };
        let header = Self { name, value };
        if header.is_reserved() {
            return Err(InvalidHeader::Reserved);
        }
        Ok(header)
    }

    /// A header with a known name. [`HeaderName::Other`] has no text: such a header is not written, nor is one that
    /// [`Header::new`] refuses.
    pub fn known(name: HeaderName, value: Text) -> Self {
        Self {
            name: Name::Known(name),
            value,
        }
    }

    /// The name, in its long form if it is known.
    pub fn name(&self) -> &str {
        match &self.name {
            Name::Known(name) => name.as_str(),
            Name::Other(name) => name,
        }
    }

    /// The value.
    pub fn value(&self) -> &Text {
        &self.value
    }

    fn is_reserved(&self) -> bool {
        matches!(
            self.name,
            Name::Known(
                HeaderName::Via
                    | HeaderName::From
                    | HeaderName::To
                    | HeaderName::CallId
                    | HeaderName::CSeq
                    | HeaderName::MaxForwards
                    | HeaderName::ContentLength
                    | HeaderName::ContentType
                    | HeaderName::ContentDisposition
            )
        )
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Name::Known(name) if name.is_credentials() => write!(formatter, "\"{name}: …\""),
            _ => write!(formatter, "\"{}: {}\"", self.name(), self.value),
        }
    }
}

/// Why a header cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidHeader {
    /// The name is not a token.
    Name,
    /// The value contains control characters.
    Value(InvalidText),
    /// Each message has one already.
    Reserved,
}

impl Display for InvalidHeader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => formatter.write_str("the name of the header is not a token"),
            Self::Value(invalid) => write!(
                formatter,
                "the value of the header is no header value: {invalid}"
            ),
            Self::Reserved => formatter.write_str(
                "each message has such a header already: say it in the request, the response or the body",
            ),
        }
    }
}

impl std::error::Error for InvalidHeader {}

/// What lies before and behind a part of a line.
fn around<'a>(line: &'a [u8], part: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let start = part.as_ptr().addr().checked_sub(line.as_ptr().addr())?;
    let behind = line.get(start.checked_add(part.len())?..)?;
    Some((line.get(..start)?, behind))
}

const LINE_END: &[u8] = b"\r\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::message::Message;
    use crate::parse::parse;

    #[test]
    fn a_response_copies_the_lines_of_its_request() {
        let request = parse(
            "BYE sip:a SIP/2.0\r\nV : SIP/2.0/UDP a\r\n ;branch=1\r\nt: <sip:b>\r\n\r\n".into(),
        )
        .unwrap();
        let headers = request.headers();
        let mut writer = MessageWriter::response(StatusCode::OK, None);
        let transport = headers.via().unwrap().transport;
        for via in headers.all(HeaderName::Via) {
            writer.copy_replacing(via, transport, |value| value.put(b"TCP"));
            writer.copy_replacing(via, b"UDP", |value| value.put(b"TCP"));
        }
        for to in headers.all(HeaderName::To) {
            writer.copy_with(to, |value| value.put(b";tag=7"));
        }
        assert_eq!(
            writer.finish(),
            "SIP/2.0 200 OK\r\nV : SIP/2.0/TCP a\r\n ;branch=1\r\nV : SIP/2.0/UDP a\r\n ;branch=1\r\nt: <sip:b>;tag=7\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn a_request_with_a_body() {
        let uri = "sip:a@example.com".parse().unwrap();
        let mut writer = MessageWriter::request(&Method::Invite, &uri);
        writer
            .header(HeaderName::MaxForwards, 70)
            .header(
                HeaderName::Warning,
                format_args!("399 {} \"x\"", Host::Name("example.com")),
            )
            .header_bytes(HeaderName::CallId, b"\xff")
            .extra(&Header::new("X-Other", "value").unwrap())
            .extra(&Header::new("k", "100rel").unwrap());
        let body = Body::sdp("v=0\r\n").with_disposition(Text::from_static("session"));
        assert_eq!(
            writer.body(&body),
            b"INVITE sip:a@example.com SIP/2.0\r\n\
              Max-Forwards: 70\r\n\
              Warning: 399 example.com \"x\"\r\n\
              Call-ID: \xff\r\n\
              X-Other: value\r\n\
              Supported: 100rel\r\n\
              Content-Type: application/sdp\r\n\
              Content-Disposition: session\r\n\
              Content-Length: 5\r\n\r\nv=0\r\n"[..]
        );
    }

    #[test]
    fn no_value_ends_its_line() {
        let uri = "sip:a".parse().unwrap();
        let mut writer = MessageWriter::request(&Method::Other("A\r\nB".into()), &uri);
        writer
            .header(HeaderName::Subject, "a\r\nVia: b")
            .header_bytes(HeaderName::Server, b"a\nb\rc");
        writer.header(HeaderName::Other, "nothing");
        assert_eq!(
            writer.finish(),
            "A  B sip:a SIP/2.0\r\nSubject: a  Via: b\r\nServer: a b c\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn a_value_is_put_together() {
        let mut writer = MessageWriter::response(StatusCode::OK, None);
        let contact = |value: &mut ValueWriter<'_>| {
            value.put(b"<sip:");
            value.put_address(IpAddr::from([192, 0, 2, 10]));
            value.put(b":");
            value.put_number(5060);
            value.put(b">\r\nVia: x");
        };
        assert_eq!(ValueWriter::text(contact), "<sip:192.0.2.10:5060>  Via: x");
        writer.header_with(HeaderName::Contact, contact);
        writer.header_with(HeaderName::Other, |value| value.put(b"nothing"));
        writer.cseq(7, &Method::Bye);
        assert_eq!(
            writer.finish(),
            "SIP/2.0 200 OK\r\nContact: <sip:192.0.2.10:5060>  Via: x\r\nCSeq: 7 BYE\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn a_message_may_be_long() {
        for length in [900, 980, 990, 1000, 1010, 1024, 5000] {
            let value = "x".repeat(length);
            let mut writer = MessageWriter::response(StatusCode::OK, None);
            writer.header(HeaderName::Subject, &value);
            writer.header(HeaderName::Server, "y");
            let expected = format!(
                "SIP/2.0 200 OK\r\nSubject: {value}\r\nServer: y\r\nContent-Length: 0\r\n\r\n"
            );
            assert_eq!(writer.finish(), expected, "{length}");
        }
    }

    #[test]
    fn a_reason_of_ones_own() {
        let reason = Text::from_static("Gone fishing");
        let Ok(Message::Response(response)) =
            parse(MessageWriter::response(StatusCode::GONE, Some(&reason)).finish())
        else {
            panic!("a response");
        };
        assert_eq!(response.reason_phrase(), b"Gone fishing");
    }

    #[test]
    fn headers_are_checked() {
        assert_eq!(Header::new("a b", "c"), Err(InvalidHeader::Name));
        assert_eq!(Header::new("", "c"), Err(InvalidHeader::Name));
        assert_eq!(
            Header::new("a", "c\r\nd: e"),
            Err(InvalidHeader::Value(InvalidText))
        );
        for name in ["Via", "v", "l", "content-length", "Call-ID", "To", "CSeq"] {
            assert_eq!(Header::new(name, "1"), Err(InvalidHeader::Reserved));
        }
        let header = Header::known(HeaderName::Server, Text::from_static("Offhook"));
        assert_eq!(
            (header.name(), header.value().as_str()),
            ("Server", "Offhook")
        );
    }
}
