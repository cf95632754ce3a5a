//! When two URIs are the same ([RFC 3261 19.1.4](https://www.rfc-editor.org/rfc/rfc3261#section-19.1.4),
//! [RFC 3966 5](https://www.rfc-editor.org/rfc/rfc3966#section-5)).

use crate::headers::{ParamValue, Params};
use crate::uri::escape::{same, same_name};
use crate::uri::tel::without_separators;
use crate::uri::{SipUri, TelUri, Uri};

impl Uri<'_> {
    /// Whether both name the same resource. URIs of other schemes are compared octet by octet, and so are those with more
    /// than 32 parameters or headers.
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        match (self, other) {
            (one, two) if one.as_bytes() == two.as_bytes() => true,
            (Self::Sip(one), Uri::Sip(two)) => sip_equivalent(one, two),
            (Self::Tel(one), Uri::Tel(two)) => tel_equivalent(one, two),
            _ => false,
        }
    }
}

fn sip_equivalent(one: &SipUri<'_>, two: &SipUri<'_>) -> bool {
    one.secure == two.secure
        && same_optional(one.user, two.user)
        && same_optional(one.password, two.password)
        && one.host == two.host
        && one.port == two.port
        && both_ways(one.params, two.params, sip_params_agree)
        && headers_agree(one.headers, two.headers)
}

fn same_optional(one: Option<&[u8]>, two: Option<&[u8]>) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => same(one, two, u8::eq),
        (None, None) => true,
        _ => false,
    }
}

fn both_ways(one: Params<'_>, two: Params<'_>, agree: fn(Params<'_>, Params<'_>) -> bool) -> bool {
    one.iter().count().max(two.iter().count()) <= MOST_COMPARED
        && agree(one, two)
        && agree(two, one)
}

/// Parameters that are on both sides must match; of those on one side only, most are ignored.
fn sip_params_agree(one: Params<'_>, two: Params<'_>) -> bool {
    one.iter().all(|(name, value)| match find(two, name) {
        Some((_, other)) => same_value(value, other),
        None => !NEVER_IGNORED.iter().any(|fixed| same_name(name, fixed)),
    })
}

fn find<'a>(params: Params<'a>, name: &[u8]) -> Option<(&'a [u8], Option<ParamValue<'a>>)> {
    params
        .iter()
        .find(|(candidate, _)| same_name(candidate, name))
}

fn same_value(one: Option<ParamValue<'_>>, two: Option<ParamValue<'_>>) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => same(one.as_bytes(), two.as_bytes(), u8::eq_ignore_ascii_case),
        (None, None) => true,
        _ => false,
    }
}

/// Headers are never ignored; their order does not matter.
fn headers_agree(one: Option<&[u8]>, two: Option<&[u8]>) -> bool {
    let (one, two) = (one.unwrap_or_default(), two.unwrap_or_default());
    let all_in = |some, others| {
        headers(some).all(|header| headers(others).any(|other| same_header(header, other)))
    };
    let count = headers(one).count();
    count == headers(two).count() && count <= MOST_COMPARED && all_in(one, two) && all_in(two, one)
}

fn headers(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'&')
        .filter(|header| !header.is_empty())
}

fn same_header(one: &[u8], two: &[u8]) -> bool {
    let (one_name, one_value) = split_header(one);
    let (two_name, two_value) = split_header(two);
    same_name(one_name, two_name) && same(one_value, two_value, u8::eq)
}

fn split_header(header: &[u8]) -> (&[u8], &[u8]) {
    let length = memchr::memchr(b'=', header).unwrap_or(header.len());
    header.split_at_checked(length).unwrap_or((header, &[]))
}

fn tel_equivalent(one: &TelUri<'_>, two: &TelUri<'_>) -> bool {
    one.digits().eq(two.digits()) && both_ways(one.params, two.params, tel_params_agree)
}

/// Every parameter must be on both sides. In those that are numbers, visual separators do not count.
fn tel_params_agree(one: Params<'_>, two: Params<'_>) -> bool {
    one.iter()
        .all(|(name, value)| match (value, find(two, name)) {
            (Some(value), Some((_, Some(other)))) if is_number(name, value) => {
                without_separators(value.as_bytes()).eq(without_separators(other.as_bytes()))
            }
            (value, Some((_, other))) => same_value(value, other),
            (_, None) => false,
        })
}

