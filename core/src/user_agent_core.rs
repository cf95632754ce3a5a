//! The core as its owner sees it.

mod client;

use std::time::Instant;

use offhook_message::{Message, Rejection, Replaces, StatusCode};

use crate::config::Config;
use crate::counts::Counts;
use crate::event::{
    Event, Input, InviteId, Output, ReferralId, RequestId, SessionId, TransactionId,
    TransactionSlot,
};
use crate::session_view::Session;
use crate::snapshot::{self, SessionSnapshot, SnapshotError};
use crate::state::State;
use crate::timers::Timer;
use crate::uac;
use crate::uas::{self, InviteUserAgentServer, ReferUserAgentServer, UserAgentServer};

/// All transactions, dialogs and sessions of a user agent, or of a share of its calls.
///
/// It sees no socket, clock or thread: [`handle`](Self::handle) takes what happened and when,
/// [`poll`](Self::poll) gives what is to be done. **After every `handle` and after every verb, poll
/// until `None`; then call `handle(now, Input::Timeout)` when [`timeout`](Self::timeout) says.**
///
/// Callers may read their clocks before they take turns: a `now` before the last counts as the last.
#[derive(Debug)]
pub struct UserAgentCore {
    state: State,
}

impl UserAgentCore {
    /// A core with nothing in it. The seed is secret and random; equal seeds and inputs give equal
    /// outputs.
    pub fn new(now: Instant, config: Config, seed: [u8; 32]) -> Self {
        Self {
            state: State::new(now, config, seed),
        }
    }

    /// Takes what happened. Timers that are due come first.
    pub fn handle(&mut self, now: Instant, input: Input) {
        let state = self.at(now);
        while let Some(timer) = state.timers.due() {
            fire(state, timer);
        }
        match input {
            Input::Message {
                flow,
                message: Message::Request(request),
            } => uas::receive_request(state, flow, request),
            Input::Message {
                flow,
                message: Message::Response(response),
            } => uac::receive_response(state, flow, response),
            Input::Malformed { flow, malformed } => {
                uas::receive_malformed(state, flow, malformed);
            }
            Input::Undelivered {
                transaction: TransactionId(TransactionSlot::Client(slot)),
            } => uac::undeliverable(state, slot),
            Input::Undelivered {
                transaction: TransactionId(TransactionSlot::Server(slot)),
            } => uas::undelivered::undeliverable(state, slot),
            Input::Disconnected { channel, opener } => {
                uas::disconnected(state, channel, opener);
                uac::disconnected(state, channel, opener);
            }
            Input::Resolved {
                transaction: TransactionId(TransactionSlot::Client(slot)),
                flows,
            } => uac::resolved(state, slot, flows),
            Input::Resolved {
                transaction: TransactionId(TransactionSlot::Server(slot)),
                flows,
            } => uas::undelivered::resolved(state, slot, &flows),
            Input::Timeout => {}
        }
    }

    /// The next thing to do.
    #[must_use = "what is polled is not offered again"]
    pub fn poll(&mut self) -> Option<Output> {
        self.state.outbox.pop()
    }

    /// When to call `handle` next, if nothing happens before. `None`: nothing is waited for.
    #[must_use = "repetitions and time limits depend on it"]
    pub fn timeout(&mut self) -> Option<Instant> {
        self.state.next_timer()
    }

