use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use offhook_core::Transport;

/// Where a user agent receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listener {
    /// The transport.
    pub transport: Transport,
    /// The address, with the port that the system chose where 0 was asked for.
    pub address: SocketAddr,
}

/// Writes `udp 127.0.0.1:5060`.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.transport, self.address)
    }
}

/// What `udp:HOST:PORT` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenerUri {
    pub(crate) transport: Transport,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl fmt::Display for ListenerUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            transport,
            host,
            port,
        } = self;
        if host.contains(':') {
            return write!(f, "{transport}:[{host}]:{port}");
        }
        write!(f, "{transport}:{host}:{port}")
    }
}

impl FromStr for ListenerUri {
    type Err = InvalidListener;

    fn from_str(text: &str) -> Result<Self, InvalidListener> {
        let refuse = |reason: Reason| InvalidListener {
            text: text.to_owned(),
            reason,
        };
        let (transport, address) = text.split_once(':').unwrap_or((text, ""));
        let transport = Transport::parse(transport.as_bytes())
            .filter(|transport| is_spoken(*transport))
            .ok_or_else(|| refuse(Reason::Transport))?;
        if address.is_empty() {
            return Err(refuse(Reason::Port));
        }
        let (host, port) = host_and_port(address).map_err(refuse)?;
        let port = port.ok_or_else(|| refuse(Reason::Port))?;
        Ok(Self {
            transport,
            host,
            port,
        })
    }
}

/// What `HOST[:PORT]` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AdvertisedUri {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl FromStr for AdvertisedUri {
    type Err = InvalidAdvertised;

    fn from_str(text: &str) -> Result<Self, InvalidAdvertised> {
        let refuse = |reason: Reason| InvalidAdvertised {
            text: text.to_owned(),
            reason,
        };
        let (host, port) = host_and_port(text).map_err(refuse)?;
        Ok(Self { host, port })
    }
}

/// A text that is no address to advertise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is no address to advertise: {reason}; write for example 192.0.2.7 or 192.0.2.7:5060"
)]
pub struct InvalidAdvertised {
    text: String,
    reason: Reason,
}

/// A text that names no listener.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is not a listener: {reason}; write for example udp:0.0.0.0:5060 or tcp:[::1]:5060"
)]
pub struct InvalidListener {
    text: String,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error(
        "it must start with udp:, tcp:, tls:, ws: or wss:, as far as this program was built with them"
    )]
    Transport,
    #[error("it must end with a port from 0 to 65535")]
    Port,
    #[error("an IPv6 address stands in brackets")]
    Brackets,
    #[error("the host is neither an IP address nor a name")]
    Host,
}

/// Whether a transport is among those that were built in.
pub(crate) const fn is_spoken(transport: Transport) -> bool {
    match transport {
        Transport::Udp | Transport::Tcp => true,
        Transport::Tls => cfg!(feature = "tls"),
        Transport::Ws => cfg!(feature = "ws"),
        Transport::Wss => cfg!(feature = "tls") && cfg!(feature = "ws"),
    }
}

/// What `HOST[:PORT]` says.
fn host_and_port(text: &str) -> Result<(String, Option<u16>), Reason> {
    if !text.starts_with('[') && text.matches(':').count() > 1 {
        return Err(Reason::Brackets);
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => {
            (host, Some(port.parse().map_err(|_| Reason::Port)?))
        }
        _ => (text, None),
    };
    Ok((bare_host(host)?.to_owned(), port))
}

fn bare_host(host: &str) -> Result<&str, Reason> {
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or(Reason::Brackets)?;
        return match inner.parse() {
            Ok(IpAddr::V6(_)) => Ok(inner),
            _ => Err(Reason::Host),
        };
    }
    let name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.');
    if host.is_empty() || !host.bytes().all(name) {
        return Err(Reason::Host);
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(transport: Transport, host: &str, port: u16) -> ListenerUri {
        ListenerUri {
            transport,
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn transport_host_and_port_are_read() {
        for (text, expected) in [
            ("udp:0.0.0.0:5060", uri(Transport::Udp, "0.0.0.0", 5060)),
            ("TCP:localhost:0", uri(Transport::Tcp, "localhost", 0)),
            ("udp:[::1]:5060", uri(Transport::Udp, "::1", 5060)),
            ("tcp:[::]:65535", uri(Transport::Tcp, "::", 65535)),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn each_mistake_is_named() {
        for (text, reason) in [
            ("", Reason::Transport),
            ("0.0.0.0:5060", Reason::Transport),
            ("tpc:0.0.0.0:5060", Reason::Transport),
            ("sctp:0.0.0.0:5061", Reason::Transport),
            ("udp", Reason::Port),
            ("udp:", Reason::Port),
            ("udp:0.0.0.0", Reason::Port),
            ("udp:0.0.0.0:", Reason::Port),
            ("udp:0.0.0.0:65536", Reason::Port),
            ("udp:::1:5060", Reason::Brackets),
            ("udp:2001:db8::abcd", Reason::Brackets),
            ("udp:[::1:5060", Reason::Brackets),
            ("udp:[127.0.0.1]:5060", Reason::Host),
            ("udp::5060", Reason::Host),
            ("udp://0.0.0.0:5060", Reason::Host),
        ] {
            let error = text.parse::<ListenerUri>().unwrap_err();
            assert_eq!(error.reason, reason, "{text}");
            assert!(error.to_string().contains(text));
        }
    }

    #[test]
    fn an_address_to_advertise_has_a_port_or_none() {
        for (text, host, port) in [
            ("192.0.2.7", "192.0.2.7", None),
            ("sip.example.com:5070", "sip.example.com", Some(5070)),
            ("[2001:db8::7]", "2001:db8::7", None),
            ("[2001:db8::7]:5070", "2001:db8::7", Some(5070)),
        ] {
            let host = host.to_owned();
            assert_eq!(text.parse(), Ok(AdvertisedUri { host, port }), "{text}");
        }
        for text in ["", ":5060", "2001:db8::7", "a b", "192.0.2.7:"] {
            let error = text.parse::<AdvertisedUri>().unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn a_listener_prints_transport_and_address() {
        let listener = Listener {
            transport: Transport::Udp,
            address: SocketAddr::from(([127, 0, 0, 1], 5060)),
        };
        assert_eq!(listener.to_string(), "udp 127.0.0.1:5060");
    }
}
