use std::borrow::Cow;

use offhook_core::{
    ContactTarget, Flow, InsideError, InviteId, InviteUserAgentServer, LoggerFactory,
    OutgoingResponse, ResponseOptions, SessionState, TransactionState, VerbError,
};
use offhook_message::{Body, Provisional, Redirection, Rejection, Replaces, Request, Success};

use crate::calls::{Cancelled, Happened};
use crate::error::Error;
use crate::pending::Pending;
use crate::session::{Session, SessionEvent};

/// An incoming call that is not answered yet.
///
/// Verbs send at once; only waits are `async`. Dropping an invitation that got no final response
/// answers 480 (Temporarily Unavailable).
#[derive(Debug)]
#[must_use = "dropping an invitation answers 480"]
pub struct Invitation {
    pending: Pending,
    invite: InviteId,
}

impl Invitation {
    pub(crate) fn new(pending: Pending, invite: InviteId) -> Self {
        Self { pending, invite }
    }

    /// The INVITE.
    pub fn message(&self) -> &Request {
        &self.pending.arrival.message
    }

    /// The Call-ID of the INVITE.
    pub fn call_id(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(
            self.pending
                .arrival
                .message
                .headers()
                .call_id()
                .unwrap_or_default(),
        )
    }

    /// The way the INVITE came.
    pub fn flow(&self) -> Flow {
        self.pending.arrival.flow
    }

    /// The call that this one wants to take the place of, which is one of ours
    /// ([RFC 3891](https://www.rfc-editor.org/rfc/rfc3891)). [`Invitation::accept`] ends that call as soon as the 2xx is out, so make sure that the
    /// caller may do this: the tags are hard to guess, and `Referred-By` may say more (§8).
    pub fn replaces(&self) -> Option<&Replaces> {
        Some(&self.pending.arrival.replaced.as_ref()?.replaces)
    }

    /// How far the server transaction of the INVITE is; `None` once the call is over.
    pub fn transaction_state(&self) -> Option<TransactionState> {
        self.pending.act(|state| {
            let server = state.core.invite_server(state.now, self.invite)?;
            Some(server.transaction().state())
        })
    }

    /// The loggers of the core; `None` once the call is over.
    pub fn logger_factory(&self) -> Option<LoggerFactory> {
        self.pending.act(|state| {
            let server = state.core.invite_server(state.now, self.invite)?;
            Some(server.logger_factory())
        })
    }

    /// Sends 100 (Trying). It goes out by itself after 200 ms
    /// ([RFC 3261 §17.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-17.2.1)).
    pub fn trying(&mut self) -> Result<OutgoingResponse, Error> {
        self.pending
            .act(|state| Ok(state.invite_server(self.invite)?.trying()?))
    }

    /// Sends a provisional response, for example 180 (Ringing).
    pub fn progress(
        &mut self,
        options: impl Into<ResponseOptions<Provisional>>,
    ) -> Result<OutgoingResponse, Error> {
        let options = options.into();
        let response = self.pending.act(|state| {
            let response = state.invite_server(self.invite)?.progress(options)?;
            state.calls.add_early_session(self.invite, response.session);
            Ok::<_, Error>(response)
        })?;
        Ok(OutgoingResponse {
            message: response.message,
        })
    }

    /// Waits for what happens next in the early dialog that [`progress`](Self::progress) has made: the PRACK of a reliable
    /// response, an offer in a PRACK or UPDATE, a request, or the answer to [`update`](Self::update).
    ///
    /// What waits for an answer and is not looked at is refused: when the call is answered, or after 32·T1. A PRACK is
    /// kept, for [`Session::event`] too. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// The call is over before we have answered it. The caller has its response then.
    pub async fn event(&mut self) -> Result<SessionEvent, Cancelled> {
        self.next(|_| true).await
    }

    /// Changes the session before it is accepted: sends UPDATE, as [`Session::update`] does, once a first offer is
    /// answered by way of PRACK ([RFC 3311 §5.1](https://www.rfc-editor.org/rfc/rfc3311#section-5.1)).
    /// [`SessionEvent::Answered`] or [`SessionEvent::Unanswered`] follows.
    ///
    /// # Errors
    ///
    /// There is no early session, or another offer waits for its answer.
    pub fn update(&mut self, offer: Option<&Body>) -> Result<(), InsideError> {
        self.pending.act(|state| {
            let session = state.calls.early_session(self.invite);
            let session = session.and_then(|id| state.core.session(state.now, id));
            session.ok_or(InsideError::NotConfirmed)?.update(offer)
        })
    }

