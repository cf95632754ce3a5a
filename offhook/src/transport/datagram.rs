use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook_core::{Channel, Flow, Transmit, Transport};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::{task, time};
use tracing::{debug, trace, warn};

use super::advertised::Advertised;
use super::called;
use super::local_address::address_facing;
use super::outgoing::{Outgoing, Undelivered};
use super::receive::Receive;
use crate::log::Throttle;

/// One UDP socket: received from by one task, sent from by everybody.
pub(super) struct DatagramSocket {
    socket: UdpSocket,
    pub(super) address: SocketAddr,
    /// What peers are told of it. Where that is unspecified, each is told the address that it called,
    /// and is sent to from there.
    told: SocketAddr,
    /// How many wait in the queue or in the hands of [`send_queued`].
    waiting: AtomicUsize,
    queue: mpsc::Sender<Outgoing>,
}

impl DatagramSocket {
    /// The socket, and its queue for [`send_queued`].
    pub(super) fn new(
        socket: std::net::UdpSocket,
        advertised: &Advertised,
    ) -> io::Result<(Arc<Self>, mpsc::Receiver<Outgoing>)> {
        let address = socket.local_addr()?;
        let told = advertised.of(Transport::Udp, address).unwrap_or(address);
        if told.ip().is_unspecified() {
            called::ask(&socket)?;
        }
        let (queue, queued) = mpsc::channel(LONGEST_QUEUE);
        let socket = Self {
            socket: UdpSocket::from_std(socket)?,
            address,
            told,
            waiting: AtomicUsize::new(0),
            queue,
        };
        Ok((Arc::new(socket), queued))
    }

    /// Sends at once, or queues while the system's buffer is full. Past the queue's bound the
    /// datagram is lost, as it could be on its way.
    pub(super) fn send(&self, outgoing: Outgoing) -> Result<(), Undelivered> {
        if self.waiting.load(Ordering::Acquire) == 0 {
            match self.try_send(&outgoing.transmit) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(refused(&outgoing, &error)),
            }
        }
        self.waiting.fetch_add(1, Ordering::AcqRel);
        if self.queue.try_send(outgoing).is_err() {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            if let Some(count) = LOST.pass(Instant::now()) {
                warn!(
                    count,
                    "datagrams were dropped: {} cannot send as fast as it should", self.address
                );
            }
        }
        Ok(())
    }

    /// Waits while the system's buffer is full.
    async fn send_when_ready(&self, transmit: &Transmit) -> io::Result<usize> {
        loop {
            self.socket.writable().await?;
            match self.try_send(transmit) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return sent,
            }
        }
    }

    fn try_send(&self, transmit: &Transmit) -> io::Result<usize> {
        let Flow { local, remote, .. } = transmit.flow;
        if self.told.ip().is_unspecified() && local.is_ipv4() == remote.is_ipv4() {
            match called::send(&self.socket, &transmit.bytes, local.ip(), remote) {
                // It may be ours no longer; another one is better than none.
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {}
                sent => return sent,
            }
        }
        self.socket.try_send_to(&transmit.bytes, remote)
    }

    /// The length of a datagram, who sent it, and our address as that peer is told it.
    fn try_receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr, SocketAddr)> {
        if !self.told.ip().is_unspecified() {
            let (length, remote) = self.socket.try_recv_from(buffer)?;
            return Ok((length, remote, self.told));
        }
        let (length, remote, called) = called::receive(&self.socket, buffer)?;
        let local = match called {
            Some(address) => address,
            None => address_facing(remote)?.ip(),
        };
        Ok((length, remote, SocketAddr::new(local, self.told.port())))
    }
}

/// Receives datagrams for ever.
pub(super) async fn receive(
    socket: Arc<DatagramSocket>,
    channel: Channel,
    receiver: Weak<dyn Receive>,
) {
    let mut buffer = vec![0; LARGEST_DATAGRAM];
    loop {
        if let Err(error) = socket.socket.readable().await {
            warn!("{} cannot receive any more: {error}", socket.address);
            return;
        }
        let Some(receiver) = receiver.upgrade() else {
            return;
        };
        let batch = receive_batch(&socket, channel, &*receiver, &mut buffer);
        drop(receiver);
        match batch {
            Batch::Empty => {}
            Batch::Full => task::yield_now().await,
            Batch::Failing => time::sleep(PAUSE).await,
        }
    }
}

/// Sends what [`DatagramSocket::send`] queued.
pub(super) async fn send_queued(
    socket: Arc<DatagramSocket>,
    mut queued: mpsc::Receiver<Outgoing>,
    receiver: Weak<dyn Receive>,
) {
    while let Some(outgoing) = queued.recv().await {
        let sent = socket.send_when_ready(&outgoing.transmit).await;
        socket.waiting.fetch_sub(1, Ordering::AcqRel);
        if let Err(error) = sent {
            let Undelivered = refused(&outgoing, &error);
            if let Some(receiver) = receiver.upgrade() {
                outgoing.undelivered(&*receiver);
            }
        }
    }
}

