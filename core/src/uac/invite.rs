//! Calling ([RFC 3261 §13.2](https://www.rfc-editor.org/rfc/rfc3261#section-13.2)).

use bytes::Bytes;
use offhook_message::{Body, Header, Method, RAck, Response, StatusCode, UriBuf};

use super::fork::{confirmed_session, early_session, end_early, sessions};
use super::{acknowledge, alone, bye, cancel, prack, redirect, refresh};
use crate::client_event::{OutgoingInviteEvent, RequestError, RequestFailure};
use crate::dialog::{Answerer, OfferAnswer, is_session_description};
use crate::event::{Event, SessionEnd, SessionId};
use crate::flow::Flow;
use crate::id::OutgoingInviteId;
use crate::outgoing::{Attempt, OutgoingInvite, OutgoingRequest, SessionLife, Stage};
use crate::session::Phase;
use crate::state::State;
use crate::timers::Timer;
use crate::transaction::ClientUser;

/// One INVITE of ours that is not answered yet.
///
/// The view borrows the core. It is there from [`invite`](crate::UserAgentCore::invite) to the
/// event that ends the call, and between a redirection and its
/// [`follow`](InviteUserAgentClient::follow).
#[derive(Debug)]
pub struct InviteUserAgentClient<'a> {
    state: &'a mut State,
    id: OutgoingInviteId,
}

impl<'a> InviteUserAgentClient<'a> {
    pub(crate) fn new(state: &'a mut State, id: OutgoingInviteId) -> Option<Self> {
        let invite = state.outgoing_invites.get(id)?;
        (invite.stage != Stage::Accepted).then_some(Self { state, id })
    }

