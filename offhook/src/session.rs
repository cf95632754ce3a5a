use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use offhook_core::{SessionEnd, SessionId};
use offhook_message::Request;

use crate::shell::Shell;

/// A call that we have answered.
///
/// Waits may be dropped and begun again: they lose nothing. Dropping the session hangs up, as
/// [`Session::bye`] does; await [`Session::ended`] to keep it.
#[must_use = "dropping a session hangs up"]
pub struct Session {
    shell: Arc<Shell>,
    shard: usize,
    id: SessionId,
    call_id: Box<str>,
}

impl Session {
    pub(crate) fn new(shell: Arc<Shell>, shard: usize, id: SessionId, call_id: Box<str>) -> Self {
        Self {
            shell,
            shard,
            id,
            call_id,
        }
    }

    /// The Call-ID of the call.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Waits for the ACK of our 2xx. Its body holds the answer where the 2xx made the offer.
    ///
    /// # Errors
    ///
    /// The session ended before it came.
    pub async fn confirmed(&mut self) -> Result<Request, SessionEnd> {
        let shard = self.shell.shard(self.shard);
        poll_fn(|context| shard.calls(|calls| calls.poll_confirmed(self.id, context))).await
    }

    /// Waits until the session is over, whoever ends it.
    pub async fn ended(&mut self) -> SessionEnd {
        let shard = self.shell.shard(self.shard);
        poll_fn(|context| shard.calls(|calls| calls.poll_ended(self.id, context))).await
    }

    /// Hangs up: sends BYE, after the ACK where that is still to come
    /// ([RFC 3261 §15](https://www.rfc-editor.org/rfc/rfc3261#section-15)). The session has
    /// [`ended`](Session::ended) when the BYE is answered. A second call does nothing.
    pub fn bye(&mut self) {
        self.shell.act(self.shard, |state, now| {
            if let Some(session) = state.core.session(now, self.id) {
                session.bye(Vec::new());
            }
        });
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shell.act(self.shard, |state, now| {
            state.calls.remove_session(self.id);
            if let Some(session) = state.core.session(now, self.id) {
                session.bye(Vec::new());
            }
        });
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("call_id", &self.call_id)
            .finish_non_exhaustive()
    }
}
