//! The UDP ports that RTP may take.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

/// The even UDP ports for RTP, each with the next one for RTCP (RFC 3550 section 11). Clones share where the search goes
/// on, so that a port that was just freed is taken again last.
#[derive(Clone, Debug)]
pub struct PortRange(Choice);

#[derive(Clone, Debug)]
enum Choice {
    OperatingSystem,
    Range {
        first: u16,
        count: u16,
        next: Arc<AtomicU16>,
    },
}

/// A range of ports without an even port above zero and the next one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the port range {}-{} has no even port above 0 with the next one", .0.start(), .0.end())]
pub struct InvalidPortRange(RangeInclusive<u16>);

impl PortRange {
    /// Any free port of the operating system's choice.
    pub const fn any() -> Self {
        Self(Choice::OperatingSystem)
    }

    /// The even ports of `ports` that have the next one there, too.
    pub fn new(ports: RangeInclusive<u16>) -> Result<Self, InvalidPortRange> {
        let first = (*ports.start()).max(1).checked_next_multiple_of(2);
        let Some(first) = first.filter(|first| first < ports.end()) else {
            return Err(InvalidPortRange(ports));
        };
        Ok(Self(Choice::Range {
            first,
            count: (ports.end() - first).div_ceil(2),
            next: Arc::default(),
        }))
    }

    /// Opens a port that is free on `local`, or on all addresses where `local` is none of ours but
    /// that of a NAT before us.
    pub fn bind(&self, local: IpAddr) -> io::Result<UdpSocket> {
        let any: IpAddr = match local {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        match self.bind_to(local) {
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => self.bind_to(any),
            result => result,
        }
    }

    fn bind_to(&self, local: IpAddr) -> io::Result<UdpSocket> {
        match &self.0 {
            Choice::OperatingSystem => bind_any(local),
            Choice::Range { first, count, next } => {
                for _ in 0..*count {
                    let index = next.update(Ordering::Relaxed, Ordering::Relaxed, |index| {
                        (index + 1) % count
                    });
                    match UdpSocket::bind((local, first + 2 * index)) {
                        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                        result => return result,
                    }
                }
                Err(io::Error::new(
                    io::ErrorKind::AddrInUse,
                    format!("all {count} ports from {first} on are in use"),
                ))
            }
        }
    }
}

/// The operating system does not know of even ports, so it is asked until it gives one.
fn bind_any(local: IpAddr) -> io::Result<UdpSocket> {
    for _ in 0..MOST_ATTEMPTS {
        let socket = UdpSocket::bind((local, 0))?;
        if socket.local_addr()?.port().is_multiple_of(2) {
            return Ok(socket);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AddrNotAvailable,
        format!("no even port in {MOST_ATTEMPTS} attempts"),
    ))
}

/// Linux gives odd and even ports alike: all attempts fail once in 2^64 calls.
const MOST_ATTEMPTS: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Whose ports no other process takes.
    fn own_address() -> IpAddr {
        let [_, high, middle, low] = std::process::id().to_be_bytes();
        Ipv4Addr::new(127, 64 | high, middle, low).into()
    }

    fn ports(range: &PortRange, count: usize) -> Vec<UdpSocket> {
        let bind = |_| range.bind(own_address()).unwrap();
        (0..count).map(bind).collect()
    }

    #[test]
    fn a_range_needs_an_even_port() {
        for range in [
            0..=0,
            0..=1,
            4..=4,
            5..=6,
            65_535..=65_535,
            RangeInclusive::new(9, 8),
        ] {
            assert_eq!(
                PortRange::new(range.clone()).unwrap_err(),
                InvalidPortRange(range)
            );
        }
        assert!(PortRange::new(4..=5).is_ok());
        assert!(PortRange::new(0..=65_535).is_ok());
    }

    #[test]
    fn any_port_is_even() {
        for socket in ports(&PortRange::any(), 16) {
            assert_eq!(socket.local_addr().unwrap().port() % 2, 0);
        }
    }

    #[test]
    fn a_range_gives_each_even_port_that_has_the_next_one_once_and_then_fails() {
        let range = PortRange::new(24_001..=24_006).unwrap();
        let sockets = ports(&range, 2);
        let numbers: Vec<_> = sockets
            .iter()
            .map(|s| s.local_addr().unwrap().port())
            .collect();
        assert_eq!(numbers, [24_002, 24_004]);
        assert_eq!(
            range.bind(own_address()).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        drop(sockets);
        assert!(range.clone().bind(own_address()).is_ok());
    }
}
