//! Publishing ([RFC 3903 §4](https://www.rfc-editor.org/rfc/rfc3903#section-4)).

use offhook_message::{Body, Header, HeaderName, Method};

use super::{alone, keep};
use crate::client_event::RequestError;
use crate::id::PublicationId;
use crate::outgoing::{Kept, PublicationOptions, What, Wish};
use crate::state::State;

/// A published state. The view borrows the core.
#[derive(Debug)]
pub struct PublishUserAgentClient<'a> {
    state: &'a mut State,
    id: PublicationId,
}

impl<'a> PublishUserAgentClient<'a> {
    pub(crate) fn new(state: &'a mut State, id: PublicationId) -> Option<Self> {
        let kept = state.kept.get(id.0)?;
        (!kept.is_binding()).then_some(Self { state, id })
    }

    /// Which state this is.
    pub fn id(&self) -> PublicationId {
        self.id
    }

    /// Puts another state in its place
    /// ([RFC 3903 §4.4](https://www.rfc-editor.org/rfc/rfc3903#section-4.4)). One request at a time: what
    /// is out is waited for. One that is removed is not changed any more.
    pub fn publish(self, state: Body) {
        let kept = self.state.kept.get_mut(self.id.0);
        if let Some(What::State { body, has_news }) = kept.map(|kept| &mut kept.what) {
            *body = Some(state);
            *has_news = true;
        }
        self.refresh();
    }

    /// Sends PUBLISH now, and does not wait for the next refresh or try. Where a request is out
    /// already, that will do.
    pub fn refresh(self) {
        keep::refresh(self.state, self.id.0);
    }

    /// Removes the state
    /// ([RFC 3903 §4.5](https://www.rfc-editor.org/rfc/rfc3903#section-4.5)).
    /// [`PublicationEvent::Unpublished`](crate::PublicationEvent::Unpublished) follows, whatever the compositor says.
    pub fn unpublish(self) {
        keep::end(self.state, self.id.0, Wish::Gone);
    }
}

/// Publishes a state.
pub(crate) fn start(
    state: &mut State,
    mut options: PublicationOptions,
) -> Result<PublicationId, RequestError> {
    let event = Header::known(HeaderName::Event, options.event);
    options.request.extra_headers.insert(0, event);
    let mut message = alone::begin(state, Method::Publish, options.request)?;
    let (body, has_news) = (message.request.body.take(), true);
    let kept = Kept::new(message, options.expires, What::State { body, has_news });
    Ok(PublicationId(keep::begin(state, kept)))
}
