use crate::grammar::{Class, Cursor, number_as};
use crate::headers::{ParamValue, Params};
use crate::host::Host;

/// One value of Via ([RFC 3261 20.42](https://www.rfc-editor.org/rfc/rfc3261#section-20.42)).
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    /// The transport as it came: `UDP`, `TCP`, `TLS`, `WS` … in any case.
    pub transport: &'a [u8],
    /// The host of sent-by.
    pub host: Host<'a>,
    /// The port of sent-by.
    pub port: Option<u16>,
    /// The sent-by as it came.
    pub sent_by: &'a [u8],
    /// The parameters.
    pub params: Params<'a>,
    known: Known<'a>,
}

/// The parameters that every server asks for. The first of a name counts.
#[derive(Clone, Copy, Debug)]
struct Known<'a> {
    branch: Option<ParamValue<'a>>,
    received: Option<ParamValue<'a>>,
    maddr: Option<ParamValue<'a>>,
    rport: Rport,
}

impl<'a> Known<'a> {
    const NONE: Self = Self {
        branch: None,
        received: None,
        maddr: None,
        rport: Rport::Absent,
    };

    fn note(&mut self, name: &[u8], value: Option<ParamValue<'a>>) {
        if name.eq_ignore_ascii_case(b"branch") {
            self.branch = self.branch.or(value);
        } else if name.eq_ignore_ascii_case(b"rport") {
            if self.rport == Rport::Absent {
                let port = value.and_then(|value| number_as(value.as_bytes()));
                self.rport = port.map_or(Rport::Requested, Rport::Port);
            }
        } else if name.eq_ignore_ascii_case(b"received") {
            self.received = self.received.or(value);
        } else if name.eq_ignore_ascii_case(b"maddr") {
            self.maddr = self.maddr.or(value);
        }
    }
}

impl<'a> Via<'a> {
    /// Takes one value. The protocol may be any: a 505 to `SIP/7.0` is routed by its Via.
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, &'static str> {
        let via = Self::take_to_sent_by(cursor)?;
        let mut known = Known::NONE;
        let params = Params::take_each(cursor, |name, value| known.note(name, value))?;
        Ok(Self {
            params,
            known,
            ..via
        })
    }

    /// [`Self::take`] without the parameters.
    pub(crate) fn take_to_sent_by(cursor: &mut Cursor<'a>) -> Result<Self, &'static str> {
        take_protocol(cursor)?;
        let transport = cursor.token().ok_or("the transport is missing")?;
        cursor.skip_lws();
        let start = *cursor;
        let host = Host::take(cursor)
            .map_err(|_| "the host of sent-by is neither a name nor an address")?;
        let mut sent_by = cursor.since(start);
        let mut port = None;
        if cursor.separator(b':') {
            port = Some(take_port(cursor)?);
            sent_by = cursor.since(start);
        }
        Ok(Self {
            transport,
            host,
            port,
            sent_by,
            params: Params::default(),
            known: Known::NONE,
        })
    }

    /// The transaction identifier, [RFC 3261 8.1.1.7](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.1.7).
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.known.branch.map(|value| value.as_bytes())
    }

    /// The address from which the previous hop sent; IPv6 with or without brackets.
    pub fn received(&self) -> Option<Host<'a>> {
        Host::parse_received(self.known.received?.as_bytes()).ok()
    }

    /// The port of [RFC 3581](https://www.rfc-editor.org/rfc/rfc3581#section-4).
    pub fn rport(&self) -> Rport {
        self.known.rport
    }

    /// Where responses go instead of sent-by.
    pub fn maddr(&self) -> Option<Host<'a>> {
        Host::parse(self.known.maddr?.as_bytes()).ok()
    }

    /// The time to live of a multicast datagram.
    pub fn ttl(&self) -> Option<u8> {
        number_as(self.params.get("ttl")?.as_bytes())
    }
}

/// The rport parameter of a Via.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rport {
    /// There is none.
    Absent,
    /// The client asks for responses to its source port.
    Requested,
    /// A server has filled in the source port.
    Port(u16),
}

