use crate::headers::Params;
use crate::uri::{UriError, check_characters};

/// A `tel` URI ([RFC 3966 3](https://www.rfc-editor.org/rfc/rfc3966#section-3)).
#[derive(Clone, Copy, Debug)]
pub struct TelUri<'a> {
    /// The number as it came, with visual separators. A global number begins with `+`.
    pub number: &'a [u8],
    /// The parameters: `ext`, `isub`, `phone-context` and others.
    pub params: Params<'a>,
    text: &'a [u8],
}

impl<'a> TelUri<'a> {
    /// Reads what stands behind the scheme; `text` is the whole URI.
    pub(super) fn parse(text: &'a [u8], rest: &'a [u8]) -> Result<Self, UriError> {
        check_characters(rest)?;
        let length = memchr::memchr(b';', rest).unwrap_or(rest.len());
        let (number, params) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        check_number(number)?;
        let params = Params::of_uri(params);
        params.check_uri()?;
        Ok(Self {
            number,
            params,
            text,
        })
    }

    /// The URI as it came.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text
    }

    /// Whether the number is global, that is, begins with `+`.
    pub fn is_global(&self) -> bool {
        self.number.first() == Some(&b'+')
    }

    /// The number without visual separators, in lower case.
    pub fn digits(&self) -> impl Iterator<Item = u8> + 'a {
        without_separators(self.number)
    }
}

pub(super) fn without_separators(number: &[u8]) -> impl Iterator<Item = u8> {
    number
        .iter()
        .filter(|byte| !is_visual_separator(**byte))
        .map(u8::to_ascii_lowercase)
}

fn check_number(number: &[u8]) -> Result<(), UriError> {
    let (is_digit, digits): (fn(u8) -> bool, _) = match number {
        [b'+', digits @ ..] => (is_global_digit, digits),
        digits => (is_local_digit, digits),
    };
    let valid = digits
        .iter()
        .all(|byte| is_digit(*byte) || is_visual_separator(*byte));
    if valid && digits.iter().any(|byte| is_digit(*byte)) {
        return Ok(());
    }
    Err(UriError::BadNumber)
}

fn is_global_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

fn is_local_digit(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#')
}

const fn is_visual_separator(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'(' | b')')
}

#[cfg(test)]
mod tests {
    use crate::uri::Uri;

    #[test]
    fn the_parts() {
        let Ok(Uri::Tel(uri)) = Uri::parse(b"tel:863-1234;phone-context=+1-914") else {
            panic!("a local number");
        };
        assert_eq!(uri.number, b"863-1234");
        assert!(!uri.is_global());
        assert_eq!(uri.digits().collect::<Vec<_>>(), b"8631234");
        assert_eq!(
            uri.params
                .get("phone-context")
                .map(|value| value.as_bytes()),
            Some(&b"+1-914"[..])
        );
    }

    #[test]
    fn what_is_no_number() {
        for text in [
            "tel:",
            "tel:+",
            "tel:---",
            "tel:+12a",
            "tel:alice",
            "tel:1;=2",
        ] {
            assert!(Uri::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
