use std::{fmt, net::SocketAddr, time::Duration};

use offhook::{
    RequestFailure, SessionEnd, Transport,
    message::{Response, UriBuf},
};
use serde_json::{Value, json};

use crate::stdout::{Format, print};

/// What `call` has to say on stdout.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The INVITE is on its way.
    Calling {
        uri: UriBuf,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
        call_id: String,
    },
    /// A response came that does not end the call.
    Progress(Status),
    /// The call goes elsewhere.
    Redirected { status: Status, uri: UriBuf },
    /// The call is answered.
    Established(Status),
    /// The session is over.
    Ended { cause: SessionEnd, talked: Duration },
    /// The call is refused.
    Rejected(Status),
    /// The call has come to nothing.
    Failed { cause: String },
    /// The callee sends us elsewhere.
    Referred { uri: UriBuf },
}

/// The start line of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
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

impl Step {
    /// Prints the step at once, with the time since the start.
    pub(crate) fn print(&self, format: Format, at: Duration) {
        let seconds = at.as_secs_f64();
        match format {
            Format::Text => print(format_args!("{seconds:8.3}  {self}")),
            Format::Json => {
                let mut object = self.json();
                object["at"] = milliseconds(at);
                print(object);
            }
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Calling {
                uri,
                transport,
                local,
                remote,
                call_id,
            } => json!({
                "event": "calling", "uri": uri.to_string(), "transport": transport.parameter(),
                "local": local, "remote": remote, "call_id": call_id,
            }),
            Self::Progress(status) => with_status("progress", status),
            Self::Redirected { status, uri } => {
                let mut object = with_status("redirected", status);
                object["uri"] = uri.to_string().into();
                object
            }
            Self::Established(status) => with_status("established", status),
            Self::Ended { cause, talked } => json!({
                "event": "ended", "cause": ended(*cause), "talked": milliseconds(*talked),
            }),
            Self::Rejected(status) => with_status("rejected", status),
            Self::Failed { cause } => json!({ "event": "failed", "cause": cause }),
            Self::Referred { uri } => json!({ "event": "referred", "uri": uri.to_string() }),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calling {
                uri,
                transport,
                local,
                remote,
                ..
            } => write!(f, "calling {uri} over {transport} from {local} to {remote}"),
            Self::Progress(status) | Self::Rejected(status) => status.fmt(f),
            Self::Redirected { status, uri } => write!(f, "{status}, to {uri}"),
            Self::Established(status) => write!(f, "{status}, established"),
            Self::Ended { cause, talked } => {
                write!(f, "{} after {:.1} s", ended(*cause), talked.as_secs_f64())
            }
            Self::Failed { cause } => f.write_str(cause),
            Self::Referred { uri } => write!(f, "sent to {uri}"),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.reason)
    }
}

/// Why no response says how the call ended.
pub(crate) fn failed(cause: RequestFailure) -> &'static str {
    match cause {
        RequestFailure::Timeout => "no response came",
        RequestFailure::Undelivered => "it could not be delivered",
        RequestFailure::NoDialog => "the 2xx has no To tag or no Contact",
    }
}

fn ended(cause: SessionEnd) -> &'static str {
    match cause {
        SessionEnd::RemoteBye => "the callee hung up",
        SessionEnd::LocalBye => "we hung up",
        SessionEnd::ByeUnanswered => "we hung up, and the BYE was not answered",
        _ => "the session broke off",
    }
}

fn with_status(event: &str, status: &Status) -> Value {
    json!({ "event": event, "status": status.code, "reason": status.reason })
}

/// Seconds with three decimals.
pub(crate) fn milliseconds(time: Duration) -> Value {
    let seconds = time.as_secs_f64();
    ((seconds * 1000.0).round() / 1000.0).into()
}

const LONGEST_REASON: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

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
                    cause: SessionEnd::RemoteBye,
                    talked: Duration::from_micros(2_000_400),
                },
                "the callee hung up after 2.0 s",
                json!({ "event": "ended", "cause": "the callee hung up", "talked": 2.0 }),
            ),
        ] {
            assert_eq!(step.to_string(), text);
            assert_eq!(step.json(), object);
        }
    }
}
