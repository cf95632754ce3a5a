use std::io;

use tokio::signal::unix::{self, SignalKind};

/// The signals that `serve` acts on, from the moment this is made.
pub(crate) struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    user: unix::Signal,
    hang_up: unix::Signal,
}

pub(crate) enum Signal {
    /// SIGINT or SIGTERM.
    Stop,
    /// SIGUSR1.
    Count,
    /// SIGHUP.
    Reload,
}

impl Signals {
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            user: unix::signal(SignalKind::user_defined1())?,
            hang_up: unix::signal(SignalKind::hangup())?,
        })
    }

    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.user.recv() => Signal::Count,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}
