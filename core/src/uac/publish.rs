//! Publishing ([RFC 3903 §4](https://www.rfc-editor.org/rfc/rfc3903#section-4)).

use std::time::Duration;

use offhook_message::{Body, HeaderName, Headers, Method, Response, StatusCode, Text};

use super::alone;
use crate::client_event::{PublicationEvent, RequestError, RequestFailure};
use crate::event::Event;
use crate::id::PublicationId;
use crate::outgoing::{Asked, Publication, PublicationOptions, refresh_after};
use crate::state::State;
use crate::timers::Timer;
use crate::transaction::ClientUser;

/// A published state. The view borrows the core.
#[derive(Debug)]
pub struct PublishUserAgentClient<'a> {
    state: &'a mut State,
    id: PublicationId,
}

impl<'a> PublishUserAgentClient<'a> {
    pub(crate) fn new(state: &'a mut State, id: PublicationId) -> Option<Self> {
        state.publications.get(id.0)?;
        Some(Self { state, id })
    }

    /// Which state this is.
    pub fn id(&self) -> PublicationId {
        self.id
    }

    /// Puts another state in its place
    /// ([RFC 3903 §4.4](https://www.rfc-editor.org/rfc/rfc3903#section-4.4)). One request at a time: what
    /// is out is waited for. One that is removed is not changed any more.
    pub fn publish(self, body: Body) {
        let Self { state, id } = self;
        let Some(publication) = state.publications.get_mut(id.0) else {
            return;
        };
        publication.body = Some(body);
        publication.has_news = true;
        if publication.asked.is_none() {
            renew(state, id);
        }
    }

    /// Sends PUBLISH now, and does not wait for the next refresh or try. Where a request is out
    /// already, that will do.
    pub fn refresh(self) {
        let Self { state, id } = self;
        let publication = state.publications.get(id.0);
        if publication.is_some_and(|publication| publication.asked.is_none()) {
            renew(state, id);
        }
    }

    /// Removes the state
    /// ([RFC 3903 §4.5](https://www.rfc-editor.org/rfc/rfc3903#section-4.5)).
    /// [`PublicationEvent::Unpublished`] follows, whatever the compositor says.
    pub fn unpublish(self) {
        let Self { state, id } = self;
        if let Some(publication) = state.publications.get_mut(id.0) {
            publication.is_ending = true;
            go_on(state, id);
        }
    }
}

/// Publishes a state.
pub(crate) fn start(
    state: &mut State,
    options: PublicationOptions,
) -> Result<PublicationId, RequestError> {
    let message = alone::begin(state, Method::Publish, options.request.clone())?;
    let publication = Publication::new(message, options);
    let id = PublicationId(state.publications.insert(publication));
    ask(state, id);
    Ok(id)
}

/// The refresh is due, or the next try.
pub(crate) fn is_due(state: &mut State, id: PublicationId) {
    let due = state.publications.get(id.0).and_then(|it| it.due);
    if due.is_some_and(|due| due <= state.timers.now()) {
        renew(state, id);
    }
}

/// A final response to the PUBLISH.
pub(super) fn receive_response(state: &mut State, id: PublicationId, response: Response) {
    if alone::send_again(state, ClientUser::Publication(id), &response) {
        return;
    }
    let Some(publication) = state.publications.get_mut(id.0) else {
        return;
    };
    let status = response.status();
    let asked = publication.asked.take();
    if asked == Some(Asked::End) {
        let message = Some(response);
        return end(state, id, PublicationEvent::Unpublished { message });
    }
    if status.is_success() {
        published(state, id, response);
    } else if asked == Some(Asked::Refresh) && status == StatusCode::CONDITIONAL_REQUEST_FAILED {
        // §4.3: the compositor has it no more.
        publication.entity_tag = None;
        renew(state, id);
    } else if publication.soft.is_longer_wanted(&response) {
        publication.has_news = true;
        renew(state, id);
    } else {
        refused(state, id, response);
    }
    go_on(state, id);
}

