//! What a command says: lines on stdout, and a log on stderr.

use std::{
    fmt,
    io::{self, Write},
    time::Duration,
};

use clap::Args;
use offhook::{Flow, message::Response};
use serde::{Serialize, Serializer};
use serde_json::Value;
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
    pub(crate) is_json: bool,
    /// Where each line has its time.
    begin: Option<Instant>,
}

impl Output {
    /// Each line tells when it is said, in seconds from now on.
    pub(crate) fn timed(self) -> Self {
        let begin = Some(Instant::now());
        Self { begin, ..self }
    }

    /// Prints the line at once: who reads a pipe waits for it.
    pub(crate) fn tell(self, line: Line) {
        let at = self.begin.map(|begin| begin.elapsed());
        match (self.is_json, at) {
            (true, None) => print(line.fields),
            (true, Some(at)) => print(line.with("at", seconds(at)).fields),
            (false, None) => print(line.words()),
            (false, Some(at)) => print(format_args!("{:8.3}  {}", at.as_secs_f64(), line.words())),
        }
    }
}

/// What there is to say, in words and as an object.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    words: String,
    fields: Fields,
}

impl Line {
    /// A line about this event, in these words.
    pub(crate) fn new(event: &str, words: impl fmt::Display) -> Self {
        let line = Self {
            words: words.to_string(),
            fields: Fields(Vec::new()),
        };
        line.with("event", event)
    }

    /// A line about an event that a response makes: it begins with what the response says, and goes on so.
    pub(crate) fn of_response(event: &str, response: &Response, rest: impl fmt::Display) -> Self {
        let code = response.status().as_u16();
        let reason = response.reason_phrase();
        // What a peer wrote, for people: a line stays a line of some length.
        let reason = String::from_utf8_lossy(reason.get(..LONGEST_REASON).unwrap_or(reason));
        let line = Self::new(event, format_args!("{code} {reason}{rest}"));
        line.with("status", code).with("reason", reason)
    }

    /// The object has this as well.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields.0.push((name, value.into()));
        self
    }

    /// Which way the requests go, at the end of the words.
    pub(crate) fn by(self, flow: &Flow) -> Self {
        let [transport, local, remote] = [
            flow.transport.to_string(),
            flow.local.to_string(),
            flow.remote.to_string(),
        ];
        let words = format!("{} over {transport} from {local} to {remote}", self.words);
        let line = Self { words, ..self };
        line.with("transport", transport)
            .with("local", local)
            .with("remote", remote)
    }

    /// What a peer wrote stands in some lines: without control characters, which a terminal would obey.
    pub(crate) fn words(&self) -> String {
        self.words.replace(char::is_control, "\u{fffd}")
    }
}

/// The object of a line, in the order in which it was put together: the event is first.
#[derive(Clone, Debug)]
struct Fields(Vec<(&'static str, Value)>);

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&object)
    }
}

/// Prints and flushes. Nobody may be reading any more, which is no reason to stop answering calls.
pub(crate) fn print(line: impl fmt::Display) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        warn!(%error, "stdout cannot be written");
    }
}

pub(crate) fn seconds(time: Duration) -> f64 {
    rounded(time.as_secs_f64())
}

/// To three decimals.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

const LONGEST_REASON: usize = 100;

#[cfg(test)]
pub(crate) mod tests {
    use offhook::message::{Message, parse};

    use super::*;

    pub(crate) const WORDS: Output = Output {
        is_json: false,
        begin: None,
    };

    /// What a line is for people, and for machines.
    pub(crate) fn both(line: &Line) -> (String, Value) {
        let object = serde_json::to_value(&line.fields).unwrap();
        (line.words(), object)
    }

    pub(crate) fn response(start_line: &str) -> Response {
        match parse(format!("{start_line}\r\n\r\n").into()) {
            Ok(Message::Response(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_line_is_words_and_an_object() {
        let response = response("SIP/2.0 302 Moved");
        let line = Line::of_response("redirected", &response, ", to sip:a@192.0.2.1")
            .with("uri", "sip:a@192.0.2.1")
            .with("at", seconds(Duration::from_micros(2_000_400)));
        assert_eq!(line.words(), "302 Moved, to sip:a@192.0.2.1");
        assert_eq!(
            line.fields.to_string(),
            r#"{"event":"redirected","status":302,"reason":"Moved","uri":"sip:a@192.0.2.1","at":2.0}"#
        );
    }

    #[test]
    fn nothing_in_a_line_moves_the_cursor() {
        let line = Line::new("rejected", "486 \x1b[2J\rBusy\u{9b}1m\nHere ü");
        assert_eq!(line.words(), "486 �[2J�Busy�1m�Here ü");
    }
}
