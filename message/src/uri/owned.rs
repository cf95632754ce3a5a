use crate::uri::{Uri, UriError};
use std::fmt;
use std::str::FromStr;

/// A URI that owns its text. It is compared octet by octet; [`Uri::equivalent`] compares by the rules.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UriBuf {
    text: Box<[u8]>,
}

impl UriBuf {
    /// Reads and keeps a URI.
    pub fn parse(text: &[u8]) -> Result<Self, UriError> {
        Uri::parse(text).map(Self::from)
    }

    /// The parts of the URI.
    pub fn as_uri(&self) -> Uri<'_> {
        // It was a URI when it was made, and nothing can change it.
        Uri::parse(&self.text).unwrap_or(Uri::Other {
            scheme: "",
            text: &self.text,
        })
    }

    /// The URI without the headers behind its `?`, which have no place in a Request-URI
    /// ([RFC 3261 19.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-19.1.1)).
    #[must_use]
    pub fn without_headers(self) -> Self {
        let headers = self.as_uri().as_sip().and_then(|uri| uri.headers);
        let Some(length) = headers.map(|headers| headers.len() + 1) else {
            return self;
        };
        let end = self.text.len().saturating_sub(length);
        let text = self.text.get(..end).unwrap_or(&self.text).into();
        Self { text }
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

impl From<Uri<'_>> for UriBuf {
    fn from(uri: Uri<'_>) -> Self {
        Self {
            text: uri.as_bytes().into(),
        }
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
        self.as_uri().fmt(formatter)
    }
}

impl fmt::Debug for UriBuf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.text.escape_ascii())
    }
}
