//! What became of a message, and whether that may be.

use std::fmt;

use crate::cases::Case;

/// What a peer saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The final responses, in their order.
    pub(crate) statuses: Vec<u16>,
    pub(crate) stream: Stream,
}

/// What became of the stream; a datagram has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stream {
    #[default]
    InStep,
    /// The message does not end.
    Waits,
    Closed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<_> = self.statuses.iter().map(u16::to_string).collect();
        match self.stream {
            Stream::InStep if words.is_empty() => words.push("dropped".to_owned()),
            Stream::InStep => {}
            Stream::Waits => words.push("waits".to_owned()),
            Stream::Closed => words.push("closed".to_owned()),
        }
        f.write_str(&words.join(", "))
    }
}

/// Whether a verdict is one that the index allows: it names the status, or says that the message is good and the status is
/// one that a good message may get here.
pub(crate) fn agrees(case: &Case, way: &str, verdict: &Verdict) -> bool {
    let Case { name, expected, .. } = case;
    let first = verdict.statuses.first();
    let is_named = first.is_some_and(|status| expected.contains(&status.to_string()));
    let is_good = ["process", "match by", "no auth"]
        .iter()
        .any(|word| expected.contains(word));
    let is_answer_to_good = matches!(first, Some(200 | 486));
    let is_in_step = verdict.stream == Stream::InStep;
    match (name.as_str(), way) {
        // Both have no end on a stream: Content-Length is too large, and there is no empty line.
        ("clerr" | "baddn", "stream") => {
            verdict.stream == Stream::Waits && verdict.statuses.is_empty()
        }
        // The end of these cannot be known.
        ("ncl" | "mcl01" | "inv2543", "stream") => verdict.stream == Stream::Closed && is_named,
        // What is noise behind a datagram is the next message of a stream, and has no Content-Length.
        ("dblreq", "stream") => verdict.statuses == [200, 400] && verdict.stream == Stream::Closed,
        _ if case.is_response() => verdict.statuses.is_empty() && is_in_step,
        _ => {
            verdict.statuses.len() == 1 && is_in_step && (is_named || is_good && is_answer_to_good)
        }
    }
}

impl Case {
    fn is_response(&self) -> bool {
        self.bytes.starts_with(b"SIP/2.0 ")
    }
}
