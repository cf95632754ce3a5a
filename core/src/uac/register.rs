//! Registering ([RFC 3261 §10.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2)).

use offhook_message::{Header, HeaderName, Method};

use super::{alone, keep};
use crate::client_event::RequestError;
use crate::flow::Flow;
use crate::id::RegistrationId;
use crate::outgoing::{Binding, Kept, RegistrationOptions, What, Wish};
use crate::state::State;

/// A registration. The view borrows the core.
#[derive(Debug)]
pub struct RegisterUserAgentClient<'a> {
    state: &'a mut State,
    id: RegistrationId,
}

impl<'a> RegisterUserAgentClient<'a> {
    pub(crate) fn new(state: &'a mut State, id: RegistrationId) -> Option<Self> {
        let kept = state.kept.get(id.0)?;
        kept.is_binding().then_some(Self { state, id })
    }

    /// Which registration this is.
    pub fn id(&self) -> RegistrationId {
        self.id
    }

    /// Asks the registrar now, and does not wait for the next refresh or try. Where a request is
    /// out already, that will do; one that is ending ends.
    pub fn refresh(self) {
        keep::refresh(self.state, self.id.0);
    }

    /// Goes by these flows from the next request on, for the registrar may have moved since it was located
    /// ([RFC 3263 §4](https://www.rfc-editor.org/rfc/rfc3263#section-4)). While a request is out, and without a
    /// flow, nothing changes.
    pub fn relocate(self, flows: Vec<Flow>) {
        if let Some(kept) = self.state.kept.get_mut(self.id.0)
            && kept.asked.is_none()
            && !flows.is_empty()
        {
            kept.message.relocate(flows);
        }
    }

    /// Takes our binding away ([RFC 3261 §10.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2.2)).
    /// [`RegistrationEvent::Unregistered`](crate::RegistrationEvent::Unregistered) follows, whatever the registrar says.
    pub fn unregister(self) {
        keep::end(self.state, self.id.0, Wish::Gone);
    }

    /// Takes all bindings of the address away, those of other user agents included.
    /// [`RegistrationEvent::Unregistered`](crate::RegistrationEvent::Unregistered) follows, whatever the registrar says.
    pub fn unregister_all(self) {
        keep::end(self.state, self.id.0, Wish::AllGone);
    }
}

/// Registers an address.
pub(crate) fn start(
    state: &mut State,
    mut options: RegistrationOptions,
) -> Result<RegistrationId, RequestError> {
    let supported = Header::known(HeaderName::Supported, options.supported());
    options.request.extra_headers.insert(0, supported);
    let params = options.params();
    let mut message = alone::begin(state, Method::Register, options.request)?;
    message.binding = Some(Binding::Own { params });
    let what = What::Binding { is_bound: false };
    let kept = Kept::new(message, options.expires, what);
    Ok(RegistrationId(keep::begin(state, kept)))
}