fn is_number(name: &[u8], value: ParamValue<'_>) -> bool {
    same_name(name, b"ext")
        || (same_name(name, b"phone-context") && value.as_bytes().starts_with(b"+"))
}

/// A URI with one of these differs from one without.
const NEVER_IGNORED: [&[u8]; 5] = [b"user", b"ttl", b"method", b"maddr", b"transport"];

/// Each parameter is searched for on the other side: a bound on that square.
const MOST_COMPARED: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn equivalent(one: &str, two: &str) -> bool {
        let (one, two) = (
            Uri::parse(one.as_bytes()).unwrap(),
            Uri::parse(two.as_bytes()).unwrap(),
        );
        assert_eq!(one.equivalent(&two), two.equivalent(&one), "{one} {two}");
        one.equivalent(&two)
    }

    #[test]
    fn the_equal_ones_of_19_1_4() {
        for (one, two) in [
            (
                "sip:%61lice@atlanta.com;transport=TCP",
                "sip:alice@AtLanTa.CoM;Transport=tcp",
            ),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            (
                "sip:carol@chicago.com;newparam=5",
                "sip:carol@chicago.com;security=on",
            ),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
        ] {
            assert!(equivalent(one, two), "{one} {two}");
        }
    }

    #[test]
    fn the_different_ones_of_19_1_4() {
        for (one, two) in [
            (
                "SIP:ALICE@AtLanTa.CoM;Transport=udp",
                "sip:alice@AtLanTa.CoM;Transport=UDP",
            ),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            (
                "sip:bob@biloxi.com",
                "sip:bob@biloxi.com:6000;transport=tcp",
            ),
            (
                "sip:carol@chicago.com",
                "sip:carol@chicago.com?Subject=next%20meeting",
            ),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            (
                "sip:carol@chicago.com;security=on",
                "sip:carol@chicago.com;security=off",
            ),
        ] {
            assert!(!equivalent(one, two), "{one} {two}");
        }
    }

    #[test]
    fn more_differences() {
        for (one, two) in [
            ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
            ("sip:bob@biloxi.com", "tel:+1234"),
            ("sip:bob@biloxi.com", "sip:biloxi.com"),
            ("sip:bob:a@biloxi.com", "sip:bob:b@biloxi.com"),
            ("sip:bob:a@biloxi.com", "sip:bob@biloxi.com"),
            ("sip:a%3Bb@biloxi.com", "sip:a;b@biloxi.com"),
            ("sip:biloxi.com?a=1&a=1", "sip:biloxi.com?a=1&b=1"),
            ("sip:biloxi.com;user=phone", "sip:biloxi.com"),
            ("sip:biloxi.com;ttl=1", "sip:biloxi.com"),
            ("sip:biloxi.com;maddr=192.0.2.1", "sip:biloxi.com"),
            ("urn:service:sos", "urn:service:SOS"),
        ] {
            assert!(!equivalent(one, two), "{one} {two}");
        }
        assert!(equivalent("sip:[2001:DB8::1]", "sip:[2001:db8:0::1]"));
        assert!(equivalent("urn:service:sos", "urn:service:sos"));
    }

    #[test]
    fn telephone_numbers() {
        assert!(equivalent("tel:+1-201-555-0123", "tel:+1(201)555.0123"));
        assert!(equivalent(
            "tel:7042;phone-context=Example.com",
            "tel:7042;PHONE-CONTEXT=example.com"
        ));
        assert!(equivalent(
            "tel:863-1234;phone-context=+1-914-555;ext=12",
            "tel:8631234;ext=1-2;phone-context=+1914555"
        ));
        assert!(!equivalent(
            "tel:+12015550123",
            "tel:12015550123;phone-context=+1"
        ));
        assert!(!equivalent("tel:+12015550123", "tel:+12015550123;ext=1"));
        assert!(!equivalent(
            "tel:7042;phone-context=a-b.com",
            "tel:7042;phone-context=ab.com"
        ));
    }

    #[test]
    fn the_effort_is_bounded() {
        let many = |value| format!("sip:biloxi.com{}", format!(";a={value}").repeat(33));
        assert!(!equivalent(&many("b"), &many("B")));
        assert!(equivalent(&many("b"), &many("b")));
    }
}
