//! INVITE outside of a dialog ([RFC 3261 §13.3.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1)).

use bytes::Bytes;
use offhook_message::{
    Body, Provisional, Redirection, Rejection, Replaces, Request, Span, StatusCode, Success,
};

use super::reply::Reply;
use super::response_options::{
    ContactTarget, OutgoingResponse, OutgoingResponseWithSession, ResponseOptions,
};
use super::verb_error::VerbError;
use super::{accepted, no_answer, open_transaction, reliable, replaces, session_timer, write};
use crate::config::Reliability;
use crate::dialog::{Dialog, OfferAnswer, is_session_description};
use crate::event::{Event, InviteEnd, InviteId, SessionEnd, SessionId};
use crate::fingerprint::Fingerprint;
use crate::flow::Flow;
use crate::incoming::Incoming;
use crate::logger::LoggerFactory;
use crate::session::{Invite, InviteSession, PeerReliability, Phase, Role};
use crate::state::State;
use crate::tag::Tag;
use crate::timers::Timer;
use crate::transaction::{ServerTransaction, TransactionState, TransactionUser};

/// Begins a call, or refuses it where there is no room.
pub(super) fn receive(state: &mut State, mut incoming: Incoming, merge_key: Option<Fingerprint>) {
    let limits = state.config.limits;
    let is_full = state.invites.len() >= limits.invites || state.sessions.len() >= limits.sessions;
    if is_full || state.refusing.is_some() {
        return Reply::overload(state).statelessly(state, &incoming);
    }
    incoming.inspected.target = match target(&incoming.request) {
        Ok(target) => target,
        Err(reply) => return reply.statelessly(state, &incoming),
    };
    let replaces = match replaces::read(&incoming.request) {
        Ok(replaces) => replaces,
        Err(reply) => return reply.statelessly(state, &incoming),
    };
    let peer_reliability = PeerReliability::of(incoming.request.headers());
    if state.config.reliability == Reliability::Required
        && peer_reliability == PeerReliability::Unsupported
    {
        return reliable::extension_required().statelessly(state, &incoming);
    }
    let to_tag = Tag::from(state.random.token());
    let transaction = open_transaction(state, &incoming, merge_key, to_tag.clone());
    let expires = incoming.request.headers().expires().ok().flatten();
    let id = InviteId(state.invites.insert(Invite {
        offer_answer: OfferAnswer::of_invite(&incoming.request),
        incoming,
        transaction,
        to_tag,
        session: None,
        description: None,
        peer_reliability,
        repeats_at: None,
        held: None,
        agreement: None,
        is_answered: false,
        has_progressed: false,
        replaces,
    }));
    state
        .servers
        .set_user(transaction, TransactionUser::Invite(id));
    let trying = state.config.times.trying;
    state.timers.arm(trying, Timer::Trying(id));
    no_answer::arm(state, id, expires);
    state.outbox.event(Event::Invite(id));
}

/// One incoming INVITE that is not answered yet.
///
/// The view borrows the core. It is there from [`Event::Invite`] to the final response, whoever
/// sends that one: the verbs that send it take the view, and
/// [`invite_server`](crate::UserAgentCore::invite_server) gives no other.
///
/// A verb that fails has changed nothing.
///
/// What is against the rules does not compile. A status of another class than the verb's:
///
/// ```compile_fail,E0277
/// # use offhook_core::{InviteUserAgentServer, message::Success};
/// fn progress(server: &mut InviteUserAgentServer<'_>) {
///     let _ = server.progress(Success::OK);
/// }
/// ```
///
/// ```compile_fail,E0277
/// # use offhook_core::{InviteUserAgentServer, message::Provisional};
/// fn reject(server: InviteUserAgentServer<'_>) {
///     let _ = server.reject(Provisional::RINGING);
/// }
/// ```
///
/// ```compile_fail,E0277
/// # use offhook_core::{InviteUserAgentServer, message::Rejection};
/// fn redirect(server: InviteUserAgentServer<'_>) {
///     let _ = server.redirect(&[], Rejection::BUSY_HERE);
/// }
/// ```
///
/// ```compile_fail,E0277
/// # use offhook_core::{InviteUserAgentServer, message::Redirection};
/// fn accept(server: InviteUserAgentServer<'_>) {
///     let _ = server.accept(Redirection::MOVED_TEMPORARILY);
/// }
/// ```
///
/// 100 with a To tag, which only `trying` may send, and without one:
///
/// ```compile_fail,E0080
/// # use offhook_core::message::Provisional;
/// const TRYING: Provisional = Provisional::new(100).unwrap();
/// ```
///
/// Anything after a final response:
///
/// ```compile_fail,E0382
/// # use offhook_core::{InviteUserAgentServer, message::{Body, Rejection}};
/// fn change_of_mind(server: InviteUserAgentServer<'_>, answer: Body) {
///     let _ = server.accept(answer);
///     let _ = server.reject(Rejection::BUSY_HERE);
/// }
/// ```
///
/// ```compile_fail,E0382
/// # use offhook_core::{InviteUserAgentServer, message::{Provisional, Rejection}};
/// fn ring_after_busy(mut server: InviteUserAgentServer<'_>) {
///     let _ = server.reject(Rejection::BUSY_HERE);
///     let _ = server.progress(Provisional::RINGING);
/// }
/// ```
///
/// Two views of one core, so that a verb could see another's half:
///
/// ```compile_fail,E0499
/// # use std::time::Instant;
/// # use offhook_core::{InviteId, UserAgentCore};
/// fn two(core: &mut UserAgentCore, now: Instant, a: InviteId, b: InviteId) {
///     let first = core.invite_server(now, a);
///     let second = core.invite_server(now, b);
///     drop((first, second));
/// }
/// ```
#[derive(Debug)]
pub struct InviteUserAgentServer<'a> {
    pub(super) state: &'a mut State,
    pub(super) id: InviteId,
}

