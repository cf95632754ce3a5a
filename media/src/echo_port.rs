//! An RTP port that sends its packets back.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sdp_types::Direction;
use tokio::{net::UdpSocket, task::AbortHandle};
use tracing::Instrument;

use crate::{PortRange, offer_answer::AudioStream, random::random, rtp::RtpPacket};

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

/// One open UDP port and the task that echoes on it. Dropping it closes the port.
///
/// Packets keep their payload, marker, sequence number and timestamp; the synchronization source is ours.
#[derive(Debug)]
pub(crate) struct EchoPort {
    port: u16,
    gate: Arc<Mutex<Gate>>,
    task: AbortHandle,
}

impl EchoPort {
    /// Opens a port. It is silent until it follows a stream.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub(crate) fn bind(
        local: IpAddr,
        ports: &PortRange,
        counters: Arc<RtpCounters>,
    ) -> io::Result<Self> {
        let socket = ports.bind(local)?;
        socket.set_nonblocking(true)?;
        let port = socket.local_addr()?.port();
        let gate = Arc::<Mutex<Gate>>::default();
        let echo = Echo {
            socket: UdpSocket::from_std(socket)?,
            gate: Arc::clone(&gate),
            counters,
            source: (random() >> 32) as u32,
        };
        let task = tokio::spawn(echo.run().in_current_span()).abort_handle();
        Ok(Self { port, gate, task })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Takes what was agreed; from the next packet on it counts.
    pub(crate) fn follow(&self, stream: AudioStream) {
        lock(&self.gate).follow(stream);
    }
}

impl Drop for EchoPort {
    fn drop(&mut self) {
        self.task.abort();
    }
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
                // An earlier packet met a closed port.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => {
                    tracing::warn!(%error, "the RTP port failed, the call is silent from here on");
                    return;
                }
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

/// Decides which packets are the peer's.
///
/// The address in a description is often not the one that packets come from: a NAT stands between, or the phone has
/// several interfaces. So the first packet of an agreed payload type decides: from then on its source alone is heard and
/// sent to, until a description names another address. The described address itself is always heard and takes over, so
/// that nobody who is faster locks out a peer without NAT. One packet out for one packet in, to where it came from: the
/// port amplifies nothing. And no more packets in a second than audio has: one forged packet is enough to set two echoes
/// talking to each other for ever, so it has to be a slow talk.
#[derive(Debug, Default)]
struct Gate {
    stream: Option<AudioStream>,
    source: Option<SocketAddr>,
    /// The second that is counted, and the packets in it.
    second: Option<(Instant, u32)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Admission {
    Echo,
    Receive,
    Discard,
}

impl Gate {
    fn follow(&mut self, stream: AudioStream) {
        if self.stream.is_some_and(|old| old.remote != stream.remote) {
            self.source = None;
        }
        self.stream = Some(stream);
    }

    fn admit(&mut self, payload_type: u8, from: SocketAddr, now: Instant) -> Admission {
        let Some(stream) = &self.stream else {
            return Admission::Discard;
        };
        let admission = match stream.direction {
            Direction::SendRecv => Admission::Echo,
            Direction::RecvOnly => Admission::Receive,
            Direction::SendOnly | Direction::Inactive => return Admission::Discard,
        };
        let is_peer = self.source.is_none_or(|source| source == from)
            || stream.remote.is_some_and(|remote| same_port(remote, from));
        if !is_peer || !stream.payload_types.contains(payload_type) || !self.is_in_time(now) {
            return Admission::Discard;
        }
        self.source = Some(from);
        admission
    }

    fn is_in_time(&mut self, now: Instant) -> bool {
        let (second, packets) = self.second.get_or_insert((now, 0));
        if now.duration_since(*second) >= Duration::from_secs(1) {
            (*second, *packets) = (now, 0);
        }
        *packets += 1;
        *packets <= MOST_PACKETS
    }
}

/// A received IPv6 address has a scope that SDP cannot tell.
fn same_port(a: SocketAddr, b: SocketAddr) -> bool {
    (a.ip(), a.port()) == (b.ip(), b.port())
}

/// A panic elsewhere leaves the gate as it was: whole.
fn lock(gate: &Mutex<Gate>) -> std::sync::MutexGuard<'_, Gate> {
    gate.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 100 ms of PCMU and every header extension that phones use; a longer datagram is discarded, not cut.
const LONGEST_PACKET: usize = 1500;
/// In a second: audio in pieces of 5 ms.
const MOST_PACKETS: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_echoes_talk_slowly() {
        let peer = SocketAddr::from(([192, 0, 2, 1], 4000));
        let mut gate = Gate::default();
        let session = b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n";
        let session = sdp_types::Session::parse(session).unwrap();
        gate.follow(AudioStream {
            remote: Some(peer),
            payload_types: crate::formats::Formats::common(&session.medias[0]).payload_types(),
            direction: Direction::SendRecv,
        });
        let start = Instant::now();
        let mut echoed = |now| {
            let admitted = (0..1000).map(|_| gate.admit(0, peer, now));
            admitted.filter(|it| *it == Admission::Echo).count()
        };
        assert_eq!(echoed(start), 200);
        assert_eq!(echoed(start + Duration::from_millis(999)), 0);
        assert_eq!(echoed(start + Duration::from_secs(1)), 200);
    }
}
