use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Poll, Waker};

use offhook_core::{
    InviteEnd, InviteId, OutgoingInviteEvent, OutgoingInviteId, OutgoingRequestId,
    PublicationEvent, PublicationId, ReferEvent, RegistrationEvent, RegistrationId, RequestFailure,
    RequestId, SessionEnd, SessionId, SubscriptionEvent, SubscriptionId, Unanswered,
};
use offhook_message::{Request, Response};

use crate::backlog::Arrival;
use crate::by_id::ById;
use crate::outgoing_calls::OutgoingCalls;
use crate::outgoing_requests::OutgoingRequests;

/// How a call ended before we answered it.
#[derive(Clone, Debug)]
pub enum Cancelled {
    /// The caller sent this CANCEL ([RFC 3261 §9.2](https://www.rfc-editor.org/rfc/rfc3261#section-9.2)).
    Cancel(Box<Request>),
    /// For another cause.
    Ended(InviteEnd),
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancel(_) => "the caller gave up",
            Self::Ended(InviteEnd::NoAnswer) => "it was not answered in time",
            Self::Ended(InviteEnd::Expired) => "the time that the caller gave is over",
            Self::Ended(InviteEnd::Bye) => "the caller hung up",
            Self::Ended(InviteEnd::NoPrack) => {
                "the caller did not acknowledge a provisional response"
            }
            Self::Ended(InviteEnd::Disconnected) => "the connection of the caller is gone",
        })
    }
}

/// What the handles of one shard's calls wait for. An entry lives as long as its handle.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) outgoing: OutgoingCalls,
    pub(crate) requests: OutgoingRequests<OutgoingRequestId, Result<Response, RequestFailure>>,
    pub(crate) registrations: OutgoingRequests<RegistrationId, RegistrationEvent>,
    pub(crate) subscriptions: OutgoingRequests<SubscriptionId, SubscriptionEvent>,
    pub(crate) publications: OutgoingRequests<PublicationId, PublicationEvent>,
    invites: ById<InviteId, InviteCall>,
    sessions: ById<SessionId, SessionCall>,
}

impl Calls {
    pub(crate) fn add_invite(&mut self, invite: InviteId) {
        self.invites.insert(invite, InviteCall::default());
    }

    pub(crate) fn remove_invite(&mut self, invite: InviteId) {
        self.invites.remove(&invite);
    }

    pub(crate) fn add_session(&mut self, session: SessionId) {
        self.sessions.insert(session, SessionCall::default());
    }

    /// What its handle has not seen.
    pub(crate) fn remove_session(&mut self, session: SessionId) -> VecDeque<Happened> {
        let call = self.sessions.remove(&session);
        call.map(|call| call.news).unwrap_or_default()
    }

    /// The calls without a final response.
    pub(crate) fn unanswered(&self) -> Vec<CallId> {
        let incoming = self.invites.keys().copied().map(CallId::Invite);
        let outgoing = self.outgoing.invites().map(CallId::OutgoingInvite);
        incoming.chain(outgoing).collect()
    }

    pub(crate) fn sessions(&self) -> Vec<CallId> {
        self.sessions.keys().copied().map(CallId::Session).collect()
    }

    /// How a call ended that the core does not know any more.
    pub(crate) fn over(&self, invite: InviteId) -> Option<Cancelled> {
        self.invites.get(&invite)?.over.clone()
    }

    /// Who must be woken.
    pub(crate) fn cancelled(&mut self, invite: InviteId, over: Cancelled) -> Option<Waker> {
        let call = self.invites.get_mut(&invite)?;
        call.over = Some(over);
        call.waker.take()
    }

    /// Who must be woken.
    pub(crate) fn confirmed(
        &mut self,
        session: SessionId,
        acknowledgement: Request,
    ) -> Option<Waker> {
        let call = self.sessions.get_mut(&session)?;
        call.acknowledgement = Some(acknowledgement);
        call.waker.take()
    }

    /// Who must be woken.
    pub(crate) fn offered(
        &mut self,
        session: SessionId,
        message: Request,
    ) -> Result<Option<Waker>, NoHandle> {
        let call = self.sessions.get_mut(&session).ok_or(NoHandle)?;
        call.withdraw_offer();
        Ok(call.tell(Happened::Offered(message)))
    }

