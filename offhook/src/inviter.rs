use std::sync::Arc;

use offhook_core::{
    ContactTarget, OutgoingInviteEvent, OutgoingInviteId, OutgoingRequest, RequestError,
    RequestFailure,
};
use offhook_message::{Header, Response, StatusCode, Text, UriBuf};

use crate::calls::OutgoingNews;
use crate::early_session::{EarlyOffer, EarlySession};
use crate::error::Error;
use crate::handle::Handle;
use crate::referral::ReferralProgress;
use crate::session::{Session, SessionEvent};
use crate::shell::Shell;

/// A call that we place and that is not answered yet.
///
/// Verbs send at once; only waits are `async`. Dropping an inviter before its call is answered
/// gives it up, as [`Inviter::cancel`] does.
#[derive(Debug)]
#[must_use = "dropping an inviter gives the call up"]
pub struct Inviter {
    handle: Handle<OutgoingInviteId>,
    call_id: Box<str>,
    /// The proxy that it goes through, wherever it goes.
    route: Option<UriBuf>,
    /// Who sent us, and wants to be told.
    referral: Option<Box<ReferralProgress>>,
}

impl Inviter {
    pub(crate) fn start(
        shell: Arc<Shell>,
        mut request: OutgoingRequest,
    ) -> Result<Self, RequestError> {
        let shard = shell.place(&mut request);
        let call_id = request.call_id.as_ref().map(Text::as_str);
        let call_id = call_id.unwrap_or_default().into();
        let route = request.routes.first().cloned();
        Ok(Self {
            handle: Handle::open(shell, shard, |core, now| core.invite(now, request))?,
            call_id,
            route,
            referral: None,
        })
    }

    /// The Call-ID of the call.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Waits for what becomes of the call; `None` after the last event, which is each but
    /// [`Trying`](InviterEvent::Trying), [`Progress`](InviterEvent::Progress), [`Early`](InviterEvent::Early) and
    /// [`NoAnswer`](InviterEvent::NoAnswer). Dropping the future loses nothing.
    pub async fn event(&mut self) -> Option<InviterEvent> {
        Some(match self.handle.next().await? {
            OutgoingNews::Invite(event) => {
                self.report(&event);
                self.told(event)
            }
            OutgoingNews::Early(session, happened) => {
                let place = self.handle.place.beside(session);
                InviterEvent::Early {
                    event: SessionEvent::new(&place, happened),
                    session: EarlySession(place),
                }
            }
        })
    }

    /// Tells a referrer what becomes of the call.
    pub(crate) fn report_to(&mut self, referral: ReferralProgress) {
        self.referral = Some(Box::new(referral));
    }

    fn report(&mut self, event: &OutgoingInviteEvent) {
        let Some(referral) = &mut self.referral else {
            return;
        };
        match event {
            OutgoingInviteEvent::Trying { message }
            | OutgoingInviteEvent::Progress { message, .. }
            | OutgoingInviteEvent::Accept { message, .. }
            | OutgoingInviteEvent::Reject { message } => referral.notify(message.status()),
            // It may be followed.
            OutgoingInviteEvent::Redirect { message, .. } => referral.or_else(message.status()),
            OutgoingInviteEvent::NoAnswer => {}
            OutgoingInviteEvent::Cancelled { .. } => {
                referral.notify(StatusCode::REQUEST_TERMINATED);
            }
            OutgoingInviteEvent::Failed { cause } => referral.notify(match cause {
                RequestFailure::Timeout => StatusCode::REQUEST_TIMEOUT,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            }),
        }
    }

    /// Gives the call up: sends CANCEL, at once or when the first provisional response comes
    /// ([RFC 3261 §9.1](https://www.rfc-editor.org/rfc/rfc3261#section-9.1)).
    /// [`InviterEvent::Cancelled`] follows. On a call that is answered or over it does nothing.
    pub fn cancel(&mut self) {
        self.cancel_with(Vec::new());
    }

    /// As [`cancel`](Self::cancel), with these headers in the CANCEL: Reason, as a rule
    /// ([RFC 3326](https://www.rfc-editor.org/rfc/rfc3326)).
    pub fn cancel_with(&mut self, headers: Vec<Header>) {
        self.handle.act(|core, now, id| {
            if let Some(client) = core.invite_client(now, id) {
                client.cancel(headers);
            }
        });
    }

