use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    ops::RangeInclusive,
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    port::free_port, process::Process, scratch::Scratch, statistics::Statistics,
    transport::Transport,
};

/// A run of SIPp as the caller.
#[must_use]
pub struct Sipp {
    command: Command,
    name: String,
    scratch: Scratch,
    calls: u32,
    limit: Duration,
}

impl Sipp {
    /// Ten calls at ten per second, by SIPp's own `uac` scenario, to `user` at `server`.
    pub fn calling(user: &str, server: SocketAddr, transport: Transport) -> Result<Self> {
        Self::by(Command::new("sipp"), user, server, transport)
    }

    /// As [`Sipp::calling`], started by `command`, which may be a wrapper.
    pub fn by(
        mut command: Command,
        user: &str,
        server: SocketAddr,
        transport: Transport,
    ) -> Result<Self> {
        let scratch = Scratch::new("sipp")?;
        let port = free_port()?.to_string();
        command
            .arg(server.to_string())
            .args(["-s", user, "-nostdin"]);
        let local = if server.is_ipv4() { "127.0.0.1" } else { "::1" };
        command.args(["-i", local, "-p", &port, "-mi", local]);
        command.args(["-t", transport.sipp_mode(), "-max_socket", MOST_SOCKETS]);
        command.arg("-trace_err");
        command.arg("-error_file").arg(scratch.file(ERRORS));
        command.arg("-trace_stat");
        command.arg("-stf").arg(scratch.file(STATISTICS));
        let name = format!("sipp to {user} over {}", transport.as_str());
        let sipp = Self {
            command,
            name,
            scratch,
            calls: 0,
            limit: Duration::from_mins(1),
        };
        Ok(sipp.calls(10).rate(10))
    }

    /// Plays `interop/scenarios/NAME.xml` instead of the `uac` scenario, and keeps the messages for the failure report.
    pub fn scenario(mut self, name: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("scenarios")
            .join(name)
            .with_extension("xml");
        self.command.arg("-sf").arg(file);
        self.command
            .arg("-trace_msg")
            .arg("-message_file")
            .arg(self.scratch.file(MESSAGES));
        self
    }

    /// How many calls to place.
    pub fn calls(mut self, calls: u32) -> Self {
        self.calls = calls;
        self
    }

    /// How many calls to begin in a second.
    pub fn rate(self, calls_per_second: u32) -> Self {
        self.option("-r", &calls_per_second.to_string())
    }

    /// Adds an option of SIPp.
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.command.args([name, value]);
        self
    }

    /// What `[NAME]` in the scenario stands for.
    pub fn key(mut self, name: &str, value: &str) -> Self {
        self.command.args(["-key", name, value]);
        self
    }

    /// How long the whole run may take. 60 s unless told.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Places the calls and waits until all of them are over.
    pub fn run(mut self) -> Result<Report> {
        self.bound();
        self.place()
    }

    /// Places the calls, and checks that every one ran through the scenario and that nothing was sent twice.
    ///
    /// # Errors
    /// Anything else, with SIPp's statistics, its errors and the last messages on the wire.
    pub fn run_clean(self) -> Result<Report> {
        self.run_until(|_| Ok(()))
    }

    /// As [`Sipp::run_clean`], where the mean time that the scenario measures lies within `bounds`, in milliseconds.
    pub fn run_timed(self, bounds: &RangeInclusive<u128>) -> Result<Report> {
        self.run_until(|report| {
            let measured = report.statistics.response_time(1)?.as_millis();
            let account = || report.account();
            ensure!(
                bounds.contains(&measured),
                "{measured} ms is outside of {bounds:?}: {}",
                account()
            );
            Ok(())
        })
    }

    /// As [`Sipp::run_clean`], where the report `is_right` besides, which looks at times alone.
    ///
    /// Where they are not, the calls are placed again: a peer that a busy machine lets wait for half a second repeats
    /// itself, and measures what the machine did. A call that fails is a defect at once.
    pub fn run_until(mut self, is_right: impl Fn(&Report) -> Result<()>) -> Result<Report> {
        self.bound();
        for _ in 1..RUNS {
            let report = self.place()?;
            report.complete()?;
            let Err(error) = report.not_repeated().and_then(|()| is_right(&report)) else {
                return Ok(report);
            };
            // Past the harness, which keeps what a test prints that passes.
            writeln!(io::stderr(), "REPEATED: {error:#}")?;
        }
        let report = self.place()?;
        report.complete()?;
        report.not_repeated()?;
        is_right(&report)?;
        Ok(report)
    }

    fn bound(&mut self) {
        let seconds = self.limit.as_secs().to_string();
        self.command.args([
            "-m",
            &self.calls.to_string(),
            "-timeout",
            &seconds,
            "-timeout_error",
        ]);
    }

    fn place(&mut self) -> Result<Report> {
        let mut process = Process::start(self.name.clone(), &mut self.command)?;
        let status = process.wait(self.limit + GRACE)?;
        let csv = fs::read_to_string(self.scratch.file(STATISTICS)).unwrap_or_default();
        let told = format!(
            "--- SIPp's errors:\n{}\n--- the last messages:\n{}\n{}",
            self.scratch.tail(ERRORS, 60),
            self.scratch.tail(MESSAGES, 120),
            process.tail()
        );
        let statistics =
            Statistics::parse(&csv).with_context(|| format!("{}: {status}\n{told}", self.name))?;
        Ok(Report {
            name: self.name.clone(),
            calls: self.calls,
            exit_code: status.code(),
            statistics,
            told,
        })
    }
}

