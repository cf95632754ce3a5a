use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use offhook_core::{
    Counts, Event, InviteEnd, InviteId, InviteUserAgentServer, Output, RequestId, Resolve,
    ResponseOptions, SessionId, UserAgentCore,
};
use offhook_message::{Header, HeaderName, Rejection, Replaces, Text};
use smallvec::SmallVec;
use tokio::sync::Notify;
use tracing::{debug, warn};

use crate::backlog::{Arrival, ArrivalId, Backlog, Replaced};
use crate::calls::{CallId, Calls, Cancelled, Happened, NoHandle, Question, Wakers};
use crate::error::Error;
use crate::log::{Throttle, call_id};
use crate::outlet::Outlet;

/// One core with the calls whose Call-IDs fall to it.
pub(crate) struct Shard {
    state: Mutex<State>,
    pub(crate) outlet: Outlet,
    /// The next deadline has moved to an earlier time.
    pub(crate) earlier: Arc<Notify>,
}

impl Shard {
    pub(crate) fn new(
        index: usize,
        core: UserAgentCore,
        backlog: &Arc<Backlog>,
        retry_after: u32,
    ) -> Self {
        let state = State {
            index,
            now: Instant::now(),
            core,
            calls: Calls::default(),
            backlog: Arc::clone(backlog),
            has_arrivals: false,
            awaited: None,
            start: Instant::now(),
            retry_after,
        };
        Self {
            state: Mutex::new(state),
            outlet: Outlet::default(),
            earlier: Arc::default(),
        }
    }

    /// Does `work` on the core and collects what follows from it. The caller sees to that with
    /// no lock held.
    pub(crate) fn act<R>(&self, work: impl FnOnce(&mut State) -> R) -> (R, Effects) {
        let mut effects = Effects::default();
        let mut state = self.lock();
        state.now = Instant::now();
        let result = work(&mut state);
        while let Some(output) = state.core.poll() {
            match output {
                Output::Transmit(transmit) => {
                    self.outlet.push(transmit);
                    effects.transmits = true;
                }
                Output::Resolve(resolve) => effects.resolves.push(resolve),
                Output::Event(Event::Invite(invite)) => {
                    effects.replacing.extend(state.arrive(invite));
                }
                Output::Event(Event::Accepted { session }) => {
                    effects.replaced.extend(state.calls.take_replaced(session));
                }
                Output::Event(event) => state.tell(event),
            }
        }
        let next = state.deadline();
        if next.is_some_and(|next| state.awaited.is_none_or(|awaited| next < awaited)) {
            state.awaited = next;
            effects.is_earlier = true;
        }
        effects.arrivals = std::mem::take(&mut state.has_arrivals);
        effects.wakers = std::mem::take(&mut state.calls.wakers);
        (result, effects)
    }

    /// The next deadline. An earlier one is announced by `earlier`.
    pub(crate) fn await_deadline(&self) -> Option<Instant> {
        let mut state = self.lock();
        state.awaited = state.deadline();
        state.awaited
    }

    /// A look at the calls that changes nothing in the core.
    pub(crate) fn calls<R>(&self, look: impl FnOnce(&mut Calls) -> R) -> R {
        look(&mut self.lock().calls)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().core.counts()
    }

    /// The session that an INVITE wants to replace, or how the INVITE is to be refused.
    pub(crate) fn replaced(&self, replaces: &Replaces) -> Result<SessionId, Rejection> {
        self.lock().core.replaced(replaces)
    }