    /// Who must be woken.
    pub(crate) fn requested(
        &mut self,
        session: SessionId,
        request: (RequestId, Box<Arrival>),
    ) -> Result<Option<Waker>, NoHandle> {
        let call = self.sessions.get_mut(&session).ok_or(NoHandle)?;
        if call.is_full(|news| matches!(news, Happened::Requested(..))) {
            return Err(NoHandle);
        }
        Ok(call.tell(Happened::Requested(request.0, request.1)))
    }

    /// Who must be woken.
    pub(crate) fn answered(&mut self, session: SessionId, answer: Answer) -> Option<Waker> {
        let call = self.sessions.get_mut(&session)?;
        call.tell(Happened::Answered(answer))
    }

    /// Who must be woken.
    pub(crate) fn refer(
        &mut self,
        session: SessionId,
        cseq: u32,
        event: ReferEvent,
    ) -> Option<Waker> {
        let call = self.sessions.get_mut(&session)?;
        let is_progress = matches!(event, ReferEvent::Progress { .. });
        if is_progress && call.is_full(|news| matches!(news, Happened::Refer(..))) {
            return None;
        }
        call.tell(Happened::Refer(cseq, event))
    }

    /// The offer is taken back, if nobody has seen it.
    pub(crate) fn withdrawn(&mut self, session: SessionId) {
        if let Some(call) = self.sessions.get_mut(&session) {
            call.withdraw_offer();
        }
    }

    /// Who must be woken.
    pub(crate) fn reconfirmed(
        &mut self,
        session: SessionId,
        acknowledgement: Request,
    ) -> Option<Waker> {
        let call = self.sessions.get_mut(&session)?;
        call.tell(Happened::Reconfirmed(acknowledgement))
    }

    /// Who must be woken.
    pub(crate) fn terminating(&mut self, session: SessionId, cause: SessionEnd) -> Option<Waker> {
        let call = self.sessions.get_mut(&session)?;
        call.terminating = Some(cause);
        call.waker.take()
    }

    /// Who must be woken.
    pub(crate) fn ended(
        &mut self,
        session: SessionId,
        end: SessionEnd,
        bye: Option<Request>,
    ) -> Option<Waker> {
        let call = self.sessions.get_mut(&session)?;
        call.withdraw_offer();
        call.end = Some(end);
        call.bye = bye.map(Box::new);
        call.waker.take()
    }

    /// The BYE of the peer's.
    pub(crate) fn remote_bye(&self, session: SessionId) -> Option<Request> {
        let bye = self.sessions.get(&session)?.bye.as_deref();
        bye.cloned()
    }

    /// Who must be woken.
    pub(crate) fn happened(
        &mut self,
        invite: OutgoingInviteId,
        event: OutgoingInviteEvent,
    ) -> Option<Waker> {
        if let OutgoingInviteEvent::Accept { session, .. } = event {
            self.add_session(session);
        }
        self.outgoing.happened(invite, event)
    }

    /// Who must be woken.
    pub(crate) fn registration(
        &mut self,
        id: RegistrationId,
        event: RegistrationEvent,
    ) -> Option<Waker> {
        match event {
            RegistrationEvent::Unregistered { .. }
            | RegistrationEvent::Refused { retry_in: None, .. } => {
                self.registrations.ended(id, event)
            }
            _ => self.registrations.happened(id, event),
        }
    }

    /// Who must be woken.
    pub(crate) fn subscription(
        &mut self,
        id: SubscriptionId,
        event: SubscriptionEvent,
    ) -> Option<Waker> {
        match event {
            SubscriptionEvent::Terminated { .. } => self.subscriptions.ended(id, event),
            SubscriptionEvent::Forked { subscription } => {
                self.subscriptions.add(subscription);
                self.subscriptions.happened_for_sure(id, event)
            }
            _ => self.subscriptions.happened(id, event),
        }
    }

    /// Who must be woken.
    pub(crate) fn publication(
        &mut self,
        id: PublicationId,
        event: PublicationEvent,
    ) -> Option<Waker> {
        match event {
            PublicationEvent::Unpublished { .. }
            | PublicationEvent::Refused { retry_in: None, .. } => {
                self.publications.ended(id, event)
            }
            _ => self.publications.happened(id, event),
        }
    }