/// What came of a [`Sipp`] run.
#[derive(Debug)]
pub struct Report {
    name: String,
    calls: u32,
    exit_code: Option<i32>,
    told: String,
    /// SIPp's own count.
    pub statistics: Statistics,
}

impl Report {
    /// Checks that every call ran through the scenario.
    ///
    /// # Errors
    /// Anything else, with SIPp's statistics, its errors and the last messages on the wire.
    pub fn complete(&self) -> Result<()> {
        let statistics = &self.statistics;
        let calls = u64::from(self.calls);
        let is_complete = self.exit_code == Some(0)
            && statistics.created()? == calls
            && statistics.successful()? == calls
            && statistics.failed()? == 0;
        ensure!(is_complete, "{}", self.account());
        Ok(())
    }

    /// Nothing was sent twice.
    fn not_repeated(&self) -> Result<()> {
        ensure!(
            self.statistics.retransmissions()? == 0,
            "{}",
            self.account()
        );
        Ok(())
    }

    /// The whole story, for a failure message.
    pub fn account(&self) -> String {
        format!(
            "{}: exit code {:?}, {}\n{}",
            self.name, self.exit_code, self.statistics, self.told
        )
    }
}

/// SIPp refuses to start when its default of 50,000 is above the limit for open files.
const MOST_SOCKETS: &str = "500";
const ERRORS: &str = "errors.log";
const STATISTICS: &str = "statistics.csv";
const MESSAGES: &str = "messages.log";
/// How often calls are placed at the most.
const RUNS: usize = 3;
/// SIPp closes its calls after its own time limit.
const GRACE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of runs that end in turn as `rows` say: successful calls, failed ones, retransmissions, an exit code;
    /// and how many there were.
    fn runs(rows: &str) -> Result<(Result<Report>, usize)> {
        let scratch = Scratch::new("rows")?;
        let (rows, begun) = (scratch.write("rows", rows)?, scratch.file("begun"));
        let mut command = Command::new("sh");
        command.args(["-c", PROGRAM, "sh"]).arg(rows).arg(&begun);
        let server = SocketAddr::from(([127, 0, 0, 1], 9));
        let sipp = Sipp::by(command, "nobody", server, Transport::Udp)?;
        let report = sipp.calls(1).run_clean();
        Ok((report, fs::read_to_string(begun)?.lines().count()))
    }

    #[test]
    fn a_retransmission_is_given_another_run_and_a_failed_call_is_not() -> Result<()> {
        let (report, times) = runs("1 0 1 0\n1 0 0 0\n")?;
        assert!(report.is_ok() && times == 2, "{report:?} after {times}");
        let (report, times) = runs("1 0 1 0\n1 0 1 0\n1 0 1 0\n1 0 0 0\n")?;
        assert!(report.is_err() && times == 3, "{report:?} after {times}");
        for failed in ["0 1 1 1", "0 1 0 0", "1 0 0 1"] {
            let (report, times) = runs(&format!("{failed}\n1 0 0 0\n"))?;
            assert!(report.is_err() && times == 1, "{report:?} after {times}");
        }
        Ok(())
    }

    /// Takes the row of this run, and writes it as SIPp does.
    const PROGRAM: &str = r#"
        rows=$1 begun=$2
        while [ $# -gt 0 ]; do [ "$1" = -stf ] && file=$2; shift; done
        echo >> "$begun"
        set -- $(sed -n "$(wc -l < "$begun")p" "$rows")
        echo 'TotalCallCreated;SuccessfulCall(C);FailedCall(C);Retransmissions(C)' > "$file"
        echo "1;$1;$2;$3" >> "$file"
        exit $4"#;
}
