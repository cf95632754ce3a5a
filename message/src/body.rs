use crate::text::{InvalidText, Text};
use bytes::Bytes;

/// A body to be sent, with the headers that describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        Self {
            content_type: Text::from_static("application/sdp"),
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
