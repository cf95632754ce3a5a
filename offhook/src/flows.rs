//! The ways to a peer ([RFC 3263 §4](https://www.rfc-editor.org/rfc/rfc3263#section-4), without SRV
//! and NAPTR).

use std::io;
use std::net::{IpAddr, SocketAddr};

use offhook_core::{Channel, Flow, Transport};
use offhook_message::{SipUri, Uri, UriBuf};
use tokio::net::lookup_host;

use crate::listener::Listener;
use crate::shell::Shell;
use crate::transport::address_facing;

/// Why no way leads to a peer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoFlow {
    /// The URI names no host.
    #[error("{0} names no host to call; write for example sip:echo@192.0.2.1")]
    NoHost(UriBuf),
    /// The transport that the URI asks for is none that this user agent has.
    #[error("{uri} asks for a transport that is not spoken here; write ;transport=udp or =tcp")]
    NoTransport {
        /// The URI.
        uri: UriBuf,
    },
    /// The name can not be looked up.
    #[error("{host} is not found: {source}")]
    NotFound {
        /// The name.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is no listener of this transport for any of the addresses.
    #[error("{host} can not be reached: listen on {transport} with an address of its kind first")]
    NoListener {
        /// The host.
        host: String,
        /// The transport.
        transport: Transport,
    },
}

impl Shell {
    /// The ways to the host of a URI, best first; never empty.
    pub(crate) async fn flows(&self, uri: &UriBuf) -> Result<Vec<Flow>, NoFlow> {
        let Uri::Sip(sip) = uri.as_uri() else {
            return Err(NoFlow::NoHost(uri.clone()));
        };
        let transport = transport(&sip).ok_or_else(|| NoFlow::NoTransport { uri: uri.clone() })?;
        let port = sip.port.unwrap_or(transport.default_port());
        let host = sip.maddr().unwrap_or(sip.host);
        let name = host.to_string();
        let addresses = match host.ip() {
            Some(address) => vec![SocketAddr::new(address, port)],
            None => look_up(&name, port).await?,
        };
        let flows = addresses.into_iter();
        let flows = flows.filter_map(|remote| self.flow_to(transport, remote));
        let flows: Vec<_> = flows.take(MOST_FLOWS).collect();
        if flows.is_empty() {
            return Err(NoFlow::NoListener {
                host: name,
                transport,
            });
        }
        Ok(flows)
    }

    /// The way to an address; `None` where no listener leads there.
    pub(crate) fn flow_to(&self, transport: Transport, remote: SocketAddr) -> Option<Flow> {
        let (listener, local) = best_listener(self.listeners(), transport, remote)?;
        let channel = match transport {
            Transport::Udp => self.transport().channel_of(listener.address),
            _ => Channel::NONE,
        };
        Some(Flow {
            transport,
            channel,
            local,
            remote,
        })
    }
}

/// UDP where the URI names none (RFC 3263 §4.1). `None` where we do not speak it.
fn transport(uri: &SipUri<'_>) -> Option<Transport> {
    let named = uri
        .transport()
        .map_or(Some(Transport::Udp), Transport::parse);
    named.filter(|named| !uri.secure && matches!(named, Transport::Udp | Transport::Tcp))
}

async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, NoFlow> {
    let found = lookup_host((host, port)).await;
    let addresses = found.map_err(|source| NoFlow::NotFound {
        host: host.to_owned(),
        source,
    })?;
    Ok(addresses.collect())
}

/// The listener to call from, and its address as the peer sees it. One on the very interface that
/// leads there is better than one on all of them, and that better than one elsewhere.
fn best_listener(
    listeners: &[Listener],
    transport: Transport,
    remote: SocketAddr,
) -> Option<(&Listener, SocketAddr)> {
    let facing = address_facing(remote).ok()?.ip();
    let of_its_kind = listeners.iter().filter(|listener| {
        listener.transport == transport && listener.address.is_ipv4() == remote.is_ipv4()
    });
    let listener = of_its_kind.min_by_key(|listener| distance(listener.address.ip(), facing))?;
    let mut local = listener.address;
    if local.ip().is_unspecified() {
        local.set_ip(facing);
    }
    Some((listener, local))
}

fn distance(listener: IpAddr, facing: IpAddr) -> u8 {
    match listener {
        same if same == facing => 0,
        any if any.is_unspecified() => 1,
        _ => 2,
    }
}

/// A name may have many addresses, and each failure takes 32 s.
const MOST_FLOWS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn listeners(texts: &[(Transport, &str)]) -> Vec<Listener> {
        let listener = |&(transport, address): &(Transport, &str)| Listener {
            transport,
            address: address.parse().unwrap(),
        };
        texts.iter().map(listener).collect()
    }

    #[test]
    fn the_nearest_listener_of_the_kind_is_taken() {
        let listeners = listeners(&[
            (Transport::Udp, "127.0.0.2:1"),
            (Transport::Udp, "0.0.0.0:2"),
            (Transport::Tcp, "127.0.0.1:3"),
            (Transport::Udp, "[::1]:4"),
        ]);
        for (transport, remote, expected) in [
            (Transport::Udp, "127.0.0.1:9", Some("127.0.0.1:2")),
            (Transport::Tcp, "127.0.0.1:9", Some("127.0.0.1:3")),
            (Transport::Udp, "[::1]:9", Some("[::1]:4")),
            (Transport::Tcp, "[::1]:9", None),
        ] {
            let found = best_listener(&listeners, transport, remote.parse().unwrap());
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(found.map(|(_, local)| local), expected, "{remote}");
        }
    }

    #[test]
    fn the_transport_is_that_of_the_uri() {
        for (uri, expected) in [
            ("sip:a@b", Some(Transport::Udp)),
            ("sip:a@b;transport=TCP", Some(Transport::Tcp)),
            ("sip:a@b;transport=tls", None),
            ("sip:a@b;transport=sctp", None),
            ("sips:a@b", None),
        ] {
            let uri: UriBuf = uri.parse().unwrap();
            let Uri::Sip(sip) = uri.as_uri() else {
                panic!("{uri} is a SIP URI");
            };
            assert_eq!(transport(&sip), expected, "{uri}");
        }
    }
}