/// Takes `SIP/2.0/`, or another protocol.
fn take_protocol(cursor: &mut Cursor<'_>) -> Result<(), &'static str> {
    if cursor.eat_all(b"SIP/2.0/") {
        cursor.skip_lws();
        return Ok(());
    }
    cursor.token().ok_or("the protocol name is missing")?;
    if !cursor.separator(b'/') {
        return Err("the protocol version is missing");
    }
    cursor.token().ok_or("the protocol version is missing")?;
    if !cursor.separator(b'/') {
        return Err("the transport is missing");
    }
    Ok(())
}

fn take_port(cursor: &mut Cursor<'_>) -> Result<u16, &'static str> {
    number_as(cursor.take_all(Class::DIGIT))
        .ok_or("the port of sent-by is not a number up to 65535")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::tests::headers;

    #[test]
    fn all_parts() {
        let headers = headers(
            "v: SIP/2.0/tls [2001:db8::1]:5061;branch=z9hG4bK7;rport=5062;received=192.0.2.1;maddr=224.0.1.75;ttl=16",
        );
        let via = headers.via().unwrap();
        assert_eq!(via.transport, b"tls");
        assert_eq!(via.sent_by, b"[2001:db8::1]:5061");
        assert_eq!(
            (via.host.to_string().as_str(), via.port),
            ("[2001:db8::1]", Some(5061))
        );
        assert_eq!(via.branch(), Some(&b"z9hG4bK7"[..]));
        assert_eq!(via.received(), Host::parse(b"192.0.2.1").ok());
        assert_eq!(via.maddr(), Host::parse(b"224.0.1.75").ok());
        assert_eq!((via.rport(), via.ttl()), (Rport::Port(5062), Some(16)));
    }

    #[test]
    fn white_space_is_legal_everywhere() {
        let headers = headers(
            "Via: SIP  / 2.0\r\n /UDP\r\n  example.com : 5070 ; rport ;\r\n branch  =\r\n z9 , SIP/2.0/TCP b\r\nv: SIP/2.0/WS c",
        );
        let vias: Vec<_> = headers.vias().collect::<Result<_, _>>().unwrap();
        assert_eq!(vias.len(), 3);
        assert_eq!((vias[0].transport, vias[0].port), (&b"UDP"[..], Some(5070)));
        assert_eq!(
            (vias[0].branch(), vias[0].rport()),
            (Some(&b"z9"[..]), Rport::Requested)
        );
        assert_eq!(
            (vias[1].host, vias[1].port, vias[1].rport()),
            (Host::Name("b"), None, Rport::Absent)
        );
        assert_eq!((vias[1].branch(), vias[1].received()), (None, None));
        assert_eq!(vias[2].transport, b"WS");
    }

    #[test]
    fn received_needs_no_brackets() {
        for received in ["[2001:db8::9:255]", "2001:db8::9:255"] {
            let headers = headers(&format!("Via: SIP/2.0/UDP a;received={received}"));
            assert_eq!(
                headers.via().unwrap().received(),
                Host::parse(b"[2001:db8::9:255]").ok(),
                "{received}"
            );
        }
    }

    #[test]
    fn the_topmost_does_not_mind_those_below() {
        let headers = headers("Via: SIP/2.0/UDP a, garbage");
        assert!(headers.via().is_ok());
        assert!(headers.vias().last().unwrap().is_err());
    }

    #[test]
    fn a_bad_parameter_does_not_hide_the_sender() {
        let headers = headers("Via: SIP/2.0/UDP 192.0.2.15;;,;,,");
        assert!(headers.via().is_err());
        let via = headers.via_to_sent_by().unwrap();
        assert_eq!(
            (via.sent_by, via.params.is_empty()),
            (&b"192.0.2.15"[..], true)
        );
    }

    #[test]
    fn what_is_no_via() {
        for text in [
            "",
            "SIP/2.0",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP :5060",
            "SIP/2.0/UDP a:",
            "SIP/2.0/UDP a:65536",
            "SIP/2.0/UDP a b",
            "SIP/2.0/UDP 2001:db8::1",
            "SIP/2.0/UDP a;;b",
            "SIP/2.0/UDP a;",
            "SIP/2.0/UDP a;branch=",
            "SIP/2.0/UDP a;b=\"c",
        ] {
            assert!(headers(&format!("Via: {text}")).via().is_err(), "{text}");
        }
    }
}