    /// Which call this is.
    pub fn id(&self) -> OutgoingInviteId {
        self.id
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &[u8] {
        let invite = self.state.outgoing_invites.get(self.id);
        invite.map_or(b"", |invite| invite.message.call_id())
    }

    /// The octets of the INVITE that was sent last.
    pub fn message(&self) -> Bytes {
        self.attempt()
            .map_or_else(Bytes::new, |attempt| attempt.bytes.clone())
    }

    /// The way of the INVITE that was sent last.
    pub fn flow(&self) -> Option<Flow> {
        self.attempt().map(|attempt| attempt.flow)
    }

    /// Gives the call up: sends CANCEL with these headers, at once or when the first provisional
    /// response comes ([RFC 3261 §9.1](https://www.rfc-editor.org/rfc/rfc3261#section-9.1)). From here on the call is tried nowhere else.
    ///
    /// [`OutgoingInviteEvent::Cancelled`] follows. A second one changes nothing.
    pub fn cancel(self, headers: Vec<Header>) {
        let Self { state, id } = self;
        let invite = state.outgoing_invites.get(id);
        if invite.is_some_and(|invite| invite.stage == Stage::Redirected) {
            return end(state, id, OutgoingInviteEvent::Cancelled { message: None });
        }
        cancel::want(state, id, headers);
    }

    /// Tries a contact of a redirection: sends the INVITE to `request_uri` by these flows
    /// ([RFC 3261 §8.1.3.4](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.3.4)).
    ///
    /// # Errors
    ///
    /// The call was not redirected, was redirected five times, or went there already.
    pub fn follow(self, request_uri: UriBuf, flows: Vec<Flow>) -> Result<(), RequestError> {
        let Self { state, id } = self;
        let invite = state.outgoing_invites.get_mut(id);
        redirect::follow(invite, request_uri, flows)?;
        attempt(state, id);
        Ok(())
    }

    fn attempt(&self) -> Option<&Attempt> {
        self.state.outgoing_invites.get(self.id)?.attempt.as_ref()
    }
}

/// Places a call.
pub(crate) fn start(
    state: &mut State,
    request: OutgoingRequest,
) -> Result<OutgoingInviteId, RequestError> {
    let limits = state.config.limits;
    let calls = state.outgoing_invites.unanswered();
    if calls >= limits.invites || state.sessions.len() >= limits.sessions {
        return Err(RequestError::Full);
    }
    let mut message = alone::begin(state, Method::Invite, request)?;
    message.session_life = state.config.session_timer.expires.map(SessionLife::new);
    let id = state.outgoing_invites.insert(OutgoingInvite::new(message));
    attempt(state, id);
    Ok(id)
}

/// Sends the INVITE by the flow whose turn it is.
fn attempt(state: &mut State, id: OutgoingInviteId) {
    if let Some(attempt) = alone::send(state, ClientUser::Invite(id)) {
        state.outgoing_invites.attempt(id, attempt);
    }
}

/// A response to the INVITE that its transaction lets through.
pub(super) fn receive_response(
    state: &mut State,
    id: OutgoingInviteId,
    flow: Flow,
    response: Response,
) {
    let status = response.status();
    log(state, id, status);
    if status.is_provisional() {
        proceed(state, id);
        if status == StatusCode::TRYING {
            return tell(state, id, OutgoingInviteEvent::Trying { message: response });
        }
        progress(state, id, flow, response);
    } else if status.is_success() {
        succeed(state, id, flow, response);
    } else {
        refuse(state, id, response);
    }
}

/// No response will come by this flow.
pub(super) fn failed(state: &mut State, id: OutgoingInviteId, cause: RequestFailure) {
    let Some(invite) = state.outgoing_invites.get_mut(id) else {
        return;
    };
    if invite.is_cancelled() {
        return end(state, id, OutgoingInviteEvent::Cancelled { message: None });
    }
    if invite.message.next_flow() {
        return try_again(state, id);
    }
    end(state, id, OutgoingInviteEvent::Failed { cause });
}

/// Timer M: no further 2xx can come. A session whose offer is not answered by now never will be.
pub(super) fn forget(state: &mut State, id: OutgoingInviteId) {
    let sessions = sessions(state, id, |fork| fork.is_accepted);
    for session in sessions {
        let phase = state.sessions.get(session).map(|session| &session.phase);
        if matches!(phase, Some(Phase::Answering(_))) {
            bye::send(state, session, SessionEnd::NotAnswered, Vec::new());
        }
    }
    state.outgoing_invites.remove(id);
}

/// The time of a stage is over: it rings for too long, no final response has followed the CANCEL (a callee of
/// RFC 2543 sends none, [RFC 3261 §9.1](https://www.rfc-editor.org/rfc/rfc3261#section-9.1)), or nobody has followed the
/// redirection.
pub(crate) fn is_overdue(state: &mut State, id: OutgoingInviteId) {
    let Some(invite) = state.outgoing_invites.get(id) else {
        return;
    };
    if invite.until.is_none_or(|until| until > state.timers.now()) {
        return;
    }
    match invite.stage {
        Stage::Proceeding if invite.is_cancelled() => {
            if let Some(transaction) = invite.message.transaction {
                state.clients.remove(transaction);
            }
            end(state, id, OutgoingInviteEvent::Cancelled { message: None });
        }
        Stage::Proceeding => {
            tell(state, id, OutgoingInviteEvent::NoAnswer);
            cancel::want(state, id, Vec::new());
        }
        Stage::Redirected => {
            state.outgoing_invites.remove(id);
        }
        Stage::Calling | Stage::Accepted => {}
    }
}

/// The first provisional response sets a limit, and lets a CANCEL go.
fn proceed(state: &mut State, id: OutgoingInviteId) {
    let after = state.config.times.ringing;
    let Some(invite) = state.outgoing_invites.get_mut(id) else {
        return;
    };
    if invite.stage != Stage::Calling {
        return;
    }
    invite.stage = Stage::Proceeding;
    invite.until = state.timers.arm(after, Timer::OutgoingInvite(id));
    cancel::send(state, id);
}

/// 101 to 199.
fn progress(state: &mut State, id: OutgoingInviteId, flow: Flow, response: Response) {
    let answerer = Answerer::of(response.headers());
    let session = early_session(state, id, flow, &answerer);
    let mut says = Says::Nothing;
    if let Some(session) = session
        && let Some(rseq) = prack::rseq(response.headers(), &state.config)
    {
        match acknowledge_reliably(state, id, session, rseq, &response) {
            Some(it) => says = it,
            None => return,
        }
    }
    let is_over = response.status() == StatusCode::EARLY_DIALOG_TERMINATED;
    let event = OutgoingInviteEvent::Progress {
        session,
        is_offer: says == Says::Offer,
        is_answer: says == Says::Answer,
        message: response,
    };
    tell(state, id, event);
    if let Some(session) = session.filter(|_| is_over) {
        state.end_session(session, SessionEnd::NotAccepted, None);
    }
}

/// What a reliable provisional response says of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Nothing,
    Offer,
    /// The answer to the offer of the INVITE.
    Answer,
}

/// Takes a reliable provisional response; `None` where it does not count.
fn acknowledge_reliably(
    state: &mut State,
    id: OutgoingInviteId,
    session: SessionId,
    rseq: u32,
    response: &Response,
) -> Option<Says> {
    let invite = state.outgoing_invites.get_mut(id)?;
    let rack = RAck {
        rseq,
        cseq: invite.message.cseq,
        method: Method::Invite,
    };
    let fork = invite.fork_of(session)?;
    let early = state.sessions.get_mut(session)?;
    if state.clients.is_full(&state.config.limits) || !prack::take(fork, early, rseq) {
        return None;
    }
    let mut says = Says::Nothing;
    if early.is_of_invite() {
        if response.session_description().is_some() {
            early.offer_answer = early.offer_answer.received();
        }
        match early.offer_answer {
            OfferAnswer::HaveRemoteOffer => {
                fork.prack = Some(rack);
                return Some(Says::Offer);
            }
            OfferAnswer::Stable => says = Says::Answer,
            OfferAnswer::Initial | OfferAnswer::HaveLocalOffer => {}
        }
    }
    prack::send(state, session, &rack, None);
    Some(says)
}

