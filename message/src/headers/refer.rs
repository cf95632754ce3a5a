use crate::grammar::Cursor;
use crate::headers::{HeaderError, HeaderName, NameAddr, Params, Replaces};
use crate::uri::{SipUri, UriBuf, UriError};
use std::fmt;
use std::str::FromStr;

/// Where a REFER sends its receiver ([RFC 3515 2.1](https://www.rfc-editor.org/rfc/rfc3515#section-2.1)): a URI, whose
/// headers may name a dialog that is to be replaced there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferTo {
    uri: UriBuf,
}

impl ReferTo {
    /// The same target, and there the place of somebody: an attended transfer
    /// ([RFC 5589 7](https://www.rfc-editor.org/rfc/rfc5589#section-7)). It takes the place of all headers that the URI has.
    #[must_use]
    pub fn replacing(&self, replaces: &Replaces) -> Self {
        let target = self.target();
        let escaped = Escaped(replaces.to_string());
        let uri = UriBuf::parse(format!("{target}?Replaces={escaped}").as_bytes());
        Self {
            // What was a URI and has escaped text behind it is one.
            uri: uri.unwrap_or(target),
        }
    }

    /// The URI as it came.
    pub fn uri(&self) -> &UriBuf {
        &self.uri
    }

    /// The Request-URI of the request that is asked for.
    pub fn target(&self) -> UriBuf {
        self.uri.as_uri().to_request_uri()
    }

    /// Whether it asks for an INVITE, as nearly all do.
    pub fn is_invite(&self) -> bool {
        let uri = self.uri.as_uri();
        let method = uri.as_sip().and_then(SipUri::method);
        method.is_none_or(|method| method == b"INVITE")
    }

    /// The dialog that the INVITE is to replace. All other headers of the URI are left aside: a peer must not choose what
    /// our request says ([RFC 3261 19.1.5](https://www.rfc-editor.org/rfc/rfc3261#section-19.1.5)).
    pub fn replaces(&self) -> Result<Option<Replaces>, HeaderError> {
        let uri = self.uri.as_uri();
        let Some(uri) = uri.as_sip() else {
            return Ok(None);
        };
        let mut values = uri.header_values("Replaces");
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(HeaderError::duplicate(HeaderName::Replaces));
        }
        Replaces::parse(&value).map(Some)
    }
}

impl From<UriBuf> for ReferTo {
    fn from(uri: UriBuf) -> Self {
        Self { uri }
    }
}

impl From<NameAddr<'_>> for ReferTo {
    fn from(address: NameAddr<'_>) -> Self {
        Self {
            uri: address.uri.into(),
        }
    }
}

impl FromStr for ReferTo {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        text.parse::<UriBuf>().map(Self::from)
    }
}

impl fmt::Display for ReferTo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<{}>", self.uri)
    }
}

/// Whether a REFER makes a subscription, or its 2xx made one
/// ([RFC 4488 4](https://www.rfc-editor.org/rfc/rfc4488#section-4)).
pub(crate) fn take_refer_sub(cursor: &mut Cursor<'_>) -> Result<bool, &'static str> {
    let value = cursor.token().unwrap_or_default();
    Params::take(cursor)?;
    match () {
        () if value.eq_ignore_ascii_case(b"true") => Ok(true),
        () if value.eq_ignore_ascii_case(b"false") => Ok(false),
        () => Err("it is neither true nor false"),
    }
}

/// A value of a header in a URI ([RFC 3261 25.1](https://www.rfc-editor.org/rfc/rfc3261#section-25.1), `hvalue`).
struct Escaped(String);

impl fmt::Display for Escaped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.!~*'()[]/?:+$".contains(&byte) {
                write!(formatter, "{}", char::from(byte))?;
            } else {
                write!(formatter, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::headers;

    fn replaces() -> Replaces {
        Replaces::parse(b"a%b@\"c;to-tag=1;from-tag=2;early-only").unwrap()
    }

    #[test]
    fn the_examples_of_the_rfc() {
        let read = |text: &str| headers(&format!("r: {text}")).refer_to().unwrap();
        let plain = read("sip:alice@atlanta.example.com");
        assert_eq!(plain.target(), *plain.uri());
        assert!(plain.is_invite());
        let dave = read(
            "Dave <sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3B\
             to-tag%3D12345%3Bfrom-tag%3D5FFE-3994>;x=y",
        );
        let replaces = dave.replaces().unwrap().unwrap();
        assert_eq!(
            replaces.to_string(),
            "12345@192.168.118.3;to-tag=12345;from-tag=5FFE-3994"
        );
        assert_eq!(dave.target().to_string(), "sip:dave@denver.example.org");
        let carol = read("<sip:carol@cleveland.example.org;lr;METHOD=SUBSCRIBE>");
        assert!(!carol.is_invite());
        assert_eq!(
            carol.target().to_string(),
            "sip:carol@cleveland.example.org;lr"
        );
        assert_eq!(read("http://www.ietf.org").uri().as_uri().scheme(), "http");
    }

    #[test]
    fn it_stands_once() {
        for bad in ["s: x", "r: <sip:a>, <sip:b>", "r: sip:a\r\nRefer-To: sip:b"] {
            assert!(headers(bad).refer_to().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_replaces_goes_through_the_escapes_unharmed() {
        let target: ReferTo = "sip:a@b.c;transport=tcp?Subject=x".parse().unwrap();
        let refer_to = target.replacing(&replaces());
        let text = refer_to.to_string();
        assert!(text.starts_with("<sip:a@b.c;transport=tcp?Replaces=a%25b%40%22c%3Bto-tag%3D1"));
        let again = headers(&format!("Refer-To: {text}")).refer_to().unwrap();
        assert_eq!(again.replaces(), Ok(Some(replaces())));
    }

    #[test]
    fn a_uri_brings_no_other_header_and_no_line() {
        let bad = |uri: &str| uri.parse::<ReferTo>().unwrap().replaces();
        assert!(bad("sip:a@b.c?Replaces=a%0D%0AVia:%20x%3Bto-tag%3D1%3Bfrom-tag%3D2").is_err());
        assert!(bad("sip:a@b.c?Replaces=a&replaces=b").is_err());
        assert!(bad("sip:a@b.c?Replaces=a").is_err());
        assert_eq!(bad("sip:a@b.c?Route=a&Subject"), Ok(None));
        assert_eq!(bad("http://b.c/?Replaces=a"), Ok(None));
    }

    #[test]
    fn refer_sub_is_true_or_false() {
        assert_eq!(headers("Refer-Sub: false;a=b").refer_sub(), Ok(Some(false)));
        assert_eq!(headers("Refer-Sub: TRUE").refer_sub(), Ok(Some(true)));
        assert_eq!(headers("s: x").refer_sub(), Ok(None));
        assert!(headers("Refer-Sub: maybe").refer_sub().is_err());
    }
}
