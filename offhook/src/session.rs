use std::fmt;

use offhook_core::{
    Credentials, InsideError, ReferEvent, ReferOptions, ResponseOptions, SessionEnd, SessionId,
    Unanswered, VerbError,
};
use offhook_message::{Body, Header, Method, ReferTo, Rejection, Request, Response};

use crate::calls::{Calls, Happened};
use crate::handle::Place;
use crate::incoming_request::IncomingRequest;
use crate::pending::Pending;
use crate::referral::Referral;

/// A call that is answered, by us or by the peer.
///
/// Waits may be dropped and begun again: they lose nothing. Dropping the session hangs up, as
/// [`Session::bye`] does; await [`Session::ended`] to keep it.
#[derive(Debug)]
#[must_use = "dropping a session hangs up"]
pub struct Session {
    pub(crate) place: Place<SessionId>,
    pub(crate) call_id: Box<str>,
}

impl Session {
    /// The Call-ID of the call.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Waits for the ACK of our 2xx. Its body holds the answer where the 2xx made the offer. The ACK is handed over
    /// once, and kept until then; a call that we placed gets none: there it waits for the end.
    ///
    /// # Errors
    ///
    /// Our BYE went out before it came, for there was none, or the session ended.
    pub async fn confirmed(&mut self) -> Result<Request, SessionEnd> {
        self.place.wait(Calls::poll_confirmed).await
    }

    /// Acknowledges the 2xx to our INVITE with the answer to the offer that the 2xx made
    /// ([RFC 3261 §13.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.1)): the first INVITE, or
    /// [`invite_without_offer`](Self::invite_without_offer). Where it cannot be answered, hang up.
    ///
    /// # Errors
    ///
    /// It made none, or is acknowledged already.
    pub fn acknowledge(&mut self, answer: &Body) -> Result<(), VerbError> {
        let verb = |session: &mut offhook_core::Session<'_>| session.acknowledge(answer);
        self.place.inside(VerbError::NoOffer, verb)
    }

    /// Waits for what happens next: the peer changes the session (hold is such a change), or one of
    /// both ends it. All comes in order, the end last.
    pub async fn event(&mut self) -> SessionEvent {
        let happened = self.place.wait(Calls::poll_event).await;
        SessionEvent::new(&self.place, happened)
    }

    /// Waits until the session is over, whoever ends it. The peer's wishes to change it are
    /// refused meanwhile; await [`Session::event`] to serve them.
    pub async fn ended(&mut self) -> SessionEnd {
        loop {
            if let SessionEvent::Ended(end) = self.event().await {
                return end;
            }
        }
    }

    /// Takes credentials for when a request of ours is asked for them. A call that we placed has
    /// those of its INVITE.
    pub fn set_credentials(&mut self, credentials: Vec<Credentials>) {
        self.place
            .session(|mut session| session.set_credentials(credentials));
    }

    /// Asks the peer to call somebody else: sends REFER, a blind transfer where it names an address and an
    /// attended one where it is the [`refer_to`](Self::refer_to) of another session. Gives its CSeq number;
    /// [`SessionEvent::Refer`] follows. This session stays until one of both hangs up, as a rule once the other
    /// call is answered ([RFC 5589 §6, §7](https://www.rfc-editor.org/rfc/rfc5589#section-6)).
    ///
    /// # Errors
    ///
    /// The session is not confirmed or is over, or too many REFERs are under way.
    pub fn refer(&mut self, options: impl Into<ReferOptions>) -> Result<u32, InsideError> {
        self.act(|session| session.refer(options))
    }

    /// Where the peer of another session is to be referred to so that it takes our place in this one.
    /// `None` where the session is over.
    pub fn refer_to(&self) -> Option<ReferTo> {
        self.place.session(|session| session.refer_to())?
    }

    /// Sends a request inside the session: INFO, MESSAGE or another. Gives its CSeq number;
    /// [`SessionEvent::Answered`] or [`SessionEvent::Unanswered`] follows. Where the peer asks for credentials the
    /// request goes out again under a higher number, and that is the number of the response: wait for it before the
    /// next request of the same method.
    ///
    /// # Errors
    ///
    /// The session is not confirmed or is over, or the method has a verb of its own.
    pub fn request(
        &mut self,
        method: Method,
        headers: &[Header],
        body: Option<&Body>,
    ) -> Result<u32, InsideError> {
        self.act(|session| session.request(method, headers, body))
    }

