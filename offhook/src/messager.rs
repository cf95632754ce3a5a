use std::fmt;
use std::sync::Arc;

use offhook_core::{OutgoingRequest, RequestError, RequestFailure};
use offhook_message::{Method, Response};

use crate::sent_request::SentRequest;
use crate::shell::Shell;

/// A message of ours outside of a call ([RFC 3428](https://www.rfc-editor.org/rfc/rfc3428)): a text, as a rule. It
/// takes its course when this is dropped, too.
pub struct Messager {
    sent: SentRequest,
}

impl Messager {
    pub(crate) fn start(shell: Arc<Shell>, request: OutgoingRequest) -> Result<Self, RequestError> {
        let sent = SentRequest::start(shell, Method::Message, request)?;
        Ok(Self { sent })
    }

    /// Waits for the final response. A 2xx says that the message was taken, 202 that somebody keeps
    /// it for later ([RFC 3428 §7](https://www.rfc-editor.org/rfc/rfc3428#section-7)).
    ///
    /// # Errors
    ///
    /// None came by any of the flows.
    pub async fn response(self) -> Result<Response, RequestFailure> {
        self.sent.response().await
    }
}

impl fmt::Debug for Messager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messager").finish_non_exhaustive()
    }
}
