use std::{fmt, time::Duration};

use offhook::message::{Response, UriBuf};
use serde::Serialize;

use crate::stdout::{Way, milliseconds, text};

/// What `call` has to say on stdout.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum Step {
    /// The INVITE is on its way.
    Calling {
        #[serde(serialize_with = "text")]
        uri: UriBuf,
        #[serde(flatten)]
        way: Way,
        call_id: String,
    },
    /// A response came that does not end the call.
    Progress(Status),
    /// The call goes elsewhere.
    Redirected {
        #[serde(flatten)]
        status: Status,
        #[serde(serialize_with = "text")]
        uri: UriBuf,
    },
    /// The call is answered.
    Established(Status),
    /// The session is over.
    Ended {
        cause: String,
        #[serde(serialize_with = "milliseconds")]
        talked: Duration,
    },
    /// The call is refused.
    Rejected(Status),
    /// The call has come to nothing.
    Failed { cause: String },
    /// The callee takes no keys in the audio: they go another way.
    Keys { by: &'static str },
    /// The callee sends us elsewhere.
    Referred {
        #[serde(serialize_with = "text")]
        uri: UriBuf,
    },
}

/// The start line of a response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Status {
    #[serde(rename = "status")]
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl Status {
    pub(crate) fn of(response: &Response) -> Self {
        // What a peer wrote, for people: a line stays a line of some length.
        let reason = response.reason_phrase();
        let reason = reason.get(..LONGEST_REASON).unwrap_or(reason);
        Self {
            code: response.status().as_u16(),
            reason: String::from_utf8_lossy(reason).into_owned(),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calling { uri, way, .. } => write!(f, "calling {uri} {way}"),
            Self::Progress(status) | Self::Rejected(status) => status.fmt(f),
            Self::Redirected { status, uri } => write!(f, "{status}, to {uri}"),
            Self::Established(status) => write!(f, "{status}, established"),
            Self::Ended { cause, talked } => {
                write!(f, "{cause} after {:.1} s", talked.as_secs_f64())
            }
            Self::Failed { cause } => f.write_str(cause),
            Self::Keys { by } => {
                write!(f, "the callee takes no keys in the audio: they go by {by}")
            }
            Self::Referred { uri } => write!(f, "sent to {uri}"),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.reason)
    }
}

const LONGEST_REASON: usize = 100;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stdout::tests::both;

    fn busy() -> Status {
        Status {
            code: 486,
            reason: "Busy Here".to_owned(),
        }
    }

    #[test]
    fn a_step_is_a_line_of_words_and_an_object() {
        let uri: UriBuf = "sip:a@192.0.2.1".parse().unwrap();
        for (step, text, object) in [
            (
                Step::Rejected(busy()),
                "486 Busy Here",
                json!({ "event": "rejected", "status": 486, "reason": "Busy Here" }),
            ),
            (
                Step::Redirected {
                    status: busy(),
                    uri,
                },
                "486 Busy Here, to sip:a@192.0.2.1",
                json!({
                    "event": "redirected", "status": 486, "reason": "Busy Here",
                    "uri": "sip:a@192.0.2.1",
                }),
            ),
            (
                Step::Ended {
                    cause: "the callee hung up".to_owned(),
                    talked: Duration::from_micros(2_000_400),
                },
                "the callee hung up after 2.0 s",
                json!({ "event": "ended", "cause": "the callee hung up", "talked": 2.0 }),
            ),
        ] {
            assert_eq!(both(&step), (text.to_owned(), object));
        }
    }
}
