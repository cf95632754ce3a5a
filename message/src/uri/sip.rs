use crate::grammar::{Class, Cursor, number_as, split_once};
use crate::headers::{ParamValue, Params};
use crate::host::Host;
use crate::uri::escape::{check_escapes, same_name, unescape};
use crate::uri::{UriError, check_characters};
use std::borrow::Cow;

/// A `sip` or `sips` URI ([RFC 3261 19.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-19.1.1)).
#[derive(Clone, Copy, Debug)]
pub struct SipUri<'a> {
    /// Whether it is a `sips` URI.
    pub secure: bool,
    /// The user, escaped as it came.
    pub user: Option<&'a [u8]>,
    /// The password, escaped as it came.
    pub password: Option<&'a [u8]>,
    /// The host.
    pub host: Host<'a>,
    /// The port, if one is given.
    pub port: Option<u16>,
    /// The parameters.
    pub params: Params<'a>,
    /// The headers behind `?`, escaped as they came, without the `?`.
    pub headers: Option<&'a [u8]>,
    text: &'a [u8],
}

impl<'a> SipUri<'a> {
    /// Reads what stands behind the scheme; `text` is the whole URI.
    pub(super) fn parse(text: &'a [u8], rest: &'a [u8], secure: bool) -> Result<Self, UriError> {
        if !Class::PLAIN_URI.has_all(rest) {
            check_characters(rest)?;
            check_escapes(rest)?;
        }
        let (userinfo, rest) = split_userinfo(rest);
        let (user, password) = userinfo.map_or((None, None), split_password);
        if user.is_some_and(<[u8]>::is_empty) {
            return Err(UriError::EmptyUser);
        }
        let mut cursor = Cursor::new(rest);
        let host = Host::take(&mut cursor).map_err(|_| UriError::BadHost)?;
        let port = take_port(&mut cursor)?;
        let params = take_params(&mut cursor)?;
        let headers = cursor.eat(b'?').then_some(cursor.rest());
        if headers.is_none() && !cursor.is_empty() {
            return Err(UriError::BadHost);
        }
        Ok(Self {
            secure,
            user,
            password,
            host,
            port,
            params,
            headers,
            text,
        })
    }

    /// The URI as it came.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text
    }

    /// The user with its escapes resolved, once.
    pub fn user_unescaped(&self) -> Option<Cow<'a, [u8]>> {
        self.user.map(unescape)
    }

    /// The transport parameter as it came.
    pub fn transport(&self) -> Option<&'a [u8]> {
        self.value(b"transport")
    }

    /// The address that overrides the host.
    pub fn maddr(&self) -> Option<Host<'a>> {
        Host::parse(self.value(b"maddr")?).ok()
    }

    /// Whether the element routes loosely, [RFC 3261 16.12](https://www.rfc-editor.org/rfc/rfc3261#section-16.12).
    pub fn lr(&self) -> bool {
        self.param(b"lr").is_some()
    }

    /// The time to live of a multicast datagram.
    pub fn ttl(&self) -> Option<u8> {
        number_as(self.value(b"ttl")?)
    }

    /// The method parameter as it came.
    pub fn method(&self) -> Option<&'a [u8]> {
        self.value(b"method")
    }

    /// The user parameter as it came: `phone`, `ip` …
    pub fn user_param(&self) -> Option<&'a [u8]> {
        self.value(b"user")
    }

    /// The values of all headers of that name behind `?`, with their escapes resolved. They may be anything.
    pub fn header_values(&self, name: &str) -> impl Iterator<Item = Cow<'a, [u8]>> {
        let headers = self.headers.unwrap_or_default();
        headers
            .split(|byte| *byte == b'&')
            .filter_map(move |field| {
                let at = memchr::memchr(b'=', field)?;
                let (candidate, value) = field.split_at_checked(at)?;
                same_name(candidate, name.as_bytes())
                    .then(|| unescape(value.get(1..).unwrap_or_default()))
            })
    }

    fn value(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.param(name)?.1.map(|value| value.as_bytes())
    }

    /// Unlike a header, a URI may escape the names of its parameters.
    fn param(&self, name: &[u8]) -> Option<(&'a [u8], Option<ParamValue<'a>>)> {
        self.params
            .iter()
            .find(|(candidate, _)| same_name(candidate, name))
    }
}

