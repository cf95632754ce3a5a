/// How a peer reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams from one socket.
    Udp,
    /// One TCP connection for all calls.
    Tcp,
    /// One TCP connection for each call.
    TcpPerCall,
}

impl Transport {
    /// The name in a Via header (RFC 3261 §20.42).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp | Self::TcpPerCall => "TCP",
        }
    }

    /// SIPp's name for it, the argument of its option `-t`.
    pub(crate) fn sipp_mode(self) -> &'static str {
        match self {
            Self::Udp => "u1",
            Self::Tcp => "t1",
            Self::TcpPerCall => "tn",
        }
    }
}
