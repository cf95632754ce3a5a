use std::time::Duration;

/// The bounds of stream connections: TCP, TLS and WebSocket. Whatever a peer does, it takes no
/// more of us than these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// How many connections may be open. Past it new ones are refused. Default 16,384.
    pub connections: u32,
    /// How many connections may come from one IPv4 address or one IPv6 network of 64 bits.
    /// Default 8,192.
    pub connections_per_source: u32,
    /// The largest message in octets, body included. A larger one closes the connection. Default
    /// 65,536.
    pub message: usize,
    /// How many octets may wait to be written. Past it the connection is closed: the peer does not
    /// read. Default 1 MiB.
    pub unsent: usize,
    /// How long it may take to open a connection. Default 5 s.
    pub connect_time: Duration,
    /// How long the handshakes of TLS and WebSocket may take together. Default 10 s.
    pub handshake_time: Duration,
    /// How long a message may take to come in, however small its pieces are, and how soon the
    /// first one must over a TCP or TLS connection that the peer has opened. Default 32 s, as 64·T1.
    pub message_time: Duration,
    /// How long the peer may take nothing of what we write. Default 32 s.
    pub write_time: Duration,
    /// How long a connection may be without a message. Default 2 h, longer than most calls: a phone
    /// behind a NAT can be reached over its own connection only.
    pub idle_time: Duration,
    /// The same for a peer that sends keep-alive pings by CRLF, from the last of them on: each is a
    /// sign of more to come
    /// ([RFC 5626 §4.4.1](https://www.rfc-editor.org/rfc/rfc5626#section-4.4.1)). Default 10 min.
    pub pinging_idle_time: Duration,
    /// After how much silence we ping: on a WebSocket by its Ping, on a TCP or TLS connection that we
    /// opened by CRLF CRLF. Default 100 s.
    pub ping_interval: Duration,
    /// How soon a ping must be answered: by every WebSocket, and by a TCP or TLS peer that has
    /// answered one before. Default 10 s (RFC 5626 §4.4.1).
    pub pong_time: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            connections_per_source: 8192,
            message: 64 << 10,
            unsent: 1 << 20,
            connect_time: Duration::from_secs(5),
            handshake_time: Duration::from_secs(10),
            message_time: Duration::from_secs(32),
            write_time: Duration::from_secs(32),
            idle_time: Duration::from_hours(2),
            pinging_idle_time: Duration::from_mins(10),
            ping_interval: Duration::from_secs(100),
            pong_time: Duration::from_secs(10),
        }
    }
}
