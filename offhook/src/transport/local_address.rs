use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Our address as a peer sees it, for a socket that may be bound to all addresses.
pub(super) struct LocalAddress {
    bound: SocketAddr,
    ask: fn(SocketAddr) -> io::Result<SocketAddr>,
    /// By the peer's address with port 0.
    known: HashMap<SocketAddr, Known>,
}

impl LocalAddress {
    pub(super) fn new(bound: SocketAddr) -> Self {
        Self {
            bound,
            ask: address_facing,
            known: HashMap::new(),
        }
    }

    /// The address that faces `remote`, with the port of the socket. Fails where no route leads
    /// there.
    ///
    /// To ask takes a file descriptor. Where there is none left, what was known before counts, and
    /// of a new peer what is known of another: a flood elsewhere must not silence us.
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
        let mut address = match (self.ask)(remote) {
            Ok(address) => address,
            Err(error) if is_out_of_descriptors(&error) => {
                return self.guess(peer).ok_or(error);
            }
            Err(error) => return Err(error),
        };
        address.set_port(self.bound.port());
        if self.known.len() >= MOST_PEERS {
            self.known.clear();
        }
        let until = now + ROUTE_LIFE;
        self.known.insert(peer, Known { address, until });
        Ok(address)
    }

    fn guess(&self, peer: SocketAddr) -> Option<SocketAddr> {
        let of_peer = self.known.get(&peer);
        let known = of_peer.or_else(|| self.known.values().next());
        known.map(|known| known.address)
    }
}

/// EMFILE and ENFILE: the process or the system has no descriptor left.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
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
    fn without_descriptors_what_is_known_counts() {
        let mut local = LocalAddress::new(address("0.0.0.0:5060"));
        local.ask = |_| Err(io::Error::from_raw_os_error(24));
        assert!(local.facing(address("127.0.0.1:9")).is_err());
        local.ask = |_| Ok(address("192.0.2.1:1"));
        local.facing(address("192.0.2.9:9")).unwrap();
        local.ask = |_| Err(io::Error::from_raw_os_error(24));
        let guessed = local.facing(address("192.0.2.77:9")).unwrap();
        assert_eq!(guessed, address("192.0.2.1:5060"));
        local.ask = |_| Err(io::Error::from_raw_os_error(101));
        assert!(local.facing(address("192.0.2.78:9")).is_err());
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
