//! Registering ([RFC 3261 §10.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2)).

use std::time::Duration;

use offhook_message::{
    Contact, Header, HeaderName, Headers, Method, NameAddr, Response, Uri, UriBuf,
};

use super::alone;
use crate::client_event::{Binding, RegistrationEvent, RequestError, RequestFailure};
use crate::event::Event;
use crate::flow::{Channel, Flow};
use crate::id::RegistrationId;
use crate::outgoing::{Registration, RegistrationOptions, Wish, refresh_after};
use crate::state::State;
use crate::timers::Timer;
use crate::transaction::ClientUser;

/// A registration. The view borrows the core.
#[derive(Debug)]
pub struct RegisterUserAgentClient<'a> {
    state: &'a mut State,
    id: RegistrationId,
}

impl<'a> RegisterUserAgentClient<'a> {
    pub(crate) fn new(state: &'a mut State, id: RegistrationId) -> Option<Self> {
        state.registrations.get(id.0)?;
        Some(Self { state, id })
    }

    /// Which registration this is.
    pub fn id(&self) -> RegistrationId {
        self.id
    }

    /// Asks the registrar now, and does not wait for the next refresh or try. Where a request is
    /// out already, that will do; one that is ending ends.
    pub fn refresh(self) {
        self.wish(Wish::Registered);
    }

    /// Goes by these flows from the next request on, for the registrar may have moved since it was located
    /// ([RFC 3263 §4](https://www.rfc-editor.org/rfc/rfc3263#section-4)). While a request is out, and without a
    /// flow, nothing changes.
    pub fn relocate(self, flows: Vec<Flow>) {
        if let Some(registration) = self.state.registrations.get_mut(self.id.0)
            && registration.asked.is_none()
            && !flows.is_empty()
        {
            registration.message.relocate(flows);
        }
    }

    /// Takes our binding away ([RFC 3261 §10.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2.2)).
    /// [`RegistrationEvent::Unregistered`] follows, whatever the registrar says.
    pub fn unregister(self) {
        self.wish(Wish::Unregistered);
    }

    /// Takes all bindings of the address away, those of other user agents included.
    /// [`RegistrationEvent::Unregistered`] follows, whatever the registrar says.
    pub fn unregister_all(self) {
        self.wish(Wish::NobodyRegistered);
    }

    /// One request at a time: what is out is waited for.
    fn wish(self, wish: Wish) {
        let Self { state, id } = self;
        let Some(registration) = state.registrations.get_mut(id.0) else {
            return;
        };
        if wish == Wish::Registered && registration.wish != wish {
            return; // It is ending.
        }
        registration.wish = wish;
        if registration.asked.is_some() {
            return;
        }
        if wish == Wish::Unregistered && !registration.is_bound {
            return end(state, id, RegistrationEvent::Unregistered { message: None });
        }
        registration.message.renew();
        send(state, id);
    }
}

/// Registers an address.
pub(crate) fn start(
    state: &mut State,
    mut options: RegistrationOptions,
) -> Result<RegistrationId, RequestError> {
    let supported = Header::known(HeaderName::Supported, options.supported());
    options.request.extra_headers.insert(0, supported);
    let message = alone::begin(state, Method::Register, options.request.clone())?;
    let registration = Registration::new(message, &options);
    let id = RegistrationId(state.registrations.insert(registration));
    send(state, id);
    Ok(id)
}

/// The refresh of a binding is due, or the next try.
pub(crate) fn is_due(state: &mut State, id: RegistrationId) {
    let Some(registration) = state.registrations.get_mut(id.0) else {
        return;
    };
    if registration
        .due
        .is_some_and(|due| due <= state.timers.now())
    {
        registration.message.renew();
        send(state, id);
    }
}

/// A final response to the REGISTER.
pub(super) fn receive_response(
    state: &mut State,
    id: RegistrationId,
    flow: Flow,
    response: Response,
) {
    if alone::send_again(state, ClientUser::Registration(id), &response) {
        return;
    }
    let Some(registration) = state.registrations.get_mut(id.0) else {
        return;
    };
    let asked = registration.asked.take();
    if asked.is_some_and(|asked| asked != Wish::Registered) {
        let message = Some(response);
        return end(state, id, RegistrationEvent::Unregistered { message });
    }
    if response.status().is_success() {
        registration.soft.is_reached_by(flow, state.timers.now());
        registered(state, id, response);
    } else if registration.soft.is_longer_wanted(&response) {
        registration.message.renew();
        return send(state, id);
    } else {
        refused(state, id, response);
    }
    go_on(state, id);
}

/// No response will come by this flow.
pub(super) fn failed(state: &mut State, id: RegistrationId, cause: RequestFailure) {
    if alone::send_elsewhere(state, ClientUser::Registration(id)) {
        return;
    }
    let Some(registration) = state.registrations.get_mut(id.0) else {
        return;
    };
    let asked = registration.asked.take();
    if asked.is_some_and(|asked| asked != Wish::Registered) {
        return end(state, id, RegistrationEvent::Unregistered { message: None });
    }
    let retry_in = registration.soft.back_off(&mut state.random);
    wait(state, id, retry_in);
    tell(state, id, RegistrationEvent::Failed { cause, retry_in });
    go_on(state, id);
}

