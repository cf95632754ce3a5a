//! What a command says: lines on stdout, and a log on stderr.

use std::{
    fmt,
    io::{self, Write},
    net::SocketAddr,
    time::Duration,
};

use clap::Args;
use offhook::{Flow, Transport};
use serde::{Serialize, Serializer};
use tokio::time::Instant;
use tracing::warn;

use crate::logging;

#[derive(Debug, Args)]
pub(crate) struct OutputArguments {
    /// What goes to stderr: error, warn, info, debug, trace, or a filter such as offhook=debug
    ///
    /// Replaces the environment variable `RUST_LOG`. Without either: info.
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log: Option<String>,

    /// Print each line on stdout as a JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl OutputArguments {
    /// Starts the log, and tells how to print.
    pub(crate) fn start(&self) -> anyhow::Result<Output> {
        logging::start(self.log.as_deref())?;
        Ok(Output {
            is_json: self.json,
            begin: None,
        })
    }
}

/// How lines are printed: as words for people, or as JSON objects for machines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    is_json: bool,
    /// Where each line has its time.
    begin: Option<Instant>,
}

impl Output {
    /// Each line tells when it is said, in seconds from now on.
    pub(crate) fn timed(self) -> Self {
        let begin = Some(Instant::now());
        Self { begin, ..self }
    }

    /// Prints the line at once: who reads a pipe waits for it. What a peer wrote stands in some: for people without
    /// control characters, which a terminal would obey.
    pub(crate) fn tell(self, line: &(impl fmt::Display + Serialize)) {
        let at = self.begin.map(|begin| begin.elapsed());
        if self.is_json {
            print(object(line, at));
        } else if let Some(at) = at {
            print(format_args!("{:8.3}  {}", at.as_secs_f64(), readable(line)));
        } else {
            print(readable(line));
        }
    }
}

fn object(line: &impl Serialize, at: Option<Duration>) -> String {
    #[derive(Serialize)]
    struct Timed<'a, L> {
        #[serde(flatten)]
        line: &'a L,
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<f64>,
    }
    let at = at.map(rounded);
    serde_json::to_string(&Timed { line, at }).expect("a line has names")
}

fn readable(line: &impl fmt::Display) -> String {
    let line = line.to_string();
    line.replace(char::is_control, "\u{fffd}")
}

/// Prints and flushes. Nobody may be reading any more, which is no reason to stop answering calls.
pub(crate) fn print(line: impl fmt::Display) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        warn!(%error, "stdout cannot be written");
    }
}

/// Which way requests go, as a part of a line.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Way {
    #[serde(serialize_with = "text")]
    transport: Transport,
    local: SocketAddr,
    remote: SocketAddr,
}

impl From<&Flow> for Way {
    fn from(flow: &Flow) -> Self {
        Self {
            transport: flow.transport,
            local: flow.local,
            remote: flow.remote,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            transport,
            local,
            remote,
        } = self;
        write!(f, "over {transport} from {local} to {remote}")
    }
}

/// In an object as in a line of words.
pub(crate) fn text<S: Serializer>(
    value: &impl fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Seconds with three decimals.
pub(crate) fn milliseconds<S: Serializer>(
    time: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*time))
}

fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
pub(crate) mod tests {
    pub(crate) const WORDS: Output = Output {
        is_json: false,
        begin: None,
    };

    use serde_json::Value;

    use super::*;

    /// What a line is for people, and for machines.
    pub(crate) fn both(line: &(impl fmt::Display + Serialize)) -> (String, Value) {
        let object = serde_json::from_str(&object(line, None));
        (line.to_string(), object.unwrap())
    }

    #[test]
    fn nothing_in_a_line_moves_the_cursor() {
        let line = readable(&"486 \x1b[2J\rBusy\u{9b}1m\nHere ü");
        assert_eq!(line, "486 �[2J�Busy�1m�Here ü");
    }

    #[test]
    fn a_time_has_three_decimals() {
        let way = Way {
            transport: Transport::Udp,
            local: "127.0.0.1:1".parse().unwrap(),
            remote: "127.0.0.1:2".parse().unwrap(),
        };
        assert_eq!(
            object(&way, Some(Duration::from_micros(2_000_400))),
            r#"{"transport":"udp","local":"127.0.0.1:1","remote":"127.0.0.1:2","at":2.0}"#
        );
    }
}
