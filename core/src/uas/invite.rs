//! INVITE outside of a dialog ([RFC 3261 §13.3.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1)).

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook_message::{
    Body, HeaderName, MessageWriter, Provisional, Redirection, Rejection, Request, StatusCode,
    Success, Uri,
};

use super::reply::Reply;
use super::response_options::{
    ContactTarget, OutgoingResponse, OutgoingResponseWithSession, ResponseOptions,
};
use super::{Incoming, open_transaction, respond};
use crate::dialog::{Dialog, OfferAnswer, asks_for_sips, is_session_description};
use crate::event::{Event, InviteEnd, InviteId, SessionId};
use crate::fingerprint::Fingerprint;
use crate::flow::{Flow, Transport};
use crate::logger::{LogLevel, LoggerFactory};
use crate::session::{Accepted, Invite, InviteSession, Phase};
use crate::state::State;
use crate::tag::Tag;
use crate::timers::Timer;
use crate::transaction::{ServerTransaction, TransactionState};

/// Begins a call, or refuses it where there is no room.
pub(super) fn receive(
    state: &mut State,
    now: Instant,
    incoming: Incoming,
    merge_key: Option<Fingerprint>,
) {
    let limits = state.config.limits;
    let is_full = state.invites.len() >= limits.invites || state.sessions.len() >= limits.sessions;
    if is_full || state.refusing.is_some() {
        return Reply::overload(state).statelessly(state, &incoming);
    }
    if let Err(reply) = check_contact(&incoming.request) {
        return reply.statelessly(state, &incoming);
    }
    let to_tag = Tag::from(state.random.token());
    let transaction = open_transaction(state, &incoming, merge_key, to_tag.clone());
    let request = incoming.request;
    let expires = request.headers().expires().ok().flatten();
    let id = InviteId(state.invites.insert(Invite {
        offer_answer: OfferAnswer::of_invite(request.headers(), request.body()),
        request,
        transaction,
        flow: incoming.flow,
        to_tag,
        session: None,
        early_answer: None,
        is_answered: false,
    }));
    state.servers.set_invite(transaction, id);
    let times = state.config.times;
    state.arm(now, times.trying, Timer::Trying(id));
    state.arm(now, times.no_answer, Timer::NoAnswer(id));
    if let Some(seconds) = expires {
        let after = Duration::from_secs(seconds.into());
        state.arm(now, after, Timer::Expires(id));
    }
    state.outbox.event(Event::Invite(id));
}

/// One incoming INVITE that is not answered yet.
///
/// The view borrows the core. It is there from [`Event::Invite`] to the final response, whoever
/// sends that one: the verbs that send it take the view, and
/// [`invite_server`](crate::UserAgentCore::invite_server) gives no other.
///
/// A verb that fails has changed nothing.
#[derive(Debug)]
pub struct InviteUserAgentServer<'a> {
    state: &'a mut State,
    now: Instant,
    id: InviteId,
}

impl<'a> InviteUserAgentServer<'a> {
    pub(crate) fn new(state: &'a mut State, now: Instant, id: InviteId) -> Option<Self> {
        if !state.invites.contains(id.0) {
            return None;
        }
        Some(Self { state, now, id })
    }

    /// Which call this is.
    pub fn id(&self) -> InviteId {
        self.id
    }

    /// The INVITE.
    pub fn message(&self) -> &Request {
        &self.invite().request
    }

    /// The way it came.
    pub fn flow(&self) -> Flow {
        self.invite().flow
    }

    /// Its server transaction.
    pub fn transaction(&self) -> ServerTransactionView<'_> {
        let invite = self.invite();
        let transaction = self.state.servers.get(invite.transaction);
        ServerTransactionView {
            request: &invite.request,
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
        let invite = self.invite();
        if invite.session.is_some() {
            return Err(VerbError::Progressed);
        }
        let (request, source) = (&invite.request, invite.flow.remote);
        let writer = respond::begin(request, source, StatusCode::TRYING, None, None);
        let message = writer.finish();
        self.send(StatusCode::TRYING, message.clone());
        Ok(OutgoingResponse { message })
    }

