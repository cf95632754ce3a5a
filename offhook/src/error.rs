use offhook_core::{RequestError, VerbError};

use crate::calls::Cancelled;
use crate::flows::NoFlow;
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
    /// A REFER asks for another request than INVITE.
    #[error("the REFER asks for something else than a call: answer it by itself")]
    NoCall,
}
