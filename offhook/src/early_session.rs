use offhook_core::{InsideError, SessionId, VerbError};
use offhook_message::Body;

use crate::handle::Place;

/// The early dialog that a provisional response to a call of ours has made. A call that is forked has several
/// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)); two of one dialog are equal.
///
/// The first that is accepted becomes the [`Session`](crate::Session) of the call, the others are over then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlySession(pub(crate) Place<SessionId>);

impl EarlySession {
    /// Changes the session before it is accepted: sends UPDATE, as [`Session::update`](crate::Session::update) does, once a first
    /// offer is answered by way of PRACK ([RFC 3311 §5.1](https://www.rfc-editor.org/rfc/rfc3311#section-5.1)).
    /// [`SessionEvent::Answered`](crate::SessionEvent::Answered) or [`Unanswered`](crate::SessionEvent::Unanswered) follows, in
    /// [`InviterEvent::Early`](crate::InviterEvent::Early).
    ///
    /// # Errors
    ///
    /// Another offer waits for its answer, or the dialog is over.
    pub fn update(&self, offer: Option<&Body>) -> Result<(), InsideError> {
        let Self(place) = self;
        place.inside(InsideError::NotConfirmed, |session| session.update(offer))
    }
}

/// The offer of a reliable provisional response to a call of ours. Without an answer no PRACK goes out.
#[derive(Debug)]
#[must_use = "a callee whose offer gets no answer gives the call up"]
pub struct EarlyOffer(pub(crate) EarlySession);

impl EarlyOffer {
    /// Answers it, in the PRACK ([RFC 3262 §5](https://www.rfc-editor.org/rfc/rfc3262#section-5)).
    ///
    /// # Errors
    ///
    /// The dialog is over.
    pub fn answer(self, answer: &Body) -> Result<(), VerbError> {
        let Self(EarlySession(place)) = self;
        place.inside(VerbError::NoOffer, |session| session.prack(answer))
    }
}
