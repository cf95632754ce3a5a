use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    caller::Caller,
    port::{free_port, wait_for_udp_port},
    process::{Process, Signal},
    transport::Transport,
};

/// Kamailio as the registrar and record-routing proxy that `interop/kamailio.cfg` describes, over UDP and TCP.
pub struct Kamailio {
    process: Process,
    address: SocketAddr,
}

impl Kamailio {
    /// Starts it on a port of its own and waits until it answers. One that stays silent is ended, and another started:
    /// what is tested here is ours.
    pub fn start() -> Result<Self> {
        for _ in 1..STARTS {
            match Self::start_once() {
                Ok(kamailio) => return Ok(kamailio),
                Err(error) => eprintln!("kamailio is started again: {error:#}"),
            }
        }
        Self::start_once()
    }

    fn start_once() -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let configuration = Path::new(env!("CARGO_MANIFEST_DIR")).join("kamailio.cfg");
        let mut command = Command::new("kamailio");
        command.arg("-f").arg(configuration);
        for transport in ["udp", "tcp"] {
            command.args(["-l", &format!("{transport}:{address}")]);
        }
        // In the foreground, with its log on standard error, 16 MiB shared and 4 MiB for each process.
        command.args(["-DD", "-E", "-m", "16", "-M", "4"]);
        let process = Process::start("kamailio", &mut command)?;
        let kamailio = Self { process, address };
        kamailio
            .wait_until_ready()
            .with_context(|| kamailio.process.tail())?;
        Ok(kamailio)
    }

    /// Where it listens, over UDP and over TCP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of record of `user`, who registers with [`Kamailio::password`].
    pub fn uri(&self, user: &str) -> String {
        format!("sip:{user}@{}", self.address)
    }

    /// The password of `user`, for the realm [`Kamailio::REALM`].
    pub fn password(user: &str) -> String {
        format!("secret of {user}")
    }

    /// The process, for its log: a line `inside METHOD REQUEST-URI Route ROUTE-SET` for each request inside a dialog.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Asks it again and again: its sockets are open before anybody reads from them.
    fn wait_until_ready(&self) -> Result<()> {
        wait_for_udp_port(self.address.port(), START)?;
        let mut caller = Caller::open(Transport::Udp, self.address)?;
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            caller.send(caller.options())?;
            if caller.final_response(ANSWER)?.is_some() {
                return Ok(());
            }
        }
        bail!("it answers no OPTIONS within {START:?}");
    }

    /// The realm of its challenges.
    pub const REALM: &'static str = "interop";
}

impl Drop for Kamailio {
    /// Its children end with it only when it is asked to stop, and has time for that.
    fn drop(&mut self) {
        let _ = self.process.signal(Signal::Terminate);
        if self.process.wait(STOP).is_err() {
            let _ = self.process.kill_with_children();
        }
    }
}

/// How often it is started at the most.
const STARTS: usize = 3;
const START: Duration = Duration::from_secs(30);
/// Until it is asked again.
const ANSWER: Duration = Duration::from_millis(500);
const STOP: Duration = Duration::from_secs(30);
