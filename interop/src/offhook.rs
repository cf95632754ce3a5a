use std::{
    collections::BTreeMap,
    env, fmt,
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    process::{Process, Signal, is_installed},
    scratch::Scratch,
    transport::Transport,
};

/// The program under test.
pub struct Offhook {
    binary: PathBuf,
}

impl Offhook {
    /// The program that the environment variable `OFFHOOK_BIN` names, or `None`, said on standard error, without it.
    ///
    /// # Errors
    /// `OFFHOOK_BIN` is set, but one of `peers` is not installed.
    pub fn find(peers: &[&str]) -> Result<Option<Self>> {
        let Some(binary) = env::var_os("OFFHOOK_BIN") else {
            // Written past the test harness, which keeps the output of tests that pass to itself.
            let test = thread::current().name().unwrap_or("a test").to_owned();
            writeln!(
                io::stderr(),
                "SKIPPED {test}: nothing was tested; `cargo xtask interop` runs it"
            )?;
            return Ok(None);
        };
        for peer in peers {
            ensure!(
                is_installed(peer),
                "{peer} is not installed; `cargo xtask ci` installs it"
            );
        }
        Ok(Some(Self::new(binary)))
    }

    /// The program at `binary`.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
        }
    }

    /// Where the program is.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Starts `offhook serve` and waits until it is ready.
    pub fn serve(&self) -> Result<Server> {
        self.serve_by(Command::new(&self.binary), &[])
    }

    /// Starts `offhook serve` with a configuration file of this text, which is read at the start.
    pub fn serve_configured(&self, text: &str) -> Result<Server> {
        let scratch = Scratch::new("configuration")?;
        let file = scratch.write("offhook.toml", text)?;
        let file = file.to_str().context("the path is no UTF-8")?;
        self.serve_by(Command::new(&self.binary), &["--config", file])
    }

    /// Starts `offhook serve` by `command`, which may be a wrapper, with `arguments` added.
    pub fn serve_by(&self, mut command: Command, arguments: &[&str]) -> Result<Server> {
        command.args([
            "serve",
            "--listen",
            "udp:127.0.0.1:0",
            "--listen",
            "tcp:127.0.0.1:0",
        ]);
        let process = Process::start("offhook serve", command.args(arguments))?;
        let first = |transport| listening(&process, transport, |_| true);
        let (udp, tcp) = (first("udp")?, first("tcp")?);
        Ok(Server { process, udp, tcp })
    }
}

/// A running `offhook serve`, killed on drop.
pub struct Server {
    process: Process,
    udp: SocketAddr,
    tcp: SocketAddr,
}

impl Server {
    /// Where it listens.
    pub fn address(&self, transport: Transport) -> SocketAddr {
        match transport {
            Transport::Udp => self.udp,
            Transport::Tcp | Transport::TcpPerCall => self.tcp,
        }
    }

    /// Where it listens for a transport that [`Offhook::serve_by`] was asked for.
    pub fn listening(&self, transport: &str) -> Result<SocketAddr> {
        listening(&self.process, transport, |_| true)
    }

    /// As [`Server::listening`], where it listens on several addresses: on this one.
    pub fn listening_on(&self, transport: &str, host: IpAddr) -> Result<SocketAddr> {
        listening(&self.process, transport, |address| address.ip() == host)
    }

    /// The process, for its id and its log.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// A request URI for `user`, over UDP.
    pub fn uri(&self, user: &str) -> String {
        format!("sip:{user}@{}", self.udp)
    }

    /// A request URI for `user`, over `transport`.
    pub fn uri_over(&self, user: &str, transport: Transport) -> String {
        let parameter = transport.as_str().to_lowercase();
        let address = self.address(transport);
        format!("sip:{user}@{address};transport={parameter}")
    }

    /// The counters that SIGUSR1 makes it print.
    pub fn counts(&self) -> Result<Counts> {
        let is_answer = |line: &str| line.starts_with(COUNTS);
        let line = self.process.ask(Signal::User1, ANSWER, is_answer)?;
        Counts::parse(&line)
    }

    /// Waits until no transaction, call, offer or request is left, and returns how long that took. That is half a minute
    /// after the last call: so long a transaction absorbs repetitions.
    ///
    /// # Errors
    /// Something is still there after `within`; the message has the counters.
    pub fn wait_until_idle(&self, within: Duration) -> Result<Duration> {
        self.wait_until_zero(&[CALLS, TRANSACTIONS].concat(), within)
    }

