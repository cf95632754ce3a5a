use std::{fs, future::pending, io};

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
                _ = self.interrupt.recv() => return self.stop(),
                _ = self.terminate.recv() => return self.stop(),
                _ = self.user.recv() => return Signal::Count,
                () = receive(&mut self.hang_up) => match self.meaning {
                    HangUp::Reload => return Signal::Reload,
                    HangUp::Stop if !self.is_stopping => return self.stop(),
                    // A closed terminal sends it to its processes, and so does the shell in it.
                    HangUp::Stop => {}
                },
            }
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
