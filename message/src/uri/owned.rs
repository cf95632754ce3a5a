use super::escape::same_name;
use crate::uri::{Uri, UriError};
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

    /// The URI without the headers behind its `?`, which have no place in a Request-URI
    /// ([RFC 3261 19.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-19.1.1)).
    #[must_use]
    pub fn without_headers(self) -> Self {
        if !self.text.contains('?') {
            return self;
        }
        let headers = self.as_uri().as_sip().and_then(|uri| uri.headers);
        let Some(length) = headers.map(|headers| headers.len() + 1) else {
            return self;
        };
        let end = self.text.len().saturating_sub(length);
        let text = self.text.get(..end).unwrap_or(&self.text).into();
        Self { text }
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
        let behind = sip.headers.map_or(0, |headers| headers.len() + 1);
        let before = self.as_bytes().len() - behind - sip.params.as_bytes().len();
        // A `;` or `?` of the user is none of these.
        let mut text = self.as_bytes().get(..before).unwrap_or_default().to_vec();
        for (name, param) in sip.params.texts() {
            if !same_name(name, b"method") {
                text.extend_from_slice(param);
            }
        }
        UriBuf::of(&text)
    }
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
        }
    }
}
