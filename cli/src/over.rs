use std::{borrow::Cow, error::Error};

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
    pub(crate) cause: Cow<'static, str>,
}

impl Over {
    /// The call ended with this final response.
    pub(crate) fn with(status: impl Into<StatusCode>, cause: impl Into<Cow<'static, str>>) -> Self {
        Self {
            verdict: Some(status.into()),
            cause: cause.into(),
        }
    }

    /// The call ended before we answered it.
    pub(crate) fn unanswered(cancelled: &Cancelled) -> Self {
        let (status, cause) = match cancelled {
            Cancelled::Cancel(_) => (Rejection::REQUEST_TERMINATED, GAVE_UP),
            Cancelled::Ended(InviteEnd::Bye) => (
                Rejection::REQUEST_TERMINATED,
                "the caller gave up with a BYE",
            ),
            Cancelled::Ended(InviteEnd::Expired) => {
                (Rejection::REQUEST_TERMINATED, "the time in Expires is over")
            }
            Cancelled::Ended(InviteEnd::NoAnswer) => {
                (Rejection::TEMPORARILY_UNAVAILABLE, "nobody answered")
            }
            Cancelled::Ended(InviteEnd::NoPrack) => (Rejection::SERVER_TIMEOUT, NO_PRACK),
            Cancelled::Ended(InviteEnd::Disconnected) => {
                (Rejection::TEMPORARILY_UNAVAILABLE, DISCONNECTED)
            }
        };
        Self::with(status, cause)
    }

    /// The session that we accepted has ended.
    pub(crate) fn answered(end: SessionEnd) -> Self {
        let cause = match end {
            SessionEnd::Cancelled => return Self::with(Rejection::REQUEST_TERMINATED, GAVE_UP),
            SessionEnd::NoPrack => return Self::with(Rejection::SERVER_TIMEOUT, NO_PRACK),
            SessionEnd::RemoteBye => "the caller hung up",
            SessionEnd::LocalBye => "we hung up",
            SessionEnd::Expired => "nobody refreshed the session in time",
            SessionEnd::Disconnected => DISCONNECTED,
            SessionEnd::Gone => "the caller is gone without a word",
            SessionEnd::ByeUnanswered => "we hung up, and the BYE was not answered",
            SessionEnd::NotAcknowledged => "the caller did not acknowledge the answer",
            // Calls of ours end with these.
            SessionEnd::NotAccepted => "it was not accepted",
            SessionEnd::NotAnswered => "the offer was not answered",
        };
        Self::with(Success::OK, cause)
    }
}

/// A verb failed, most likely because the caller was faster.
impl<E: Error> From<E> for Over {
    fn from(error: E) -> Self {
        Self {
            verdict: None,
            cause: error.to_string().into(),
        }
    }
}

const GAVE_UP: &str = "the caller gave up";
const DISCONNECTED: &str = "the connection of the caller is gone";
const NO_PRACK: &str = "the caller did not acknowledge a provisional response";
