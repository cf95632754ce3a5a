use offhook_core::{InsideError, RequestError, VerbError};

use crate::calls::Cancelled;
use crate::flows::NoFlow;
use crate::restore::RestoreError;
use crate::start_error::StartError;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A user agent could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The call was over before the verb.
    #[error("the call is over: {0}")]
    Over(Cancelled),
    /// The verb breaks a rule of the protocol.
    #[error(transparent)]
    Verb(#[from] VerbError),
    /// No way leads to the peer.
    #[error(transparent)]
    Flow(#[from] NoFlow),
    /// A request of ours was not sent.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A request inside a session was not sent.
    #[error(transparent)]
    Inside(#[from] InsideError),
    /// A call was not restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// A REFER asks for another request than INVITE.
    #[error("the REFER asks for something else than a call: answer it by itself")]
    NoCall,
}

impl From<Cancelled> for Error {
    fn from(over: Cancelled) -> Self {
        Self::Over(over)
    }
}
