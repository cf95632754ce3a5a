use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use offhook_core::{Channel, Flow, Opener, Transport};
use tokio::net::TcpStream;
use tokio::select;
use tokio::time::{Instant, timeout};

use super::advertised::Advertised;
use super::destination::Destination;
use super::limits::ConnectionLimits;
use super::octets::{Moved, Octets, Socket, Traffic};
#[cfg(feature = "ws")]
use super::origins::Origins;
use super::outgoing::Outgoing;
use super::patience::{Asks, Patience};
use super::reads::Reads;
use super::receive::Receive;
#[cfg(feature = "tls")]
use super::tls::Tls;
#[cfg(feature = "ws")]
use super::websocket;
use super::wire::Wire;
use super::writes::{Queue, Writes};
#[cfg(all(test, feature = "tls"))]
use crate::tls_options::TlsOptions;

/// What all connections have in common.
pub(crate) struct ConnectionSettings {
    pub(crate) limits: ConnectionLimits,
    pub(crate) advertised: Advertised,
    #[cfg(feature = "ws")]
    pub(crate) origins: Origins,
    #[cfg(feature = "tls")]
    pub(crate) tls: Arc<Tls>,
}

#[cfg(test)]
impl ConnectionSettings {
    pub(super) fn of(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            advertised: Advertised::default(),
            #[cfg(feature = "ws")]
            origins: Origins::default(),
            #[cfg(feature = "tls")]
            tls: Arc::new(Tls::new(TlsOptions::default()).unwrap()),
        })
    }
}

/// One stream connection, before and while it is open.
pub(super) struct Connection {
    pub(super) channel: Channel,
    pub(super) transport: Transport,
    pub(super) remote: SocketAddr,
    pub(super) opener: Opener,
    pub(super) settings: Arc<ConnectionSettings>,
    /// Weak, so that the connection ends when nobody can send over it any more.
    pub(super) queue: Weak<Queue>,
    writes: Writes,
    receiver: Weak<dyn Receive>,
}

impl Connection {
    /// The connection, and the queue of what it is to write.
    pub(super) fn new(
        channel: Channel,
        (transport, remote): (Transport, SocketAddr),
        opener: Opener,
        settings: Arc<ConnectionSettings>,
        receiver: Weak<dyn Receive>,
    ) -> (Self, Arc<Queue>) {
        let (queue, writes) = Queue::new(settings.limits.unsent);
        let connection = Self {
            channel,
            transport,
            remote,
            opener,
            settings,
            queue: Arc::downgrade(&queue),
            writes,
            receiver,
        };
        (connection, queue)
    }

    /// Opens a connection. `listening` is the address that the peer knows us by.
    pub(super) async fn open(
        &self,
        destination: &Destination,
        listening: SocketAddr,
    ) -> io::Result<Open> {
        let connecting = TcpStream::connect(self.remote);
        let stream = timeout(self.settings.limits.connect_time, connecting).await??;
        let mut local = stream.local_addr()?;
        local.set_port(listening.port());
        self.begin(stream, local, Some(destination)).await
    }

    /// Does the handshakes of a stream, to `destination` where we have opened it.
    pub(super) async fn begin(
        &self,
        stream: TcpStream,
        local: SocketAddr,
        destination: Option<&Destination>,
    ) -> io::Result<Open> {
        let (socket, mut traffic) = Socket::new(stream);
        let handshake = self.handshake(socket, destination);
        let wire = timeout(self.settings.limits.handshake_time, handshake).await??;
        // The octets of the handshake begin no message.
        traffic.arrived.take();
        if destination.is_some() && self.transport == self.transport.secured() {
            // Nor are the tickets of a server part of one.
            traffic.arrived = Moved::default();
        }
        let told = self.settings.advertised.of(self.transport, local);
        let flow = Flow {
            transport: self.transport,
            channel: self.channel,
            local: told.unwrap_or(local),
            remote: self.remote,
        };
        Ok(Open {
            wire,
            traffic,
            flow,
        })
    }

    /// Reads and writes until the connection ends.
    pub(super) async fn run(&mut self, open: &mut Open) -> End {
        let limits = &self.settings.limits;
        let (mut reader, mut writer) = open.wire.split(limits.message);
        let (quiet, asks) = match self.opener {
            // A page in a browser is open for long before it calls.
            _ if self.transport.is_websocket() => (limits.idle_time, Asks::Always),
            Opener::Us => (limits.idle_time, Asks::Trying),
            Opener::Peer => (limits.message_time, Asks::Never),
        };
        let patience = Patience::new(limits, quiet, asks, Instant::now());
        let ends = (&self.receiver, &self.queue);
        let Traffic { arrived, taken } = &open.traffic;
        let mut reads = Reads::new(open.flow, patience, arrived, ends);
        select! {
            end = reads.run(&mut reader) => end,
            end = self.writes.run(&mut writer, taken, limits.write_time) => end,
        }
    }

