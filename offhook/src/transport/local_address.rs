use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Our address as a peer sees it, for a socket that may be bound to all addresses.
pub(super) struct LocalAddress {
    bound: SocketAddr,
    /// By the peer's address with port 0.
    known: HashMap<SocketAddr, Known>,
}

impl LocalAddress {
    pub(super) fn new(bound: SocketAddr) -> Self {
        Self {
            bound,
            known: HashMap::new(),
        }
    }

    /// The address that faces `remote`, with the port of the socket. Fails where no route leads
    /// there.
    pub(super) fn facing(&mut self, remote: SocketAddr) -> io::Result<SocketAddr> {
        if !self.bound.ip().is_unspecified() {
            return Ok(self.bound);
        }
        let mut peer = remote;
        peer.set_port(0);
        let now = Instant::now();
        if let Some(known) = self.known.get(&peer)
            && now < known.until
        {
            return Ok(known.address);
        }
        let mut address = address_facing(remote)?;
        address.set_port(self.bound.port());
        if self.known.len() >= MOST_PEERS {
            self.known.clear();
        }
        let until = now + ROUTE_LIFE;
        self.known.insert(peer, Known { address, until });
        Ok(address)
    }
}

struct Known {
    address: SocketAddr,
    until: Instant,
}

/// Our address as `remote` sees it, with any port. Asks the routing table: connecting a datagram
/// socket sends nothing.
pub(crate) fn address_facing(remote: SocketAddr) -> io::Result<SocketAddr> {
    let any: SocketAddr = match remote {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(remote)?;
    socket.local_addr()
}

const MOST_PEERS: usize = 4096;
/// Routes change, but seldom.
const ROUTE_LIFE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_address_that_faces_the_peer_replaces_the_unspecified_one() {
        let mut local = LocalAddress::new(address("0.0.0.0:5060"));
        let facing = local.facing(address("127.0.0.1:9")).unwrap();
        assert_eq!(facing, address("127.0.0.1:5060"));
    }

    #[test]
    fn a_bound_address_stays() {
        let mut local = LocalAddress::new(address("127.0.0.2:5060"));
        let facing = local.facing(address("127.0.0.1:9")).unwrap();
        assert_eq!(facing, address("127.0.0.2:5060"));
    }

    #[test]
    fn the_number_of_remembered_peers_is_bounded() {
        let mut local = LocalAddress::new(address("0.0.0.0:5060"));
        for peer in 0..u32::try_from(MOST_PEERS).unwrap() + 10 {
            let ip = Ipv4Addr::from_bits(0x7f00_0001 + peer);
            local.facing((ip, 9).into()).unwrap();
        }
        assert!(local.known.len() <= MOST_PEERS);
    }
}
