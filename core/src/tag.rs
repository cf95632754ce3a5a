//! Tags of dialogs.

use std::fmt;

use smallvec::SmallVec;

use crate::random::Token;

/// A tag of a From or To ([RFC 3261 §19.3](https://www.rfc-editor.org/rfc/rfc3261#section-19.3)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(SmallVec<[u8; 16]>);

impl Tag {
    /// A tag of the caller's own, for example one that names a node of a cluster. It must be
    /// unlike any other and hard to guess. `None` where the text is no token or above 128 octets.
    pub fn new(text: &str) -> Option<Self> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte);
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(is_token);
        fits.then(|| Self(SmallVec::from_slice(text.as_bytes())))
    }

    /// A tag as a peer wrote it.
    pub(crate) fn received(text: &[u8]) -> Self {
        Self(SmallVec::from_slice(text))
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl From<Token> for Tag {
    fn from(token: Token) -> Self {
        Self(SmallVec::from_buf(token.digits()))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_token() {
        assert!(Tag::new("node7-0af3").is_some());
        for bad in ["", "a b", "a\r\nb", "a;b", "é"] {
            assert_eq!(Tag::new(bad), None, "{bad:?}");
        }
        assert_eq!(Tag::new(&"a".repeat(129)), None);
    }

    #[test]
    fn a_random_tag_is_written_as_its_token() {
        let token = Token(0x0123_4567_89ab_cdef);
        assert_eq!(Tag::from(token).to_string(), token.to_string());
    }
}
