use std::net::SocketAddr;
use std::sync::Weak;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use offhook_core::{Channel, Flow, Transport};
use offhook_message::{Frame, Framer};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio::{select, task};
use tracing::{debug, trace};

use super::outgoing::Outgoing;
use super::receive::Receive;

/// What a connection writes.
#[derive(Debug)]
pub(super) enum Write {
    Message(Outgoing),
    /// The answer to a keep-alive ping
    /// ([RFC 5626 §4.4.1](https://www.rfc-editor.org/rfc/rfc5626#section-4.4.1)).
    Pong,
}

/// One stream connection, before and while it is open.
pub(super) struct Connection {
    channel: Channel,
    remote: SocketAddr,
    /// Weak, so that the connection ends when nobody can send over it any more.
    queue: mpsc::WeakSender<Write>,
    writes: Writes,
    receiver: Weak<dyn Receive>,
}

impl Connection {
    /// The connection, and the queue of what it is to write.
    pub(super) fn new(
        channel: Channel,
        remote: SocketAddr,
        receiver: Weak<dyn Receive>,
    ) -> (Self, mpsc::Sender<Write>) {
        let (queue, queued) = mpsc::channel(LONGEST_QUEUE);
        let connection = Self {
            channel,
            remote,
            queue: queue.downgrade(),
            writes: Writes::new(queued),
            receiver,
        };
        (connection, queue)
    }

    pub(super) fn channel(&self) -> Channel {
        self.channel
    }

    pub(super) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Opens a connection. `listening` is the address that the peer knows us by.
    pub(super) async fn open(&self, listening: SocketAddr) -> io::Result<Open> {
        let stream = timeout(CONNECT_TIME, TcpStream::connect(self.remote)).await??;
        let mut local = stream.local_addr()?;
        local.set_port(listening.port());
        Ok(self.opened(stream, local, IDLE_TIME))
    }

    /// A connection that the peer opened.
    pub(super) fn accepted(&self, stream: TcpStream, local: SocketAddr) -> Open {
        self.opened(stream, local, MESSAGE_TIME)
    }

    /// Reads and writes until the connection ends.
    pub(super) async fn run(&mut self, open: &mut Open) -> End {
        let (mut reader, mut writer) = open.stream.split();
        let mut reads = Reads {
            flow: open.flow,
            framer: Framer::new(LARGEST_MESSAGE),
            deadline: Instant::now() + open.quiet,
            incomplete: false,
            receiver: &self.receiver,
            queue: &self.queue,
        };
        select! {
            end = reads.run(&mut reader) => end,
            end = self.writes.run(&mut writer) => end,
        }
    }

    /// Closes the connection, after its last words where the peer may still read them. What
    /// could not be written comes back.
    pub(super) async fn close(mut self, mut open: Open, end: &End) -> Vec<Outgoing> {
        if matches!(end, End::OutOfStep | End::Released) {
            let _ = timeout(LINGER, self.writes.finish(&mut open.stream)).await;
        }
        drop(open);
        self.unsent().await
    }

    /// What is not written, and never will be by this connection.
    pub(super) async fn unsent(mut self) -> Vec<Outgoing> {
        self.writes.rest().await
    }

    /// `quiet` is how long the peer may take to begin.
    fn opened(&self, stream: TcpStream, local: SocketAddr, quiet: Duration) -> Open {
        tune(&stream);
        let flow = Flow {
            transport: Transport::Tcp,
            channel: self.channel,
            local,
            remote: self.remote,
        };
        Open {
            stream,
            flow,
            quiet,
        }
    }
}

/// The stream of a connection that is open.
pub(super) struct Open {
    stream: TcpStream,
    flow: Flow,
    quiet: Duration,
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
    /// Where the next message begins is not known.
    #[error("the stream is out of step")]
    OutOfStep,
    #[error("nobody sends over it any more")]
    Released,
}

/// What waits to be written, and what is being written.
struct Writes {
    queue: mpsc::Receiver<Write>,
    /// The messages in `buffer`.
    batch: Vec<Write>,
    buffer: BytesMut,
}

impl Writes {
    fn new(queue: mpsc::Receiver<Write>) -> Self {
        Self {
            queue,
            batch: Vec::new(),
            buffer: BytesMut::new(),
        }
    }

    /// Writes for as long as anybody can send. May be dropped and called again.
    async fn run(&mut self, writer: &mut WriteHalf<'_>) -> End {
        loop {
            if !self.buffer.has_remaining() {
                self.batch.clear();
                if self.queue.recv_many(&mut self.batch, LARGEST_BATCH).await == 0 {
                    return End::Released;
                }
                self.fill();
            }
            match timeout(WRITE_TIME, writer.write_buf(&mut self.buffer)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return error.into(),
                Err(elapsed) => return End::Failed(elapsed.into()),
            }
        }
    }