    /// Closes the connection, after its last words where the peer may still read them. What
    /// could not be written comes back.
    pub(super) async fn close(mut self, mut open: Open, end: &End) -> Vec<Outgoing> {
        if matches!(end, End::OutOfStep | End::Released | End::Idle) {
            let _ = timeout(LINGER, self.finish(&mut open, end)).await;
        }
        drop(open);
        self.unsent().await
    }

    /// What is not written, and never will be by this connection.
    pub(super) async fn unsent(mut self) -> Vec<Outgoing> {
        self.writes.rest().await
    }

    async fn finish(&mut self, open: &mut Open, end: &End) {
        self.writes.close();
        let limits = &self.settings.limits;
        let (_, mut writer) = open.wire.split(limits.message);
        let taken = &open.traffic.taken;
        let written = self.writes.run(&mut writer, taken, limits.write_time);
        let written = written.await;
        drop(writer);
        if let End::Released = written {
            open.wire.close(end).await;
        }
    }

    #[cfg_attr(
        not(any(feature = "tls", feature = "ws")),
        expect(clippy::unused_async, reason = "TCP has no handshake")
    )]
    async fn handshake(
        &self,
        socket: Socket,
        destination: Option<&Destination>,
    ) -> io::Result<Wire> {
        let octets: Octets = match (self.transport, destination) {
            #[cfg(feature = "tls")]
            (Transport::Tls | Transport::Wss, Some(destination)) => {
                self.settings.tls.connect(socket, &destination.host).await?
            }
            #[cfg(feature = "tls")]
            (Transport::Tls | Transport::Wss, None) => self.settings.tls.accept(socket).await?,
            _ => Box::new(socket),
        };
        Ok(match (self.transport, destination) {
            #[cfg(feature = "ws")]
            (Transport::Ws | Transport::Wss, Some(destination)) => {
                let authority = destination.authority();
                let websocket = websocket::connect(octets, &authority, &self.settings.limits);
                Wire::WebSocket(websocket.await?)
            }
            #[cfg(feature = "ws")]
            (Transport::Ws | Transport::Wss, None) => {
                let peer = (self.transport, self.remote);
                Wire::WebSocket(websocket::accept(octets, peer, &self.settings).await?)
            }
            _ => Wire::Octets(octets),
        })
    }
}

/// A connection that is open.
pub(super) struct Open {
    wire: Wire,
    traffic: Traffic,
    flow: Flow,
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("the peer closed it")]
    Closed,
    #[error(transparent)]
    Failed(#[from] io::Error),
    #[error("no message came in time")]
    Idle,
    #[error("a ping was not answered")]
    NoPong,
    /// Where the next message begins is not known.
    #[error("the stream is out of step")]
    OutOfStep,
    #[error("nobody sends over it any more")]
    Released,
}

