use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// UTF-8 text for a reason phrase or a header value: no control characters but TAB, so that it cannot end its line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text(Cow<'static, str>);

impl Text {
    /// Checks a text.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidText> {
        let text = text.into();
        if !is_text(text.as_bytes()) {
            return Err(InvalidText);
        }
        Ok(Self(Cow::Owned(text)))
    }

    /// A text that is known when the program is compiled.
    ///
    /// # Panics
    /// When it contains control characters; in a constant, that fails to compile.
    pub const fn from_static(text: &'static str) -> Self {
        assert!(
            is_text(text.as_bytes()),
            "the text contains control characters"
        );
        Self(Cow::Borrowed(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Text {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        Self::new(text)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The text contains control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidText;

impl fmt::Display for InvalidText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the text contains control characters; remove line ends and the like")
    }
}

impl std::error::Error for InvalidText {}

const fn is_text(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let [first, behind @ ..] = rest {
        if first.is_ascii_control() && *first != b'\t' {
            return false;
        }
        rest = behind;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_one_line() {
        const OFFHOOK: Text = Text::from_static("Offhook");
        assert_eq!(OFFHOOK.as_str(), "Offhook");
        assert_eq!(
            Text::new("Grüße\tan alle").map(|text| text.to_string()),
            Ok("Grüße\tan alle".to_owned())
        );
        for bad in ["a\r\nVia: b", "a\nb", "a\rb", "\0", "\u{7f}"] {
            assert_eq!(Text::new(bad), Err(InvalidText), "{bad:?}");
        }
    }
}
