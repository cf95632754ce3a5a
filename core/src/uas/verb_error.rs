use std::fmt;

/// Why a verb did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerbError {
    /// A 2xx needs our answer, or our offer where the INVITE made none.
    NoBody,
    /// A session description in an unreliable provisional response would be an offer, and an offer
    /// must not get lost ([RFC 3261 §13.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.1)).
    UnreliableOffer,
    /// Our session description went out already, and this is another one.
    Described,
    /// A provisional response above 100 went out already.
    Progressed,
    /// Too many reliable provisional responses wait for the PRACK of the one before them.
    TooManyWaiting,
    /// The peer made no offer that waits for an answer.
    NoOffer,
    /// The session is over.
    Over,
}

impl fmt::Display for VerbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoBody => {
                "the 2xx has no body: pass the answer to the INVITE's offer, or an offer if it made none"
            }
            Self::UnreliableOffer => {
                "the INVITE made no offer, so the session description would be one, and a provisional response may get lost: pass it to accept"
            }
            Self::Described => {
                "our session description went out already, and a second one is no answer: leave the body out"
            }
            Self::Progressed => "100 says nothing after another provisional response",
            Self::TooManyWaiting => {
                "too many provisional responses wait for the PRACK of the one before them: send the next later"
            }
            Self::NoOffer => "the peer made no offer that waits for an answer",
            Self::Over => "the session is over",
        })
    }
}

impl std::error::Error for VerbError {}
