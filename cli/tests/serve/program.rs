//! A running `offhook`.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, PipeWriter, Read},
    net::SocketAddr,
    path::PathBuf,
    process::{self, Child, Command, Output, Stdio},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    log: Option<JoinHandle<String>>,
    listeners: Vec<(String, SocketAddr)>,
}

impl Program {
    /// `serve` on one free port of UDP and one of TCP, ready to answer.
    pub(crate) fn serve(arguments: &[&str]) -> Self {
        let line = [&LISTEN[..], arguments].concat();
        Self::start(&line).listening()
    }

    /// `serve` as above, with a log that nobody reads any more.
    pub(crate) fn unheard(arguments: &[&str]) -> Self {
        let mut command = offhook();
        command.arg("serve").args(LISTEN).args(arguments);
        Self::spawn(command.stderr(unread())).listening()
    }

    /// `serve` with a configuration file of this text.
    pub(crate) fn configured(text: &str) -> Self {
        let file = file(text);
        let program = Self::serve(&["--config", file.to_str().expect("a UTF-8 path")]);
        fs::remove_file(file).expect("the file was read, and is there");
        program
    }

    /// `serve` with these arguments alone.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = offhook();
        command.arg("serve").args(arguments).stderr(Stdio::piped());
        Self::spawn(&mut command)
    }

    /// `serve` on one free port behind a command of the shell's that limits it.
    pub(crate) fn limited(limit: &str) -> Self {
        let script = format!("{limit} && exec \"$0\" serve --listen udp:127.0.0.1:0");
        let program = env!("CARGO_BIN_EXE_offhook");
        let mut command = Command::new("sh");
        command.args(["-c", &script, program]);
        Self::spawn(command.stderr(Stdio::piped()))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");

        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let stderr = child.stderr.take();
        let log = thread::spawn(move || {
            let mut log = Vec::new();
            if let Some(mut stderr) = stderr {
                stderr.read_to_end(&mut log).expect("stderr is readable");
            }
            String::from_utf8_lossy(&log).into_owned()
        });
        Self {
            child,
            lines,
            log: Some(log),
            listeners: Vec::new(),
        }
    }

    /// Ready to answer on both transports.
    fn listening(mut self) -> Self {
        for _ in 0..2 {
            let line = self.line();
            let (transport, address) = line
                .strip_prefix("listening ")
                .and_then(|listener| listener.split_once(' '))
                .unwrap_or_else(|| panic!("no listening line: {line}"));
            let listener = (transport.to_owned(), address.parse().expect("an address"));
            self.listeners.push(listener);
        }
        self
    }

    pub(crate) fn udp(&self) -> SocketAddr {
        self.listener("udp")
    }

    pub(crate) fn tcp(&self) -> SocketAddr {
        self.listener("tcp")
    }

    fn listener(&self, transport: &str) -> SocketAddr {
        let listener = self.listeners.iter().find(|(name, _)| name == transport);
        listener.expect("both transports are listened on").1
    }

    /// The next line on stdout.
    pub(crate) fn line(&mut self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| {
            self.child.kill().expect("the program can be killed");
            panic!("no line on stdout ({error}); stderr: {}", self.log())
        })
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh")
            .args(["-c", &kill])
            .status()
            .expect("sh runs");
        assert!(status.success(), "{kill}");
    }

    /// What SIGUSR1 prints, by name.
    pub(crate) fn counts(&mut self) -> Vec<(String, u64)> {
        self.signal("USR1");
        let line = self.line();
        let counts = line
            .strip_prefix("counts ")
            .unwrap_or_else(|| panic!("no counts: {line}"));
        let count = |pair: &str| {
            let (name, count) = pair.split_once('=').expect("name=count");
            (name.to_owned(), count.parse().expect("a number"))
        };
        counts.split(' ').map(count).collect()
    }

    pub(crate) fn count(&mut self, name: &str) -> u64 {
        let counts = self.counts();
        let found = counts.iter().find(|(candidate, _)| candidate == name);
        found
            .unwrap_or_else(|| panic!("no count {name} in {counts:?}"))
            .1
    }

    /// Asks for the counts until this one has this value.
    pub(crate) fn wait_for(&mut self, name: &str, count: u64) {
        let since = Instant::now();
        while self.count(name) != count {
            assert!(since.elapsed() < PATIENCE, "{:?}", self.counts());
        }
    }

    /// Waits for the end: the exit code and all of stderr.
    pub(crate) fn exit(&mut self) -> (Option<i32>, String) {
        let (sender, waited) = channel();
        let pid = self.child.id();
        thread::spawn(move || {
            if waited.recv_timeout(PATIENCE * 2).is_err() {
                let _ = Command::new("sh")
                    .args(["-c", &format!("kill -KILL {pid}")])
                    .status();
            }
        });
        let status = self.child.wait().expect("the program can be waited for");
        let _ = sender.send(());
        (status.code(), self.log())
    }

    fn log(&mut self) -> String {
        let log = self.log.take().expect("the log is read once");
        log.join().expect("the log's thread ends")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    offhook()
        .args(arguments)
        .output()
        .expect("the program runs")
}

/// A new file with this text, for `--config`.
pub(crate) fn file(text: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = env::temp_dir().join(format!("offhook-{}-{number}.toml", process::id()));
    fs::write(&path, text).expect("a file can be written");
    path
}

/// Runs the program to its end, and nobody reads what it says on stderr.
pub(crate) fn run_unheard(arguments: &[&str]) -> Output {
    let mut command = offhook();
    command.args(arguments).stderr(unread());
    command.output().expect("the program runs")
}

/// A pipe whose reader is gone.
fn unread() -> PipeWriter {
    let (_, writer) = io::pipe().expect("a pipe");
    writer
}

fn offhook() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offhook"));
    command.env_remove("RUST_LOG");
    command
}

const LISTEN: [&str; 4] = ["--listen", "udp:127.0.0.1:0", "--listen", "tcp:127.0.0.1:0"];
/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
