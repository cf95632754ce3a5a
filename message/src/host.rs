//! Hosts of URIs and of Via ([RFC 3261 25.1](https://www.rfc-editor.org/rfc/rfc3261#section-25.1), RFC 5118).

use crate::grammar::{Class, Cursor, ascii};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host name or an address. Names compare without regard to case.
#[derive(Clone, Copy, Debug)]
pub enum Host<'a> {
    /// A domain name.
    Name(&'a str),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address; it is written in brackets.
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// Reads a host: a name, an IPv4 address or an IPv6 address in brackets.
    ///
    /// Three colons in an IPv6 address count as two, as RFC 5118 4.10 asks.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, InvalidHost> {
        if let [b'[', address @ .., b']'] = bytes {
            return ipv6(address).map(Self::V6).ok_or(InvalidHost);
        }
        if !Class::HOST.has_all(bytes) {
            return Err(InvalidHost);
        }
        name_or_v4(bytes)
    }

    /// [`Host::parse`], and an IPv6 address without brackets, as RFC 5118 4.5 asks for the received parameter.
    pub(crate) fn parse_received(bytes: &'a [u8]) -> Result<Self, InvalidHost> {
        Self::parse(bytes).or_else(|invalid| ipv6(bytes).map(Self::V6).ok_or(invalid))
    }

    /// Takes a host off the front of `cursor`.
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, InvalidHost> {
        if cursor.peek() != Some(b'[') {
            if let Some((address, length)) = ipv4_prefix(cursor.rest()) {
                cursor.take(length);
                return Ok(Self::V4(address));
            }
            return name_or_v4(cursor.take_all(Class::HOST));
        }
        let end = memchr::memchr(b']', cursor.rest()).ok_or(InvalidHost)?;
        Self::parse(cursor.take(end + 1))
    }

    /// The address, `None` for a name.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(address) => Some((*address).into()),
            Self::V6(address) => Some((*address).into()),
        }
    }
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(one), Self::Name(two)) => one.eq_ignore_ascii_case(two),
            (Self::V4(one), Self::V4(two)) => one == two,
            (Self::V6(one), Self::V6(two)) => one == two,
            _ => false,
        }
    }
}

impl Eq for Host<'_> {}

impl From<IpAddr> for Host<'_> {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::V4(address) => address.fmt(formatter),
            Self::V6(address) => write!(formatter, "[{address}]"),
        }
    }
}

/// The text is neither a host name nor an IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidHost;

impl fmt::Display for InvalidHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "the host is neither a name, an IPv4 address nor an IPv6 address in brackets",
        )
    }
}

impl std::error::Error for InvalidHost {}

/// The octets are all of those that names are made of.
fn name_or_v4(bytes: &[u8]) -> Result<Host<'_>, InvalidHost> {
    if matches!(bytes, [] | [b'.' | b'-', ..]) {
        return Err(InvalidHost);
    }
    if let Some((address, _)) = ipv4_prefix(bytes) {
        return Ok(Host::V4(address));
    }
    if bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.')) {
        return Err(InvalidHost);
    }
    let text = std::str::from_utf8(bytes);
    text.map(Host::Name).map_err(|_| InvalidHost)
}

/// The IPv4 address at the front, and its length, unless it is the beginning of a longer name. Every message has a handful,
/// so they are read in one pass.
fn ipv4_prefix(bytes: &[u8]) -> Option<(Ipv4Addr, usize)> {
    let mut address = 0;
    let mut rest = bytes;
    for dot in 0..4 {
        if dot > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        let (octet, behind) = take_octet(rest)?;
        address = address << 8 | octet;
        rest = behind;
    }
    if rest.first().is_some_and(|byte| Class::HOST.has(*byte)) {
        return None;
    }
    Some((Ipv4Addr::from(address), bytes.len() - rest.len()))
}

/// A number up to 255 of at most three digits, which may begin with zeros: they are decimal all the same.
fn take_octet(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (mut octet, mut rest) = (0, bytes);
    for _ in 0..3 {
        let [digit @ b'0'..=b'9', behind @ ..] = rest else {
            break;
        };
        octet = octet * 10 + u32::from(digit - b'0');
        rest = behind;
    }
    (octet <= 255 && rest.len() < bytes.len()).then_some((octet, rest))
}

fn ipv6(bytes: &[u8]) -> Option<Ipv6Addr> {
    let text = ascii(bytes)?;
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (front, back) = text.split_once(":::")?;
    if text.len() > LONGEST_IPV6 {
        return None;
    }
    format!("{front}::{back}").parse().ok()
}

/// The longest text of an IPv6 address, with an embedded IPv4 address and a colon too many.
const LONGEST_IPV6: usize = 46;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_kinds() {
        assert_eq!(Host::parse(b"Example.COM"), Ok(Host::Name("example.com")));
        assert_eq!(
            Host::parse(b"192.0.2.1"),
            Ok(Host::V4(Ipv4Addr::new(192, 0, 2, 1)))
        );
        assert_eq!(Host::parse(b"[::1]"), Ok(Host::V6(Ipv6Addr::LOCALHOST)));
        assert_eq!(Host::parse(b"[::1]").unwrap().to_string(), "[::1]");
    }

    /// The grammar has one to three digits.
    #[test]
    fn zeros_before_an_octet_change_nothing() {
        for (text, address) in [
            ("192.000.002.001", [192, 0, 2, 1]),
            ("010.08.0.00", [10, 8, 0, 0]),
            ("1.2.3.04", [1, 2, 3, 4]),
        ] {
            let host = Host::V4(address.into());
            assert_eq!(Host::parse(text.as_bytes()), Ok(host));
            let text = format!("{text}:5060");
            let mut cursor = Cursor::new(text.as_bytes());
            assert_eq!(Host::take(&mut cursor), Ok(host));
            assert_eq!(cursor.rest(), b":5060");
        }
    }

    #[test]
    fn three_colons_are_two() {
        assert_eq!(
            Host::parse(b"[2001:db8:::192.0.2.1]"),
            Host::parse(b"[2001:db8::192.0.2.1]")
        );
    }

    #[test]
    fn a_name_may_begin_as_an_address() {
        for name in [
            "192.0.2.1.example.com",
            "192.0.2.1-a",
            "192.0.2.example",
            "1a",
        ] {
            assert_eq!(Host::parse(name.as_bytes()), Ok(Host::Name(name)));
            let text = format!("{name}:5060");
            let mut cursor = Cursor::new(text.as_bytes());
            assert_eq!(Host::take(&mut cursor), Ok(Host::Name(name)));
            assert_eq!(cursor.rest(), b":5060");
        }
        let mut cursor = Cursor::new(b"192.0.2.1;lr");
        assert!(matches!(Host::take(&mut cursor), Ok(Host::V4(_))));
        assert_eq!(cursor.rest(), b";lr");
    }

    #[test]
    fn what_is_no_host() {
        for text in [
            "",
            "256.0.0.1",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.0004",
            "1.0002.3.4",
            "1.2.3.260",
            "1.2..4",
            "2001:db8::10",
            "[2001:db8::10",
            "[]",
            "a b",
            "-a",
            "exa<mple",
            "grüß.de",
        ] {
            assert_eq!(Host::parse(text.as_bytes()), Err(InvalidHost), "{text}");
        }
    }
}