/// No response will come by this flow.
pub(super) fn failed(state: &mut State, id: PublicationId, cause: RequestFailure) {
    if alone::send_elsewhere(state, ClientUser::Publication(id)) {
        return;
    }
    let Some(publication) = state.publications.get_mut(id.0) else {
        return;
    };
    if publication.asked.take() == Some(Asked::End) {
        return end(state, id, PublicationEvent::Unpublished { message: None });
    }
    publication.has_news = true;
    let retry_in = publication.soft.back_off(&mut state.random);
    wait(state, id, retry_in);
    tell(state, id, PublicationEvent::Failed { cause, retry_in });
    go_on(state, id);
}

/// The compositor has the state.
fn published(state: &mut State, id: PublicationId, message: Response) {
    let Some(publication) = state.publications.get_mut(id.0) else {
        return;
    };
    let headers = message.headers();
    publication.entity_tag = entity_tag(headers);
    let granted = headers.expires().ok().flatten();
    if granted == Some(0) {
        publication.has_news = true;
        let retry_in = publication.soft.back_off(&mut state.random);
        wait(state, id, retry_in);
        let retry_in = Some(retry_in);
        return tell(state, id, PublicationEvent::Refused { retry_in, message });
    }
    let expires = granted.unwrap_or(publication.soft.expires);
    let expires = Duration::from_secs(expires.into());
    let has_news = publication.has_news;
    publication.soft.is_kept();
    let refresh = refresh_after(expires, &mut state.random);
    wait(state, id, refresh);
    tell(state, id, PublicationEvent::Published { expires, message });
    if has_news {
        renew(state, id);
    }
}

/// The compositor refused. It is asked again where it says when, or where it may only be in trouble.
fn refused(state: &mut State, id: PublicationId, message: Response) {
    let Some(publication) = state.publications.get_mut(id.0) else {
        return;
    };
    publication.has_news = true;
    let retry_in = publication.soft.retry_in(&message, &mut state.random);
    let event = PublicationEvent::Refused { retry_in, message };
    match retry_in {
        Some(retry_in) => {
            wait(state, id, retry_in);
            tell(state, id, event);
        }
        None => end(state, id, event),
    }
}

/// What the application wished while a request was out.
fn go_on(state: &mut State, id: PublicationId) {
    let publication = state.publications.get(id.0);
    let Some(publication) = publication.filter(|it| it.is_ending && it.asked.is_none()) else {
        return;
    };
    if publication.entity_tag.is_some() {
        renew(state, id);
    } else {
        end(state, id, PublicationEvent::Unpublished { message: None });
    }
}

fn wait(state: &mut State, id: PublicationId, after: Duration) {
    if let Some(publication) = state.publications.get_mut(id.0) {
        publication.due = state.timers.arm(after, Timer::Publication(id));
    }
}

/// Sends a further PUBLISH.
fn renew(state: &mut State, id: PublicationId) {
    if let Some(publication) = state.publications.get_mut(id.0) {
        publication.message.renew();
        ask(state, id);
    }
}

/// Sends the PUBLISH that is wanted now.
fn ask(state: &mut State, id: PublicationId) {
    if let Some(publication) = state.publications.get_mut(id.0) {
        publication.ask();
        alone::send(state, ClientUser::Publication(id));
    }
}

fn end(state: &mut State, id: PublicationId, event: PublicationEvent) {
    if state.publications.remove(id.0).is_some() {
        tell(state, id, event);
    }
}

fn tell(state: &mut State, publication: PublicationId, event: PublicationEvent) {
    state
        .outbox
        .event(Event::Publication { publication, event });
}

/// How the compositor names what it has
/// ([RFC 3903 §11.3.1](https://www.rfc-editor.org/rfc/rfc3903#section-11.3.1)).
fn entity_tag(headers: &Headers) -> Option<Text> {
    let value = std::str::from_utf8(headers.raw(HeaderName::SipETag)?).ok()?;
    Text::new(value.trim())
        .ok()
        .filter(|it| !it.as_str().is_empty())
}
