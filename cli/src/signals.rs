use std::{fs, future::pending, io};

use anyhow::bail;
use tokio::signal::unix::{self, SignalKind};

/// The signals that the program acts on, from the moment this is made.
pub(crate) struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    user: unix::Signal,
    /// None where it stays ignored.
    hang_up: Option<unix::Signal>,
    meaning: HangUp,
    is_stopping: bool,
}

/// What SIGHUP asks of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HangUp {
    /// To read again what it has read.
    Reload,
    /// To stop: the terminal is closed, and nobody is at the keyboard any more. Under `nohup` it goes on.
    Stop,
}

pub(crate) enum Signal {
    /// SIGINT or SIGTERM, or SIGHUP where that stops the command.
    Stop,
    /// SIGINT or SIGTERM when it stops already: nothing is waited for any more.
    StopAtOnce,
    /// SIGUSR1.
    Count,
    /// SIGHUP where the command has something to read again.
    Reload,
}

/// How to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    InGoodOrder,
    /// It was asked for before: nothing is waited for any more.
    AtOnce,
}

impl Signals {
    pub(crate) fn catch(meaning: HangUp) -> io::Result<Self> {
        let hang_up = match meaning {
            HangUp::Stop if is_hang_up_ignored() => None,
            HangUp::Stop | HangUp::Reload => Some(unix::signal(SignalKind::hangup())?),
        };
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            user: unix::signal(SignalKind::user_defined1())?,
            hang_up,
            meaning,
            is_stopping: false,
        })
    }

    pub(crate) async fn next(&mut self) -> Signal {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return self.note_stop(),
                _ = self.terminate.recv() => return self.note_stop(),
                _ = self.user.recv() => return Signal::Count,
                () = receive(&mut self.hang_up) => match self.meaning {
                    HangUp::Reload => return Signal::Reload,
                    HangUp::Stop if !self.is_stopping => return self.note_stop(),
                    // A closed terminal sends it to its processes, and so does the shell in it.
                    HangUp::Stop => {}
                },
            }
        }
    }

    /// Whether we are to stop, or have stopped.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// Waits until we are to stop, where the other signals ask for nothing.
    pub(crate) async fn stop(&mut self) -> Stop {
        loop {
            match self.next().await {
                Signal::Stop => return Stop::InGoodOrder,
                Signal::StopAtOnce => return Stop::AtOnce,
                Signal::Count | Signal::Reload => {}
            }
        }
    }

    /// Does what has to be done before anything is sent, unless we are to stop first.
    pub(crate) async fn unless_stopped<T>(
        &mut self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            biased;
            _ = self.stop() => bail!("stopped before anything was sent"),
            done = work => done,
        }
    }

    fn note_stop(&mut self) -> Signal {
        if std::mem::replace(&mut self.is_stopping, true) {
            Signal::StopAtOnce
        } else {
            Signal::Stop
        }
    }
}

async fn receive(signal: &mut Option<unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => pending().await,
    }
}

/// Whether whoever started us has SIGHUP ignored, as `nohup` does. Only Linux tells: the mask has a bit for each signal,
/// of which this is the first.
fn is_hang_up_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}
