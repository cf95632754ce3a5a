use std::{
    fmt,
    io::{self, Write},
    net::SocketAddr,
};

use serde_json::{Map, Value, json};
use tracing::warn;

use crate::registering::Report;

/// How a [`Line`] is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Format {
    /// For people: words.
    Text,
    /// For machines: one JSON object.
    Json,
}

/// What `serve` has to say on stdout.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    /// Requests that come to `address` are answered from now on.
    Listening {
        transport: &'static str,
        address: SocketAddr,
    },
    /// How much there is of each thing, by name.
    Counts(Vec<(&'static str, u64)>),
    /// What becomes of an account.
    Registration(Report),
}

impl Line {
    /// Prints the line at once: who reads a pipe waits for it.
    pub(crate) fn print(&self, format: Format) {
        match format {
            Format::Text => print(self),
            Format::Json => print(self.json()),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Listening { transport, address } => {
                json!({ "event": "listening", "transport": transport, "address": address })
            }
            Self::Counts(counts) => {
                let counts = counts
                    .iter()
                    .map(|&(name, count)| (name.to_owned(), count.into()));
                let event = ("event".to_owned(), "counts".into());
                Value::Object([event].into_iter().chain(counts).collect::<Map<_, _>>())
            }
            Self::Registration(report) => report.json(),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening { transport, address } => write!(f, "listening {transport} {address}"),
            Self::Counts(counts) => {
                f.write_str("counts")?;
                counts
                    .iter()
                    .try_for_each(|(name, count)| write!(f, " {name}={count}"))
            }
            Self::Registration(report) => report.fmt(f),
        }
    }
}

/// Prints and flushes. Nobody may be reading any more, which is no reason to stop answering calls.
pub(crate) fn print(line: impl fmt::Display) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        warn!(%error, "stdout cannot be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_listener() {
        let line = Line::Listening {
            transport: "udp",
            address: "127.0.0.1:5060".parse().unwrap(),
        };
        assert_eq!(line.to_string(), "listening udp 127.0.0.1:5060");
        assert_eq!(
            line.json(),
            json!({ "event": "listening", "transport": "udp", "address": "127.0.0.1:5060" })
        );
    }

    #[test]
    fn counts_keep_their_names() {
        let line = Line::Counts(vec![("sessions", 2), ("invites", 0)]);
        assert_eq!(line.to_string(), "counts sessions=2 invites=0");
        assert_eq!(
            line.json(),
            json!({ "event": "counts", "sessions": 2, "invites": 0 })
        );
    }
}