    /// Offers another session description by re-INVITE
    /// ([RFC 3261 §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-14.1)): hold, resume, a
    /// new address. [`SessionEvent::Answered`] or [`SessionEvent::Unanswered`] follows.
    ///
    /// Hold has no verb of its own, as in SIP.js: it is a description, and what makes descriptions makes that one, as
    /// `SessionDescriptionHandler::hold` of `offhook-media` does: `session.invite(&media.hold()?)`.
    ///
    /// # Errors
    ///
    /// The session is not confirmed or is over, or another offer waits for its answer.
    pub fn invite(&mut self, offer: &Body) -> Result<(), InsideError> {
        self.act(|session| session.invite(offer))
    }

    /// As [`invite`](Self::invite), by UPDATE
    /// ([RFC 3311](https://www.rfc-editor.org/rfc/rfc3311)). Without an offer it only refreshes
    /// the session.
    ///
    /// # Errors
    ///
    /// As for [`invite`](Self::invite).
    pub fn update(&mut self, offer: Option<&Body>) -> Result<(), InsideError> {
        self.act(|session| session.update(offer))
    }

    /// Asks for the peer's offer by a re-INVITE without one
    /// ([RFC 3261 §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-14.1)).
    /// [`SessionEvent::AnsweredWithOffer`] follows, or what follows [`invite`](Self::invite).
    ///
    /// # Errors
    ///
    /// As for [`invite`](Self::invite).
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method by itself is not general enough in its lifetimes"
    )]
    pub fn invite_without_offer(&mut self) -> Result<(), InsideError> {
        self.act(|session| session.invite_without_offer())
    }

    pub(crate) fn act<R>(
        &self,
        verb: impl FnOnce(&mut offhook_core::Session<'_>) -> Result<R, InsideError>,
    ) -> Result<R, InsideError> {
        self.place.inside(InsideError::NotConfirmed, verb)
    }

    /// Hangs up: sends BYE, after the ACK where that is still to come
    /// ([RFC 3261 §15](https://www.rfc-editor.org/rfc/rfc3261#section-15)). The session has
    /// [`ended`](Session::ended) when the BYE is answered. A second call does nothing. Where the 2xx still waits for a
    /// PRACK the caller gets 480 instead, and the session has ended.
    pub fn bye(&mut self) {
        self.bye_with(Vec::new());
    }

    /// As [`bye`](Self::bye), with these headers in the BYE: Reason, as a rule
    /// ([RFC 3326](https://www.rfc-editor.org/rfc/rfc3326)).
    pub fn bye_with(&mut self, headers: Vec<Header>) {
        self.place.session(|session| session.bye(headers));
    }

    /// The BYE of the peer's that ended the session. Its Reason says why, where the peer does
    /// ([`Headers::reasons`](offhook_message::Headers::reasons)).
    pub fn remote_bye(&self) -> Option<Request> {
        let shard = self.place.shell.shard(self.place.shard);
        shard.calls(|calls| calls.remote_bye(self.place.id))
    }
}

