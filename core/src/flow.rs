//! Where a message came from and where one goes.

use std::fmt;
use std::net::SocketAddr;

use offhook_message::{SipUri, ValueWriter};

/// A transport of SIP ([RFC 3261 §18](https://www.rfc-editor.org/rfc/rfc3261#section-18),
/// [RFC 7118](https://www.rfc-editor.org/rfc/rfc7118)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams: every message may be lost, doubled or overtaken.
    Udp,
    /// A stream.
    Tcp,
    /// A stream over TLS.
    Tls,
    /// A WebSocket.
    Ws,
    /// A WebSocket over TLS.
    Wss,
}

impl Transport {
    /// The transport named by a Via or by a `transport` parameter, in any case.
    pub fn parse(token: &[u8]) -> Option<Self> {
        [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss]
            .into_iter()
            .find(|transport| token.eq_ignore_ascii_case(transport.as_str().as_bytes()))
    }

    /// The name as Via writes it: `UDP`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The name as a URI parameter writes it: `udp`.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// Whether the transport itself repeats what is lost: everything but UDP.
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// The transport that carries the same messages over TLS, as a `sips` URI asks for
    /// ([RFC 3261 §26.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-26.2.2)).
    #[must_use]
    pub const fn secured(self) -> Self {
        match self {
            Self::Udp | Self::Tcp | Self::Tls => Self::Tls,
            Self::Ws | Self::Wss => Self::Wss,
        }
    }

    /// Whether it is a WebSocket, with TLS or without.
    pub const fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// The transport that a URI asks for: UDP where it names none
    /// ([RFC 3263 §4.1](https://www.rfc-editor.org/rfc/rfc3263#section-4.1)), with TLS where it is a `sips` URI.
    /// `None` where it names one that nobody knows here.
    pub fn of_uri(uri: &SipUri<'_>) -> Option<Self> {
        let named = uri.transport().map_or(Some(Self::Udp), Self::parse)?;
        Some(if uri.secure { named.secured() } else { named })
    }

    /// The port where none is written (RFC 3261 §19.1.2, RFC 7118 §5.2.2).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.parameter())
    }
}

/// A datagram socket or a stream connection, numbered by whoever owns the sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Channel(pub u64);

impl Channel {
    /// No socket and no connection: whichever leads to the address.
    pub const NONE: Self = Self(u64::MAX);
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opener {
    /// We did, and can open it again.
    Us,
    /// The peer did, and it alone can.
    Peer,
}

/// One way between us and a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The transport.
    pub transport: Transport,
    /// The socket or connection. For a stream it may be gone by the time of sending: then a
    /// connection to `remote` takes its place.
    pub channel: Channel,
    /// Our address as `remote` sees it; never unspecified. Via and Contact are written from it.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
}

impl Flow {
    /// Writes our address as a URI or a Via has it: the scope of a link-local address is nothing to
    /// others ([RFC 4007 §11.2](https://www.rfc-editor.org/rfc/rfc4007#section-11.2)).
    pub(crate) fn write_local(self, value: &mut ValueWriter<'_>) {
        let is_bracketed = self.local.is_ipv6();
        if is_bracketed {
            value.put(b"[");
        }
        value.put_address(self.local.ip());
        value.put(if is_bracketed { b"]:" } else { b":" });
        value.put_number(self.local.port().into());
    }

    /// Writes our Contact: where the peer reaches us, and how where the scheme does not say it. The
    /// user is escaped, and empty where there is none.
    pub(crate) fn write_contact(self, value: &mut ValueWriter<'_>, scheme: Scheme, user: &[u8]) {
        value.put(match scheme {
            Scheme::Sip => b"<sip:",
            Scheme::Sips => b"<sips:",
        });
        if !user.is_empty() {
            value.put(user);
            value.put(b"@");
        }
        self.write_local(value);
        value.put(match (self.transport, scheme) {
            // RFC 3261 §26.2.2: `sips` says TLS already.
            (Transport::Udp, _) | (Transport::Tls, Scheme::Sips) => b">",
            (Transport::Tcp, _) => b";transport=tcp>",
            (Transport::Tls, Scheme::Sip) => b";transport=tls>",
            // RFC 7118 §5.2.2 has one parameter for both.
            (Transport::Ws | Transport::Wss, _) => b";transport=ws>",
        });
    }
}

/// The scheme of a SIP URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Sip,
    Sips,
}

impl Scheme {
    /// `sips` where any of these is.
    pub(crate) fn of<'a>(uris: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let is_sips = |uri: &[u8]| {
            let scheme = uri.get(..SIPS.len());
            scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SIPS))
        };
        if uris.into_iter().any(is_sips) {
            Self::Sips
        } else {
            Self::Sip
        }
    }
}

const SIPS: &[u8] = b"sips:";

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(flow: Flow, scheme: Scheme, user: &[u8]) -> String {
        ValueWriter::text(|value| flow.write_contact(value, scheme, user))
    }

    #[test]
    fn a_scope_is_not_written() {
        let address = |text: &str| text.parse().unwrap();
        let flow = Flow {
            transport: Transport::Udp,
            channel: Channel::NONE,
            local: address("[fe80::1%4]:5060"),
            remote: address("[fe80::2%4]:5060"),
        };
        let contact = |flow| contact(flow, Scheme::Sip, b"");
        assert_eq!(contact(flow), "<sip:[fe80::1]:5060>");
        let transport = Transport::Tcp;
        let flow = Flow { transport, ..flow };
        assert_eq!(contact(flow), "<sip:[fe80::1]:5060;transport=tcp>");
    }

    #[test]
    fn the_contact_says_how_where_the_scheme_does_not() {
        for (transport, sip, sips) in [
            (Transport::Tls, ";transport=tls", ""),
            (Transport::Ws, ";transport=ws", ";transport=ws"),
            (Transport::Wss, ";transport=ws", ";transport=ws"),
        ] {
            let address = ([192, 0, 2, 1], 5061).into();
            let flow = Flow {
                transport,
                channel: Channel::NONE,
                local: address,
                remote: address,
            };
            let sip = format!("<sip:a@192.0.2.1:5061{sip}>");
            assert_eq!(contact(flow, Scheme::Sip, b"a"), sip);
            let sips = format!("<sips:192.0.2.1:5061{sips}>");
            assert_eq!(contact(flow, Scheme::Sips, b""), sips);
        }
    }
}
