use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tracing::debug;

/// Whether octets have moved that nobody has looked at yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Moved(Arc<AtomicBool>);

impl Moved {
    /// Whether any have since the last call.
    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }

    fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What moves below TLS and WebSocket framing.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    /// An incomplete message shows as nothing else.
    pub(super) arrived: Moved,
    /// What the peer takes slowly shows as nothing else.
    pub(super) taken: Moved,
}

/// A TCP socket that tells when something comes or goes.
pub(super) struct Socket<S = TcpStream> {
    stream: S,
    traffic: Traffic,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> (Self, Traffic) {
        tune(&stream);
        Self::over(stream)
    }
}

impl<S> Socket<S> {
    pub(super) fn over(stream: S) -> (Self, Traffic) {
        let traffic = Traffic::default();
        let socket = Self {
            stream,
            traffic: traffic.clone(),
        };
        (socket, traffic)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        self.traffic.arrived.note();
        Poll::Ready(result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write(context, octets));
        self.traffic.taken.note();
        Poll::Ready(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A stream of octets, encrypted or not.
pub(super) type Octets = Box<dyn Stream>;

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

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

/// Peers that vanished without a word are found out by the system.
const PROBE_AFTER: Duration = Duration::from_mins(2);
const PROBE_INTERVAL: Duration = Duration::from_secs(30);
