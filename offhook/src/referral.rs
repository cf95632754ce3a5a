use std::sync::Arc;

use offhook_core::{
    Flow, OutgoingRequest, OutgoingResponse, ReferralId, RequestId, ResponseOptions, VerbError,
};
use offhook_message::{
    Header, HeaderName, Method, NameAddr, ReferTo, Rejection, Replaces, Request, StatusCode, Text,
};

use crate::error::Error;
use crate::handle::Place;
use crate::inviter::Inviter;
use crate::pending::Pending;

/// A REFER that is not answered yet: the peer asks us to call somebody else
/// ([RFC 3515](https://www.rfc-editor.org/rfc/rfc3515)). It comes where REFER is among
/// [`Config::methods`](offhook_core::Config::methods).
///
/// Whoever follows it calls [`Referral::make_inviter`], and the referrer is told what becomes of
/// the call:
///
/// ```no_run
/// # use offhook::message::{Body, ReferTo};
/// # use offhook::{Address, InviterEvent, OutgoingRequest, Referral, UserAgent};
/// # async fn follow(user_agent: UserAgent, me: Address, referral: Referral) -> Result<(), offhook::Error> {
/// let target = referral.refer_to().target();
/// let flows = user_agent.flows(&target).await?;
/// let request = OutgoingRequest::new(flows, me, target.into()).with_body(Body::sdp(OFFER));
/// let mut inviter = referral.make_inviter(request)?;
/// while let Some(event) = inviter.event().await {
///     if let InviterEvent::Accepted(mut accepted) = event {
///         accepted.session.ended().await; // A session that is dropped is hung up.
///     }
/// }
/// # Ok(())
/// # }
/// # const OFFER: &str = "v=0\r\n";
/// ```
///
/// Dropping it without an answer answers 603 (Decline).
#[derive(Debug)]
#[must_use = "dropping a referral declines it"]
pub struct Referral {
    pending: Pending,
    id: RequestId,
    refer_to: ReferTo,
}

impl Referral {
    /// Gives a request back that is no REFER.
    pub(crate) fn read(pending: Pending, id: RequestId) -> Result<Self, Pending> {
        let request = &pending.arrival.message;
        match request.headers().refer_to() {
            Ok(refer_to) if *request.method() == Method::Refer => Ok(Self {
                pending,
                id,
                refer_to,
            }),
            _ => Err(pending),
        }
    }

    /// The REFER.
    pub fn message(&self) -> &Request {
        &self.pending.arrival.message
    }

    /// The way it came.
    pub fn flow(&self) -> Flow {
        self.pending.arrival.flow
    }

    /// Whom we are to call. It is what the peer wrote: whether to call there is for the
    /// application to decide.
    pub fn refer_to(&self) -> &ReferTo {
        &self.refer_to
    }

    /// Who says to have sent the peer
    /// ([RFC 3892](https://www.rfc-editor.org/rfc/rfc3892)).
    pub fn referred_by(&self) -> Option<NameAddr<'_>> {
        self.message().headers().referred_by().ok().flatten()
    }

    /// The call that ours is to take the place of, in an attended transfer
    /// ([RFC 3891](https://www.rfc-editor.org/rfc/rfc3891)).
    pub fn replaces(&self) -> Option<Replaces> {
        self.refer_to.replaces().ok().flatten()
    }

    /// Promises to call, with 202, or with 200 where the peer does not want to be told of it.
    ///
    /// # Errors
    ///
    /// The call in which the REFER came is over, or the REFER was declined in our place because
    /// this took too long, or there is no room for what the referrer is to be told of.
    pub fn accept(self) -> Result<ReferralProgress, VerbError> {
        let id = self.pending.act(|state| {
            let server = state.core.refer_server(state.now, self.id);
            server.ok_or(VerbError::Over)?.accept()
        })?;
        Ok(ReferralProgress {
            place: self.pending.place(id),
            otherwise: StatusCode::SERVICE_UNAVAILABLE,
        })
    }

    /// Declines. `None` where it was declined in our place, because this took too long.
    pub fn reject(
        self,
        options: impl Into<ResponseOptions<Rejection>>,
    ) -> Option<OutgoingResponse> {
        self.pending.act(|state| {
            let server = state.core.refer_server(state.now, self.id)?;
            Some(server.reject(options))
        })
    }

    /// Accepts, and places the call: an INVITE with the Replaces and Referred-By of the REFER. The
    /// referrer is told what becomes of it, as [`Inviter::event`] tells us. The request should go to the
    /// [`target`](ReferTo::target) of [`Referral::refer_to`].
    ///
    /// # Errors
    ///
    /// As for [`Referral::accept`]; or the REFER asks for something else than a call, and is declined; or the
    /// INVITE was not sent, which the referrer is told.
    pub fn make_inviter(self, mut request: OutgoingRequest) -> Result<Inviter, Error> {
        if !self.refer_to.is_invite() {
            return Err(Error::NoCall);
        }
        if let Some(replaces) = self.replaces() {
            request = request.with_replaces(&replaces);
        }
        if let Some(referred_by) = self.message().headers().raw(HeaderName::ReferredBy) {
            let on_one_line = String::from_utf8_lossy(referred_by).replace(['\r', '\n'], " ");
            let header = |value| Header::known(HeaderName::ReferredBy, value);
            request
                .extra_headers
                .extend(Text::new(on_one_line).map(header));
        }
        let progress = self.accept()?;
        let mut inviter = Inviter::start(Arc::clone(&progress.place.shell), request)?;
        inviter.report_to(progress);
        Ok(inviter)
    }
}

/// A REFER that was accepted: tells the referrer what becomes of it. Dropped without a final status,
/// it tells 503 (Service Unavailable).
#[must_use = "dropping it tells the referrer that it failed"]
#[derive(Debug)]
pub struct ReferralProgress {
    /// The id is `None` where nobody wants to be told.
    place: Place<Option<ReferralId>>,
    /// What is told where nothing final is.
    otherwise: StatusCode,
}

impl ReferralProgress {
    /// Tells a status of the call; a final one is the last. It does nothing where the referrer does not listen.
    pub fn notify(&mut self, status: StatusCode) {
        if let Some(id) = self.place.id {
            self.place.act(|state| {
                state.core.notify(state.now, id, status);
            });
        }
        if status.is_final() {
            self.place.id = None;
        }
    }

    /// What is told where nothing final is.
    pub(crate) fn or_else(&mut self, status: StatusCode) {
        self.otherwise = status;
    }
}

impl Drop for ReferralProgress {
    fn drop(&mut self) {
        self.notify(self.otherwise);
    }
}
