use std::error::Error;

use offhook::{
    Cancelled, InviteEnd, SessionEnd,
    message::{Rejection, StatusCode, Success},
};

/// How a call ended.
#[derive(Debug, PartialEq)]
pub(crate) struct Over {
    /// The final response to the INVITE; `None` where it is not known to us.
    pub(crate) verdict: Option<StatusCode>,
    /// Who or what ended it, in words.
    pub(crate) cause: String,
}

impl Over {
    /// The call ended with this final response.
    pub(crate) fn with(status: impl Into<StatusCode>, cause: impl Into<String>) -> Self {
        Self {
            verdict: Some(status.into()),
            cause: cause.into(),
        }
    }

    /// The call ended before we answered it.
    pub(crate) fn unanswered(cancelled: &Cancelled) -> Self {
        let status = match cancelled {
            Cancelled::Cancel(_) | Cancelled::Ended(InviteEnd::Bye | InviteEnd::Expired) => {
                Rejection::REQUEST_TERMINATED
            }
            Cancelled::Ended(InviteEnd::NoAnswer | InviteEnd::Disconnected) => {
                Rejection::TEMPORARILY_UNAVAILABLE
            }
            Cancelled::Ended(InviteEnd::NoPrack) => Rejection::SERVER_TIMEOUT,
        };
        Self::with(status, cancelled.to_string())
    }

    /// The session that we accepted has ended.
    pub(crate) fn answered(end: SessionEnd) -> Self {
        let cause = ended(end, "the caller");
        match end {
            SessionEnd::Cancelled => Self::with(Rejection::REQUEST_TERMINATED, cause),
            SessionEnd::NoPrack => Self::with(Rejection::SERVER_TIMEOUT, cause),
            _ => Self::with(Success::OK, cause),
        }
    }
}

/// Who or what ended a session with this peer.
pub(crate) fn ended(end: SessionEnd, peer: &str) -> String {
    match end {
        SessionEnd::Cancelled => format!("{peer} gave up"),
        SessionEnd::NoPrack => format!("{peer} did not acknowledge a provisional response"),
        SessionEnd::NotAcknowledged => format!("{peer} did not acknowledge the answer"),
        SessionEnd::RemoteBye => format!("{peer} hung up"),
        SessionEnd::Gone => format!("{peer} is gone without a word"),
        SessionEnd::Disconnected => format!("the connection of {peer} is gone"),
        SessionEnd::LocalBye => "we hung up".to_owned(),
        SessionEnd::ByeUnanswered => "we hung up, and the BYE was not answered".to_owned(),
        SessionEnd::Expired => "nobody refreshed the session in time".to_owned(),
        SessionEnd::NotAccepted => "it was not accepted".to_owned(),
        SessionEnd::NotAnswered => "the offer was not answered".to_owned(),
    }
}

/// A verb failed, most likely because the caller was faster.
impl<E: Error> From<E> for Over {
    fn from(error: E) -> Self {
        Self {
            verdict: None,
            cause: error.to_string(),
        }
    }
}