const LINGER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    #[cfg(feature = "ws")]
    use futures_util::StreamExt;
    use offhook_core::Transmit;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    #[cfg(feature = "ws")]
    use tokio::time::sleep;
    #[cfg(feature = "ws")]
    use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};

    use super::super::receive::Nobody;
    use super::*;

    /// A connection over a pipe.
    struct Ours {
        connection: Connection,
        open: Open,
        queue: Arc<Queue>,
        _receiver: Arc<dyn Receive>,
    }

    /// A connection, and the peer's end of its pipe.
    async fn ends(transport: Transport, opener: Opener) -> (Ours, DuplexStream) {
        let receiver: Arc<dyn Receive> = Arc::new(Nobody);
        let settings = ConnectionSettings::of(LIMITS);
        let flow = Flow {
            transport,
            channel: Channel(1),
            local: ([127, 0, 0, 1], 5060).into(),
            remote: ([127, 0, 0, 1], 9).into(),
        };
        let way = (transport, flow.remote);
        let (connection, queue) = Connection::new(
            flow.channel,
            way,
            opener,
            settings,
            Arc::downgrade(&receiver),
        );
        let (ours, peer) = duplex(PIPE);
        let (socket, traffic) = Socket::over(ours);
        let octets: Octets = Box::new(socket);
        let wire = match transport {
            #[cfg(feature = "ws")]
            Transport::Ws => {
                let config = Some(websocket::config(&LIMITS));
                let websocket = WebSocketStream::from_raw_socket(octets, Role::Server, config);
                Wire::WebSocket(Box::new(websocket.await))
            }
            _ => Wire::Octets(octets),
        };
        let open = Open {
            wire,
            traffic,
            flow,
        };
        let ours = Ours {
            connection,
            open,
            queue,
            _receiver: receiver,
        };
        (ours, peer)
    }

    impl Ours {
        /// The end of the connection, if it comes before this time.
        async fn end_before(&mut self, time: Duration) -> Option<End> {
            timeout(time, self.connection.run(&mut self.open))
                .await
                .ok()
        }

        fn send(&self, text: &str) {
            let transmit = Transmit {
                flow: self.open.flow,
                bytes: Bytes::copy_from_slice(text.as_bytes()),
                transaction: None,
            };
            assert!(self.queue.send(Outgoing::new(transmit, 0)).is_ok());
        }
    }

    /// RFC 5626 §3.5.1: each is one CRLF.
    #[tokio::test(start_paused = true)]
    async fn the_answers_to_two_pings_of_ours_are_no_ping() {
        let (mut ours, mut peer) = ends(Transport::Tcp, Opener::Us).await;
        let answers = tokio::spawn(async move {
            let mut ping = [0; 4];
            while peer.read_exact(&mut ping).await.is_ok() {
                peer.write_all(b"\r\n").await.unwrap();
            }
        });
        let end = ours.end_before(LIMITS.idle_time + SECOND).await;
        assert!(matches!(end, Some(End::Idle)), "{end:?}");
        drop(ours);
        answers.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_begins_behind_another_frame_must_end_in_time() {
        for (transport, opener) in [
            (Transport::Tcp, Opener::Peer),
            (Transport::Tcp, Opener::Us),
            (Transport::Tls, Opener::Us),
        ] {
            let (mut ours, mut peer) = ends(transport, opener).await;
            if transport == transport.secured() && opener == Opener::Us {
                ours.open.traffic.arrived = Moved::default();
            }
            let octets = b"\r\n\r\nINVITE sip:";
            peer.write_all(octets).await.unwrap();
            let end = ours.end_before(LIMITS.message_time + SECOND).await;
            assert!(
                matches!(end, Some(End::Idle)),
                "{transport} {opener:?}: {end:?}"
            );
        }
    }

    #[cfg(feature = "ws")]
    #[tokio::test(start_paused = true)]
    async fn a_websocket_that_is_slow_at_its_end_loses_nothing() {
        let (mut ours, peer) = ends(Transport::Ws, Opener::Peer).await;
        (0..64).for_each(|number| ours.send(&format!("{number:01000}")));
        let end = ours.end_before(SECOND).await;
        assert!(end.is_none(), "the pipe is full: {end:?}");
        let Ours {
            connection,
            open,
            queue: _queue,
            ..
        } = ours;
        let received = async {
            let mut peer = WebSocketStream::from_raw_socket(peer, Role::Client, None).await;
            let mut received = Vec::new();
            while let Some(Ok(message)) = peer.next().await {
                received.extend(message.to_text().unwrap().parse::<u32>());
            }
            received
        };
        let (unsent, received) = tokio::join!(connection.close(open, &End::Released), received);
        assert!(unsent.is_empty());
        assert!(received.into_iter().eq(0..64));
    }

    #[cfg(feature = "ws")]
    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_slowly_is_waited_for_and_one_that_does_not_read_is_cut() {
        for transport in [Transport::Tcp, Transport::Ws] {
            let (mut ours, mut peer) = ends(transport, Opener::Us).await;
            let text = "x".repeat(1000);
            (0..64).for_each(|_| ours.send(&text));
            let reads = async {
                let mut octets = vec![0; PIPE];
                let mut count = 0;
                while count < 64 * text.len() {
                    sleep(LIMITS.write_time / 2).await;
                    count += peer.read(&mut octets).await.unwrap();
                }
            };
            select! {
                end = ours.connection.run(&mut ours.open) => panic!("{transport}: {end}"),
                () = reads => {}
            }
            (0..64).for_each(|_| ours.send(&text));
            let end = ours.end_before(LIMITS.write_time + SECOND).await;
            assert!(matches!(end, Some(End::Failed(_))), "{transport}: {end:?}");
        }
    }

    const SECOND: Duration = Duration::from_secs(1);
    /// In octets.
    const PIPE: usize = 1000;
    const LIMITS: ConnectionLimits = ConnectionLimits {
        // No ping is open while the peer does not read.
        pong_time: Duration::from_hours(1),
        connections: 16,
        connections_per_source: 16,
        message: 64 << 10,
        unsent: 1 << 20,
        connect_time: SECOND,
        handshake_time: SECOND,
        message_time: Duration::from_secs(32),
        write_time: Duration::from_secs(32),
        idle_time: Duration::from_hours(2),
        pinging_idle_time: Duration::from_mins(10),
        ping_interval: Duration::from_secs(100),
    };
}
