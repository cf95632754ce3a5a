use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use offhook_core::{
    Flow, RegisterUserAgentClient, RegistrationEvent, RegistrationId, RegistrationOptions,
    RequestError,
};

use crate::shell::Shell;

/// An address that is registered, and kept registered.
///
/// It is refreshed by itself, and tried again where the registrar is gone. Dropping it takes the
/// binding away, as [`Registerer::unregister`] does.
#[must_use = "dropping a registerer takes the binding away"]
pub struct Registerer {
    shell: Arc<Shell>,
    shard: usize,
    id: RegistrationId,
}

impl Registerer {
    pub(crate) fn start(
        shell: Arc<Shell>,
        mut options: RegistrationOptions,
    ) -> Result<Self, RequestError> {
        let shard = shell.place(&mut options.request);
        let id = shell.act(shard, |state, now| {
            let id = state.core.register(now, options)?;
            state.calls.registrations.add(id);
            Ok(id)
        })?;
        Ok(Self { shell, shard, id })
    }

    /// Waits for what becomes of the registration; `None` when it is over. A handle that does not
    /// look for a long time sees the newest events only. Dropping the future loses nothing.
    pub async fn event(&mut self) -> Option<RegistrationEvent> {
        let shard = self.shell.shard(self.shard);
        let id = self.id;
        poll_fn(|context| shard.calls(|calls| calls.registrations.poll_event(id, context))).await
    }

    /// Asks the registrar now, and does not wait for the next refresh or try.
    pub fn refresh(&mut self) {
        self.act(|client| {
            client.refresh();
        });
    }

    /// Goes by these flows from the next try on. [`UserAgent::flows`](crate::UserAgent::flows) finds them again where the
    /// registrar failed: it may have moved ([RFC 3263 §4](https://www.rfc-editor.org/rfc/rfc3263#section-4)), or we
    /// have. While a request is out nothing changes.
    pub fn relocate(&mut self, flows: Vec<Flow>) {
        self.act(|client| client.relocate(flows));
    }

    /// Takes our binding away
    /// ([RFC 3261 §10.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2.2)).
    /// [`RegistrationEvent::Unregistered`] follows.
    pub fn unregister(&mut self) {
        self.act(|client| {
            client.unregister();
        });
    }

    /// Takes all bindings of the address away, those of others included.
    /// [`RegistrationEvent::Unregistered`] follows.
    pub fn unregister_all(&mut self) {
        self.act(|client| {
            client.unregister_all();
        });
    }

    fn act(&self, verb: impl FnOnce(RegisterUserAgentClient<'_>)) {
        self.shell.act(self.shard, |state, now| {
            if let Some(client) = state.core.register_client(now, self.id) {
                verb(client);
            }
        });
    }
}

impl Drop for Registerer {
    fn drop(&mut self) {
        self.act(|client| {
            client.unregister();
        });
        let shard = self.shell.shard(self.shard);
        shard.calls(|calls| calls.registrations.remove(self.id));
    }
}

impl fmt::Debug for Registerer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registerer").finish_non_exhaustive()
    }
}
