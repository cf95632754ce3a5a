use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use crate::transport::Transport;

/// A socket towards the server, and what came back on it.
pub(crate) enum Wire {
    Datagram(UdpSocket),
    Stream {
        stream: TcpStream,
        received: Vec<u8>,
    },
}

impl Wire {
    pub(crate) fn open(transport: Transport, server: SocketAddr) -> io::Result<Self> {
        if transport == Transport::Udp {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect(server)?;
            return Ok(Self::Datagram(socket));
        }
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        let received = Vec::new();
        Ok(Self::Stream { stream, received })
    }

    pub(crate) fn local(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Datagram(socket) => socket.local_addr(),
            Self::Stream { stream, .. } => stream.local_addr(),
        }
    }

    /// The name in a Via header (RFC 3261 §20.42).
    pub(crate) fn transport(&self) -> &'static str {
        match self {
            Self::Datagram(_) => "UDP",
            Self::Stream { .. } => "TCP",
        }
    }

    /// Sends one datagram, or a piece of the stream.
    pub(crate) fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Datagram(socket) => socket.send(octets).map(drop),
            Self::Stream { stream, .. } => stream.write_all(octets),
        }
    }

    /// The next message, or `None` when the server closes the connection, or `deadline` passes first.
    pub(crate) fn receive(&mut self, deadline: Instant) -> io::Result<Option<String>> {
        loop {
            if let Self::Stream { received, .. } = self
                && let Some(message) = take_message(received)
            {
                return Ok(Some(message));
            }
            let mut buffer = vec![0; 65_536];
            let length = match self.read(&mut buffer, deadline) {
                Ok(length) => length,
                Err(error) if is_silence(error.kind()) => return Ok(None),
                Err(error) => return Err(error),
            };
            let octets = &buffer[..length];
            match self {
                Self::Datagram(_) => return Ok(Some(String::from_utf8_lossy(octets).into_owned())),
                Self::Stream { .. } if octets.is_empty() => return Ok(None),
                Self::Stream { received, .. } => received.extend_from_slice(octets),
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        let left = deadline.saturating_duration_since(Instant::now());
        // A timeout of zero would mean none.
        let timeout = Some(left.max(Duration::from_millis(1)));
        match self {
            Self::Datagram(socket) => {
                socket.set_read_timeout(timeout)?;
                socket.recv(buffer)
            }
            Self::Stream { stream, .. } => {
                stream.set_read_timeout(timeout)?;
                stream.read(buffer)
            }
        }
    }
}

/// Takes the first message out of `received` when it has come whole. Line ends before it are answers to keep-alives
/// (RFC 5626 §3.5.1).
fn take_message(received: &mut Vec<u8>) -> Option<String> {
    let blank = received
        .iter()
        .take_while(|octet| matches!(octet, b'\r' | b'\n'))
        .count();
    received.drain(..blank);
    let head = received
        .windows(4)
        .position(|window| window == b"\r\n\r\n")?
        + 4;
    let text = String::from_utf8_lossy(&received[..head]).to_lowercase();
    let (_, value) = text.split_once("\r\ncontent-length:")?;
    let body: usize = value.lines().next()?.trim().parse().ok()?;
    let length = head + body;
    if received.len() < length {
        return None;
    }
    let message: Vec<u8> = received.drain(..length).collect();
    Some(String::from_utf8_lossy(&message).into_owned())
}

fn is_silence(kind: ErrorKind) -> bool {
    use ErrorKind::{ConnectionRefused, ConnectionReset, TimedOut, WouldBlock};
    matches!(
        kind,
        WouldBlock | TimedOut | ConnectionReset | ConnectionRefused
    )
}