    /// Sends a provisional response and so makes the early dialog
    /// ([RFC 3261 §13.3.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1.1)).
    ///
    /// A session description in it shows the answer that the 2xx will repeat. Where the INVITE
    /// made no offer there is nothing to answer: [`VerbError::UnreliableOffer`].
    pub fn progress(
        &mut self,
        options: impl Into<ResponseOptions<Provisional>>,
    ) -> Result<OutgoingResponseWithSession, VerbError> {
        let options = options.into();
        let answer = options
            .body
            .as_ref()
            .filter(|body| is_session_description(body));
        if answer.is_some() && self.invite().offer_answer == OfferAnswer::Initial {
            return Err(VerbError::UnreliableOffer);
        }
        self.take_tag(options.to_tag.as_ref());
        let message = self.write(&options, options.body.as_ref());
        let session = self.early_session();
        if let Some(answer) = answer.cloned() {
            self.invite_mut().early_answer = Some(answer);
        }
        self.send(options.status.into(), message.clone());
        Ok(OutgoingResponseWithSession { message, session })
    }

    /// Accepts the call: sends a 2xx, and repeats it until the ACK comes
    /// ([RFC 3261 §13.3.1.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1.4)).
    ///
    /// Its body is our answer, or our offer where the INVITE made none. It may be left out where a
    /// provisional response showed the answer already; else it is [`VerbError::NoBody`].
    pub fn accept(
        mut self,
        options: impl Into<ResponseOptions<Success>>,
    ) -> Result<OutgoingResponseWithSession, VerbError> {
        let options = options.into();
        let invite = self.invite();
        let body = options.body.as_ref().or(invite.early_answer.as_ref());
        let body = body.cloned().ok_or(VerbError::NoBody)?;
        self.take_tag(options.to_tag.as_ref());
        let message = self.write(&options, Some(&body));
        let session = self.early_session();
        self.await_ack(session, &message);
        self.send(options.status.into(), message.clone());
        self.state.invites.remove(self.id.0);
        Ok(OutgoingResponseWithSession { message, session })
    }

    /// Sends the caller elsewhere ([RFC 3261 §13.3.1.2](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1.2)).
    pub fn redirect(
        mut self,
        contacts: &[ContactTarget],
        options: impl Into<ResponseOptions<Redirection>>,
    ) -> Result<OutgoingResponse, VerbError> {
        let options = options.into();
        self.take_tag(options.to_tag.as_ref());
        let mut writer = self.begin(&options);
        for contact in contacts {
            write_contact(&mut writer, contact);
        }
        let message = self.finish_writing(writer, &options, options.body.as_ref());
        self.send(options.status.into(), message.clone());
        self.state.end_invite(self.id);
        Ok(OutgoingResponse { message })
    }

    /// Refuses the call ([RFC 3261 §13.3.1.3](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1.3)). An early dialog ends at once.
    pub fn reject(
        mut self,
        options: impl Into<ResponseOptions<Rejection>>,
    ) -> Result<OutgoingResponse, VerbError> {
        let options = options.into();
        self.take_tag(options.to_tag.as_ref());
        let writer = self.begin(&options);
        let message = self.finish_writing(writer, &options, options.body.as_ref());
        self.send(options.status.into(), message.clone());
        self.state.end_invite(self.id);
        Ok(OutgoingResponse { message })
    }

    /// Ends the call on a CANCEL: sends 487 and tells the application
    /// ([RFC 3261 §9.2](https://www.rfc-editor.org/rfc/rfc3261#section-9.2)). The core calls this by itself, and has answered the CANCEL.
    pub fn receive_cancel(self, message: &Request) {
        let cancelled = Event::Cancelled {
            invite: self.id,
            message: message.clone(),
        };
        self.end_with(Rejection::REQUEST_TERMINATED, cancelled);
    }

    /// Ends the call without a word of the application's: 480.
    pub fn dispose(self) {
        // A rejection has no rule to break.
        let _ = self.reject(Rejection::TEMPORARILY_UNAVAILABLE);
    }

