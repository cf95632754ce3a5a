//! The ways to a peer ([RFC 3263 §4](https://www.rfc-editor.org/rfc/rfc3263#section-4)).

use std::io;
use std::net::{IpAddr, SocketAddr};

use offhook_core::locate::{Locating, Target};
use offhook_core::{Channel, Flow, Transport};
use offhook_message::{Uri, UriBuf};
use tracing::debug;

use crate::listener::{Listener, is_spoken};
use crate::look_up::locate;
use crate::shell::Shell;
use crate::transport::{Destination, address_facing};

/// Why no way leads to a peer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoFlow {
    /// The URI names no host.
    #[error("{0} names no host to call; write for example sip:echo@192.0.2.1")]
    NoHost(UriBuf),
    /// The transport that the URI asks for is none that this user agent has.
    #[error(
        "{uri} asks for a transport that is not spoken here; write ;transport=udp, tcp, tls or ws"
    )]
    NoTransport {
        /// The URI.
        uri: UriBuf,
    },
    /// The name can not be looked up.
    #[error("{host} is not found: {source}")]
    NotFound {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// There is no listener of this transport for any of the addresses.
    #[error("{host} can not be reached: listen on {transport} with an address of its kind")]
    NoListener {
        /// The host.
        host: String,
        /// The transport.
        transport: Transport,
    },
    /// There is a listener, and the system has no way to the address.
    #[error("{host} can not be reached: {source}")]
    NoRoute {
        /// The host.
        host: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Shell {
    /// The ways to the host of a URI, best first; never empty.
    pub(crate) async fn flows(&self, uri: &UriBuf) -> Result<Vec<Flow>, NoFlow> {
        let Uri::Sip(sip) = uri.as_uri() else {
            return Err(NoFlow::NoHost(uri.clone()));
        };
        let target = Target::of_uri(&sip).filter(|target| is_spoken(target.default_transport()));
        let target = target.ok_or_else(|| NoFlow::NoTransport { uri: uri.clone() })?;
        let transport = target.default_transport();
        let host = target.host.clone();
        self.flows_to(target).await.map_err(|no_way| match no_way {
            NoWay::Unknown(source) => NoFlow::NotFound { host, source },
            NoWay::NoListener => NoFlow::NoListener { host, transport },
            NoWay::NoRoute(source) => NoFlow::NoRoute { host, source },
        })
    }

    /// The ways to a target that a listener of ours is near; never empty.
    pub(crate) async fn flows_to(&self, target: Target) -> Result<Vec<Flow>, NoWay> {
        let host = target.host.clone();
        let listeners = self.listeners.iter();
        let transports: Vec<_> = listeners.map(|listener| listener.transport).collect();
        let mut seed = [0; 32];
        let seeded = getrandom::fill(&mut seed);
        seeded.map_err(|error| NoWay::Unknown(error.into()))?;
        let locating = Locating::new(target, &transports, seed);
        let destinations = locate(&self.resolver, locating).await;
        let destinations = destinations.map_err(NoWay::Unknown)?;
        let mut no_way = NoWay::NoListener;
        let flows = destinations.iter().filter_map(|destination| {
            match self.flow_to(destination.transport, &host, destination.address) {
                Ok(flow) => Some(flow),
                Err(NoWay::NoListener) => None,
                Err(cause) => {
                    no_way = cause;
                    None
                }
            }
        });
        let flows: Vec<_> = flows.take(MOST_FLOWS).collect();
        debug!(host, ?destinations, ways = flows.len(), "located");
        if flows.is_empty() {
            return Err(no_way);
        }
        Ok(flows)
    }

    /// The way to an address, where a listener of ours is near: over no connection in particular.
    pub(crate) fn flow_to_address(
        &self,
        transport: Transport,
        remote: SocketAddr,
    ) -> Result<Flow, NoWay> {
        let (listener, local) = best_listener(&self.listeners, transport, remote)?;
        let advertised = &self.transport.connections.settings.advertised;
        let local = advertised.of(transport, local).unwrap_or(local);
        let channel = match transport {
            Transport::Udp => self.transport.channel_of(listener.address),
            _ => Channel::NONE,
        };
        Ok(Flow {
            transport,
            channel,
            local,
            remote,
        })
    }

    /// The way to an address of a host, where a listener of ours is near.
    fn flow_to(&self, transport: Transport, host: &str, remote: SocketAddr) -> Result<Flow, NoWay> {
        let mut flow = self.flow_to_address(transport, remote)?;
        if !matches!(transport, Transport::Udp | Transport::Tcp) {
            // A connection of these is to one host, whoever else has the address.
            flow.channel = self.transport.connections.channel_to(Destination {
                transport,
                host: host.to_ascii_lowercase(),
                address: remote,
            });
        }
        Ok(flow)
    }
}

/// Why there is no way to a target or an address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoWay {
    #[error("it is not found: {0}")]
    Unknown(io::Error),
    #[error("no listener has an address of its kind")]
    NoListener,
    #[error("there is no route: {0}")]
    NoRoute(io::Error),
}

/// The listener to call from, and its address as the peer sees it. One on the very interface that
/// leads there is better than one on all of them, and that better than one elsewhere.
fn best_listener(
    listeners: &[Listener],
    transport: Transport,
    remote: SocketAddr,
) -> Result<(&Listener, SocketAddr), NoWay> {
    let is_of_its_kind = |listener: &&Listener| {
        listener.transport == transport && listener.address.is_ipv4() == remote.is_ipv4()
    };
    let mut of_its_kind = listeners.iter().filter(is_of_its_kind).peekable();
    of_its_kind.peek().ok_or(NoWay::NoListener)?;
    let facing = address_facing(remote).map_err(NoWay::NoRoute)?.ip();
    let listener = of_its_kind.min_by_key(|listener| distance(listener.address.ip(), facing));
    let listener = listener.ok_or(NoWay::NoListener)?;
    let mut local = listener.address;
    if local.ip().is_unspecified() {
        local.set_ip(facing);
    }
    Ok((listener, local))
}

fn distance(listener: IpAddr, facing: IpAddr) -> u8 {
    match listener {
        same if same == facing => 0,
        any if any.is_unspecified() => 1,
        _ => 2,
    }
}

/// A name may have many addresses, and a failure may take 32 s. Three servers with two addresses each
/// have their place.
const MOST_FLOWS: usize = 6;

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
            assert_eq!(found.ok().map(|(_, local)| local), expected, "{remote}");
        }
    }

    /// Nobody may call a broadcast address.
    #[test]
    fn no_listener_is_told_from_no_route() {
        let listeners = listeners(&[(Transport::Udp, "0.0.0.0:1")]);
        let remote = "255.255.255.255:9".parse().unwrap();
        let found = best_listener(&listeners, Transport::Udp, remote);
        assert!(matches!(found, Err(NoWay::NoRoute(_))), "{found:?}");
        let found = best_listener(&listeners, Transport::Tcp, remote);
        assert!(matches!(found, Err(NoWay::NoListener)), "{found:?}");
    }
}