/// A 2xx. The first makes the session; each other is of no use, and gets ACK and BYE
/// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).
fn succeed(state: &mut State, id: OutgoingInviteId, flow: Flow, response: Response) {
    let answerer = Answerer::of(response.headers());
    let Some(invite) = state.outgoing_invites.get_mut(id) else {
        return;
    };
    let is_hung_up = match invite.fork(answerer.tag) {
        Some(fork) if fork.is_accepted => {
            if let Some(transaction) = fork.acknowledgement {
                state.client(transaction).repeat();
            }
            return;
        }
        Some(fork) => fork.is_hung_up,
        None => false,
    };
    let is_first = invite.stage != Stage::Accepted;
    let is_cancelled = invite.is_cancelled() || is_hung_up;
    let is_usable = answerer.makes_dialog();
    let Some(session) = confirmed_session(state, id, flow, &answerer) else {
        return;
    };
    let body = state.outgoing_invites.accept(id);
    if is_first && is_usable && !is_cancelled {
        let offer = body.filter(is_session_description);
        return accept(state, id, session, response, offer.as_ref());
    }
    acknowledge::of_fork(state, id, session, None);
    if let Some(session) = state.sessions.get_mut(session) {
        session.phase = Phase::Confirmed; // A BYE to the early session did not end this one.
    }
    bye::terminate(state, session, SessionEnd::NotAccepted, &[]);
    if !is_first {
        return;
    }
    end_early(state, id);
    let event = if is_cancelled {
        let message = Some(response);
        OutgoingInviteEvent::Cancelled { message }
    } else {
        let cause = RequestFailure::NoDialog;
        OutgoingInviteEvent::Failed { cause }
    };
    tell(state, id, event);
}

/// The session of the first 2xx. Its ACK goes out, unless the application has to answer first.
fn accept(
    state: &mut State,
    id: OutgoingInviteId,
    session: SessionId,
    response: Response,
    offer: Option<&Body>,
) {
    end_early(state, id);
    let mut is_offer = false;
    if let Some(session) = state.sessions.get_mut(session) {
        session.phase = Phase::Confirmed;
        if session.is_of_invite() {
            if response.session_description().is_some() {
                session.offer_answer = session.offer_answer.received();
            }
            is_offer = session.offer_answer == OfferAnswer::HaveRemoteOffer;
            if is_offer {
                session.phase = Phase::Answering(id);
            } else {
                // Where no answer came, an unreliable response showed it, or never mind: the callee
                // may offer again.
                session.offer_answer = OfferAnswer::Stable;
            }
        }
    }
    refresh::begin(state, session, response.headers(), offer);
    if !is_offer {
        acknowledge::of_fork(state, id, session, None);
    }
    let event = OutgoingInviteEvent::Accept {
        session,
        is_offer,
        message: response,
    };
    tell(state, id, event);
}

/// 300 to 699. Its ACK is sent by the transaction.
fn refuse(state: &mut State, id: OutgoingInviteId, message: Response) {
    let Some(invite) = state.outgoing_invites.get_mut(id) else {
        return;
    };
    if invite.is_cancelled() {
        let message = Some(message);
        return end(state, id, OutgoingInviteEvent::Cancelled { message });
    }
    let status = message.status();
    let is_longer = status == StatusCode::SESSION_INTERVAL_TOO_SMALL
        && invite.message.take_min_se(message.headers());
    if is_longer || alone::is_worth_another(state, ClientUser::Invite(id), &message) {
        return try_again(state, id);
    }
    if !status.is_redirection() {
        return end(state, id, OutgoingInviteEvent::Reject { message });
    }
    let contacts = redirect::contacts(message.headers());
    let after = state.config.times.transaction_life();
    if let Some(invite) = state.outgoing_invites.get_mut(id) {
        invite.stage = Stage::Redirected;
        invite.until = state.timers.arm(after, Timer::OutgoingInvite(id));
    }
    end_early(state, id);
    tell(
        state,
        id,
        OutgoingInviteEvent::Redirect { contacts, message },
    );
}

/// Sends the INVITE again as it was or is now: those who answered the last one are out.
fn try_again(state: &mut State, id: OutgoingInviteId) {
    end_early(state, id);
    attempt(state, id);
}

/// The call is over without a session.
fn end(state: &mut State, id: OutgoingInviteId, event: OutgoingInviteEvent) {
    end_early(state, id);
    if state.outgoing_invites.remove(id).is_some() {
        tell(state, id, event);
    }
}

fn tell(state: &mut State, invite: OutgoingInviteId, event: OutgoingInviteEvent) {
    state.outbox.event(Event::OutgoingInvite { invite, event });
}

fn log(state: &State, id: OutgoingInviteId, status: StatusCode) {
    let invite = state.outgoing_invites.get(id);
    let call_id = invite.map_or(&b""[..], |invite| invite.message.call_id());
    let content = format_args!("gets {status}");
    state.log("sip.invite-user-agent-client", call_id, content);
}