    /// Ends the call from inside, and says why.
    pub(crate) fn end(self, status: Rejection, cause: InviteEnd) {
        let ended = Event::InviteEnded {
            invite: self.id,
            cause,
        };
        self.end_with(status, ended);
    }

    /// Sends the 100 that is due 200 ms after the INVITE.
    pub(crate) fn trying_is_due(&mut self) {
        if !self.invite().is_answered {
            // The only failure is that more than 100 was said already.
            let _ = self.trying();
        }
    }

    fn end_with(self, status: Rejection, event: Event) {
        let writer = self.begin(&ResponseOptions::new(status));
        let message = self.finish_writing(writer, &ResponseOptions::new(status), None);
        let Self { state, now, id } = self;
        if let Some(invite) = state.end_invite(id) {
            state.respond(now, invite.transaction, status.into(), message);
            state.outbox.event(event);
        }
    }

    #[expect(
        clippy::expect_used,
        reason = "the view is made of a call in the table and borrows the table while it lives"
    )]
    fn invite(&self) -> &Invite {
        let invite = self.state.invites.get(self.id.0);
        invite.expect("the call of a view is in the table")
    }

    #[expect(
        clippy::expect_used,
        reason = "the view is made of a call in the table and borrows the table while it lives"
    )]
    fn invite_mut(&mut self) -> &mut Invite {
        let invite = self.state.invites.get_mut(self.id.0);
        invite.expect("the call of a view is in the table")
    }

    /// The tag of the first response above 100 is that of all.
    fn take_tag(&mut self, tag: Option<&Tag>) {
        let invite = self.invite_mut();
        if let Some(tag) = tag
            && invite.session.is_none()
        {
            invite.to_tag = tag.clone();
        }
    }

    fn send(&mut self, status: StatusCode, message: Bytes) {
        let invite = self.invite_mut();
        invite.is_answered = true;
        let transaction = invite.transaction;
        self.state.log(
            LogLevel::Debug,
            CATEGORY,
            self.invite()
                .request
                .headers()
                .call_id()
                .unwrap_or_default(),
            format_args!("sends {status}"),
        );
        self.state.respond(self.now, transaction, status, message);
    }

    fn begin<S: Copy + Into<StatusCode>>(&self, options: &ResponseOptions<S>) -> MessageWriter {
        let invite = self.invite();
        respond::begin(
            &invite.request,
            invite.flow.remote,
            options.status.into(),
            options.reason_phrase.as_ref(),
            Some(&invite.to_tag),
        )
    }

    /// A response that makes a dialog: with Record-Route, Contact, and in a 2xx Allow
    /// ([RFC 3261 §12.1.1, §13.3.1.4](https://www.rfc-editor.org/rfc/rfc3261#section-12.1.1)).
    fn write<S: Copy + Into<StatusCode>>(
        &self,
        options: &ResponseOptions<S>,
        body: Option<&Body>,
    ) -> Bytes {
        let invite = self.invite();
        let mut writer = self.begin(options);
        for field in invite.request.headers().all(HeaderName::RecordRoute) {
            writer.copy(field);
        }
        let contact = OwnContact {
            request: &invite.request,
            flow: invite.flow,
        };
        writer.header(HeaderName::Contact, contact);
        if options.status.into().is_success() {
            writer.header(HeaderName::Allow, respond::ALLOW);
        }
        self.finish_writing(writer, options, body)
    }

    fn finish_writing<S>(
        &self,
        mut writer: MessageWriter,
        options: &ResponseOptions<S>,
        body: Option<&Body>,
    ) -> Bytes {
        if let Some(supported) = &options.supported {
            writer.header(HeaderName::Supported, supported);
        }
        let user_agent = options.user_agent.as_ref();
        if let Some(user_agent) = user_agent.or(self.state.config.user_agent.as_ref()) {
            writer.header(HeaderName::UserAgent, user_agent);
        }
        for header in &options.extra_headers {
            writer.extra(header);
        }
        match body {
            Some(body) => writer.body(body),
            None => writer.finish(),
        }
    }

    /// The session of this call; the first response that makes a dialog makes it.
    fn early_session(&mut self) -> SessionId {
        let invite = self.invite();
        if let Some(session) = invite.session {
            return session;
        }
        let fingerprinter = &self.state.fingerprinter;
        let session = InviteSession {
            dialog: Dialog::at_server(fingerprinter, &invite.request, &invite.to_tag),
            flow: invite.flow,
            phase: Phase::Early(self.id),
        };
        let session = self.state.sessions.insert(session);
        self.invite_mut().session = Some(session);
        session
    }

    /// Confirms the dialog and begins to repeat the 2xx.
    fn await_ack(&mut self, id: SessionId, response: &Bytes) {
        let invite = self.invite();
        let transaction = self.state.servers.get(invite.transaction);
        let flow = transaction.map_or(invite.flow, |transaction| transaction.flow);
        let cseq = invite
            .request
            .headers()
            .cseq()
            .map_or(0, |cseq| cseq.number);
        let times = self.state.config.times;
        if let Some(session) = self.state.sessions.get_mut(id) {
            session.phase = Phase::AckWait {
                accepted: Accepted {
                    response: response.clone(),
                    flow,
                    interval: times.t1,
                    cseq,
                },
                bye: None,
            };
        }
        self.state.arm(self.now, times.t1, Timer::Accepted(id));
        let life = times.transaction_life();
        self.state.arm(self.now, life, Timer::Acknowledgement(id));
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

/// Why a verb did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerbError {
    /// A 2xx needs our answer, or our offer where the INVITE made none.
    NoBody,
    /// A session description in a provisional response would be an offer, and an offer must not
    /// get lost ([RFC 3261 §13.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.1)).
    UnreliableOffer,
    /// A provisional response above 100 went out already.
    Progressed,
}