    #[cfg(test)]
    pub(crate) fn is_locked(&self) -> bool {
        self.state.try_lock().is_err()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a shard's lock guards.
pub(crate) struct State {
    index: usize,
    /// The time of this act.
    pub(crate) now: Instant,
    pub(crate) core: UserAgentCore,
    pub(crate) calls: Calls,
    backlog: Arc<Backlog>,
    /// Whether this act has added to the backlog.
    has_arrivals: bool,
    /// The deadline that the shard's task sleeps for.
    awaited: Option<Instant>,
    /// Where [`STEP`]s are counted from.
    start: Instant,
    /// In seconds.
    retry_after: u32,
}

impl State {
    /// When the core wants to be called next, a little late: what is due in one [`STEP`] is done together.
    fn deadline(&mut self) -> Option<Instant> {
        let next = self.core.timeout()?.saturating_duration_since(self.start);
        self.start.checked_add(whole_steps(next))
    }

    /// Refuses all new calls from now on.
    pub(crate) fn refuse_new_calls(&mut self) {
        self.core.refuse_new_calls(self.retry_after);
    }

    /// Ends a call: by 480 or CANCEL where there is no final response yet, else by BYE.
    pub(crate) fn end_call(&mut self, call: CallId) {
        match call {
            CallId::Invite(invite) => {
                if let Some(server) = self.core.invite_server(self.now, invite) {
                    server.dispose();
                    let over = Cancelled::Ended(InviteEnd::NoAnswer);
                    self.calls.cancelled(invite, over);
                }
            }
            CallId::OutgoingInvite(invite) => {
                if let Some(client) = self.core.invite_client(self.now, invite) {
                    client.cancel(Vec::new());
                }
            }
            CallId::Session(session) => {
                if let Some(session) = self.core.session(self.now, session) {
                    session.bye(Vec::new());
                }
            }
        }
    }

    /// Refuses what the handle of a session has not seen: there is none any more.
    pub(crate) fn remove_session(&mut self, session: SessionId) {
        for question in self.calls.remove_session(session) {
            self.leave(session, question);
        }
    }

    /// Forgets an incoming call that has no handle any more, and refuses what the application has not seen of it.
    pub(crate) fn leave_invite(&mut self, invite: InviteId) {
        let session = self.calls.early_session(invite);
        self.calls.remove_invite(invite);
        if let Some(session) = session {
            self.remove_session(session);
        }
    }

    /// As [`Self::leave_invite`], for a call that is refused: with it the core has refused the offer that is open.
    pub(crate) fn leave_refused(&mut self, invite: InviteId) {
        if let Some(session) = self.calls.early_session(invite) {
            self.calls.withdrawn(session);
        }
        self.leave_invite(invite);
    }

    /// Answers what nobody else does: what was agreed before holds.
    pub(crate) fn leave(&mut self, session: SessionId, question: Question) {
        match question {
            Question::Request(request) => self.dispose(ArrivalId::Request(request)),
            Question::Offer => self.refuse_offer(session),
        }
    }

    /// Ends what the application drops without a word.
    pub(crate) fn dispose(&mut self, id: ArrivalId) {
        match id {
            ArrivalId::Invite(invite) => {
                self.leave_invite(invite);
                if let Some(server) = self.core.invite_server(self.now, invite) {
                    server.dispose();
                }
            }
            ArrivalId::Request(request) => {
                if let Some(server) = self.core.request_server(self.now, request) {
                    server.dispose();
                } else if let Some(server) = self.core.refer_server(self.now, request) {
                    server.reject(Rejection::DECLINE);
                }
            }
        }
    }

    /// Ends a session that has no handle any more.
    pub(crate) fn hang_up(&mut self, session: SessionId) {
        self.remove_session(session);
        if let Some(session) = self.core.session(self.now, session) {
            session.bye(Vec::new());
        }
    }

    /// A call that can still be answered.
    pub(crate) fn invite_server(
        &mut self,
        invite: InviteId,
    ) -> Result<InviteUserAgentServer<'_>, Error> {
        let over = self.calls.over(invite);
        self.core.invite_server(self.now, invite).ok_or_else(|| {
            // The core forgets no call without an event.
            Error::Over(over.unwrap_or(Cancelled::Ended(InviteEnd::NoAnswer)))
        })
    }

    /// Refuses what nobody took with 503, as something that we could take later.
    pub(crate) fn refuse(&mut self, id: ArrivalId) {
        let mut options = ResponseOptions::new(Rejection::SERVICE_UNAVAILABLE);
        if let Ok(seconds) = Text::new(self.retry_after.to_string()) {
            options = options.with_header(Header::known(HeaderName::RetryAfter, seconds));
        }
        self.reject(id, options);
    }

    /// Refuses what nobody has seen.
    pub(crate) fn reject(&mut self, id: ArrivalId, options: impl Into<ResponseOptions<Rejection>>) {
        match id {
            ArrivalId::Invite(invite) => {
                let server = self.core.invite_server(self.now, invite);
                if let Some(Err(error)) = server.map(|server| server.reject(options)) {
                    debug!("a call could not be refused: {error}");
                }
                self.calls.remove_invite(invite);
            }
            ArrivalId::Request(request) => {
                if let Some(server) = self.core.request_server(self.now, request) {
                    server.reject(options);
                } else if let Some(server) = self.core.refer_server(self.now, request) {
                    server.reject(options);
                }
            }
        }
    }

    pub(crate) fn refuse_offer(&mut self, session: SessionId) {
        let refused = self
            .core
            .session(self.now, session)
            .map(|mut session| session.refuse_offer(Rejection::NOT_ACCEPTABLE_HERE));
        if let Some(Err(error)) = refused {
            debug!("an offer could not be refused: {error}");
        }
    }

    /// Queues a call, or gives it back where it takes the place of another.
    fn arrive(&mut self, invite: InviteId) -> Option<Box<Arrival>> {
        let server = self.core.invite_server(self.now, invite)?;
        let replaced = server.replaces().map(|replaces| {
            Box::new(Replaced {
                replaces: replaces.clone(),
                session: None,
            })
        });
        let arrival = Box::new(Arrival {
            shard: self.index,
            id: ArrivalId::Invite(invite),
            flow: server.flow(),
            message: server.message().clone(),
            replaced,
        });
        self.calls.add_invite(invite);
        if arrival.replaced.is_some() {
            return Some(arrival);
        }
        self.queue(arrival);
        None
    }

    fn arrive_request(&mut self, request: RequestId, session: Option<SessionId>) {
        let request_server = self.core.request_server(self.now, request);
        let seen = request_server.map(|server| (server.flow(), server.message().clone()));
        let Some((flow, message)) = seen.or_else(|| {
            let server = self.core.refer_server(self.now, request)?;
            Some((server.flow(), server.message().clone()))
        }) else {
            return;
        };
        let arrival = Box::new(Arrival {
            shard: self.index,
            id: ArrivalId::Request(request),
            flow,
            message,
            replaced: None,
        });
        let Some(session) = session else {
            return self.queue(arrival);
        };
        let happened = Happened::Requested(request, arrival);
        self.tell_session(session, happened);
    }

    /// Lets a call, or a request outside of one, wait for the application.
    pub(crate) fn queue(&mut self, arrival: Box<Arrival>) {
        let Err(arrival) = self.backlog.push(arrival) else {
            self.has_arrivals = true;
            return;
        };
        if let Some(count) = REFUSED.pass(self.now) {
            let call_id = call_id(arrival.message.headers());
            warn!(
                call_id,
                count, "calls are refused: too many wait to be taken"
            );
        }
        self.refuse(arrival.id);
    }

    /// Hands on what happens in a session. What nobody takes is refused.
    fn tell_session(&mut self, session: SessionId, happened: Happened) {
        let question = happened.question();
        if let (Err(NoHandle), Some(question)) = (self.calls.tell(session, happened), question) {
            self.leave(session, question);
        }
    }

    fn tell(&mut self, event: Event) {
        match event {
            Event::Cancelled { invite, message } => self
                .calls
                .cancelled(invite, Cancelled::Cancel(message.into())),
            Event::InviteEnded { invite, cause } => {
                self.calls.cancelled(invite, Cancelled::Ended(cause));
            }
            Event::Confirmed {
                session,
                acknowledgement,
            } => self.calls.confirmed(session, acknowledgement),
            Event::Prack { session, message } => {
                self.tell_session(session, Happened::Acknowledged(message));
            }
            Event::Offer { session, message } => {
                self.tell_session(session, Happened::Offered(message));
            }
            Event::Reconfirmed {
                session,
                acknowledgement,
            } => self.tell_session(session, Happened::Reconfirmed(acknowledgement)),
            Event::Answered { session, message } => {
                self.tell_session(session, Happened::Answered(message));
            }
            Event::Refreshed { session, message } => {
                self.tell_session(session, Happened::Refreshed(message));
            }
            Event::AnsweredWithOffer { session, message } => {
                self.tell_session(session, Happened::AnsweredWithOffer(message));
            }
            Event::Unanswered { session, cause } => {
                self.tell_session(session, Happened::Unanswered(cause));
            }
            Event::OfferWithdrawn { session } => {
                self.calls.withdrawn(session);
            }
            Event::Refer {
                session,
                cseq,
                event,
            } => self.tell_session(session, Happened::Refer(cseq, event)),
            Event::Terminating { session, cause } => self.calls.terminating(session, cause),
            Event::Ended {
                session,
                cause,
                message,
            } => self.calls.ended(session, cause, message),
            Event::OutgoingInvite { invite, event } => self.calls.happened(invite, event),
            Event::Response { request, message } if message.status().is_final() => {
                self.calls.answered(request, Ok(message));
            }
            Event::RequestFailed { request, cause } => self.calls.answered(request, Err(cause)),
            Event::Registration {
                registration,
                event,
            } => self.calls.registration(registration, event),
            Event::Subscription {
                subscription,
                event,
            } => self.calls.subscription(subscription, event),
            Event::Publication { publication, event } => self.calls.publication(publication, event),
            Event::NotAcknowledged { invite } => {
                debug!(?invite, "no ACK came for a refusal");
            }
            Event::Undelivered { invite } => {
                debug!(?invite, "a response could not be delivered");
            }
            Event::Request { request, session } | Event::Referred { request, session } => {
                self.arrive_request(request, session);
            }
            Event::Invite(_) | Event::Accepted { .. } | Event::Response { .. } => {}
        }
    }
}

/// What is to be done once the shard's lock is released.
#[derive(Default)]
pub(crate) struct Effects {
    /// Something waits in the outlet.
    pub(crate) transmits: bool,
    pub(crate) resolves: SmallVec<[Resolve; 1]>,
    pub(crate) wakers: Wakers,
    /// Something waits in the backlog.
    pub(crate) arrivals: bool,
    /// The next deadline has moved to an earlier time.
    pub(crate) is_earlier: bool,
    /// Calls that take the place of others, which other shards may have.
    pub(crate) replacing: SmallVec<[Box<Arrival>; 1]>,
    /// The shards and sessions whose place others have taken.
    pub(crate) replaced: SmallVec<[(usize, SessionId); 1]>,
}

/// Under load each call has timers of its own, and each wake-up costs as much as an answer. The shortest of them takes
/// 200 ms.
const STEP: Duration = Duration::from_millis(4);

fn whole_steps(time: Duration) -> Duration {
    let nanoseconds = time.as_nanos().next_multiple_of(STEP.as_nanos());
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

static REFUSED: Throttle = Throttle::new();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_lies_ahead_after_any_uptime() {
        let day = Duration::from_hours(24);
        for uptime in [Duration::ZERO, day, 200 * day, 40_000 * day] {
            let next = uptime + Duration::from_millis(1);
            assert_eq!(whole_steps(next), uptime + STEP);
        }
    }
}
