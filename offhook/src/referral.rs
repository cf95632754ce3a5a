use std::fmt;
use std::sync::Arc;

use offhook_core::{
    Flow, OutgoingRequest, OutgoingResponse, ReferralId, RequestId, ResponseOptions, VerbError,
};
use offhook_message::{
    Header, HeaderName, Method, NameAddr, ReferTo, Rejection, Replaces, Request, StatusCode, Text,
};

use crate::backlog::Arrival;
use crate::error::Error;
use crate::handle::Place;
use crate::inviter::Inviter;
use crate::shell::Shell;

/// A REFER that is not answered yet: the peer asks us to call somebody else
/// ([RFC 3515](https://www.rfc-editor.org/rfc/rfc3515)). It comes where REFER is among
/// [`Config::methods`](offhook_core::Config::methods).
///
/// Whoever follows it calls [`Referral::make_inviter`], and the referrer is told what becomes of
/// the call:
///
/// ```no_run
/// # use offhook::message::{Body, ReferTo};
/// # use offhook::{Address, OutgoingRequest, Referral, Session, UserAgent};
/// # async fn follow(user_agent: UserAgent, me: Address, referral: Referral) -> Result<(), offhook::Error> {
/// let target = referral.refer_to().target();
/// let flows = user_agent.flows(&target).await?;
/// let request = OutgoingRequest::new(flows, me, target.into()).with_body(Body::sdp(OFFER));
/// let mut inviter = referral.make_inviter(request)?;
/// while let Some(event) = inviter.event().await {
///     println!("{event:?}");
/// }
/// # Ok(())
/// # }
/// # const OFFER: &str = "v=0\r\n";
/// ```
///
/// Dropping it without an answer answers 603 (Decline).
#[must_use = "dropping a referral declines it"]
pub struct Referral {
    shell: Arc<Shell>,
    id: RequestId,
    arrival: Box<Arrival>,
    refer_to: ReferTo,
    is_open: bool,
}

impl Referral {
    /// Gives a request back that is no REFER.
    pub(crate) fn read(
        shell: &Arc<Shell>,
        id: RequestId,
        arrival: Box<Arrival>,
    ) -> Result<Self, Box<Arrival>> {
        let request = &arrival.message;
        match request.headers().refer_to() {
            Ok(refer_to) if *request.method() == Method::Refer => Ok(Self {
                shell: Arc::clone(shell),
                id,
                arrival,
                refer_to,
                is_open: true,
            }),
            _ => Err(arrival),
        }
    }

    /// The REFER.
    pub fn message(&self) -> &Request {
        &self.arrival.message
    }

    /// The way it came.
    pub fn flow(&self) -> Flow {
        self.arrival.flow
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
    /// this took too long.
    pub fn accept(mut self) -> Result<ReferralProgress, VerbError> {
        self.is_open = false;
        let id = self.shell.act(self.arrival.shard, |state, now| {
            let server = state.core.refer_server(now, self.id);
            server.ok_or(VerbError::Over)?.accept()
        })?;
        let (shell, shard) = (Arc::clone(&self.shell), self.arrival.shard);
        Ok(ReferralProgress {
            place: Place { shell, shard, id },
            otherwise: StatusCode::SERVICE_UNAVAILABLE,
        })
    }

    /// Declines. `None` where it was declined in our place, because this took too long.
    pub fn reject(
        mut self,
        options: impl Into<ResponseOptions<Rejection>>,
    ) -> Option<OutgoingResponse> {
        self.is_open = false;
        self.shell.act(self.arrival.shard, |state, now| {
            let server = state.core.refer_server(now, self.id)?;
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
        let shell = Arc::clone(&self.shell);
        let progress = self.accept()?;
        let mut inviter = Inviter::start(shell, request)?;
        inviter.report_to(progress);
        Ok(inviter)
    }
}

impl Drop for Referral {
    fn drop(&mut self) {
        if self.is_open {
            self.shell.act(self.arrival.shard, |state, now| {
                state.dispose(now, self.id);
            });
        }
    }
}

impl fmt::Debug for Referral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Referral")
            .field("refer_to", &self.refer_to)
            .finish_non_exhaustive()
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
            self.place.act(|state, now| {
                state.core.notify(now, id, status);
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
