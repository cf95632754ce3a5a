/// Why a verb did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerbError {
    /// A 2xx needs our answer, or our offer where the INVITE made none; and so does a provisional
    /// response that must be reliable, where the INVITE made none. Another body does not describe the
    /// session.
    #[error(
        "the response has no session description: pass the answer to the INVITE's offer, or an offer if it made none"
    )]
    NoBody,
    /// A session description in an unreliable provisional response would be an offer, and an offer
    /// must not get lost ([RFC 3261 §13.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.1)).
    #[error(
        "the INVITE made no offer, so the session description would be one, and a provisional response may get lost: pass it to accept"
    )]
    UnreliableOffer,
    /// Our session description went out already, and this is another one.
    #[error(
        "our session description went out already, and a second one is no answer: leave the body out"
    )]
    Described,
    /// A provisional response above 100 went out already.
    #[error("100 says nothing after another provisional response")]
    Progressed,
    /// Too many reliable provisional responses wait for the PRACK of the one before them.
    #[error(
        "too many provisional responses wait for the PRACK of the one before them: send the next later"
    )]
    TooManyWaiting,
    /// The peer made no offer that waits for an answer.
    #[error("the peer made no offer that waits for an answer")]
    NoOffer,
    /// There is no room for the subscription of a REFER: the session has as many as it may, or the core as many
    /// sessions as [`Limits`](crate::Limits) allows.
    #[error("there is no room for another subscription: the REFER was refused")]
    Full,
    /// The session is over.
    #[error("the session is over")]
    Over,
}
