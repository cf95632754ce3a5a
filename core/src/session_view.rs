//! What an application may do with a session.

use bytes::Bytes;
use offhook_message::{
    Body, Header, Method, NameAddr, ReferTo, Rejection, Replaces, Request, Text, UriBuf,
};

use crate::digest::{Authentication, Credentials};
use crate::event::SessionId;
use crate::flow::Flow;
use crate::outgoing::ReferOptions;
use crate::session::{Phase, Purpose, SessionState};
use crate::snapshot;
use crate::state::State;
use crate::uac::{InsideError, acknowledge, cancel, change, inside, prack, refer};
use crate::uas::{ResponseOptions, VerbError, bye, offer};

/// A session, early or confirmed. The view borrows the core.
#[derive(Debug)]
pub struct Session<'a> {
    state: &'a mut State,
    id: SessionId,
    phase: SessionState,
    flow: Flow,
}

impl<'a> Session<'a> {
    pub(crate) fn new(state: &'a mut State, id: SessionId) -> Option<Self> {
        let session = state.sessions.get(id)?;
        if matches!(session.phase, Phase::Over) {
            return None;
        }
        let (phase, flow) = (session.state(), session.flow);
        Some(Self {
            state,
            id,
            phase,
            flow,
        })
    }

    /// Which session this is.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// How far it is.
    pub fn state(&self) -> SessionState {
        self.phase
    }

