//! An RTP port that sends its packets back.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::net::UdpSocket;

use crate::{
    PortRange,
    gate::{Admission, Gate, lock},
    random::random,
    rtp::{LONGEST_PACKET, RtpPacket},
    rtp_port::{RtpPort, goes_on},
};

/// What went through a call's RTP port. Octets are those of whole RTP packets, without UDP and IP.
#[derive(Debug, Default)]
pub struct RtpCounters {
    packets_received: AtomicU64,
    octets_received: AtomicU64,
    packets_sent: AtomicU64,
    octets_sent: AtomicU64,
    datagrams_discarded: AtomicU64,
}

impl RtpCounters {
    /// RTP packets taken from the peer.
    pub fn packets_received(&self) -> u64 {
        self.packets_received.load(Ordering::Relaxed)
    }

    /// Octets of the packets taken from the peer.
    pub fn octets_received(&self) -> u64 {
        self.octets_received.load(Ordering::Relaxed)
    }

    /// RTP packets sent to the peer.
    pub fn packets_sent(&self) -> u64 {
        self.packets_sent.load(Ordering::Relaxed)
    }

    /// Octets of the packets sent to the peer.
    pub fn octets_sent(&self) -> u64 {
        self.octets_sent.load(Ordering::Relaxed)
    }

    /// Datagrams that were not RTP, not of an agreed payload type, from a wrong source, or against the stream's direction.
    pub fn datagrams_discarded(&self) -> u64 {
        self.datagrams_discarded.load(Ordering::Relaxed)
    }

    fn received(&self, octets: usize) {
        self.packets_received.fetch_add(1, Ordering::Relaxed);
        self.octets_received
            .fetch_add(octets as u64, Ordering::Relaxed);
    }

    fn sent(&self, octets: usize) {
        self.packets_sent.fetch_add(1, Ordering::Relaxed);
        self.octets_sent.fetch_add(octets as u64, Ordering::Relaxed);
    }

    fn discarded(&self) {
        self.datagrams_discarded.fetch_add(1, Ordering::Relaxed);
    }
}

/// Opens a port that sends the peer's packets back.
///
/// Packets keep their payload, marker, sequence number and timestamp; the synchronization source is ours.
///
/// # Panics
///
/// Outside a tokio runtime.
pub(crate) fn open_echo(
    local: IpAddr,
    ports: &PortRange,
    counters: Arc<RtpCounters>,
) -> io::Result<RtpPort> {
    RtpPort::bind(local, ports, |socket, gate| {
        let echo = Echo {
            socket,
            gate,
            counters,
            source: (random() >> 32) as u32,
        };
        echo.run()
    })
}

/// The task's part.
struct Echo {
    socket: UdpSocket,
    gate: Arc<Mutex<Gate>>,
    counters: Arc<RtpCounters>,
    source: u32,
}

impl Echo {
    async fn run(self) {
        let mut buffer = [0; LONGEST_PACKET + 1];
        loop {
            match self.socket.recv_from(&mut buffer).await {
                Ok((length, from)) => {
                    if let Some(datagram) = buffer.get_mut(..length) {
                        self.take(datagram, from);
                    }
                }
                Err(error) if goes_on(&error) => {}
                Err(_) => return,
            }
        }
    }

    fn take(&self, datagram: &mut [u8], from: SocketAddr) {
        let octets = datagram.len();
        let packet = (octets <= LONGEST_PACKET)
            .then(|| RtpPacket::read(datagram))
            .flatten();
        let Some(mut packet) = packet else {
            return self.counters.discarded();
        };
        match lock(&self.gate).admit(packet.payload_type(), from, Instant::now()) {
            Admission::Discard => return self.counters.discarded(),
            Admission::Receive => return self.counters.received(octets),
            Admission::Echo => self.counters.received(octets),
        }
        packet.set_source(self.source);
        // A packet that finds the socket's buffer full is lost, as it would be in the network.
        if self.socket.try_send_to(datagram, from).is_ok() {
            self.counters.sent(octets);
        }
    }
}