/// A connection is gone, by which registrars reach us: the next REGISTER opens another
/// ([RFC 5626 §4.5](https://www.rfc-editor.org/rfc/rfc5626#section-4.5)). One that is out is lost with it.
pub(super) fn disconnected(state: &mut State, channel: Channel) {
    let life = state.config.times.transaction_life();
    let registrations = state.registrations.iter();
    let lost = registrations.filter(|(_, it)| it.soft.is_by(channel));
    for slot in lost.map(|(slot, _)| slot).collect::<Vec<_>>() {
        let Some(registration) = state.registrations.get_mut(slot) else {
            continue;
        };
        let after = registration
            .soft
            .reconnect_in(state.timers.now(), life, &mut state.random);
        if registration.asked.take().is_some()
            && let Some(transaction) = registration.message.transaction
        {
            state.clients.remove(transaction);
        }
        wait(state, RegistrationId(slot), after);
    }
}

/// The registrar has the binding.
fn registered(state: &mut State, id: RegistrationId, message: Response) {
    let Some(registration) = state.registrations.get_mut(id.0) else {
        return;
    };
    let own = registration.message.flow();
    let own = own.and_then(|flow| registration.message.contact(flow));
    let granted = granted(message.headers(), own.as_ref());
    if granted == Some(0) {
        // A 2xx that takes the binding away which it was asked for.
        let retry_in = registration.soft.back_off(&mut state.random);
        wait(state, id, retry_in);
        let retry_in = Some(retry_in);
        return tell(state, id, RegistrationEvent::Refused { retry_in, message });
    }
    let expires = granted.unwrap_or(registration.soft.expires);
    let expires = Duration::from_secs(expires.into());
    registration.is_bound = true;
    registration.soft.is_kept();
    let refresh = refresh_after(expires, &mut state.random);
    wait(state, id, refresh);
    let event = RegistrationEvent::Registered {
        expires,
        bindings: bindings(message.headers()).collect(),
        service_route: service_route(message.headers()),
        message,
    };
    tell(state, id, event);
}

/// The registrar refused. It is asked again where it says when, or where it may only be in
/// trouble.
fn refused(state: &mut State, id: RegistrationId, message: Response) {
    let Some(registration) = state.registrations.get_mut(id.0) else {
        return;
    };
    let retry_in = registration.soft.retry_in(&message, &mut state.random);
    let event = RegistrationEvent::Refused { retry_in, message };
    match retry_in {
        Some(retry_in) => {
            wait(state, id, retry_in);
            tell(state, id, event);
        }
        None => end(state, id, event),
    }
}

/// What the application wished while a request was out.
fn go_on(state: &mut State, id: RegistrationId) {
    let wish = state.registrations.get(id.0).map(|it| it.wish);
    let Some(client) = RegisterUserAgentClient::new(state, id) else {
        return;
    };
    match wish {
        Some(Wish::Unregistered) => client.unregister(),
        Some(Wish::NobodyRegistered) => client.unregister_all(),
        _ => {}
    }
}

fn wait(state: &mut State, id: RegistrationId, after: Duration) {
    if let Some(registration) = state.registrations.get_mut(id.0) {
        registration.due = state.timers.arm(after, Timer::Registration(id));
    }
}

/// Sends the REGISTER that is wished now.
fn send(state: &mut State, id: RegistrationId) {
    if let Some(registration) = state.registrations.get_mut(id.0) {
        registration.ask();
        alone::send(state, ClientUser::Registration(id));
    }
}

fn end(state: &mut State, id: RegistrationId, event: RegistrationEvent) {
    if state.registrations.remove(id.0).is_some() {
        tell(state, id, event);
    }
}

fn tell(state: &mut State, registration: RegistrationId, event: RegistrationEvent) {
    state.outbox.event(Event::Registration {
        registration,
        event,
    });
}

/// The bindings of a 2xx.
fn bindings(headers: &Headers) -> impl Iterator<Item = Binding> {
    let contacts = headers.contacts().filter_map(Result::ok);
    contacts.filter_map(|contact| {
        Some(Binding {
            uri: UriBuf::from(contact.address()?.uri),
            expires: contact
                .expires()
                .map(|seconds| Duration::from_secs(seconds.into())),
        })
    })
}

/// How long our binding holds, in seconds: as its Contact says, or else the Expires header
/// ([RFC 3261 §10.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-10.2.4)). A Contact that stands alone is ours, whatever
/// somebody on the way has made of it. `None` where the registrar says nothing.
fn granted(headers: &Headers, own: Option<&UriBuf>) -> Option<u32> {
    let is_own = |contact: &Contact<'_>| {
        let uri = contact.address().map(|address| &address.uri);
        let own: Option<Uri<'_>> = own.map(UriBuf::as_uri);
        uri.zip(own).is_some_and(|(uri, own)| uri.equivalent(&own))
    };
    let contacts = || headers.contacts().filter_map(Result::ok);
    let is_alone = contacts().nth(1).is_none();
    let mut own = contacts().filter(|contact| is_alone || is_own(contact));
    own.find_map(|own| own.expires())
        .or_else(|| headers.expires().ok().flatten())
}

fn service_route(headers: &Headers) -> Vec<UriBuf> {
    let lines = headers.all(HeaderName::ServiceRoute);
    let routes = lines.flat_map(|line| NameAddr::parse_list(line.value));
    let routes = routes.map_while(Result::ok);
    routes.map(|route| UriBuf::from(route.uri)).collect()
}
