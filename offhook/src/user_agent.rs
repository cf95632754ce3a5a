use std::sync::Arc;
use std::time::Duration;

use offhook_core::{
    Counts, Flow, OutgoingRequest, PublicationOptions, RegistrationOptions, RequestError,
    SubscriptionOptions,
};
use offhook_message::{Method, UriBuf};

use crate::backlog::ArrivalId;
use crate::flows::NoFlow;
use crate::incoming_request::IncomingRequest;
use crate::invitation::Invitation;
use crate::inviter::Inviter;
use crate::listener::Listener;
use crate::pending::Pending;
use crate::publisher::Publisher;
use crate::referral::Referral;
use crate::registerer::Registerer;
use crate::sent_request::{Messager, SentRequest};
use crate::shell::Shell;
use crate::subscriber::Subscriber;

/// A SIP user agent: its listeners, the calls that come in, and those that it places.
///
/// A clone is a second handle of the same user agent. The sockets close when the last handle is
/// gone, those of calls, registrations, subscriptions and requests included. What a drop sends, such as BYE or the end of a
/// registration, is then sent once, and not again where it is lost or challenged; to leave in good order await
/// [`UserAgent::shutdown`].
#[derive(Clone)]
pub struct UserAgent {
    pub(crate) shell: Arc<Shell>,
}

impl UserAgent {
    /// Where it receives, in the order of [`Builder::listen`](crate::Builder::listen).
    pub fn listeners(&self) -> &[Listener] {
        &self.shell.listeners
    }

    /// The next incoming call; `None` after [`UserAgent::shutdown`]. Other requests get 480
    /// meanwhile; await [`UserAgent::event`] to serve them.
    ///
    /// Calls that are cancelled before they are taken are left out. Dropping the future loses no
    /// call; several tasks may wait at the same time.
    pub async fn incoming(&self) -> Option<Invitation> {
        loop {
            if let UserAgentEvent::Invitation(invitation) = self.event().await? {
                return Some(invitation);
            }
        }
    }

    /// The next incoming call, or request outside of a call of one of
    /// [`Config::methods`](offhook_core::Config::methods); `None` after [`UserAgent::shutdown`]. As
    /// [`UserAgent::incoming`] otherwise.
    pub async fn event(&self) -> Option<UserAgentEvent> {
        loop {
            let pending = Pending::new(&self.shell, self.shell.backlog.next().await?);
            return Some(match pending.arrival.id {
                // Dropping the handle of one that is over only tidies up.
                ArrivalId::Invite(invite) if pending.is_over(invite) => continue,
                ArrivalId::Invite(invite) => {
                    UserAgentEvent::Invitation(Invitation::new(pending, invite))
                }
                ArrivalId::Request(id) => match Referral::read(pending, id) {
                    Ok(referral) => UserAgentEvent::Referred(referral),
                    Err(pending) => UserAgentEvent::Request(IncomingRequest::new(pending, id)),
                },
            });
        }
    }

    /// The ways to a peer, best first, as
    /// [RFC 3263](https://www.rfc-editor.org/rfc/rfc3263) finds them by NAPTR, SRV and address records, and
    /// as far as listeners of ours reach: a request goes by the next one when one fails. Look up the
    /// first of the Route set, or else the Request-URI. It takes five seconds at most.
    ///
    /// The address that faces the peer is in [`Flow::local`]: session descriptions name it.
    pub async fn flows(&self, next_hop: &UriBuf) -> Result<Vec<Flow>, NoFlow> {
        self.shell.flows(next_hop).await
    }

    /// Places a call: sends the INVITE by the first of its flows. A Call-ID is chosen where the
    /// request has none.
    pub fn invite(&self, request: OutgoingRequest) -> Result<Inviter, RequestError> {
        Inviter::start(Arc::clone(&self.shell), request)
    }

    /// Sends a message outside of a call, by the first of its flows; its body is what it says.
    pub fn message(&self, request: OutgoingRequest) -> Result<Messager, RequestError> {
        self.request(Method::Message, request)
    }

    /// Sends a request outside of a call, by the first of its flows: OPTIONS, PUBLISH or
    /// another.
    pub fn request(
        &self,
        method: Method,
        request: OutgoingRequest,
    ) -> Result<SentRequest, RequestError> {
        SentRequest::start(Arc::clone(&self.shell), method, request)
    }

    /// Registers an address, and keeps it registered.
    pub fn register(&self, options: RegistrationOptions) -> Result<Registerer, RequestError> {
        Registerer::start(Arc::clone(&self.shell), options)
    }

    /// Subscribes to the state of a resource, and keeps the subscription.
    pub fn subscribe(&self, options: SubscriptionOptions) -> Result<Subscriber, RequestError> {
        Subscriber::start(Arc::clone(&self.shell), options)
    }

    /// Publishes a state, and keeps it published.
    pub fn publish(&self, options: PublicationOptions) -> Result<Publisher, RequestError> {
        Publisher::start(Arc::clone(&self.shell), options)
    }

    /// What is alive and what has passed, summed over all calls.
    pub fn counts(&self) -> Counts {
        self.shell.counts()
    }

    /// Reads the files of [`TlsOptions`](crate::TlsOptions) again, for the handshakes to come; open
    /// connections go on. They are read by themselves within seconds of a change.
    ///
    /// # Errors
    ///
    /// A file is not fit: then all stays as it was.
    #[cfg(feature = "tls")]
    pub fn reload_certificates(&self) -> Result<(), crate::TlsError> {
        self.shell.transport.connections.settings.tls.reload()
    }

    /// Leaves in good order.
    ///
    /// Registrations, subscriptions and published states end, new calls, and those not taken yet, get 503 with Retry-After at once.
    /// Returns when all other calls are over, or when `drain` has passed: then those left get 480 or BYE, and a few
    /// seconds to answer.
    pub async fn shutdown(&self, drain: Duration) {
        self.shell.stop(drain).await;
    }
}

/// What comes to a user agent from outside of its calls.
#[derive(Debug)]
pub enum UserAgentEvent {
    /// A call.
    Invitation(Invitation),
    /// Another request.
    Request(IncomingRequest),
    /// A REFER, where that is among [`Config::methods`](offhook_core::Config::methods).
    Referred(Referral),
}

impl std::fmt::Debug for UserAgent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserAgent")
            .field("listeners", &self.listeners())
            .finish_non_exhaustive()
    }
}