    /// Goes where a redirection points, within 32 s of it
    /// ([RFC 3261 §8.1.3.4](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.3.4)). Events follow as for a new call.
    /// Looking for the way takes five seconds at most; who drops the future meanwhile may follow another.
    ///
    /// # Errors
    ///
    /// No way leads there, the call went there already, was redirected five times, or was not
    /// redirected.
    pub async fn follow(&mut self, contact: &ContactTarget) -> Result<(), Error> {
        let next_hop = self.route.as_ref().unwrap_or(&contact.uri);
        let place = &self.handle.place;
        let (invite, target) = (place.id, contact.uri.clone());
        if place.act(|state| state.core.invite_client(state.now, invite).is_none()) {
            // No name is looked up for a call that is over.
            return Err(RequestError::NotRedirected.into());
        }
        let flows = place.shell.flows(next_hop).await?;
        let followed = place.act(|state| {
            let client = state.core.invite_client(state.now, invite);
            client
                .ok_or(RequestError::NotRedirected)?
                .follow(target, flows)?;
            state.calls.outgoing.reopen(invite);
            Ok::<_, RequestError>(())
        });
        Ok(followed?)
    }

    fn told(&self, event: OutgoingInviteEvent) -> InviterEvent {
        match event {
            OutgoingInviteEvent::Trying { message } => InviterEvent::Trying(message),
            OutgoingInviteEvent::Progress {
                session,
                is_offer,
                message,
                ..
            } => {
                let session = session.map(|id| EarlySession(self.handle.place.beside(id)));
                let offer = session.clone().filter(|_| is_offer).map(EarlyOffer);
                InviterEvent::Progress(Progress {
                    session,
                    offer,
                    message,
                })
            }
            OutgoingInviteEvent::NoAnswer => InviterEvent::NoAnswer,
            OutgoingInviteEvent::Accept {
                session,
                is_offer,
                message,
            } => InviterEvent::Accepted(Accepted {
                session: Session {
                    place: self.handle.place.beside(session),
                    call_id: self.call_id.clone(),
                },
                is_offer,
                message,
            }),
            OutgoingInviteEvent::Redirect { contacts, message } => {
                InviterEvent::Redirected { contacts, message }
            }
            OutgoingInviteEvent::Reject { message } => InviterEvent::Rejected(message),
            OutgoingInviteEvent::Cancelled { message } => InviterEvent::Cancelled(message),
            OutgoingInviteEvent::Failed { cause } => InviterEvent::Failed(cause),
        }
    }
}

/// What becomes of a call that we place.
#[derive(Debug)]
pub enum InviterEvent {
    /// 100: the next hop has it.
    Trying(Response),
    /// 101 to 199: it rings, or there is early media.
    Progress(Progress),
    /// Something happens in an early session: the callee wants to change it, or asks something else, or answers
    /// [`EarlySession::update`]. What is dropped is refused.
    Early {
        /// The session.
        session: EarlySession,
        /// What happens.
        event: SessionEvent,
    },
    /// It rings for longer than [`Times::ringing`](offhook_core::Times::ringing): it is given up, and
    /// [`Cancelled`](Self::Cancelled) follows.
    NoAnswer,
    /// 2xx: there is a session.
    Accepted(Accepted),
    /// 3xx. [`Inviter::follow`] goes to one of the contacts; without it the call is over.
    Redirected {
        /// Where to, the preferred first.
        contacts: Vec<ContactTarget>,
        /// The response.
        message: Response,
    },
    /// 4xx, 5xx or 6xx.
    Rejected(Response),
    /// The call was given up, and this is the final response. A 2xx came too late: it got ACK and
    /// BYE. `None` where none came in 32 s.
    Cancelled(Option<Response>),
    /// The call is over, and no response says so.
    Failed(RequestFailure),
}

/// A provisional response above 100 to a call of ours. A reliable one is acknowledged by itself,
/// unless it makes an offer.
#[derive(Debug)]
pub struct Progress {
    /// The early session; `None` where the response makes none, and only says that it rings.
    pub session: Option<EarlySession>,
    /// Where the session description of the response is an offer: answer it.
    pub offer: Option<EarlyOffer>,
    /// The response.
    pub message: Response,
}

/// The 2xx to a call of ours.
#[derive(Debug)]
pub struct Accepted {
    /// The session.
    pub session: Session,
    /// Whether the session description of the response is an offer. Then answer it with
    /// [`Session::acknowledge`]; else the ACK is sent.
    pub is_offer: bool,
    /// The response.
    pub message: Response,
}
