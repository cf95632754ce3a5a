//! URIs ([RFC 3261 19.1](https://www.rfc-editor.org/rfc/rfc3261#section-19.1), [RFC 3966](https://www.rfc-editor.org/rfc/rfc3966)).

mod equivalence;
mod escape;
mod owned;
mod sip;
mod tel;

pub use owned::UriBuf;
pub use sip::SipUri;
pub use tel::TelUri;

use crate::grammar::{Class, ascii, split_once};
use std::fmt;

/// A URI, borrowed from a message.
#[derive(Clone, Copy, Debug)]
pub enum Uri<'a> {
    /// `sip:` or `sips:`
    Sip(SipUri<'a>),
    /// `tel:`
    Tel(TelUri<'a>),
    /// Any other scheme.
    #[non_exhaustive]
    Other {
        /// The scheme as it came.
        scheme: &'a str,
        /// The whole URI as it came, with its scheme.
        text: &'a [u8],
    },
}

impl<'a> Uri<'a> {
    /// Reads a URI. White space, control characters, `<`, `>` and `"` are errors everywhere in it.
    pub fn parse(text: &'a [u8]) -> Result<Self, UriError> {
        if let Some(rest) = behind(text, b"sip:") {
            return SipUri::parse(text, rest, false).map(Self::Sip);
        }
        if let Some(rest) = behind(text, b"sips:") {
            return SipUri::parse(text, rest, true).map(Self::Sip);
        }
        let (scheme, rest) = split_once(text, b':').ok_or(UriError::NoScheme)?;
        if scheme.eq_ignore_ascii_case(b"tel") {
            return TelUri::parse(text, rest).map(Self::Tel);
        }
        let scheme = ascii(scheme)
            .filter(|scheme| is_scheme(scheme))
            .ok_or(UriError::NoScheme)?;
        check_characters(rest)?;
        Ok(Self::Other { scheme, text })
    }

    /// The URI as it came.
    pub fn as_bytes(&self) -> &'a [u8] {
        match self {
            Self::Sip(uri) => uri.as_bytes(),
            Self::Tel(uri) => uri.as_bytes(),
            Self::Other { text, .. } => text,
        }
    }

    /// The scheme as it came.
    pub fn scheme(&self) -> &'a str {
        match self {
            Self::Other { scheme, .. } => scheme,
            Self::Sip(_) | Self::Tel(_) => scheme_of(self.as_bytes()),
        }
    }

    /// The `sip` or `sips` URI, if it is one.
    pub fn as_sip(&self) -> Option<&SipUri<'a>> {
        match self {
            Self::Sip(uri) => Some(uri),
            Self::Tel(_) | Self::Other { .. } => None,
        }
    }
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

/// Why a text is not a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UriError {
    /// There is no scheme in front of a colon.
    NoScheme,
    /// White space, a control character, `<`, `>`, `"` or an octet that is not ASCII.
    BadCharacter,
    /// A `%` without two hexadecimal digits.
    BadEscape,
    /// The host is missing or neither a name nor an address.
    BadHost,
    /// The port is not a number up to 65535.
    BadPort,
    /// There is a `@` without a user in front of it.
    EmptyUser,
    /// A parameter without a name, or with an empty value.
    BadParameter,
    /// A telephone number without digits, or with other characters.
    BadNumber,
}

impl UriError {
    /// What is wrong, for people.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoScheme => "the URI has no scheme",
            Self::BadCharacter => "the URI contains a character that must be escaped",
            Self::BadEscape => "the URI contains a % without two hexadecimal digits",
            Self::BadHost => "the host of the URI is neither a name nor an address",
            Self::BadPort => "the port of the URI is not a number up to 65535",
            Self::EmptyUser => "the URI has an @ without a user",
            Self::BadParameter => "the URI has a parameter without a name or with an empty value",
            Self::BadNumber => "the tel URI has no valid number",
        }
    }
}

impl fmt::Display for UriError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())
    }
}

impl std::error::Error for UriError {}

/// What stands behind a scheme, which has no case.
fn behind<'a, const N: usize>(text: &'a [u8], scheme: &[u8; N]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_first_chunk::<N>()?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Refuses what would break out of a header, and all that a URI must escape.
fn check_characters(text: &[u8]) -> Result<(), UriError> {
    if Class::URI.has_all(text) {
        Ok(())
    } else {
        Err(UriError::BadCharacter)
    }
}

fn scheme_of(text: &[u8]) -> &str {
    let scheme = split_once(text, b':').and_then(|(scheme, _)| ascii(scheme));
    scheme.unwrap_or_default()
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides() {
        assert!(matches!(Uri::parse(b"sip:a"), Ok(Uri::Sip(_))));
        assert!(matches!(Uri::parse(b"TEL:+1"), Ok(Uri::Tel(_))));
        let Ok(Uri::Other { scheme, text }) = Uri::parse(b"soap.beep://192.0.2.103:3002") else {
            panic!("the scheme may be any");
        };
        assert_eq!(
            (scheme, text),
            ("soap.beep", &b"soap.beep://192.0.2.103:3002"[..])
        );
    }

    #[test]
    fn what_is_no_uri() {
        for text in ["", "example.com", ":a", "1a:b", "a b:c", "grüß:a"] {
            assert_eq!(
                Uri::parse(text.as_bytes()).map(|uri| uri.to_string()),
                Err(UriError::NoScheme),
                "{text}"
            );
        }
        assert_eq!(
            Uri::parse(b"urn:a b").map(|uri| uri.to_string()),
            Err(UriError::BadCharacter)
        );
    }

    #[test]
    fn an_owned_uri_is_the_same_text() {
        let uri: UriBuf = "sip:Alice@Example.com;lr".parse().unwrap();
        assert_eq!(uri.to_string(), "sip:Alice@Example.com;lr");
        assert_eq!(UriBuf::from(uri.as_uri()), uri);
        assert_eq!(
            "sip:a\r\nVia: b".parse::<UriBuf>(),
            Err(UriError::BadCharacter)
        );
    }
}