impl<'a> InviteUserAgentServer<'a> {
    pub(crate) fn new(state: &'a mut State, id: InviteId) -> Option<Self> {
        if !state.invites.contains(id.0) {
            return None;
        }
        Some(Self { state, id })
    }

    /// Which call this is.
    pub fn id(&self) -> InviteId {
        self.id
    }

    /// The INVITE.
    pub fn message(&self) -> &Request {
        &self.invite().incoming.request
    }

    /// The way it came.
    pub fn flow(&self) -> Flow {
        self.invite().incoming.flow
    }

    /// The dialog that the INVITE wants to take the place of
    /// ([RFC 3891](https://www.rfc-editor.org/rfc/rfc3891)). Its session, or the status to refuse
    /// the INVITE with, is what [`UserAgentCore::replaced`](crate::UserAgentCore::replaced) gives, of the core that has
    /// that Call-ID. Whoever accepts the INVITE ends that session with [`Session::replace`](crate::Session::replace) once the 2xx
    /// is out, which may be as late as [`Event::Accepted`], having made sure that the caller may do this (§8): its tags are
    /// hard to guess, and Referred-By may say more.
    pub fn replaces(&self) -> Option<&Replaces> {
        self.invite().replaces.as_deref()
    }

    /// Its server transaction.
    pub fn transaction(&self) -> ServerTransactionView<'_> {
        let invite = self.invite();
        let transaction = self.state.servers.get(invite.transaction);
        ServerTransactionView {
            request: &invite.incoming.request,
            state: transaction.map_or(TransactionState::Terminated, ServerTransaction::state),
        }
    }

    /// The loggers of the core.
    pub fn logger_factory(&self) -> LoggerFactory {
        self.state.loggers
    }

    /// Sends 100 Trying. It goes out by itself 200 ms after the INVITE where nothing else did
    /// ([RFC 3261 §17.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-17.2.1)). After another provisional response it says nothing new
    /// and would be repeated in its place, so it is not sent then.
    pub fn trying(&mut self) -> Result<OutgoingResponse, VerbError> {
        if self.invite().session.is_some() {
            return Err(VerbError::Progressed);
        }
        let message = write::trying(self.invite());
        self.send(StatusCode::TRYING, message.clone());
        Ok(OutgoingResponse { message })
    }

    /// Sends a provisional response and so makes the early dialog
    /// ([RFC 3261 §13.3.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1.1)).
    ///
    /// It is reliable ([RFC 3262](https://www.rfc-editor.org/rfc/rfc3262)) where the caller requires that or the
    /// [configuration](crate::Reliability) does, and where [`ResponseOptions::reliably`] asks for it and the
    /// caller supports it. Then it is repeated until its PRACK, and those after it wait for that.
    ///
    /// A session description in it is our answer, or our offer where the INVITE made none. An
    /// unreliable response may only show an answer that the 2xx will repeat. A reliable one has to
    /// make the offer where the INVITE made none: without it, it goes out unreliably, or where it
    /// must be reliable it is [`VerbError::NoBody`].
    pub fn progress(
        &mut self,
        options: impl Into<ResponseOptions<Provisional>>,
    ) -> Result<OutgoingResponseWithSession, VerbError> {
        let options = options.into();
        let description = options
            .body
            .as_ref()
            .filter(|body| is_session_description(body));
        let is_reliable = self.is_reliable(&options, description)?;
        if let Some(description) = description {
            self.check_description(description, is_reliable)?;
        }
        if is_reliable {
            return self.progress_reliably(&options, description);
        }
        self.take_tag(options.to_tag.as_ref());
        let session = self.early_session();
        let body = options.body.as_ref();
        let message = write::dialog_response(self.state, self.invite(), &options, body, None);
        if let Some(answer) = description {
            self.invite_mut().description = Some(answer.clone());
        }
        self.send(options.status.into(), message.clone());
        let after = self.state.config.times.repeat_provisional;
        let timer = Timer::RepeatProvisional(self.id);
        self.invite_mut().repeats_at = self.state.timers.arm(after, timer);
        Ok(OutgoingResponseWithSession { message, session })
    }

    /// Accepts the call: sends a 2xx, and repeats it until the ACK comes
    /// ([RFC 3261 §13.3.1.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1.4)).
    ///
    /// Its body is our answer, or our offer where the INVITE made none, by itself or as a part. It may
    /// be left out where a provisional response showed the answer already; else it is
    /// [`VerbError::NoBody`], and so is a body that describes no session.
    ///
    /// While a reliable provisional response with a session description waits for its PRACK, or an
    /// offer of the peer's in the early session for your answer, the 2xx waits too, and goes out by
    /// itself ([RFC 3262 §3, §5](https://www.rfc-editor.org/rfc/rfc3262#section-3)).
    pub fn accept(
        mut self,
        options: impl Into<ResponseOptions<Success>>,
    ) -> Result<OutgoingResponseWithSession, VerbError> {
        let options = options.into();
        let body = self.success_body(options.body.as_ref())?;
        self.take_tag(options.to_tag.as_ref());
        let session = self.early_session();
        let headers = self.message().headers();
        let most = options.session_expires;
        let config = &self.state.config.session_timer;
        self.invite_mut().agreement = session_timer::agree(headers, config, None, most);
        let (state, shown) = (&*self.state, body.as_ref());
        let message = write::dialog_response(state, self.invite(), &options, shown, None);
        if let Some(description) = body.filter(is_session_description) {
            if let Some(session) = self.state.sessions.get_mut(session) {
                session.offer_answer = session.offer_answer.sent();
            }
            self.invite_mut().description = Some(description);
        }
        let status = options.status.into();
        if reliable::holds_success(self.state, session) {
            self.invite_mut().held = Some(Box::new((status, message.clone())));
        } else {
            self.succeed(session, status, message.clone());
        }
        Ok(OutgoingResponseWithSession { message, session })
    }

    /// Sends the caller elsewhere ([RFC 3261 §13.3.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1.2)).
    pub fn redirect(
        self,
        contacts: &[ContactTarget],
        options: impl Into<ResponseOptions<Redirection>>,
    ) -> Result<OutgoingResponse, VerbError> {
        Ok(self.refuse(&options.into(), contacts))
    }

    /// Refuses the call ([RFC 3261 §13.3.1.3](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1.3)). An early dialog ends at once.
    pub fn reject(
        self,
        options: impl Into<ResponseOptions<Rejection>>,
    ) -> Result<OutgoingResponse, VerbError> {
        Ok(self.refuse(&options.into(), &[]))
    }

    /// Ends the call on a CANCEL: sends 487 and tells the application
    /// ([RFC 3261 §9.2](https://www.rfc-editor.org/rfc/rfc3261#section-9.2)). The core calls this by itself, and has answered the CANCEL.
    pub fn receive_cancel(self, message: &Request) {
        let cancelled = Event::Cancelled {
            invite: self.id,
            message: message.clone(),
        };
        self.end_with(
            Rejection::REQUEST_TERMINATED,
            cancelled,
            SessionEnd::Cancelled,
            None,
        );
    }

    /// Ends the call without a word of the application's: 480.
    pub fn dispose(self) {
        self.refuse(&Rejection::TEMPORARILY_UNAVAILABLE.into(), &[]);
    }

    /// Ends the call from inside, and says why, and by which BYE where it was one.
    pub(crate) fn end(self, status: Rejection, cause: InviteEnd, bye: Option<Request>) {
        let ended = Event::InviteEnded {
            invite: self.id,
            cause,
        };
        let session_end = match cause {
            InviteEnd::Bye => SessionEnd::RemoteBye,
            InviteEnd::Disconnected => SessionEnd::Disconnected,
            _ => SessionEnd::NoPrack,
        };
        self.end_with(status, ended, session_end, bye);
    }

    /// Sends the 100 that is due 200 ms after the INVITE.
    pub(crate) fn trying_is_due(&mut self) {
        if !self.invite().is_answered {
            let message = write::trying(self.invite());
            self.send(StatusCode::TRYING, message);
        }
    }

    /// Sends the 2xx, and waits for its ACK.
    pub(super) fn succeed(self, session: SessionId, status: StatusCode, message: Bytes) {
        let Self { state, id } = self;
        if let Some(invite) = state.invites.remove(id.0) {
            await_ack(state, session, &invite, &message);
            log(state, &invite, status);
            state.server(invite.transaction).respond(status, message);
        }
    }

    #[expect(
        clippy::expect_used,
        reason = "the view is made of a call in the table and borrows the table while it lives"
    )]
    pub(super) fn invite(&self) -> &Invite {
        let invite = self.state.invites.get(self.id.0);
        invite.expect("the call of a view is in the table")
    }

    #[expect(
        clippy::expect_used,
        reason = "the view is made of a call in the table and borrows the table while it lives"
    )]
    pub(super) fn invite_mut(&mut self) -> &mut Invite {
        let invite = self.state.invites.get_mut(self.id.0);
        invite.expect("the call of a view is in the table")
    }

    /// The tag of the first response above 100 is that of all.
    pub(super) fn take_tag(&mut self, tag: Option<&Tag>) {
        let invite = self.invite_mut();
        if let Some(tag) = tag
            && invite.session.is_none()
        {
            invite.to_tag = tag.clone();
            let transaction = invite.transaction;
            self.state.servers.set_to_tag(transaction, tag.clone());
        }
    }

    pub(super) fn send(&mut self, status: StatusCode, message: Bytes) {
        let invite = self.invite_mut();
        invite.is_answered = true;
        invite.has_progressed |= status != StatusCode::TRYING;
        let transaction = invite.transaction;
        log(self.state, self.invite(), status);
        self.state.server(transaction).respond(status, message);
    }

    /// The session of this call; the first response that makes a dialog makes it.
    pub(super) fn early_session(&mut self) -> SessionId {
        let invite = self.invite();
        if let Some(session) = invite.session {
            return session;
        }
        let fingerprinter = &self.state.fingerprinter;
        let incoming = &invite.incoming;
        let dialog = Dialog::at_server(fingerprinter, incoming, &invite.to_tag);
        let (flow, phase) = (incoming.flow, Phase::Early(self.id));
        let session = InviteSession::new(dialog, flow, Role::Callee, phase, invite.offer_answer);
        let session = self.state.sessions.insert(session);
        self.invite_mut().session = Some(session);
        session
    }

    /// Who offered and who answered so far. An offer of the peer's in the early session is another
    /// one's to answer: it came because that of the INVITE is settled
    /// ([RFC 3262 §5](https://www.rfc-editor.org/rfc/rfc3262#section-5), [RFC 3311 §5.2](https://www.rfc-editor.org/rfc/rfc3311#section-5.2)).
    pub(super) fn offer_answer(&self) -> OfferAnswer {
        let invite = self.invite();
        let session = invite.session.and_then(|id| self.state.sessions.get(id));
        session.map_or(invite.offer_answer, |session| match session.offer {
            Some(_) => OfferAnswer::Stable,
            None => session.offer_answer,
        })
    }

    /// Whether a provisional response may have this session description. Each shows the same answer
    /// ([RFC 3261 §13.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.1)).
    fn check_description(&self, given: &Body, is_reliable: bool) -> Result<(), VerbError> {
        let shown = self.invite().description.as_ref();
        match self.offer_answer() {
            OfferAnswer::Initial if !is_reliable => Err(VerbError::UnreliableOffer),
            OfferAnswer::Initial => Ok(()),
            OfferAnswer::HaveRemoteOffer if shown.is_none_or(|shown| shown == given) => Ok(()),
            _ => Err(VerbError::Described),
        }
    }

    /// The body of a 2xx: what the application gives, or what a provisional response showed.
    fn success_body(&self, given: Option<&Body>) -> Result<Option<Body>, VerbError> {
        let shown = self.invite().description.as_ref();
        let other = given.filter(|given| Some(*given) != shown);
        if shown.is_some() && other.is_some_and(is_session_description) {
            return Err(VerbError::Described);
        }
        match self.offer_answer() {
            OfferAnswer::Initial | OfferAnswer::HaveRemoteOffer => {
                let body = given.or(shown);
                let body = body.filter(|body| is_session_description(body));
                Ok(Some(body.ok_or(VerbError::NoBody)?.clone()))
            }
            // Said already: to say the same again is no mistake, and not sent.
            OfferAnswer::HaveLocalOffer | OfferAnswer::Stable => Ok(other.cloned()),
        }
    }

    fn refuse<S: Copy + Into<StatusCode>>(
        mut self,
        options: &ResponseOptions<S>,
        contacts: &[ContactTarget],
    ) -> OutgoingResponse {
        self.take_tag(options.to_tag.as_ref());
        let Invite {
            incoming, to_tag, ..
        } = self.invite();
        let to_tag = Some(to_tag);
        let message = write::plain_response(self.state, incoming, to_tag, options, contacts);
        self.send(options.status.into(), message.clone());
        self.state.end_invite(self.id);
        OutgoingResponse { message }
    }

    /// Refuses the call for a cause of our own. Where the application has accepted it, and the
    /// 2xx waits for a PRACK, it knows the call as a session.
    fn end_with(
        self,
        status: Rejection,
        event: Event,
        session_end: SessionEnd,
        bye: Option<Request>,
    ) {
        let event = match self.held_session() {
            Some(session) => Event::Ended {
                session,
                cause: session_end,
                message: bye,
            },
            None => event,
        };
        self.close(&status.into(), event);
    }

    /// The session that the application has accepted, while the 2xx waits.
    pub(super) fn held_session(&self) -> Option<SessionId> {
        let invite = self.invite();
        invite.session.filter(|_| invite.held.is_some())
    }

    /// Refuses the call, and tells of it.
    pub(super) fn close(self, options: &ResponseOptions<Rejection>, event: Event) {
        let Self { state, id } = self;
        if let Some(server) = InviteUserAgentServer::new(state, id) {
            server.refuse(options, &[]);
        }
        state.outbox.event(event);
    }
}