    /// A call that is not answered yet. `None` where it is over.
    pub fn invite_server(
        &mut self,
        now: Instant,
        id: InviteId,
    ) -> Option<InviteUserAgentServer<'_>> {
        invite_server(self.at(now), id)
    }

    /// A request other than INVITE that is not answered yet. `None` where it is.
    pub fn request_server(&mut self, now: Instant, id: RequestId) -> Option<UserAgentServer<'_>> {
        UserAgentServer::new(self.at(now), id)
    }

    /// A REFER that is not answered yet. `None` where it is.
    pub fn refer_server(
        &mut self,
        now: Instant,
        id: RequestId,
    ) -> Option<ReferUserAgentServer<'_>> {
        ReferUserAgentServer::new(self.at(now), id)
    }

    /// The session that an INVITE wants to replace ([RFC 3891 §3](https://www.rfc-editor.org/rfc/rfc3891#section-3)), here where the Call-ID of that
    /// session belongs. The INVITE itself may belong to another core.
    ///
    /// # Errors
    ///
    /// The status that the INVITE is to be refused with.
    pub fn replaced(&self, replaces: &Replaces) -> Result<SessionId, Rejection> {
        uas::replaces::find(&self.state, replaces)
    }

    /// Tells the referrer what becomes of the call that it asked for: each status of that, and
    /// the final one at the end, which ends the subscription
    /// ([RFC 3515 §2.4.5](https://www.rfc-editor.org/rfc/rfc3515#section-2.4.5)). False where it is over already.
    ///
    /// Who tells no final status leaves it to the core to end the subscription, as `timeout`.
    pub fn notify(&mut self, now: Instant, referral: ReferralId, status: StatusCode) -> bool {
        let ReferralId { session, cseq } = referral;
        uac::notify::tell(self.at(now), session, cseq, status)
    }

    /// A session. `None` where it is over.
    pub fn session(&mut self, now: Instant, id: SessionId) -> Option<Session<'_>> {
        Session::new(self.at(now), id)
    }

    /// Goes on with a session of another core. It is confirmed, and has the name that is returned.
    ///
    /// # Errors
    ///
    /// The session is here already, there are too many, or new calls are refused.
    pub fn restore(
        &mut self,
        now: Instant,
        snapshot: SessionSnapshot,
    ) -> Result<SessionId, SnapshotError> {
        snapshot::restore(self.at(now), snapshot)
    }

    /// From now on every new call gets 503 with Retry-After, in seconds, and what would have to be kept up is not begun
    /// ([`RequestError::Leaving`](crate::RequestError::Leaving)). What goes on goes on.
    pub fn refuse_new_calls(&mut self, retry_after: u32) {
        self.state.refusing = Some(retry_after);
    }

    /// How much there is, and how much there was.
    pub fn counts(&self) -> Counts {
        let state = &self.state;
        let kept = state.kept.iter();
        let registrations = kept.filter(|(_, kept)| kept.is_binding()).count();
        Counts {
            server_transactions: state.servers.len(),
            client_transactions: state.clients.len(),
            invites: state.invites.len(),
            outgoing_invites: state.outgoing_invites.unanswered(),
            sessions: state.sessions.len() - state.sessions.unacknowledged(),
            unacknowledged: state.sessions.unacknowledged(),
            registrations,
            subscriptions: state.subscriptions.len(),
            publications: state.kept.len() - registrations,
            offers: state.offers.len(),
            requests: state.requests.len(),
            timers: state.timers.len(),
            totals: state.totals,
        }
    }

    /// The state, for what happens at this time.
    fn at(&mut self, now: Instant) -> &mut State {
        self.state.timers.advance(now);
        &mut self.state
    }
}

/// The view of a call that the application has not accepted.
fn invite_server(state: &mut State, id: InviteId) -> Option<InviteUserAgentServer<'_>> {
    let is_held = state.invites.get(id.0)?.held.is_some();
    InviteUserAgentServer::new(state, id).filter(|_| !is_held)
}

fn fire(state: &mut State, timer: Timer) {
    match timer {
        Timer::Trying(id) => {
            if let Some(mut server) = invite_server(state, id) {
                server.trying_is_due();
            }
        }
        Timer::NoAnswer(id, rest) => uas::no_answer::is_overdue(state, id, rest),
        Timer::Expires(id, rest) => uas::no_answer::is_expired(state, id, rest),
        Timer::RepeatProvisional(id) => repeat_provisional(state, id),
        Timer::Reliable(id, rseq) => uas::reliable::repeat(state, id, rseq),
        Timer::Prack(id, rseq) => uas::reliable::not_acknowledged(state, id, rseq),
        Timer::Offer(slot) => uas::offer::is_overdue(state, slot),
        Timer::Server(slot, timer) => {
            if let Some(invite) = state.server(slot).timer(timer) {
                state.outbox.event(Event::NotAcknowledged { invite });
            }
        }
        Timer::Client(slot, timer) => uac::timer(state, slot, timer),
        Timer::OutgoingInvite(id) => uac::invite::is_overdue(state, id),
        Timer::Kept(slot) => uac::keep::is_due(state, slot),
        Timer::Subscription(id) => uac::subscribe::is_due(state, id),
        Timer::Session(id) => uac::refresh::is_due(state, id),
        Timer::Change(id) => uac::change::is_due(state, id),
        Timer::Request(id) => uas::request::is_overdue(state, id),
        Timer::OfferTrying(slot) => uas::offer::trying_is_due(state, slot),
        Timer::Refer(id, name) => uac::refer::is_overdue(state, id, name),
        Timer::Referral(id, cseq) => uac::notify::is_overdue(state, id, cseq),
        Timer::Accepted(id, cseq) => repeat_success(state, id, cseq),
        Timer::Acknowledgement(id, cseq) => uac::bye::not_acknowledged(state, id, cseq),
    }
}

/// Sends the last provisional response again, unless a newer one has a time of its own.
fn repeat_provisional(state: &mut State, id: InviteId) {
    let Some(invite) = state.invites.get_mut(id.0) else {
        return;
    };
    if invite.repeats_at.is_none_or(|at| at > state.timers.now()) {
        return;
    }
    let after = state.config.times.repeat_provisional;
    invite.repeats_at = state.timers.arm(after, Timer::RepeatProvisional(id));
    let transaction = invite.transaction;
    state.server(transaction).repeat();
}

/// Sends a 2xx again that waits for its ACK.
fn repeat_success(state: &mut State, id: SessionId, cseq: u32) {
    let session = state.sessions.get_mut(id);
    let Some(accepted) = session.and_then(|session| session.accepted(cseq)) else {
        return;
    };
    let (transaction, response) = (accepted.transaction, accepted.response.clone());
    accepted.interval = state.config.times.next_interval(accepted.interval);
    let after = accepted.interval;
    state.server(transaction).send_again(response);
    state.timers.arm(after, Timer::Accepted(id, cseq));
}
