use std::fmt;
use std::sync::Arc;

use offhook_core::{InsideError, SessionId, VerbError};
use offhook_message::Body;

use crate::shell::Shell;

/// The early dialog that a provisional response to a call of ours has made. A call that is forked has several
/// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)); two of one dialog are equal.
///
/// The first that is accepted becomes the [`Session`](crate::Session) of the call, the others are over then.
#[derive(Clone)]
pub struct EarlySession {
    shell: Arc<Shell>,
    shard: usize,
    id: SessionId,
}

impl EarlySession {
    pub(crate) fn new(shell: &Arc<Shell>, shard: usize, id: SessionId) -> Self {
        let shell = Arc::clone(shell);
        Self { shell, shard, id }
    }

    /// Changes the session before it is accepted: sends UPDATE, as [`Session::update`](crate::Session::update) does, once a first
    /// offer is answered by way of PRACK ([RFC 3311 §5.1](https://www.rfc-editor.org/rfc/rfc3311#section-5.1)).
    /// [`SessionEvent::Answered`](crate::SessionEvent::Answered) or [`Unanswered`](crate::SessionEvent::Unanswered) follows, in
    /// [`InviterEvent::Early`](crate::InviterEvent::Early).
    ///
    /// # Errors
    ///
    /// Another offer waits for its answer, or the dialog is over.
    pub fn update(&self, offer: Option<&Body>) -> Result<(), InsideError> {
        let shell = &self.shell;
        shell.inside(self.shard, self.id, InsideError::NotConfirmed, |session| {
            session.update(offer)
        })
    }
}

impl PartialEq for EarlySession {
    fn eq(&self, other: &Self) -> bool {
        (self.shard, self.id) == (other.shard, other.id) && Arc::ptr_eq(&self.shell, &other.shell)
    }
}

impl Eq for EarlySession {}

impl fmt::Debug for EarlySession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EarlySession")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The offer of a reliable provisional response to a call of ours. Without an answer no PRACK goes out.
#[derive(Debug)]
#[must_use = "a callee whose offer gets no answer gives the call up"]
pub struct EarlyOffer(EarlySession);

impl EarlyOffer {
    pub(crate) fn new(session: EarlySession) -> Self {
        Self(session)
    }

    /// Answers it, in the PRACK ([RFC 3262 §5](https://www.rfc-editor.org/rfc/rfc3262#section-5)).
    ///
    /// # Errors
    ///
    /// The dialog is over.
    pub fn answer(self, answer: &Body) -> Result<(), VerbError> {
        let EarlySession { shell, shard, id } = self.0;
        shell.inside(shard, id, VerbError::NoOffer, |session| {
            session.prack(answer)
        })
    }
}
