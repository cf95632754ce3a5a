//! One open UDP port for RTP, and the task behind it.

use std::{
    io,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use tokio::{net::UdpSocket, task::AbortHandle};
use tracing::Instrument;

use crate::{
    PortRange,
    gate::{Gate, lock},
    offer_answer::AudioStream,
};

/// An open port. Dropping it ends its task and closes it.
#[derive(Debug)]
pub(crate) struct RtpPort {
    port: u16,
    gate: Arc<Mutex<Gate>>,
    task: AbortHandle,
}

impl RtpPort {
    /// Opens a port and runs what `serve` makes of it. It is silent until it follows a stream.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub(crate) fn bind<F>(
        local: IpAddr,
        ports: &PortRange,
        serve: impl FnOnce(UdpSocket, Arc<Mutex<Gate>>) -> F,
    ) -> io::Result<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let socket = ports.bind(local)?;
        socket.set_nonblocking(true)?;
        let port = socket.local_addr()?.port();
        let gate = Arc::<Mutex<Gate>>::default();
        let serving = serve(UdpSocket::from_std(socket)?, Arc::clone(&gate));
        let task = tokio::spawn(serving.in_current_span()).abort_handle();
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

impl Drop for RtpPort {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether a port lives on after this error: an earlier packet met a closed port of the peer's.
pub(crate) fn goes_on(error: &io::Error) -> bool {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        return true;
    }
    tracing::warn!(%error, "the RTP port failed, the call is silent from here on");
    false
}