impl fmt::Display for VerbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoBody => {
                "the 2xx has no body: pass the answer to the INVITE's offer, or an offer if it made none"
            }
            Self::UnreliableOffer => {
                "the INVITE made no offer, so the session description would be one, and a provisional response may get lost: pass it to accept"
            }
            Self::Progressed => "100 says nothing after another provisional response",
        })
    }
}

impl std::error::Error for VerbError {}

/// An INVITE has a Contact that can be read ([RFC 3261 §8.1.1.8](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.1.8)). A peer of RFC 2543 is known
/// by its Via and may leave it out.
fn check_contact(request: &Request) -> Result<(), Reply> {
    let headers = request.headers();
    match headers.contacts().next() {
        Some(contact) => match contact?.address() {
            Some(_) => Ok(()),
            None => Err(Reply::bad_request("The Contact of an INVITE is an address")),
        },
        None if headers.via().is_ok_and(|via| via.branch().is_none()) => Ok(()),
        None => Err(Reply::bad_request("The Contact header is missing")),
    }
}

/// Our Contact: the user that was called, at the address the caller reached.
struct OwnContact<'a> {
    request: &'a Request,
    flow: Flow,
}

impl fmt::Display for OwnContact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if asks_for_sips(self.request) {
            "<sips:"
        } else {
            "<sip:"
        })?;
        if let Ok(Uri::Sip(uri)) = self.request.uri()
            && let Some(user) = uri.user
        {
            write!(f, "{}@", String::from_utf8_lossy(user))?;
        }
        write!(f, "{}", self.flow.local)?;
        match self.flow.transport {
            Transport::Udp => f.write_str(">"),
            other => write!(f, ";transport={other}>"),
        }
    }
}

fn write_contact(writer: &mut MessageWriter, contact: &ContactTarget) {
    let uri = &contact.uri;
    match contact.q {
        Some(q) => writer.header(HeaderName::Contact, format_args!("<{uri}>;q={q}")),
        None => writer.header(HeaderName::Contact, format_args!("<{uri}>")),
    };
}

/// The log category of this module.
const CATEGORY: &str = "sip.invite-user-agent-server";
