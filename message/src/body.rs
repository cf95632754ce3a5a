use crate::text::{InvalidText, Text};
use bytes::Bytes;
use std::fmt;

/// A body to be sent, with the headers that describe it.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    content_type: Text,
    disposition: Option<Text>,
    content: Bytes,
}

impl Body {
    /// A body of any type: `Body::new("text/plain", "hello")`.
    pub fn new(content_type: &str, content: impl Into<Bytes>) -> Result<Self, InvalidText> {
        Ok(Self {
            content_type: Text::new(content_type)?,
            disposition: None,
            content: content.into(),
        })
    }

    /// A session description, `application/sdp`.
    pub fn sdp(content: impl Into<Bytes>) -> Self {
        Self::of(Text::from_static("application/sdp"), content)
    }

    pub(crate) fn of(content_type: Text, content: impl Into<Bytes>) -> Self {
        Self {
            content_type,
            disposition: None,
            content: content.into(),
        }
    }

    /// The same body with a Content-Disposition.
    #[must_use]
    pub fn with_disposition(self, disposition: Text) -> Self {
        Self {
            disposition: Some(disposition),
            ..self
        }
    }

    /// The value of Content-Type.
    pub fn content_type(&self) -> &Text {
        &self.content_type
    }

    /// The value of Content-Disposition.
    pub fn disposition(&self) -> Option<&Text> {
        self.disposition.as_ref()
    }

    /// The octets.
    pub fn content(&self) -> &Bytes {
        &self.content
    }
}

/// Shows no content: a session description may hold keys.
impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Body({}, {} octets)",
            self.content_type,
            self.content.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_is_not_shown() {
        let body = Body::sdp("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret");
        assert_eq!(format!("{body:?}"), "Body(application/sdp, 48 octets)");
    }

    #[test]
    fn the_type_is_one_line() {
        assert_eq!(Body::new("text/plain\r\nVia: x", ""), Err(InvalidText));
        let body = Body::new("text/plain", "hello").unwrap();
        assert_eq!(
            (body.content_type().as_str(), body.content().as_ref()),
            ("text/plain", &b"hello"[..])
        );
    }
}
