use std::sync::Arc;

use offhook_core::{
    Flow, RegisterUserAgentClient, RegistrationEvent, RegistrationId, RegistrationOptions,
    RequestError,
};

use crate::handle::Handle;
use crate::shell::Shell;

/// An address that is registered, and kept registered.
///
/// It is refreshed by itself, and tried again where the registrar is gone. Dropping it takes the
/// binding away, as [`Registerer::unregister`] does, as long as the user agent is there.
#[derive(Debug)]
#[must_use = "dropping a registerer takes the binding away"]
pub struct Registerer(Handle<RegistrationId>);

impl Registerer {
    pub(crate) fn start(
        shell: Arc<Shell>,
        mut options: RegistrationOptions,
    ) -> Result<Self, RequestError> {
        let shard = shell.place(&mut options.request);
        Handle::open(shell, shard, |core, now| core.register(now, options)).map(Self)
    }

    /// Waits for what becomes of the registration; `None` when it is over. A handle that does not
    /// look for a long time sees the newest events only. Dropping the future loses nothing.
    pub async fn event(&mut self) -> Option<RegistrationEvent> {
        self.0.next().await
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
        self.0.act(|core, now, id| {
            core.register_client(now, id).map(verb);
        });
    }
}
