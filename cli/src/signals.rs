use std::io;

use tokio::signal::unix::{self, SignalKind};

/// The signals that the program acts on, from the moment this is made.
pub(crate) struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    user: unix::Signal,
    hang_up: unix::Signal,
    is_stopping: bool,
}

pub(crate) enum Signal {
    /// SIGINT or SIGTERM.
    Stop,
    /// One of them again: nothing is waited for any more.
    StopAtOnce,
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
            is_stopping: false,
        })
    }

    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => self.stop(),
            _ = self.terminate.recv() => self.stop(),
            _ = self.user.recv() => Signal::Count,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }

    fn stop(&mut self) -> Signal {
        if std::mem::replace(&mut self.is_stopping, true) {
            Signal::StopAtOnce
        } else {
            Signal::Stop
        }
    }
}
