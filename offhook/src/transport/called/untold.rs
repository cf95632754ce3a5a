//! The same where nobody has tried how the system tells it: the routing table decides.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

#[expect(clippy::unnecessary_wraps, reason = "asking fails elsewhere")]
pub(in crate::transport) fn ask(_: &std::net::UdpSocket) -> io::Result<()> {
    Ok(())
}

pub(in crate::transport) fn receive(
    socket: &UdpSocket,
    buffer: &mut [u8],
) -> io::Result<(usize, SocketAddr, Option<IpAddr>)> {
    let (length, remote) = socket.try_recv_from(buffer)?;
    Ok((length, remote, None))
}

pub(in crate::transport) fn send(
    socket: &UdpSocket,
    octets: &[u8],
    _: IpAddr,
    to: SocketAddr,
) -> io::Result<usize> {
    socket.try_send_to(octets, to)
}