    /// All messages that are not written, and closes the queue.
    async fn rest(&mut self) -> Vec<Outgoing> {
        self.queue.close();
        if !self.buffer.has_remaining() {
            self.batch.clear();
        }
        let mut rest: Vec<Write> = self.batch.drain(..).collect();
        while let Some(write) = self.queue.recv().await {
            rest.push(write);
        }
        let message = |write| match write {
            Write::Message(outgoing) => Some(outgoing),
            Write::Pong => None,
        };
        rest.into_iter().filter_map(message).collect()
    }

    /// Writes what is queued and waits for the peer to close, for closing while octets are unread
    /// resets the connection and takes our last words away.
    async fn finish(&mut self, stream: &mut TcpStream) {
        self.queue.close();
        let (mut reader, mut writer) = stream.split();
        if let End::Released = self.run(&mut writer).await {
            let _ = writer.shutdown().await;
            let _ = io::copy(&mut reader, &mut io::sink()).await;
        }
    }

    fn fill(&mut self) {
        for write in &self.batch {
            match write {
                Write::Message(outgoing) => self.buffer.extend_from_slice(&outgoing.transmit.bytes),
                Write::Pong => self.buffer.extend_from_slice(b"\r\n"),
            }
        }
    }
}

/// Receives for as long as the peer keeps to the protocol.
struct Reads<'a> {
    flow: Flow,
    framer: Framer,
    /// When the connection ends if nothing more comes.
    deadline: Instant,
    /// The last octets completed no message.
    incomplete: bool,
    receiver: &'a Weak<dyn Receive>,
    queue: &'a mpsc::WeakSender<Write>,
}

impl Reads<'_> {
    async fn run(&mut self, reader: &mut ReadHalf<'_>) -> End {
        let mut buffer = BytesMut::with_capacity(LARGEST_READ);
        loop {
            buffer.clear();
            match timeout_at(self.deadline, reader.read_buf(&mut buffer)).await {
                Ok(Ok(0)) => return End::Closed,
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return error.into(),
                Err(_) => return End::Idle,
            }
            let Some(receiver) = self.receiver.upgrade() else {
                return End::Released;
            };
            if let Some(end) = self.take(&buffer, &*receiver) {
                return end;
            }
            // Nobody can answer over it any more, as when the peer has not read for too long.
            if self.queue.strong_count() == 0 {
                return End::Released;
            }
            drop(receiver);
            // The answers get their turn to be written.
            task::yield_now().await;
        }
    }

    fn take(&mut self, octets: &[u8], receiver: &dyn Receive) -> Option<End> {
        self.framer.push(octets);
        let mut complete = false;
        loop {
            match self.framer.next_frame() {
                Ok(Some(frame)) => self.take_frame(frame, receiver),
                Ok(None) => break,
                Err(error) => {
                    receiver.malformed(self.flow, error.malformed);
                    return Some(End::OutOfStep);
                }
            }
            complete = true;
        }
        if complete {
            self.deadline = Instant::now() + IDLE_TIME;
        } else if !self.incomplete {
            // However small the pieces are that the message comes in, it must end in time.
            self.deadline = Instant::now() + MESSAGE_TIME;
        }
        self.incomplete = !complete;
        None
    }

    fn take_frame(&self, frame: Frame, receiver: &dyn Receive) {
        match frame {
            Frame::Message(message) => receiver.message(self.flow, message),
            Frame::Malformed(malformed) => receiver.malformed(self.flow, malformed),
            Frame::Ping => {
                trace!(transport = "tcp", remote = %self.flow.remote, "ping");
                if let Some(queue) = self.queue.upgrade() {
                    // A full queue holds better signs of life.
                    let _ = queue.try_send(Write::Pong);
                }
            }
            Frame::Pong => trace!(transport = "tcp", remote = %self.flow.remote, "pong"),
        }
    }
}

fn tune(stream: &TcpStream) {
    let keep_alive = TcpKeepalive::new()
        .with_time(PROBE_AFTER)
        .with_interval(PROBE_INTERVAL);
    let tuned = stream
        .set_nodelay(true)
        .and_then(|()| SockRef::from(stream).set_tcp_keepalive(&keep_alive));
    if let Err(error) = tuned {
        debug!("the options of a connection stay as they are: {error}");
    }
}

/// The largest message, body included.
const LARGEST_MESSAGE: usize = 64 << 10;
const LARGEST_READ: usize = 16 << 10;
/// How many messages may wait to be written. One read can hold about a hundred messages with two
/// answers each.
pub(super) const LONGEST_QUEUE: usize = 1024;
/// How many messages one write takes at most.
const LARGEST_BATCH: usize = 64;
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// A peer that reads nothing for 64·T1 answers no request in time.
const WRITE_TIME: Duration = Duration::from_secs(32);
/// How long a message may take to come in, and how soon the first one must.
const MESSAGE_TIME: Duration = Duration::from_secs(32);
/// Longer than most calls: a phone behind a NAT can be reached over its own connection only.
const IDLE_TIME: Duration = Duration::from_hours(2);
const LINGER: Duration = Duration::from_secs(1);
/// Peers that vanished without a word are found out by the system.
const PROBE_AFTER: Duration = Duration::from_mins(2);
const PROBE_INTERVAL: Duration = Duration::from_secs(30);