/// How receiving went.
enum Batch {
    /// Nothing is left to receive.
    Empty,
    /// There may be more, but other tasks get their turn.
    Full,
    /// There were only errors.
    Failing,
}

fn receive_batch(
    socket: &DatagramSocket,
    channel: Channel,
    receiver: &dyn Receive,
    buffer: &mut [u8],
) -> Batch {
    let mut failures = 0;
    for _ in 0..LARGEST_BATCH {
        match socket.try_receive(buffer) {
            Ok((length, remote, local)) => {
                let datagram = buffer.get(..length).unwrap_or_default();
                let flow = Flow {
                    transport: Transport::Udp,
                    channel,
                    local,
                    remote,
                };
                take(receiver, flow, datagram);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Batch::Empty,
            Err(error) => {
                debug!("{} received an error: {error}", socket.address);
                failures += 1;
            }
        }
    }
    if failures == LARGEST_BATCH {
        return Batch::Failing;
    }
    Batch::Full
}

fn refused(outgoing: &Outgoing, error: &io::Error) -> Undelivered {
    let remote = outgoing.transmit.flow.remote;
    debug!(transport = "udp", %remote, "the system refused to send: {error}");
    Undelivered
}

fn take(receiver: &dyn Receive, flow: Flow, datagram: &[u8]) {
    if is_keep_alive(datagram) {
        trace!(transport = "udp", remote = %flow.remote, "keep-alive");
        return;
    }
    match offhook_message::parse(Bytes::copy_from_slice(datagram)) {
        Ok(message) => receiver.message(flow, message),
        Err(malformed) => receiver.malformed(flow, malformed),
    }
}

/// Phones keep the way through a NAT open with CRLFs, with zero octets, or with nothing at all.
fn is_keep_alive(datagram: &[u8]) -> bool {
    datagram
        .iter()
        .all(|octet| matches!(octet, b'\r' | b'\n' | 0))
}

static LOST: Throttle = Throttle::new();

const LARGEST_DATAGRAM: usize = 65_535;
const LARGEST_BATCH: u32 = 64;
const LONGEST_QUEUE: usize = 8192;
/// Between errors that do not end.
const PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::super::receive::Nobody;
    use super::*;

    #[test]
    fn keep_alives_are_told_from_messages() {
        for datagram in [&b""[..], b"\0", b"\0\0\0\0", b"\r\n", b"\r\n\r\n"] {
            assert!(is_keep_alive(datagram), "{datagram:?}");
        }
        assert!(!is_keep_alive(b"\r\nOPTIONS sip:a SIP/2.0\r\n"));
        assert!(!is_keep_alive(b"jaK"));
    }

    fn flow(local: SocketAddr, peer: &UdpSocket) -> Flow {
        Flow {
            transport: Transport::Udp,
            channel: Channel(0),
            local,
            remote: peer.local_addr().unwrap(),
        }
    }

    fn socket(address: &str) -> (Arc<DatagramSocket>, mpsc::Receiver<Outgoing>) {
        let socket = std::net::UdpSocket::bind(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        DatagramSocket::new(socket, &Advertised::default()).unwrap()
    }

    #[tokio::test]
    async fn what_cannot_leave_from_the_address_that_was_called_leaves_from_another() {
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (socket, _queued) = socket("0.0.0.0:0");
        for (local, from) in [
            ("127.0.0.2:5060", "127.0.0.2"),
            ("192.0.2.1:5060", "127.0.0.1"),
            ("[::1]:5060", "127.0.0.1"),
        ] {
            let transmit = Transmit {
                flow: flow(local.parse().unwrap(), &peer),
                bytes: Bytes::from_static(b"octets"),
                transaction: None,
            };
            socket.send_when_ready(&transmit).await.unwrap();
            let mut buffer = [0; 10];
            let (length, source) = peer.recv_from(&mut buffer).await.unwrap();
            assert_eq!(buffer[..length], *b"octets");
            assert_eq!(source.ip().to_string(), from, "{local}");
        }
    }

    #[tokio::test]
    async fn what_the_system_does_not_take_yet_is_sent_later_and_in_order() {
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (socket, queued) = socket("127.0.0.1:0");
        let flow = flow(socket.address, &peer);
        // The runtime learns that a new socket is writable when it gets its first turn.
        for number in 0..10_u8 {
            let transmit = Transmit {
                flow,
                bytes: Bytes::copy_from_slice(&[number]),
                transaction: None,
            };
            socket.send(Outgoing::new(transmit, 0)).unwrap();
        }
        assert_eq!(socket.waiting.load(Ordering::Acquire), 10);

        let nobody: Weak<dyn Receive> = Weak::<Nobody>::new();
        let sending = tokio::spawn(send_queued(Arc::clone(&socket), queued, nobody));
        for number in 0..10_u8 {
            let mut buffer = [0; 10];
            let length = peer.recv(&mut buffer).await.unwrap();
            assert_eq!(buffer[..length], [number]);
        }
        sending.abort();
    }
}
