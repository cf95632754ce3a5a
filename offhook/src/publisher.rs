use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use offhook_core::{
    PublicationEvent, PublicationId, PublicationOptions, PublishUserAgentClient, RequestError,
};
use offhook_message::Body;

use crate::shell::Shell;

/// A state that is published, and kept published
/// ([RFC 3903](https://www.rfc-editor.org/rfc/rfc3903)).
///
/// It is refreshed by itself, and tried again where the compositor is gone. Dropping it removes the
/// state, as [`Publisher::unpublish`] does.
#[must_use = "dropping a publisher removes the state"]
pub struct Publisher {
    shell: Arc<Shell>,
    shard: usize,
    id: PublicationId,
}

impl Publisher {
    pub(crate) fn start(
        shell: Arc<Shell>,
        mut options: PublicationOptions,
    ) -> Result<Self, RequestError> {
        let shard = shell.place(&mut options.request);
        let id = shell.act(shard, |state, now| {
            let id = state.core.publish(now, options)?;
            state.calls.publications.add(id);
            Ok(id)
        })?;
        Ok(Self { shell, shard, id })
    }

    /// Waits for what becomes of the state; `None` when it is over. A handle that does not look for
    /// a long time sees the newest events only. Dropping the future loses nothing.
    pub async fn event(&mut self) -> Option<PublicationEvent> {
        let shard = self.shell.shard(self.shard);
        let id = self.id;
        poll_fn(|context| shard.calls(|calls| calls.publications.poll_event(id, context))).await
    }

    /// Puts another state in its place.
    pub fn publish(&mut self, body: Body) {
        self.act(|client| client.publish(body));
    }

    /// Sends PUBLISH now, and does not wait for the next refresh or try.
    pub fn refresh(&mut self) {
        self.act(|client| {
            client.refresh();
        });
    }

    /// Removes the state ([RFC 3903 §4.5](https://www.rfc-editor.org/rfc/rfc3903#section-4.5)).
    /// [`PublicationEvent::Unpublished`] follows.
    pub fn unpublish(&mut self) {
        self.act(|client| {
            client.unpublish();
        });
    }

    fn act(&self, verb: impl FnOnce(PublishUserAgentClient<'_>)) {
        self.shell.act(self.shard, |state, now| {
            if let Some(client) = state.core.publish_client(now, self.id) {
                verb(client);
            }
        });
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.act(|client| {
            client.unpublish();
        });
        let shard = self.shell.shard(self.shard);
        shard.calls(|calls| calls.publications.remove(self.id));
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").finish_non_exhaustive()
    }
}
