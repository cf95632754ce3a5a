//! Header fields: the list, and typed views of single values.

mod access;
mod cseq;
mod date;
mod elements;
mod error;
mod event;
mod media_type;
mod name;
mod name_addr;
mod params;
mod reason;
mod refer;
mod replaces;
mod retry_after;
mod session_expires;
mod via;

pub use cseq::{CSeq, RAck};
pub use date::{SipDate, Timestamp};
pub use error::{HeaderError, HeaderErrorKind};
pub use event::{EventPackage, SubscriptionState};
pub use media_type::{Disposition, MediaRange, MediaType};
pub use name::HeaderName;
pub use name_addr::{Contact, DisplayName, NameAddr};
pub use params::{ParamIter, ParamValue, Params};
pub use reason::Reason;
pub use refer::ReferTo;
pub use replaces::Replaces;
pub use retry_after::RetryAfter;
pub use session_expires::{Refresher, SessionExpires};
pub use via::{Rport, Via};

use crate::grammar::{Class, Cursor, trim_lws_end};
use crate::parse::Span;
use bytes::Bytes;
use smallvec::SmallVec;
use std::fmt;

/// The header fields of a message, in their order and as they came. Values are read when they are asked for.
#[derive(Clone)]
pub struct Headers {
    /// The whole message: request and response lend their start line and body from here.
    bytes: Bytes,
    fields: Fields,
}

impl Headers {
    pub(crate) fn new(bytes: Bytes, fields: Fields) -> Self {
        Self { bytes, fields }
    }

    pub(crate) fn message(&self) -> &Bytes {
        &self.bytes
    }

    /// All header fields.
    pub fn iter(&self) -> impl Iterator<Item = HeaderField<'_>> {
        self.fields.iter().map(|field| field.read(&self.bytes))
    }

    /// All lines of a header that is known by name, in their order.
    pub fn all(&self, name: HeaderName) -> impl Iterator<Item = HeaderField<'_>> {
        self.select(move |other| other == name)
    }

    /// All lines of some headers that are known by name, in their order.
    pub fn select(
        &self,
        is_wanted: impl Fn(HeaderName) -> bool,
    ) -> impl Iterator<Item = HeaderField<'_>> {
        self.fields
            .iter()
            .filter(move |field| is_wanted(field.name))
            .map(|field| field.read(&self.bytes))
    }

    /// All lines of any header, by its text in any case. A compact form finds the long form, and the other way round.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = HeaderField<'a>> {
        let known = HeaderName::parse(name.as_bytes());
        self.all(known).filter(move |field| {
            known != HeaderName::Other || field.raw_name().eq_ignore_ascii_case(name.as_bytes())
        })
    }

    /// The values of all lines of a header that is known by name, in their order.
    pub(crate) fn values(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        let fields = self.fields.iter().filter(move |field| field.name == name);
        fields.map(|field| field.value(&self.bytes))
    }

    /// Whether there is such a header.
    pub fn contains(&self, name: HeaderName) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// The value of the first line of that header, without the white space around it.
    pub fn raw(&self, name: HeaderName) -> Option<&[u8]> {
        self.values(name).next()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

/// One header field as it came. It prints without its value where that is a credential.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct HeaderField<'a> {
    /// The name, if it is known.
    pub name: HeaderName,
    /// The value without the white space around it. It may contain folds.
    pub value: &'a [u8],
    /// The whole line, folds included, without the line end behind it.
    pub line: &'a [u8],
}

impl<'a> HeaderField<'a> {
    /// The name as it came.
    pub fn raw_name(&self) -> &'a [u8] {
        Cursor::new(self.line).take_all(Class::TOKEN)
    }
}

impl fmt::Debug for HeaderField<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_credentials() {
            return write!(formatter, "\"{}: …\"", self.name);
        }
        write!(formatter, "\"{}\"", self.line.escape_ascii())
    }
}

/// Where a header field lies in the message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) start: u16,
    /// Where its value begins, behind white space.
    pub(crate) value: u16,
    pub(crate) end: u16,
    pub(crate) name: HeaderName,
}

impl Field {
    fn read(self, message: &[u8]) -> HeaderField<'_> {
        HeaderField {
            name: self.name,
            value: self.value(message),
            line: Span::between(self.start, self.end).of(message),
        }
    }

    /// The value without the white space around it.
    fn value(self, message: &[u8]) -> &[u8] {
        trim_lws_end(Span::between(self.value, self.end).of(message))
    }
}

/// A typical message has fewer lines than lie here without an allocation.
pub(crate) type Fields = SmallVec<[Field; 24]>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::parse::parse;

    /// The headers of a request that has these lines.
    pub(super) fn headers(lines: &str) -> Headers {
        let text = format!("OPTIONS sip:example.com SIP/2.0\r\n{lines}\r\n\r\n");
        let Message::Request(request) = parse(text.into()).unwrap() else {
            panic!("it begins with a request line");
        };
        request.headers().clone()
    }

    #[test]
    fn lines_are_kept_as_they_came() {
        let headers = headers("sUbJeCt \t:  two\r\n words \t\r\nX-Other:\r\ns:1");
        let fields: Vec<_> = headers.iter().collect();
        assert_eq!(fields[0].raw_name(), b"sUbJeCt");
        assert_eq!(fields[0].value, b"two\r\n words");
        assert_eq!(fields[0].line, b"sUbJeCt \t:  two\r\n words \t");
        assert_eq!(
            (fields[1].name, fields[1].value),
            (HeaderName::Other, &b""[..])
        );
        assert_eq!(
            (fields[2].name, fields[2].line),
            (HeaderName::Subject, &b"s:1"[..])
        );
        assert_eq!(fields.len(), 3);
    }

    #[test]
    fn credentials_are_not_shown() {
        let headers = headers("authorization: Digest response=\"secret\"\r\ns: x");
        assert_eq!(format!("{headers:?}"), "[\"Authorization: …\", \"s: x\"]");
    }

    #[test]
    fn lines_are_found_by_name_and_by_text() {
        let headers = headers("v: 1\r\nX-a: 2\r\nVia: 3\r\nx-A: 4");
        let values = |name: &str| {
            headers
                .named(name)
                .map(|field| field.value.to_vec())
                .collect::<Vec<_>>()
        };
        assert_eq!(values("VIA"), [b"1", b"3"]);
        assert_eq!(values("v"), [b"1", b"3"]);
        assert_eq!(values("X-A"), [b"2", b"4"]);
        assert!(values("X-B").is_empty());
        assert_eq!(headers.all(HeaderName::Via).count(), 2);
        assert_eq!(headers.raw(HeaderName::Via), Some(&b"1"[..]));
        assert!(headers.contains(HeaderName::Via) && !headers.contains(HeaderName::To));
        assert_eq!(headers.raw(HeaderName::To), None);
    }
}