/// A `@` is legal only behind the user, but headers behind a `?` are often not escaped.
fn split_userinfo(rest: &[u8]) -> (Option<&[u8]>, &[u8]) {
    match split_once(rest, b'@') {
        Some((userinfo, hostport)) => (Some(userinfo), hostport),
        None => (None, rest),
    }
}

fn split_password(userinfo: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    match split_once(userinfo, b':') {
        Some((user, password)) => (Some(user), Some(password)),
        None => (Some(userinfo), None),
    }
}

fn take_port(cursor: &mut Cursor<'_>) -> Result<Option<u16>, UriError> {
    if !cursor.eat(b':') {
        return Ok(None);
    }
    let digits = cursor.take_all(Class::DIGIT);
    number_as(digits).map(Some).ok_or(UriError::BadPort)
}

fn take_params<'a>(cursor: &mut Cursor<'a>) -> Result<Params<'a>, UriError> {
    if cursor.peek() != Some(b';') {
        return Ok(Params::default());
    }
    let text = cursor.take_while(|byte| byte != b'?');
    let params = Params::of_uri(text);
    params.check_uri()?;
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uri::Uri;

    fn parse(text: &str) -> SipUri<'_> {
        *Uri::parse(text.as_bytes()).unwrap().as_sip().unwrap()
    }

    #[test]
    fn all_parts() {
        let uri =
            parse("sips:alice:secret@[2001:db8::1]:5061;transport=tcp;lr;ttl=15?Subject=a%20b");
        assert!(uri.secure && uri.lr());
        assert_eq!(uri.user, Some(&b"alice"[..]));
        assert_eq!(uri.password, Some(&b"secret"[..]));
        assert_eq!(uri.host.to_string(), "[2001:db8::1]");
        assert_eq!(uri.port, Some(5061));
        assert_eq!(uri.transport(), Some(&b"tcp"[..]));
        assert_eq!(uri.ttl(), Some(15));
        assert_eq!(uri.headers, Some(&b"Subject=a%20b"[..]));
    }

    #[test]
    fn a_host_alone() {
        let uri = parse("SIP:Example.com");
        assert_eq!((uri.user, uri.port, uri.headers), (None, None, None));
        assert!(uri.params.is_empty() && !uri.secure && !uri.lr());
    }

    #[test]
    fn escapes_are_resolved_once() {
        let uri = parse("sip:a%2541@example.com;%6C%72");
        assert_eq!(uri.user_unescaped().as_deref(), Some(&b"a%41"[..]));
        assert!(uri.lr());
    }

    #[test]
    fn a_comma_is_part_of_a_parameter() {
        let uri = parse("sip:example.com;x=1,2;lr");
        assert_eq!(
            uri.params.get("x").map(|value| value.as_bytes()),
            Some(&b"1,2"[..])
        );
        assert!(uri.lr());
    }

    #[test]
    fn headers_may_hold_what_should_be_escaped() {
        let uri = parse("sip:alice@example.com?Replaces=1@example.net");
        assert_eq!(uri.host.to_string(), "example.com");
        assert_eq!(uri.headers, Some(&b"Replaces=1@example.net"[..]));
    }

    #[test]
    fn what_is_no_sip_uri() {
        for (text, error) in [
            ("sip:", UriError::BadHost),
            ("sip:@example.com", UriError::EmptyUser),
            ("sip:alice@", UriError::BadHost),
            ("sip:exa mple.com", UriError::BadCharacter),
            ("sip:<example.com>", UriError::BadCharacter),
            ("sip:a\r\nb@example.com", UriError::BadCharacter),
            ("sip:grüß@example.com", UriError::BadCharacter),
            ("sip:100%@example.com", UriError::BadEscape),
            ("sip:%zz@example.com", UriError::BadEscape),
            ("sip:example.com%4", UriError::BadEscape),
            ("sip:example.com:", UriError::BadPort),
            ("sip:example.com:65536", UriError::BadPort),
            ("sip:example.com;;lr", UriError::BadParameter),
            ("sip:example.com;=a", UriError::BadParameter),
            ("sip:example.com/a", UriError::BadHost),
            ("sip:2001:db8::10", UriError::BadHost),
        ] {
            assert_eq!(
                Uri::parse(text.as_bytes()).map(|uri| uri.to_string()),
                Err(error),
                "{text}"
            );
        }
    }
}
