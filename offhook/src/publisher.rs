use std::sync::Arc;

use offhook_core::{
    PublicationEvent, PublicationId, PublicationOptions, PublishUserAgentClient, RequestError,
};
use offhook_message::Body;

use crate::handle::Handle;
use crate::shell::Shell;

/// A state that is published, and kept published
/// ([RFC 3903](https://www.rfc-editor.org/rfc/rfc3903)).
///
/// It is refreshed by itself, and tried again where the compositor is gone. Dropping it removes the
/// state, as [`Publisher::unpublish`] does.
#[derive(Debug)]
#[must_use = "dropping a publisher removes the state"]
pub struct Publisher(Handle<PublicationId>);

impl Publisher {
    pub(crate) fn start(
        shell: Arc<Shell>,
        mut options: PublicationOptions,
    ) -> Result<Self, RequestError> {
        let shard = shell.place(&mut options.request);
        Handle::open(shell, shard, |core, now| core.publish(now, options)).map(Self)
    }

    /// Waits for what becomes of the state; `None` when it is over. A handle that does not look for
    /// a long time sees the newest events only. Dropping the future loses nothing.
    pub async fn event(&mut self) -> Option<PublicationEvent> {
        self.0.next().await
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
        self.0.act(|core, now, id| {
            core.publish_client(now, id).map(verb);
        });
    }
}
