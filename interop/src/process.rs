use std::{
    env,
    io::Write,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::log::{Log, Mark};

/// A child process that does not outlive this value: dropping it kills it by its process id.
pub struct Process {
    name: String,
    child: Child,
    log: Log,
}

/// A signal of POSIX that the peers understand.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// Stop in good order.
    Terminate,
    /// Defined by the program: `offhook` prints its counters.
    User1,
    /// Read what lies in files again.
    HangUp,
}

impl Process {
    /// Starts `command` with its output collected. `name` is what failure messages call it.
    pub fn start(name: impl Into<String>, command: &mut Command) -> Result<Self> {
        Self::spawn(name.into(), command.stdin(Stdio::null()))
    }

    /// As [`Process::start`], for a program that reads commands with [`Process::write_line`].
    pub fn start_with_input(name: impl Into<String>, command: &mut Command) -> Result<Self> {
        Self::spawn(name.into(), command.stdin(Stdio::piped()))
    }

    fn spawn(name: String, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!("{name} does not start: {}", command.get_program().display())
            })?;
        let log = Log::default();
        if let Some(stdout) = child.stdout.take() {
            log.follow(stdout);
        }
        if let Some(stderr) = child.stderr.take() {
            log.follow(stderr);
        }
        Ok(Self { name, child, log })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first line of output that `is_wanted` accepts. Fails when the process ends or `within` passes first.
    pub fn wait_for_line(
        &self,
        within: Duration,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<String> {
        self.wait_for_line_after(Mark::default(), within, is_wanted)
    }

    /// Takes an action and waits until a line after it contains each of `awaited`, in any order.
    pub fn lines_after(
        &self,
        action: impl FnOnce(&Self) -> Result<()>,
        within: Duration,
        awaited: &[&str],
    ) -> Result<()> {
        let mark = self.log.mark();
        action(self)?;
        for text in awaited {
            self.wait_for_line_after(mark, within, |line| line.contains(text))
                .with_context(|| format!("expected {text:?}"))?;
        }
        Ok(())
    }

    /// Writes a line to its standard input, in one piece: tests share a process, and write side by side.
    pub fn write_line(&self, line: &str) -> Result<()> {
        let input = self.child.stdin.as_ref();
        let mut input = input.with_context(|| format!("{} reads no input", self.name))?;
        input
            .write_all(format!("{line}\n").as_bytes())
            .with_context(|| format!("{} takes no input\n{}", self.name, self.tail()))
    }

    /// Sends `signal` and returns the first line after it that `is_wanted` accepts.
    pub fn ask(
        &self,
        signal: Signal,
        within: Duration,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<String> {
        self.line_after(|process| process.signal(signal), within, is_wanted)
    }

    /// Takes an action and returns the first line after it that `is_wanted` accepts.
    pub fn line_after(
        &self,
        action: impl FnOnce(&Self) -> Result<()>,
        within: Duration,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let mark = self.log.mark();
        action(self)?;
        self.wait_for_line_after(mark, within, is_wanted)
    }

    /// Sends `signal` to this process alone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.kill_by_shell(&format!("kill -{} {}", signal.name(), self.id()))
    }

    /// Kills this process and those that it has started.
    pub(crate) fn kill_with_children(&self) -> Result<()> {
        let id = self.id();
        self.kill_by_shell(&format!(
            "kill -KILL $(cat /proc/{id}/task/{id}/children) {id}"
        ))
    }

    /// The shell has `kill` built in; Debian's minimal images lack the program.
    fn kill_by_shell(&self, command: &str) -> Result<()> {
        let status = Command::new("sh")
            .args(["-c", command])
            .status()
            .context("no shell to send a signal with")?;
        ensure!(
            status.success(),
            "{}: `{command}` failed\n{}",
            self.name,
            self.tail()
        );
        Ok(())
    }

    /// Waits until the process ends by itself. Fails, and leaves it to `drop` to kill it, when `within` passes first.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        if !self.log.wait_for_end(within) {
            bail!("{} still runs after {within:?}\n{}", self.name, self.tail());
        }
        Ok(self.child.wait()?)
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// The last lines of output under a heading, for a failure message.
    pub fn tail(&self) -> String {
        format!(
            "--- the last lines of {}:\n{}\n---",
            self.name,
            self.log.tail()
        )
    }

    fn wait_for_line_after(
        &self,
        mark: Mark,
        within: Duration,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<String> {
        self.log
            .wait_for_line(mark, within, is_wanted)
            .with_context(|| {
                format!(
                    "{} did not print the expected line within {within:?}\n{}",
                    self.name,
                    self.tail()
                )
            })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::User1 => "USR1",
            Self::HangUp => "HUP",
        }
    }
}

/// Whether `program` lies in one of the folders of `PATH`.
pub fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}