/// The server transaction of an INVITE, to look at.
#[derive(Clone, Copy, Debug)]
pub struct ServerTransactionView<'a> {
    request: &'a Request,
    state: TransactionState,
}

impl<'a> ServerTransactionView<'a> {
    /// How far it is.
    pub fn state(&self) -> TransactionState {
        self.state
    }

    /// Its identifier: the branch of the topmost Via, empty for a peer of RFC 2543 that wrote none.
    pub fn id(&self) -> &'a [u8] {
        let via = self.request.headers().via().ok();
        via.and_then(|via| via.branch()).unwrap_or_default()
    }

    /// The request that began it.
    pub fn request(&self) -> &'a Request {
        self.request
    }
}

/// Confirms the dialog and begins to repeat the 2xx.
fn await_ack(state: &mut State, id: SessionId, invite: &Invite, response: &Bytes) {
    let mut agreed = None;
    if let Some(session) = state.sessions.get_mut(id) {
        let refresh = session.refresh_by_invite.take();
        agreed = refresh.and_then(|refresh| refresh.description);
        session.reliable.take_if(|reliable| {
            reliable.finish();
            reliable.is_acknowledged()
        });
        let (cseq, bye) = (invite.incoming.cseq(), None);
        session.phase = Phase::AckWait { cseq, bye };
    }
    let (request, agreement) = (&invite.incoming.request, invite.agreement);
    let description = agreed.as_ref().or(invite.description.as_ref());
    session_timer::begin(state, id, request, agreement);
    if let Some((session, description)) = state.sessions.get_mut(id).zip(description) {
        session.describe(description);
    }
    let cseq = invite.incoming.cseq();
    accepted::await_ack(state, id, cseq, invite.transaction, response);
    let session = state.sessions.get_mut(id);
    if let Some(accepted) = session.and_then(|session| session.accepted(cseq)) {
        accepted.is_proven_by_bye = !invite.has_progressed;
    }
}

fn log(state: &State, invite: &Invite, status: StatusCode) {
    let call_id = invite.incoming.call_id();
    let content = format_args!("sends {status}");
    state.log("sip.invite-user-agent-server", call_id, content);
}

/// Where the caller is. An INVITE has a Contact that can be read ([RFC 3261 §8.1.1.8](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.1.8)). A peer of RFC 2543 is known
/// by its Via and may leave it out.
fn target(request: &Request) -> Result<Span, Reply> {
    let headers = request.headers();
    match headers.contacts().next() {
        Some(contact) => match contact?.address() {
            Some(address) => {
                let target = Span::within(request.as_bytes(), address.uri_bytes());
                Ok(target.unwrap_or_default())
            }
            None => Err(Reply::bad_request(
                "The Contact of an INVITE must be an address",
            )),
        },
        None if headers.via().is_ok_and(|via| via.branch().is_none()) => Ok(Span::default()),
        None => Err(Reply::bad_request("The Contact header is missing")),
    }
}