    /// Says of all calls that they are over, for nothing will come any more, and who must be
    /// woken.
    pub(crate) fn abandon(&mut self) -> Vec<Waker> {
        let mut wakers = self.outgoing.abandon();
        wakers.extend(self.requests.abandon());
        wakers.extend(self.registrations.abandon());
        wakers.extend(self.subscriptions.abandon());
        wakers.extend(self.publications.abandon());
        for call in self.invites.values_mut() {
            call.over
                .get_or_insert(Cancelled::Ended(InviteEnd::NoAnswer));
            wakers.extend(call.waker.take());
        }
        for call in self.sessions.values_mut() {
            call.end.get_or_insert(SessionEnd::ByeUnanswered);
            wakers.extend(call.waker.take());
        }
        wakers
    }

    pub(crate) fn poll_cancelled(
        &mut self,
        invite: InviteId,
        context: &mut Context<'_>,
    ) -> Poll<Cancelled> {
        let call = self.invites.entry(invite).or_default();
        match &call.over {
            Some(over) => Poll::Ready(over.clone()),
            None => wait(&mut call.waker, context),
        }
    }

    pub(crate) fn poll_confirmed(
        &mut self,
        session: SessionId,
        context: &mut Context<'_>,
    ) -> Poll<Result<Request, SessionEnd>> {
        let call = self.sessions.entry(session).or_default();
        match (&call.acknowledgement, call.terminating.or(call.end)) {
            (Some(acknowledgement), _) => Poll::Ready(Ok(acknowledgement.clone())),
            (None, Some(end)) => Poll::Ready(Err(end)),
            (None, None) => wait(&mut call.waker, context),
        }
    }

    pub(crate) fn poll_event(
        &mut self,
        session: SessionId,
        context: &mut Context<'_>,
    ) -> Poll<Happened> {
        let call = self.sessions.entry(session).or_default();
        if let Some(cause) = call.terminating.take() {
            return Poll::Ready(Happened::Terminating(cause));
        }
        if let Some(happened) = call.news.pop_front() {
            return Poll::Ready(happened);
        }
        if let Some(end) = call.end {
            return Poll::Ready(Happened::Ended(end));
        }
        wait(&mut call.waker, context)
    }
}

/// A call as far as it is.
#[derive(Clone, Copy)]
pub(crate) enum CallId {
    Invite(InviteId),
    OutgoingInvite(OutgoingInviteId),
    Session(SessionId),
}

/// No handle can serve a request, or it has too many already.
pub(crate) struct NoHandle;

/// What becomes of a request of ours.
pub(crate) enum Answer {
    Final(Response),
    /// The 2xx to a re-INVITE that asked for an offer.
    WithOffer(Response),
    None(Unanswered),
}

/// What a session's handle is told.
pub(crate) enum Happened {
    Offered(Request),
    Reconfirmed(Request),
    Requested(RequestId, Box<Arrival>),
    Answered(Answer),
    Refer(u32, ReferEvent),
    Terminating(SessionEnd),
    Ended(SessionEnd),
}

#[derive(Default)]
struct InviteCall {
    over: Option<Cancelled>,
    waker: Option<Waker>,
}

/// One waker is enough: the handle's waits borrow it mutably.
#[derive(Default)]
struct SessionCall {
    acknowledgement: Option<Request>,
    terminating: Option<SessionEnd>,
    /// What the handle has not seen, in the order it came. Of requests of the peer's and of what becomes of a
    /// REFER of ours there are up to a bound, of offers one; the rest answers something of ours.
    news: VecDeque<Happened>,
    /// Told behind all news.
    end: Option<SessionEnd>,
    bye: Option<Box<Request>>,
    waker: Option<Waker>,
}

impl SessionCall {
    /// Who must be woken.
    fn tell(&mut self, happened: Happened) -> Option<Waker> {
        self.news.push_back(happened);
        self.waker.take()
    }

    /// Whether so many of a kind wait already that no more may.
    fn is_full(&self, is_of_kind: impl Fn(&Happened) -> bool) -> bool {
        let of_kind = self.news.iter().filter(|happened| is_of_kind(happened));
        of_kind.count() >= MOST_REQUESTS
    }

    /// An offer that is answered already is no news.
    fn withdraw_offer(&mut self) {
        self.news
            .retain(|happened| !matches!(happened, Happened::Offered(_)));
    }
}

/// Remembers who is to be woken.
pub(crate) fn wait<T>(waker: &mut Option<Waker>, context: &mut Context<'_>) -> Poll<T> {
    match waker {
        Some(waker) => waker.clone_from(context.waker()),
        None => *waker = Some(context.waker().clone()),
    }
    Poll::Pending
}

/// How many requests may wait for the handle of one session, and how much of what becomes of a REFER.
const MOST_REQUESTS: usize = 16;
