use std::{net::SocketAddr, process::Command, time::Duration};

use anyhow::{Context, Result};
use offhook_interop::{Process, Server, Transport, free_port, wait_for_udp_port};

use super::{CONFIGURATION, Programs, pinned};

/// A server that is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// It copies header lines and keeps nothing: `bench/src/bin/floor.rs`.
    Floor,
    /// SIPp's own `uas` scenario.
    Sipp,
    /// `offhook serve`.
    Offhook,
}

/// A server that runs, until this is dropped.
pub(super) enum Running {
    Other(Process, SocketAddr),
    Offhook(Server),
}

impl Subject {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Sipp => "sipp uas",
            Self::Offhook => "offhook",
        }
    }

    pub(super) fn start(self, programs: &Programs, cores: &str) -> Result<Running> {
        let mut command = pinned(cores);
        match self {
            Self::Floor => floor(command.arg(&programs.floor)),
            Self::Sipp => sipp(command),
            Self::Offhook => {
                command.arg(programs.offhook.binary());
                let configuration = programs.scratch.file(CONFIGURATION);
                let configuration = configuration.to_str().context("no path in UTF-8")?;
                let arguments = ["--log", "warn", "--config", configuration];
                let server = programs.offhook.serve_by(command, &arguments)?;
                Ok(Running::Offhook(server))
            }
        }
    }
}

impl Running {
    pub(super) fn id(&self) -> u32 {
        match self {
            Self::Other(process, _) => process.id(),
            Self::Offhook(server) => server.process().id(),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Other(_, address) => *address,
            Self::Offhook(server) => server.address(Transport::Udp),
        }
    }

    /// Waits until the transactions of all calls are forgotten, 32 s after the last. Others than ours have none.
    pub(super) fn wait_until_forgotten(&self) -> Result<()> {
        match self {
            Self::Other(..) => Ok(()),
            Self::Offhook(server) => server.wait_until_forgotten(FORGOTTEN).map(drop),
        }
    }
}

fn floor(command: &mut Command) -> Result<Running> {
    let process = Process::start("floor", command)?;
    let line = process.wait_for_line(START, |line| line.starts_with(LISTENING))?;
    let address = line[LISTENING.len()..].parse();
    let address = address.with_context(|| format!("no address in {line:?}"))?;
    Ok(Running::Other(process, address))
}

fn sipp(mut command: Command) -> Result<Running> {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    command.args(["sipp", "-sn", "uas", "-nostdin", "-i", "127.0.0.1"]);
    command.args(["-p", &address.port().to_string()]);
    let process = Process::start("sipp as the server", &mut command)?;
    wait_for_udp_port(address.port(), START)?;
    Ok(Running::Other(process, address))
}

const LISTENING: &str = "listening udp ";
const START: Duration = Duration::from_secs(10);
/// A transaction lives for 32 s, and the last may begin a little after the load.
const FORGOTTEN: Duration = Duration::from_mins(1);