/// What happens in a session, an early one too, of the peer's doing as a rule.
#[derive(Debug)]
pub enum SessionEvent {
    /// It wants to change the session.
    Offer(Offer),
    /// The PRACK of a reliable provisional response of ours: its body holds the answer where that made the offer. It
    /// is answered. One that makes an offer is an [`Offer`](Self::Offer).
    Prack(Request),
    /// It sends something else: INFO, MESSAGE, or another of
    /// [`Config::methods`](offhook_core::Config::methods).
    Request(IncomingRequest),
    /// The final response to a request of ours. Its CSeq says to which, and is higher where the request went out
    /// again with credentials. A 2xx to an offer has the answer.
    Answered(Response),
    /// The session timer has refreshed the session by re-INVITE, and the 2xx has the answer to our last description: the
    /// peer's media may have moved ([RFC 4028 §7.4](https://www.rfc-editor.org/rfc/rfc4028#section-7.4)). It answers no
    /// offer that you have made meanwhile.
    Refreshed(Response),
    /// A request of ours has no outcome.
    Unanswered(Unanswered),
    /// The ACK of our 2xx to a re-INVITE; its body holds the answer where the 2xx made the offer.
    Reconfirmed(Request),
    /// Our BYE is out, whoever asked for it: the user agent itself does where the peer is gone or does not
    /// acknowledge, where nobody refreshes the session, where another call replaces it, and at shutdown. The
    /// media stops here ([RFC 3261 §15.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-15.1.1)): the answer
    /// to the BYE, and with it [`Ended`](Self::Ended), may take 32 s.
    Terminating(SessionEnd),
    /// The session is over.
    Ended(SessionEnd),
    /// The 2xx to [`Session::invite_without_offer`], which makes an offer. Answer it with
    /// [`Session::acknowledge`] within 32 s, or hang up.
    AnsweredWithOffer(Response),
    /// It sends us elsewhere, where REFER is among
    /// [`Config::methods`](offhook_core::Config::methods).
    Referred(Referral),
    /// What becomes of a REFER of ours, up to the end of the session.
    Refer {
        /// The number that [`Session::refer`] gave.
        cseq: u32,
        /// What happened.
        event: ReferEvent,
    },
}

impl SessionEvent {
    pub(crate) fn new(place: &Place<SessionId>, happened: Happened) -> Self {
        match happened {
            Happened::Offered(message) => Self::Offer(Offer {
                place: place.clone(),
                message,
            }),
            Happened::Requested(id, arrival) => {
                match Referral::read(Pending::new(&place.shell, arrival), id) {
                    Ok(referral) => Self::Referred(referral),
                    Err(pending) => Self::Request(IncomingRequest::new(pending, id)),
                }
            }
            Happened::Acknowledged(prack) => Self::Prack(prack),
            Happened::Reconfirmed(message) => Self::Reconfirmed(message),
            Happened::Answered(response) => Self::Answered(response),
            Happened::Refreshed(response) => Self::Refreshed(response),
            Happened::AnsweredWithOffer(response) => Self::AnsweredWithOffer(response),
            Happened::Unanswered(cause) => Self::Unanswered(cause),
            Happened::Refer(cseq, event) => Self::Refer { cseq, event },
            Happened::Terminating(cause) => Self::Terminating(cause),
            Happened::Ended(end) => Self::Ended(end),
        }
    }
}

/// A change that the peer wants: a re-INVITE, an UPDATE or a PRACK with an offer, or a re-INVITE
/// without one, which asks for ours. Dropping it refuses it with 488.
#[must_use = "dropping an offer refuses it"]
pub struct Offer {
    place: Place<SessionId>,
    message: Request,
}

impl Offer {
    /// The request.
    pub fn message(&self) -> &Request {
        &self.message
    }

    /// Accepts the change: `description` is our answer, or our offer where the request had none.
    ///
    /// # Errors
    ///
    /// The peer took the request back, or the session is over. Where something else fails, the change is refused
    /// with 488.
    pub fn answer(self, description: &Body) -> Result<(), VerbError> {
        self.act(|session| session.answer(description))
    }

    /// Refuses the change. What was agreed before holds.
    ///
    /// # Errors
    ///
    /// The peer took the request back, or the session is over. Where something else fails, the change is refused
    /// with 488.
    pub fn refuse(self, options: impl Into<ResponseOptions<Rejection>>) -> Result<(), VerbError> {
        let options = options.into();
        self.act(|session| session.refuse_offer(options))
    }

    fn act(
        &self,
        verb: impl FnOnce(&mut offhook_core::Session<'_>) -> Result<(), VerbError>,
    ) -> Result<(), VerbError> {
        self.place.inside(VerbError::NoOffer, |session| {
            // Meanwhile the peer may have taken this one back and made another.
            let is_open = |offer: &Request| offer.as_bytes() == self.message.as_bytes();
            if !session.offer().is_some_and(is_open) {
                return Err(VerbError::NoOffer);
            }
            verb(session)
        })
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        // It fails only where the request is answered already.
        let _ = self.act(|session| session.refuse_offer(Rejection::NOT_ACCEPTABLE_HERE));
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer")
            .field("method", self.message.method())
            .finish_non_exhaustive()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.place.act(|state| {
            state.hang_up(self.place.id);
        });
    }
}
