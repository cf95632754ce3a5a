use crate::grammar::{Class, Cursor, number_as, trim_lws_end, unquote};
use crate::headers::elements::Elements;
use crate::headers::{HeaderError, HeaderName, Params};
use crate::uri::{Uri, UriError};
use std::borrow::Cow;
use std::fmt;

/// A URI with an optional name and header parameters: From, To, Contact, Route, Record-Route
/// ([RFC 3261 20.10](https://www.rfc-editor.org/rfc/rfc3261#section-20.10)).
#[derive(Clone, Copy, Debug)]
pub struct NameAddr<'a> {
    /// The name in front of `<`.
    pub display_name: Option<DisplayName<'a>>,
    /// The URI.
    pub uri: Uri<'a>,
    /// The parameters behind the URI. Without `<>` all parameters are these, none the URI's.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, &'static str> {
        let (display_name, uri) = take_address(cursor)?;
        let uri = Uri::parse(uri).map_err(UriError::reason)?;
        let params = Params::take(cursor)?;
        Ok(Self {
            display_name,
            uri,
            params,
        })
    }

    /// The values of a Route or Record-Route header, separated by commas.
    pub fn parse_list(value: &'a [u8]) -> impl Iterator<Item = Result<Self, HeaderError>> {
        Elements::new(HeaderName::Route, value, Self::take)
    }

    /// The tag parameter, [RFC 3261 19.3](https://www.rfc-editor.org/rfc/rfc3261#section-19.3).
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.get("tag").map(|value| value.as_bytes())
    }

    /// The URI as it came, without `<>`.
    pub fn uri_bytes(&self) -> &'a [u8] {
        self.uri.as_bytes()
    }
}

/// The name of a [`NameAddr`]: tokens, or a quoted string.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DisplayName<'a> {
    text: &'a [u8],
}

impl<'a> DisplayName<'a> {
    /// The name as it came, with quotes if it has them.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text
    }

    /// The name without quotes and backslashes.
    pub fn unquoted(&self) -> Cow<'a, [u8]> {
        unquote(self.text)
    }
}

impl fmt::Display for DisplayName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(&self.unquoted()))
    }
}

impl fmt::Debug for DisplayName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.text.escape_ascii())
    }
}

/// One value of Contact.
#[derive(Clone, Copy, Debug)]
pub enum Contact<'a> {
    /// `*`, all bindings of a REGISTER.
    Star,
    /// An address.
    Address(NameAddr<'a>),
}

impl<'a> Contact<'a> {
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, &'static str> {
        let mut star = *cursor;
        if star.eat(b'*') {
            star.skip_lws();
            if star.is_empty() {
                *cursor = star;
                return Ok(Self::Star);
            }
        }
        NameAddr::take(cursor).map(Self::Address)
    }

    /// The address, `None` for `*`.
    pub fn address(&self) -> Option<&NameAddr<'a>> {
        match self {
            Self::Star => None,
            Self::Address(address) => Some(address),
        }
    }

    /// The preference in thousandths, 0 to 1000.
    pub fn q(&self) -> Option<u16> {
        thousandths(self.address()?.params.get("q")?.as_bytes())
    }

    /// The expires parameter, in seconds.
    pub fn expires(&self) -> Option<u32> {
        number_as(self.address()?.params.get("expires")?.as_bytes())
    }
}

/// The tag parameter of a From or To. Nothing else of the value is looked at.
pub(super) fn tag_of(value: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor::new(value);
    take_address(&mut cursor).ok()?;
    let tag = Params::new(cursor.rest()).get("tag")?;
    Some(tag.as_bytes())
}

/// The URI of the first value, not looked at.
pub(super) fn uri_of(value: &[u8]) -> Option<&[u8]> {
    let (_, uri) = take_address(&mut Cursor::new(value)).ok()?;
    Some(uri)
}

/// Takes what stands in front of the header parameters: the name and the URI.
fn take_address<'a>(
    cursor: &mut Cursor<'a>,
) -> Result<(Option<DisplayName<'a>>, &'a [u8]), &'static str> {
    let display_name = take_display_name(cursor)?;
    let uri = if cursor.eat(b'<') {
        let end = memchr::memchr(b'>', cursor.rest()).ok_or("the < has no >")?;
        let uri = cursor.take(end);
        cursor.eat(b'>');
        uri
    } else if display_name.is_some() {
        return Err("the display name is not followed by <");
    } else {
        take_addr_spec(cursor)?
    };
    Ok((display_name, uri))
}

/// Takes what stands in front of `<`, or nothing when there is no `<` behind it.
fn take_display_name<'a>(cursor: &mut Cursor<'a>) -> Result<Option<DisplayName<'a>>, &'static str> {
    if cursor.peek() == Some(b'"') {
        let text = cursor
            .quoted_string()
            .ok_or("the quoted display name does not end")?;
        cursor.skip_lws();
        return Ok(Some(DisplayName { text }));
    }
    let mut behind = *cursor;
    let text = trim_lws_end(behind.take_all(Class::DISPLAY_NAME));
    if behind.peek() != Some(b'<') {
        return Ok(None);
    }
    *cursor = behind;
    Ok((!text.is_empty()).then_some(DisplayName { text }))
}

