use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use offhook_core::{OutgoingRequest, OutgoingRequestId, RequestError, RequestFailure};
use offhook_message::{Method, Response};

use crate::shell::Shell;

/// A request of ours outside of a call: MESSAGE, OPTIONS, PUBLISH or another. It takes its course
/// when this is dropped, too.
pub struct SentRequest {
    shell: Arc<Shell>,
    shard: usize,
    id: OutgoingRequestId,
}

impl SentRequest {
    pub(crate) fn start(
        shell: Arc<Shell>,
        method: Method,
        mut request: OutgoingRequest,
    ) -> Result<Self, RequestError> {
        let shard = shell.place(&mut request);
        let id = shell.act(shard, |state, now| {
            let id = state.core.request(now, method, request)?;
            state.calls.requests.add(id);
            Ok(id)
        })?;
        Ok(Self { shell, shard, id })
    }

    /// Waits for the final response.
    ///
    /// # Errors
    ///
    /// None came by any of the flows.
    pub async fn response(self) -> Result<Response, RequestFailure> {
        let shard = self.shell.shard(self.shard);
        let id = self.id;
        let outcome =
            poll_fn(|context| shard.calls(|calls| calls.requests.poll_event(id, context))).await;
        // Without one the user agent has stopped.
        outcome.unwrap_or(Err(RequestFailure::Undelivered))
    }
}

impl Drop for SentRequest {
    fn drop(&mut self) {
        let shard = self.shell.shard(self.shard);
        shard.calls(|calls| calls.requests.remove(self.id));
    }
}

impl fmt::Debug for SentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentRequest").finish_non_exhaustive()
    }
}