    /// As [`Server::wait_until_idle`], but calls may go on.
    pub fn wait_until_forgotten(&self, within: Duration) -> Result<Duration> {
        self.wait_until_zero(TRANSACTIONS, within)
    }

    /// As [`Server::wait_until_idle`], but transactions may be left: the calls themselves end at once.
    pub fn wait_until_calls_are_over(&self) -> Result<()> {
        self.wait_until_zero(CALLS, ANSWER).map(drop)
    }

    fn wait_until_zero(&self, counters: &[&str], within: Duration) -> Result<Duration> {
        let start = Instant::now();
        loop {
            let counts = self.counts()?;
            if counts.are_zero(counters)? {
                return Ok(start.elapsed());
            }
            let tail = || self.process.tail();
            ensure!(
                start.elapsed() < within,
                "left after {within:?}: {counts}\n{}",
                tail()
            );
            thread::sleep(POLL);
        }
    }

    /// Asks it to stop, which lets calls go on for a while.
    pub fn drain(&self) -> Result<()> {
        self.process.signal(Signal::Terminate)
    }

    /// Waits until it has ended by itself, with exit code 0.
    pub fn wait_until_ended(mut self) -> Result<()> {
        let status = self.process.wait(STOP)?;
        ensure!(
            status.success(),
            "offhook serve ended with {status}\n{}",
            self.process.tail()
        );
        Ok(())
    }

    /// Asks it to stop, and waits until it has, with exit code 0.
    pub fn stop(self) -> Result<()> {
        self.drain()?;
        self.wait_until_ended()
    }
}

fn listening(
    process: &Process,
    transport: &str,
    is_wanted: impl Fn(SocketAddr) -> bool,
) -> Result<SocketAddr> {
    let start = format!("listening {transport} ");
    let address = |line: &str| line.strip_prefix(&start)?.parse().ok();
    let line = process.wait_for_line(START, |line| address(line).is_some_and(&is_wanted))?;
    address(&line).with_context(|| format!("no address in {line:?}"))
}

/// Live numbers of the server, each with its name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// The counter `name`.
    ///
    /// # Errors
    /// The server printed no such counter.
    pub fn value(&self, name: &str) -> Result<u64> {
        self.0
            .get(name)
            .copied()
            .with_context(|| format!("the server prints no counter {name}: {self}"))
    }

    fn are_zero(&self, counters: &[&str]) -> Result<bool> {
        for name in counters {
            if self.value(name)? != 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn parse(line: &str) -> Result<Self> {
        let fields = line
            .strip_prefix(COUNTS)
            .with_context(|| format!("no counters in {line:?}"))?;
        let pair = |field: &str| {
            let (name, value) = field.split_once('=')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        let counts: Option<BTreeMap<String, u64>> = fields.split_whitespace().map(pair).collect();
        counts
            .map(Self)
            .with_context(|| format!("not a line of NAME=NUMBER: {line:?}"))
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{name}={value}")?;
        }
        Ok(())
    }
}

const CALLS: &[&str] = &[
    "invites",
    "outgoing_invites",
    "sessions",
    "offers",
    "requests_open",
];
const TRANSACTIONS: &[&str] = &["server_transactions", "client_transactions"];
const COUNTS: &str = "counts ";
const START: Duration = Duration::from_mins(1);
const ANSWER: Duration = Duration::from_mins(1);
/// The default drain is 5 s, and the last BYE may go unanswered for 32 s (Timer F, RFC 3261 §17.1.2.2).
const STOP: Duration = Duration::from_mins(2);
/// Rarely enough that asking does not show in a measurement of the CPU time.
const POLL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_line_of_counters() -> Result<()> {
        let counts = Counts::parse(
            "counts server_transactions=2 client_transactions=0 invites=0 sessions=1",
        )?;
        assert_eq!(counts.value("server_transactions")?, 2);
        assert!(!counts.are_zero(TRANSACTIONS)?);
        assert!(counts.are_zero(&["invites"])?);
        assert!(counts.value("dialogs").is_err());
        assert!(Counts::parse("counts sessions=many").is_err());
        Ok(())
    }
}