/// A URI without `<>`.
fn take_addr_spec<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], &'static str> {
    let uri = cursor.take_all(Class::ADDR_SPEC);
    if uri.contains(&b'?') {
        return Err("a URI with ? needs < and >");
    }
    Ok(uri)
}

pub(super) fn thousandths(text: &[u8]) -> Option<u16> {
    let mut cursor = Cursor::new(text);
    let whole: u16 = number_as(cursor.take_all(Class::DIGIT))?;
    let mut value = whole.checked_mul(1000)?;
    if cursor.eat(b'.') {
        let digits = cursor.take_all(Class::DIGIT);
        if digits.len() > 3 {
            return None;
        }
        for (digit, unit) in digits.iter().zip([100_u16, 10, 1]) {
            value = value.checked_add(u16::from(digit - b'0') * unit)?;
        }
    }
    (cursor.is_empty() && value <= 1000).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::headers;

    fn check(text: &str, name: Option<&str>, uri: &str, tag: Option<&str>) {
        let headers = headers(&format!("From: {text}"));
        let from = headers.from().unwrap();
        assert_eq!(
            from.display_name.map(|name| name.to_string()).as_deref(),
            name,
            "{text}"
        );
        assert_eq!(from.uri.to_string(), uri, "{text}");
        assert_eq!(from.tag(), tag.map(str::as_bytes), "{text}");
    }

    #[test]
    fn with_and_without_brackets() {
        check("sip:a@b.c", None, "sip:a@b.c", None);
        check("sip:a@b.c;tag=1", None, "sip:a@b.c", Some("1"));
        check(
            "<sip:a@b.c;lr>\r\n ; \r\n TAG = 1",
            None,
            "sip:a@b.c;lr",
            Some("1"),
        );
        check("<sip:a@b.c;tag=2>", None, "sip:a@b.c;tag=2", None);
        check("tel:+1;tag=1", None, "tel:+1", Some("1"));
    }

    #[test]
    fn display_names() {
        check(
            "Alice B. Carol <sip:a>",
            Some("Alice B. Carol"),
            "sip:a",
            None,
        );
        check("caller<sip:a>", Some("caller"), "sip:a", None);
        check(
            "\"a \\\\\\\"<b>;, c\" \r\n <sip:a>;tag=1",
            Some("a \\\"<b>;, c"),
            "sip:a",
            Some("1"),
        );
        check("\"\"<sip:a>", Some(""), "sip:a", None);
        check("Grüß <sip:a>", Some("Grüß"), "sip:a", None);
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "",
            "<>",
            "alice",
            "\"Mr. User <sip:a>",
            "\"User\" sip:a",
            "Bell, Alexander <sip:a>",
            "< sip:a >",
            "<sip:a",
            "<sip:a>;",
            "<sip:a>;;tag=1",
            "<sip:a> tag",
            "<sip:a>, <sip:b>",
            "sip:a?Route=b",
            "sip:2001:db8::10",
        ] {
            assert!(headers(&format!("From: {text}")).from().is_err(), "{text}");
        }
    }

    #[test]
    fn contacts() {
        let headers = headers(
            "m: <sip:a,b@f>;q=0.7;expires=60, \"x, y\" <sip:c>;q=1.000\r\nContact: sip:d;q=0.1234, sip:e;q=2",
        );
        let contacts: Vec<_> = headers.contacts().collect::<Result<_, _>>().unwrap();
        let uris: Vec<_> = contacts
            .iter()
            .map(|contact| contact.address().unwrap().uri.to_string())
            .collect();
        assert_eq!(uris, ["sip:a,b@f", "sip:c", "sip:d", "sip:e"]);
        let preferences: Vec<_> = contacts.iter().map(Contact::q).collect();
        assert_eq!(preferences, [Some(700), Some(1000), None, None]);
        assert_eq!(contacts[0].expires(), Some(60));
        assert_eq!(contacts[1].expires(), None);
    }

    #[test]
    fn the_star_stands_alone() {
        assert!(matches!(
            headers("Contact: *").contacts().next(),
            Some(Ok(Contact::Star))
        ));
        assert!(matches!(
            headers("Contact: *, sip:a").contacts().next(),
            Some(Err(_))
        ));
        assert!(matches!(
            headers("Contact: * <sip:a>").contacts().next(),
            Some(Ok(Contact::Address(_)))
        ));
    }

    #[test]
    fn routes() {
        let headers =
            headers("Route: <sip:a;lr>,<sip:b>\r\nRoute: <sip:c;lr>\r\nRecord-Route: <sip:d>");
        let routes: Vec<_> = headers
            .routes()
            .map(|route| route.unwrap().uri.as_sip().unwrap().lr())
            .collect();
        assert_eq!(routes, [true, false, true]);
        assert_eq!(headers.record_routes().count(), 1);
    }
}
