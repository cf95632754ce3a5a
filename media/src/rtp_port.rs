//! The UDP ports of one RTP session, and the task behind them.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::{net::UdpSocket, sync::Notify, task::AbortHandle, time::sleep_until};
use tracing::Instrument;

use crate::{
    PortRange,
    formats::Formats,
    remote_audio::AudioStream,
    rtp::{Channel, LONGEST_PACKET, RtpSession},
};

/// An open port, and the one above it where the peer wants RTCP there. Dropping it says goodbye, ends its task and closes
/// it.
#[derive(Debug)]
pub(crate) struct RtpPort {
    port: u16,
    shared: Arc<Shared>,
    task: AbortHandle,
}

/// What the handler and the task share.
struct Shared {
    local: IpAddr,
    rtp: UdpSocket,
    state: Mutex<State>,
    /// The task has to look at the state.
    changed: Notify,
}

struct State {
    session: RtpSession,
    rtcp: Option<Arc<UdpSocket>>,
}

impl RtpPort {
    /// Opens a port. It is silent until it follows a stream, and deaf until then or until it expects one.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub(crate) fn open(local: IpAddr, ports: &PortRange, session: RtpSession) -> io::Result<Self> {
        let socket = ports.bind(local)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let port = address.port();
        let shared = Arc::new(Shared {
            local: address.ip(),
            rtp: UdpSocket::from_std(socket)?,
            state: Mutex::new(State {
                session,
                rtcp: None,
            }),
            changed: Notify::new(),
        });
        let task = run(Arc::clone(&shared)).in_current_span();
        let task = tokio::spawn(task).abort_handle();
        Ok(Self { port, shared, task })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Takes what was agreed; from the next packet on it counts.
    pub(crate) fn follow(&self, stream: AudioStream) {
        let mut state = self.shared.state();
        if stream.remote.rtcp_port.is_none() {
            state.rtcp = None;
        } else if state.rtcp.is_none() {
            // Where the port is taken, reports go out of the RTP port and none is read.
            state.rtcp = self.shared.open_rtcp(self.port).ok().map(Arc::new);
        }
        state.session.follow(stream, Instant::now());
        drop(state);
        self.shared.changed.notify_one();
    }

    /// The peer may be sent to from now on.
    pub(crate) fn trust(&self) {
        self.shared.state().session.trust(Instant::now());
        self.shared.changed.notify_one();
    }

    /// Hears what comes before the answer to an offer of these formats.
    pub(crate) fn expect(&self, formats: Formats) {
        self.shared.state().session.expect(formats, Instant::now());
        self.shared.changed.notify_one();
    }

    /// Is silent again, and open.
    pub(crate) fn leave(&self) {
        self.shared.state().session.leave(Instant::now());
    }

    /// As [`leave`](Self::leave), where it follows a stream of this dialog.
    pub(crate) fn leave_dialog(&self, dialog: u64) {
        let mut state = self.shared.state();
        if state.session.dialog() == Some(dialog) {
            state.session.leave(Instant::now());
        }
    }
}

impl Drop for RtpPort {
    fn drop(&mut self) {
        self.task.abort();
        self.shared
            .act(|session, transmit| session.close(Instant::now(), transmit));
    }
}

impl Shared {
    fn open_rtcp(&self, port: u16) -> io::Result<UdpSocket> {
        let socket = std::net::UdpSocket::bind((self.local, port | 1))?;
        socket.set_nonblocking(true)?;
        UdpSocket::from_std(socket)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A packet that finds a socket's buffer full is lost, as it would be in the network.
    fn act<T>(
        &self,
        act: impl FnOnce(&mut RtpSession, &mut dyn FnMut(Channel, &[u8], SocketAddr)) -> T,
    ) -> T {
        let State { session, rtcp } = &mut *self.state();
        act(session, &mut |channel, packet, to| {
            let socket = match (channel, &rtcp) {
                (Channel::Rtcp, Some(rtcp)) => rtcp,
                _ => &self.rtp,
            };
            let _ = socket.try_send_to(packet, to);
        })
    }

    /// Takes what lies in a socket, some at a time. `false` where the socket failed.
    fn take(&self, channel: Channel, socket: &UdpSocket) -> bool {
        let mut buffer = [0; LONGEST_PACKET + 1];
        for _ in 0..MOST_AT_ONCE {
            match socket.try_recv_from(&mut buffer) {
                Ok((length, from)) => {
                    let datagram = buffer.get_mut(..length).unwrap_or_default();
                    self.act(|session, transmit| {
                        session.receive(channel, datagram, from, Instant::now(), transmit);
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                // An earlier packet met a closed port of the peer's.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => {
                    self.state().session.fail(&error);
                    return false;
                }
            }
        }
        true
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

async fn run(shared: Arc<Shared>) {
    loop {
        let (timeout, rtcp) = {
            let state = shared.state();
            (state.session.timeout(), state.rtcp.clone())
        };
        let goes_on = tokio::select! {
            _ = shared.rtp.readable() => shared.take(Channel::Rtp, &shared.rtp),
            rtcp = readable(rtcp.as_ref()) => shared.take(Channel::Rtcp, rtcp),
            () = sleep_until(timeout.unwrap_or_else(Instant::now).into()), if timeout.is_some() => {
                shared.act(|session, transmit| session.handle_timeout(Instant::now(), transmit));
                true
            }
            () = shared.changed.notified() => true,
        };
        if !goes_on {
            return;
        }
    }
}

async fn readable(socket: Option<&Arc<UdpSocket>>) -> &UdpSocket {
    match socket {
        Some(socket) if socket.readable().await.is_ok() => socket,
        _ => std::future::pending().await,
    }
}

/// Then others have their turn.
const MOST_AT_ONCE: usize = 32;
