use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;

use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Has the system tell it with each datagram (ip(7), ipv6(7)).
pub(in crate::transport) fn ask(socket: &std::net::UdpSocket) -> io::Result<()> {
    if socket.local_addr()?.is_ipv4() {
        setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?;
    } else {
        setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    }
    Ok(())
}

/// A datagram's length, who sent it, and which address it came to; `None` where it came to a group.
pub(in crate::transport) fn receive(
    socket: &UdpSocket,
    buffer: &mut [u8],
) -> io::Result<(usize, SocketAddr, Option<IpAddr>)> {
    socket.try_io(Interest::READABLE, || {
        let mut buffer = [IoSliceMut::new(buffer)];
        let mut control = Control([0; 64]);
        let (descriptor, control) = (socket.as_raw_fd(), Some(&mut control.0[..]));
        let received = recvmsg(descriptor, &mut buffer, control, MsgFlags::empty())?;
        let remote = received.address.as_ref().and_then(socket_address);
        let remote = remote.ok_or(io::ErrorKind::InvalidData)?;
        let called = received.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                Some(IpAddr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()))
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => Some(info.ipi6_addr.s6_addr.into()),
            _ => None,
        });
        let called = called.filter(|address| !address.is_multicast());
        Ok((received.bytes, remote, called))
    })
}

/// Sends a datagram from one of our addresses.
pub(in crate::transport) fn send(
    socket: &UdpSocket,
    octets: &[u8],
    from: IpAddr,
    to: SocketAddr,
) -> io::Result<usize> {
    let (v4, v6);
    let control = match from {
        IpAddr::V4(address) => {
            let s_addr = u32::from_ne_bytes(address.octets());
            v4 = in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: in_addr { s_addr },
                ipi_addr: in_addr { s_addr: 0 },
            };
            ControlMessage::Ipv4PacketInfo(&v4)
        }
        IpAddr::V6(address) => {
            let s6_addr = address.octets();
            v6 = in6_pktinfo {
                ipi6_addr: in6_addr { s6_addr },
                ipi6_ifindex: 0,
            };
            ControlMessage::Ipv6PacketInfo(&v6)
        }
    };
    let (octets, to) = ([IoSlice::new(octets)], SockaddrStorage::from(to));
    socket.try_io(Interest::WRITABLE, || {
        let (descriptor, flags) = (socket.as_raw_fd(), MsgFlags::empty());
        Ok(sendmsg(descriptor, &octets, &[control], flags, Some(&to))?)
    })
}

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddrV4::from(*v4).into());
    }
    let v6 = address.as_sockaddr_in6()?;
    Some(SocketAddrV6::from(*v6).into())
}

/// Room for what the system tells of a datagram. It is read in place, as `cmsghdr`.
#[repr(align(8))]
struct Control([u8; 64]);