    /// The way its INVITE came or went.
    pub fn flow(&self) -> Flow {
        self.flow
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &[u8] {
        let session = self.state.sessions.get(self.id);
        session.map_or(b"", |session| session.dialog.call_id())
    }

    /// The request of the last [`Event::Offer`](crate::Event::Offer), as long as it waits for
    /// [`answer`](Self::answer) or [`refuse_offer`](Self::refuse_offer).
    pub fn offer(&self) -> Option<&Request> {
        let slot = self.state.sessions.get(self.id)?.offer?;
        let offer = self.state.offers.get(slot)?;
        Some(&offer.incoming.request)
    }

    /// Accepts the change that the last [`Event::Offer`](crate::Event::Offer) asked for, with our answer, or our
    /// offer where the request had none.
    pub fn answer(&mut self, answer: &Body) -> Result<(), VerbError> {
        offer::answer(self.state, self.id, answer)
    }

    /// Refuses the change that the last [`Event::Offer`](crate::Event::Offer) asked for. What was agreed before
    /// holds. The offer of a PRACK is better [answered](Self::answer) with a description that rejects each stream: a
    /// PRACK ought to get a 2xx ([RFC 3262 §3](https://www.rfc-editor.org/rfc/rfc3262#section-3)).
    pub fn refuse_offer(
        &mut self,
        options: impl Into<ResponseOptions<Rejection>>,
    ) -> Result<(), VerbError> {
        offer::refuse(self.state, self.id, &options.into())
    }

    /// Sends a request inside the session: INFO, MESSAGE, NOTIFY or another. Gives its CSeq number; the
    /// outcome is [`Event::Answered`](crate::Event::Answered) or [`Event::Unanswered`](crate::Event::Unanswered). A
    /// request that goes out again with credentials is answered under a higher number.
    pub fn request(
        &mut self,
        method: Method,
        headers: &[Header],
        body: Option<&Body>,
    ) -> Result<u32, InsideError> {
        inside::request(self.state, self.id, method, headers, body)
    }

    /// Asks the peer to call somebody else: sends REFER. Gives its CSeq number, by which each
    /// [`Event::Refer`](crate::Event::Refer) names it. What becomes of this session is left to both sides: one
    /// of them hangs up, as a rule once the other call is answered
    /// ([RFC 5589 §6](https://www.rfc-editor.org/rfc/rfc5589#section-6)).
    pub fn refer(&mut self, options: impl Into<ReferOptions>) -> Result<u32, InsideError> {
        refer::send(self.state, self.id, options.into())
    }

    /// Offers another session description by re-INVITE
    /// ([RFC 3261 §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-14.1)): hold, resume, a new address. The outcome is
    /// [`Event::Answered`](crate::Event::Answered) or [`Event::Unanswered`](crate::Event::Unanswered). Where it meets one of the peer's, it is sent
    /// again by itself.
    pub fn invite(&mut self, offer: &Body) -> Result<(), InsideError> {
        self.change(Method::Invite, Some(offer))
    }

    /// As [`invite`](Self::invite), by UPDATE ([RFC 3311](https://www.rfc-editor.org/rfc/rfc3311)). Without an offer it only refreshes
    /// the session. An early session is updated once a first offer is answered, by way of PRACK.
    pub fn update(&mut self, offer: Option<&Body>) -> Result<(), InsideError> {
        self.change(Method::Update, offer)
    }

    /// Asks the peer for an offer by a re-INVITE without one
    /// ([RFC 3261 §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-14.1)). The outcome is
    /// [`Event::AnsweredWithOffer`](crate::Event::AnsweredWithOffer), which waits for
    /// [`acknowledge`](Self::acknowledge), or as for [`invite`](Self::invite).
    pub fn invite_without_offer(&mut self) -> Result<(), InsideError> {
        self.change(Method::Invite, None)
    }

    fn change(&mut self, method: Method, offer: Option<&Body>) -> Result<(), InsideError> {
        let purpose = Purpose::Application;
        change::begin(self.state, self.id, method, offer, purpose)
    }

    /// Takes credentials for when a request of ours in this session is asked for them. A session
    /// whose INVITE was ours has those of the INVITE.
    pub fn set_credentials(&mut self, credentials: Vec<Credentials>) {
        if let Some(session) = self.state.sessions.get_mut(self.id) {
            session.authentication = Some(Box::new(Authentication::new(credentials)));
        }
    }

    /// Acknowledges the 2xx to our INVITE with the answer to the offer it made
    /// ([RFC 3261 §13.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.1)), the first one or a re-INVITE. Where it made none,
    /// the ACK went out by itself.
    pub fn acknowledge(&mut self, answer: &Body) -> Result<(), VerbError> {
        let is_sent = acknowledge::answer(self.state, self.id, answer);
        is_sent.then_some(()).ok_or(VerbError::NoOffer)
    }

    /// Answers the offer of a reliable provisional response to our INVITE, in its PRACK
    /// ([RFC 3262 §5](https://www.rfc-editor.org/rfc/rfc3262#section-5)). Where it made none, the PRACK went out by itself.
    pub fn prack(&mut self, answer: &Body) -> Result<(), VerbError> {
        let is_sent = prack::answer(self.state, self.id, answer);
        is_sent.then_some(()).ok_or(VerbError::NoOffer)
    }

    /// What an INVITE says that takes our place in this session, at the peer's end
    /// ([RFC 3891 §4](https://www.rfc-editor.org/rfc/rfc3891#section-4)): the peer's tag is the `to-tag` there, ours the
    /// `from-tag`. `None` where the peer's is no text.
    pub fn replaces(&self) -> Option<Replaces> {
        let dialog = &self.state.sessions.get(self.id)?.dialog;
        let text = |bytes: &[u8]| Text::new(std::str::from_utf8(bytes).ok()?).ok();
        let tag = |value| {
            text(
                NameAddr::parse_list(value)
                    .next()?
                    .ok()?
                    .tag()
                    .unwrap_or(b"0"),
            )
        };
        Some(Replaces {
            call_id: text(dialog.call_id())?,
            to_tag: tag(dialog.remote())?,
            from_tag: tag(dialog.local())?,
            early_only: false,
        })
    }

    /// Where another session's peer is to be referred to so that it takes our place in this one: an
    /// attended transfer ([RFC 5589 §7](https://www.rfc-editor.org/rfc/rfc5589#section-7)). It is the Contact of this session's peer, with
    /// [`replaces`](Self::replaces). `None` where one of them is no text or URI.
    pub fn refer_to(&self) -> Option<ReferTo> {
        let dialog = &self.state.sessions.get(self.id)?.dialog;
        let target = UriBuf::parse(dialog.target()).ok()?;
        Some(ReferTo::from(target).replacing(&self.replaces()?))
    }

    /// Ends the session for an INVITE that was accepted in its place: sends CANCEL where it is an
    /// early one of ours, else BYE ([RFC 3891 §3](https://www.rfc-editor.org/rfc/rfc3891#section-3)).
    pub fn replace(self) {
        let Self { state, id, .. } = self;
        let session = state.sessions.get(id);
        let invite = session.and_then(|session| match session.phase {
            Phase::Inviting(invite) => Some(invite),
            _ => None,
        });
        match invite {
            Some(invite) => cancel::want(state, invite, Vec::new()),
            None => bye::hang_up(state, id, Vec::new()),
        }
    }

    /// The session as another core, or this one in another process, can go on with it:
    /// [`SessionSnapshot::read`](crate::SessionSnapshot::read) and [`UserAgentCore::restore`](crate::UserAgentCore::restore). Take it
    /// anew when a request was sent or taken: the next core counts on from there.
    ///
    /// # Errors
    ///
    /// The session is not confirmed, or a change of it is under way.
    pub fn snapshot(&self) -> Result<Bytes, InsideError> {
        snapshot::take(self.state, self.id)
    }

    /// Forgets the session, and says nothing to anybody: it goes on elsewhere, from its
    /// [`snapshot`](Self::snapshot). An incoming INVITE that is accepted, and whose 2xx waits, gets 480: there is no call
    /// to go on with.
    pub fn forget(self) {
        let Self { state, id, .. } = self;
        change::answer(state, id, None);
        state.limit_change(id);
        if let Some(server) = bye::held(state, id) {
            server.dispose();
        }
        state.sessions.remove(id);
    }

    /// Ends the session: sends BYE with these headers, at once or when the ACK of our 2xx is here
    /// ([RFC 3261 §15](https://www.rfc-editor.org/rfc/rfc3261#section-15)). [`Event::Terminating`](crate::Event::Terminating) follows when it goes out,
    /// [`Event::Ended`](crate::Event::Ended) when it is answered. A second one changes nothing; nor does one to the early session of an incoming INVITE, which is to be
    /// answered. One that is accepted, and whose 2xx waits, gets 480 with these headers in the place of the 2xx, and
    /// [`Event::Ended`](crate::Event::Ended) follows at once.
    pub fn bye(self, headers: Vec<Header>) {
        let Self { state, id, .. } = self;
        bye::hang_up(state, id, headers);
    }
}
