//! Names of people.

use std::fmt::{self, Write};
use std::str::FromStr;

use offhook_message::{Text, UriBuf, UriError, ValueWriter};

/// A URI with a name for people: what From and To hold
/// ([RFC 3261 §20.10](https://www.rfc-editor.org/rfc/rfc3261#section-20.10)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The name, as people read it.
    pub display_name: Option<Text>,
    /// The URI.
    pub uri: UriBuf,
}

impl From<UriBuf> for Address {
    fn from(uri: UriBuf) -> Self {
        let display_name = None;
        Self { display_name, uri }
    }
}

/// Reads a URI.
impl FromStr for Address {
    type Err = UriError;

    fn from_str(uri: &str) -> Result<Self, UriError> {
        uri.parse().map(|uri: UriBuf| Self::from(uri))
    }
}

impl Address {
    pub(super) fn write(&self, value: &mut ValueWriter<'_>) {
        if let Some(name) = &self.display_name {
            // Nothing fails here.
            let _ = write!(value, "{} ", Quoted(name.as_str()));
        }
        value.put(b"<");
        value.put(self.uri.as_bytes());
        value.put(b">");
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ValueWriter::text(|value| self.write(value)))
    }
}

/// A quoted string ([RFC 3261 §25.1](https://www.rfc-editor.org/rfc/rfc3261#section-25.1)).
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for part in self.0.split_inclusive(['"', '\\']) {
            match part.strip_suffix(['"', '\\']) {
                Some(text) => write!(f, "{text}\\{}", &part[text.len()..])?,
                None => f.write_str(part)?,
            }
        }
        f.write_str("\"")
    }
}

/// The user of a URI, with all escaped that it may not hold.
pub(super) struct User<'a>(pub(super) &'a str);

impl fmt::Display for User<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted() {
        let address = Address {
            display_name: Text::new("A \"B\\\" Ç").ok(),
            uri: "sip:a@b;x=y".parse().unwrap(),
        };
        assert_eq!(address.to_string(), "\"A \\\"B\\\\\\\" Ç\" <sip:a@b;x=y>");
        let address = Address::from(address.uri);
        assert_eq!(address.to_string(), "<sip:a@b;x=y>");
    }

    #[test]
    fn a_user_cannot_leave_its_place() {
        assert_eq!(
            User("+49 (30)/a>@b:c").to_string(),
            "+49%20(30)/a%3E%40b%3Ac"
        );
        assert_eq!(User("ä").to_string(), "%C3%A4");
    }
}
