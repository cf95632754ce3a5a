use super::escape::same_name;
use crate::uri::{SipUri, Uri, UriError};
use std::fmt;
use std::str::FromStr;

/// A URI that owns its text. It is compared octet by octet; [`Uri::equivalent`] compares by the rules.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UriBuf {
    text: Box<str>,
}

impl UriBuf {
    /// Reads and keeps a URI.
    pub fn parse(text: &[u8]) -> Result<Self, UriError> {
        Uri::parse(text).map(Self::from)
    }

    /// The parts of the URI.
    pub fn as_uri(&self) -> Uri<'_> {
        // It was a URI when it was made, and nothing can change it.
        Uri::parse(self.as_bytes()).unwrap_or(Uri::Other {
            scheme: "",
            text: self.as_bytes(),
        })
    }

    /// [`Uri::to_request_uri`], which takes no memory where there is nothing to leave out.
    #[must_use]
    pub fn into_request_uri(self) -> Self {
        if !self.text.contains([';', '?']) {
            return self;
        }
        self.as_uri().to_request_uri()
    }

    /// [`Uri::to_address_of_record`], which takes no memory where there is nothing to leave out.
    #[must_use]
    pub fn into_address_of_record(self) -> Self {
        let has_port = self.as_uri().as_sip().is_some_and(|sip| sip.port.is_some());
        if !has_port && !self.text.contains([';', '?']) {
            return self;
        }
        self.as_uri().to_address_of_record()
    }

    /// `text` is ASCII, as all that was read as a URI.
    fn of(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text).into();
        Self { text }
    }

    /// The text, which is ASCII.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl Uri<'_> {
    /// The URI without what a Request-URI must not have: headers, and the parameter `method`
    /// ([RFC 3261 19.1.1, table 1](https://www.rfc-editor.org/rfc/rfc3261#section-19.1.1)).
    pub fn to_request_uri(&self) -> UriBuf {
        let Self::Sip(sip) = self else {
            return UriBuf::from(*self);
        };
        select(before_params(sip), sip, |name| !same_name(name, b"method"))
    }

    /// The URI without what From and To must not have: a port, headers, and the parameters that say how to get there
    /// ([RFC 3261 19.1.1, table 1](https://www.rfc-editor.org/rfc/rfc3261#section-19.1.1)).
    pub fn to_address_of_record(&self) -> UriBuf {
        let Self::Sip(sip) = self else {
            return UriBuf::from(*self);
        };
        let mut before = before_params(sip);
        if sip.port.is_some() {
            let end = memchr::memrchr(b':', before);
            before = end.and_then(|end| before.get(..end)).unwrap_or(before);
        }
        select(before, sip, |name| {
            !NOT_IN_ADDRESS.iter().any(|other| same_name(name, other))
        })
    }
}

/// What stands before the parameters. A `;` or `?` of the user begins none.
fn before_params<'a>(sip: &SipUri<'a>) -> &'a [u8] {
    let behind = sip.headers.map_or(0, |headers| headers.len() + 1);
    let length = sip.as_bytes().len() - behind - sip.params.as_bytes().len();
    sip.as_bytes().get(..length).unwrap_or_default()
}

/// `before`, with the parameters that are wanted behind it.
fn select(before: &[u8], sip: &SipUri<'_>, is_wanted: impl Fn(&[u8]) -> bool) -> UriBuf {
    let mut text = String::from_utf8_lossy(before).into_owned();
    for (name, param) in sip.params.texts() {
        if is_wanted(name) {
            text.push_str(&String::from_utf8_lossy(param));
        }
    }
    UriBuf { text: text.into() }
}

impl From<Uri<'_>> for UriBuf {
    fn from(uri: Uri<'_>) -> Self {
        Self::of(uri.as_bytes())
    }
}

impl FromStr for UriBuf {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for UriBuf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for UriBuf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.text)
    }
}

/// The parameters of a URI that have no place in From and To.
const NOT_IN_ADDRESS: [&[u8]; 5] = [b"method", b"maddr", b"ttl", b"transport", b"lr"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_uri_has_neither_headers_nor_a_method() {
        for (uri, expected) in [
            ("sip:a@b", "sip:a@b"),
            (
                "sip:a@b:5;transport=tcp;METHOD=INVITE;x?Subject=y",
                "sip:a@b:5;transport=tcp;x",
            ),
            ("sips:a@b?Subject=y&method=z", "sips:a@b"),
            ("sip:a?b;method=c;d@e;lr?f=g", "sip:a?b;method=c;d@e;lr"),
            (
                "sip:b;x=%41[::1]/:&+$;method=m;y",
                "sip:b;x=%41[::1]/:&+$;y",
            ),
            ("sip:b;%6Dethod=m;%4dEthod;y", "sip:b;y"),
            ("tel:+1;x=y", "tel:+1;x=y"),
            ("http://b/?c;method=d", "http://b/?c;method=d"),
        ] {
            let uri: UriBuf = uri.parse().unwrap();
            assert_eq!(uri.as_uri().to_request_uri().to_string(), expected);
            assert_eq!(uri.into_request_uri().to_string(), expected);
        }
    }

    #[test]
    fn an_address_of_record_does_not_say_how_to_get_there() {
        for (uri, expected) in [
            ("sip:a@b", "sip:a@b"),
            ("sip:a:5@b", "sip:a:5@b"),
            ("sip:b:05", "sip:b"),
            ("sips:[::1]:5061", "sips:[::1]"),
            ("sips:[::1]", "sips:[::1]"),
            (
                "sip:a;b=c?d:e@f:5;Transport=tcp;user=phone;m%61ddr=g;ttl=1;x;lr;METHOD=INVITE?h=i:5",
                "sip:a;b=c?d:e@f;user=phone;x",
            ),
            ("sip:a@b?h=i", "sip:a@b"),
            ("tel:+1;lr", "tel:+1;lr"),
        ] {
            let uri: UriBuf = uri.parse().unwrap();
            assert_eq!(uri.as_uri().to_address_of_record().to_string(), expected);
            assert_eq!(uri.into_address_of_record().to_string(), expected);
        }
    }
}
