use std::sync::Arc;

use offhook_core::{OutgoingRequest, OutgoingRequestId, RequestError, RequestFailure};
use offhook_message::{Method, Response};

use crate::handle::Handle;
use crate::shell::Shell;

/// A request of ours outside of a call: MESSAGE, OPTIONS, PUBLISH or another. It takes its course
/// when this is dropped, too.
#[derive(Debug)]
pub struct SentRequest {
    handle: Handle<OutgoingRequestId>,
    /// As soon as it has been waited for.
    outcome: Option<Result<Response, RequestFailure>>,
}

/// A message of ours outside of a call ([RFC 3428](https://www.rfc-editor.org/rfc/rfc3428)): a text, as a rule. A 2xx says
/// that it was taken, 202 that somebody keeps it for later
/// ([RFC 3428 §7](https://www.rfc-editor.org/rfc/rfc3428#section-7)).
pub type Messager = SentRequest;

impl SentRequest {
    pub(crate) fn start(
        shell: Arc<Shell>,
        method: Method,
        mut request: OutgoingRequest,
    ) -> Result<Self, RequestError> {
        let shard = shell.place(&mut request);
        let handle = Handle::open(shell, shard, |core, now| core.request(now, method, request))?;
        let outcome = None;
        Ok(Self { handle, outcome })
    }

    /// Waits for the final response, which is the same each time.
    ///
    /// # Errors
    ///
    /// None came by any of the flows.
    pub async fn response(&mut self) -> Result<Response, RequestFailure> {
        let mut outcome = self.outcome.take();
        if outcome.is_none() {
            outcome = self.handle.next().await;
        }
        // Without one the user agent has stopped.
        let outcome = outcome.unwrap_or(Err(RequestFailure::Undelivered));
        self.outcome.insert(outcome).clone()
    }
}
