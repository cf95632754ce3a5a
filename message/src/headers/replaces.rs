use crate::grammar::{Class, Cursor, is_token};
use crate::headers::{HeaderError, HeaderName, Params};
use crate::text::Text;
use std::fmt;

/// Which dialog an INVITE is to replace ([RFC 3891 6.1](https://www.rfc-editor.org/rfc/rfc3891#section-6.1)): the tags are
/// named as its receiver sees them. It owns its text, which is short and can stand in any header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// The Call-ID.
    pub call_id: Text,
    /// The tag of the one who is to receive the INVITE.
    pub to_tag: Text,
    /// The tag of the one whose place is taken. `0` where it has none.
    pub from_tag: Text,
    /// Whether a dialog that is confirmed is left alone.
    pub early_only: bool,
}

impl Replaces {
    /// Reads the value of a Replaces header.
    pub fn parse(value: &[u8]) -> Result<Self, HeaderError> {
        let mut cursor = Cursor::new(value);
        let malformed = |reason| HeaderError::malformed(HeaderName::Replaces, reason);
        let replaces = Self::take(&mut cursor).map_err(malformed)?;
        cursor.skip_lws();
        if !cursor.is_empty() {
            return Err(malformed("there is something behind the value"));
        }
        Ok(replaces)
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Self, &'static str> {
        let call_id =
            cursor.take_while(|byte| !Class::LWS.has(byte) && !matches!(byte, b';' | b','));
        let params = Params::take(cursor)?;
        Ok(Self {
            call_id: text(call_id).ok_or("the Call-ID is missing or no word")?,
            to_tag: tag(&params, "to-tag").ok_or("it has not one to-tag")?,
            from_tag: tag(&params, "from-tag").ok_or("it has not one from-tag")?,
            early_only: params.contains("early-only"),
        })
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            call_id,
            to_tag,
            from_tag,
            early_only,
        } = self;
        write!(formatter, "{call_id};to-tag={to_tag};from-tag={from_tag}")?;
        if *early_only {
            formatter.write_str(";early-only")?;
        }
        Ok(())
    }
}

/// The parameter that must stand once.
fn tag(params: &Params<'_>, name: &str) -> Option<Text> {
    let mut values = params
        .iter()
        .filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()));
    let (_, value) = values.next()?;
    let value = value?.as_bytes();
    if values.next().is_some() || !is_token(value) {
        return None;
    }
    text(value)
}

fn text(value: &[u8]) -> Option<Text> {
    let fits = (1..=LONGEST).contains(&value.len());
    let value = std::str::from_utf8(value).ok().filter(|_| fits)?;
    Text::new(value).ok()
}

/// In octets. Nobody's Call-IDs and tags are as long, and they are copied into further messages.
const LONGEST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::headers;

    #[test]
    fn the_examples_of_the_rfc() {
        let read = |text: &str| {
            headers(&format!("Replaces: {text}"))
                .replaces()
                .unwrap()
                .unwrap()
        };
        let first = read("98732@sip.example.com\r\n ;from-tag=r33th4x0r\r\n ;to-tag=ff87ff");
        assert_eq!(first.call_id.as_str(), "98732@sip.example.com");
        assert_eq!(first.to_tag.as_str(), "ff87ff");
        assert_eq!(first.from_tag.as_str(), "r33th4x0r");
        assert!(!first.early_only);
        let second = read("12adf2f34456gs5;to-tag=12345;from-tag=54321;Early-Only;x=y");
        assert!(second.early_only);
        let text = second.to_string();
        assert_eq!(
            text,
            "12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only"
        );
        assert_eq!(Replaces::parse(text.as_bytes()), Ok(second));
    }

    #[test]
    fn it_stands_once_and_so_does_each_tag() {
        for bad in [
            "",
            "a",
            ";to-tag=1;from-tag=2",
            "a;to-tag=1",
            "a;from-tag=1",
            "a;to-tag=1;to-tag=1;from-tag=2",
            "a;to-tag;from-tag=2",
            "a;to-tag=\"1\";from-tag=2",
            "a b;to-tag=1;from-tag=2",
            "a;to-tag=1;from-tag=2, b;to-tag=1;from-tag=2",
            "a;to-tag=1;from-tag=2\r\nReplaces: b;to-tag=1;from-tag=2",
        ] {
            let headers = headers(&format!("Replaces: {bad}"));
            assert!(headers.replaces().is_err(), "{bad}");
        }
        let long = format!("{};to-tag=1;from-tag=2", "a".repeat(513));
        assert!(Replaces::parse(long.as_bytes()).is_err());
        assert!(Replaces::parse(b"a\r\nVia: b;to-tag=1;from-tag=2").is_err());
        assert_eq!(headers("s: x").replaces(), Ok(None));
    }
}