    /// Answers the call with a 2xx. It waits for the PRACK of a session description of ours, and for your answer to an
    /// offer that [`event`](Self::event) gave; one that nobody has seen is refused.
    ///
    /// # Errors
    ///
    /// [`Refused`] has the invitation back where another answer is still possible, as after
    /// [`VerbError::NoBody`].
    pub fn accept(self, options: impl Into<ResponseOptions<Success>>) -> Result<Session, Refused> {
        let (invite, options) = (self.invite, options.into());
        let replaced = self.pending.arrival.replaced.as_ref();
        let replaced = replaced.and_then(|replaced| replaced.session);
        let accepted = self.pending.act(|state| {
            let session = state.invite_server(invite)?.accept(options)?.session;
            state.calls.remove_invite(invite);
            state.calls.add_session(session);
            if state.calls.withdrawn(session) {
                state.refuse_offer(session);
            }
            // A 2xx that waits may never go out, and then nothing is replaced.
            let accepted = state.core.session(state.now, session);
            let is_out = accepted.is_some_and(|it| it.state() != SessionState::Early);
            if let Some(replaced) = replaced.filter(|_| !is_out) {
                state.calls.replaces(session, replaced);
            }
            Ok((session, replaced.filter(|_| is_out)))
        });
        match accepted {
            Ok((session, replaced)) => {
                if let Some((shard, replaced)) = replaced {
                    self.pending.shell.replace(shard, replaced);
                }
                let call_id = self.call_id().into();
                let place = self.pending.place(session);
                Ok(Session { place, call_id })
            }
            Err(error) => {
                let invitation = matches!(error, Error::Verb(_)).then_some(self);
                Err(Refused { error, invitation })
            }
        }
    }

    /// Sends the caller elsewhere with a 3xx. Where that is refused, the caller gets 480.
    pub fn redirect(
        self,
        contacts: &[ContactTarget],
        options: impl Into<ResponseOptions<Redirection>>,
    ) -> Result<OutgoingResponse, Error> {
        self.finish(|server| server.redirect(contacts, options.into()))
    }

    /// Refuses the call with a 4xx, 5xx or 6xx. Where that is refused, the caller gets 480.
    pub fn reject(
        self,
        options: impl Into<ResponseOptions<Rejection>>,
    ) -> Result<OutgoingResponse, Error> {
        self.finish(|server| server.reject(options.into()))
    }

    /// Answers 480, as dropping the invitation does.
    pub fn dispose(self) {}

    /// Waits until the call is over before we have answered it. The caller has its response then. What the caller wants
    /// in the early dialog is refused meanwhile; await [`event`](Self::event) to serve it.
    ///
    /// Dropping the future loses nothing: it may be used in `tokio::select!`.
    pub async fn cancelled(&mut self) -> Cancelled {
        loop {
            if let Err(over) = self.next(|it| it.question().is_some()).await {
                return over;
            }
        }
    }

    /// What happens next that is wanted.
    async fn next(
        &mut self,
        is_wanted: impl Fn(&Happened) -> bool,
    ) -> Result<SessionEvent, Cancelled> {
        let place = self.pending.place(self.invite);
        let early = place.wait(|calls, id, context| calls.poll_early(id, &is_wanted, context));
        let (session, happened) = early.await?;
        Ok(SessionEvent::new(&place.beside(session), happened))
    }

    fn finish(
        self,
        verb: impl FnOnce(InviteUserAgentServer<'_>) -> Result<OutgoingResponse, VerbError>,
    ) -> Result<OutgoingResponse, Error> {
        let invite = self.invite;
        self.pending.act(|state| {
            let response = verb(state.invite_server(invite)?)?;
            state.leave_refused(invite);
            Ok(response)
        })
    }
}

/// [`Invitation::accept`] sent nothing.
#[derive(Debug, thiserror::Error)]
#[error("the call was not accepted: {error}")]
pub struct Refused {
    /// Why.
    #[source]
    pub error: Error,
    /// The invitation, where it can still be answered.
    pub invitation: Option<Invitation>,
}

/// Drops the invitation, where there still is one: the caller gets 480.
impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}
