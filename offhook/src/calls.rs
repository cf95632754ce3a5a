use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Poll, Waker};

use offhook_core::{
    InviteEnd, InviteId, OutgoingInviteEvent, OutgoingInviteId, OutgoingRequestId,
    PublicationEvent, PublicationId, ReferEvent, RegistrationEvent, RegistrationId, RequestFailure,
    RequestId, SessionEnd, SessionId, SubscriptionEvent, SubscriptionId, Unanswered,
};
use offhook_message::{Request, Response};
use smallvec::SmallVec;

use crate::backlog::Arrival;
use crate::by_id::ById;
use crate::inbox::{Inboxes, News, remember, wait};

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
    pub(crate) outgoing: Inboxes<OutgoingInviteId, OutgoingNews>,
    pub(crate) requests: Inboxes<OutgoingRequestId, Result<Response, RequestFailure>>,
    pub(crate) registrations: Inboxes<RegistrationId, RegistrationEvent>,
    pub(crate) subscriptions: Inboxes<SubscriptionId, SubscriptionEvent>,
    pub(crate) publications: Inboxes<PublicationId, PublicationEvent>,
    invites: ById<InviteId, InviteCall>,
    sessions: ById<SessionId, SessionCall>,
    /// What calls are to take the place of while their 2xx waits: its shard and session.
    replaced: ById<SessionId, (usize, SessionId)>,
    /// Who must be woken once the lock of the shard is released.
    pub(crate) wakers: Wakers,
}

pub(crate) type Wakers = SmallVec<[Waker; 2]>;

impl Calls {
    pub(crate) fn add_invite(&mut self, invite: InviteId) {
        self.invites.insert(invite, InviteCall::default());
    }

    /// The call is answered, or has no handle any more. Its early session stays.
    pub(crate) fn remove_invite(&mut self, invite: InviteId) {
        self.invites.remove(&invite);
    }

    /// The early session of an incoming call.
    pub(crate) fn early_session(&self, invite: InviteId) -> Option<SessionId> {
        self.invites.get(&invite)?.session
    }

    /// A provisional response has made the early session of an incoming call.
    pub(crate) fn add_early_session(&mut self, invite: InviteId, session: SessionId) {
        if let Some(call) = self.invites.get_mut(&invite) {
            call.session = Some(session);
            self.add_session(session);
        }
    }

    /// A session has a handle from now on. What happened in it while it was early is kept.
    pub(crate) fn add_session(&mut self, session: SessionId) {
        self.sessions.entry(session).or_default().invite = None;
    }

    /// Once its 2xx is out, a call takes the place of another.
    pub(crate) fn replaces(&mut self, session: SessionId, replaced: (usize, SessionId)) {
        self.replaced.insert(session, replaced);
    }

    /// The 2xx of a call is out: what it takes the place of.
    pub(crate) fn take_replaced(&mut self, session: SessionId) -> Option<(usize, SessionId)> {
        self.replaced.remove(&session)
    }

    /// A provisional response to a call of ours belongs to an early session. Whether it is the first.
    fn add_early_session_of(&mut self, invite: OutgoingInviteId, session: SessionId) -> bool {
        let is_first = !self.sessions.contains_key(&session);
        self.sessions.entry(session).or_default().invite = Some(invite);
        is_first
    }

    /// What its handle has left without an answer.
    pub(crate) fn remove_session(&mut self, session: SessionId) -> Vec<Question> {
        self.replaced.remove(&session);
        let call = self.sessions.remove(&session);
        let news = call.into_iter().flat_map(|call| call.news);
        news.filter_map(|happened| happened.question()).collect()
    }

    /// The calls without a final response.
    pub(crate) fn unanswered(&self) -> Vec<CallId> {
        let incoming = self.invites.keys().copied().map(CallId::Invite);
        let outgoing = self.outgoing.ids().map(CallId::OutgoingInvite);
        incoming.chain(outgoing).collect()
    }

    pub(crate) fn sessions(&self) -> Vec<CallId> {
        let sessions = self.sessions.iter();
        let sessions = sessions.filter(|(_, call)| call.invite.is_none());
        sessions.map(|(id, _)| CallId::Session(*id)).collect()
    }

    /// How a call ended that the core does not know any more.
    pub(crate) fn over(&self, invite: InviteId) -> Option<Cancelled> {
        self.invites.get(&invite)?.over.clone()
    }

    pub(crate) fn cancelled(&mut self, invite: InviteId, over: Cancelled) {
        if let Some(call) = self.invites.get_mut(&invite) {
            call.over = Some(over);
            self.wakers.extend(call.waker.take());
        }
    }

    pub(crate) fn confirmed(&mut self, session: SessionId, acknowledgement: Request) {
        if let Some(call) = self.sessions.get_mut(&session) {
            call.acknowledgement = Some(Box::new(acknowledgement));
            self.wakers.extend(call.waker.take());
        }
    }

    /// Hands on what happens in a session: to its handle, or that of the call of which it is an early one.
    pub(crate) fn tell(&mut self, session: SessionId, happened: Happened) -> Result<(), NoHandle> {
        let call = self.sessions.get_mut(&session).ok_or(NoHandle)?;
        let woken = if let Some(invite) = call.invite {
            if !self.outgoing.has_room(invite) && happened.question().is_some() {
                return Err(NoHandle);
            }
            let news = OutgoingNews::Early(session, happened);
            self.outgoing.put(invite, news)
        } else {
            call.tell(happened)?
        };
        self.wakers.extend(woken);
        Ok(())
    }

    /// The offer is taken back. Whether nobody has seen it.
    pub(crate) fn withdrawn(&mut self, session: SessionId) -> bool {
        let call = self.sessions.get_mut(&session);
        call.is_some_and(SessionCall::withdraw_offer)
    }

    pub(crate) fn terminating(&mut self, session: SessionId, cause: SessionEnd) {
        if let Some(call) = self.sessions.get_mut(&session) {
            call.terminating = Some(cause);
            self.wakers.extend(call.waker.take());
        }
    }

    pub(crate) fn ended(&mut self, session: SessionId, end: SessionEnd, bye: Option<Request>) {
        self.replaced.remove(&session);
        let Some(call) = self.sessions.get_mut(&session) else {
            return;
        };
        if call.invite.is_some() {
            self.sessions.remove(&session);
            return;
        }
        call.withdraw_offer();
        call.end = Some(end);
        call.bye = bye.map(Box::new);
        self.wakers.extend(call.waker.take());
    }

    /// The BYE of the peer's.
    pub(crate) fn remote_bye(&self, session: SessionId) -> Option<Request> {
        let bye = self.sessions.get(&session)?.bye.as_deref();
        bye.cloned()
    }

    pub(crate) fn happened(&mut self, invite: OutgoingInviteId, event: OutgoingInviteEvent) {
        let is_needed = match event {
            OutgoingInviteEvent::Trying { .. } => false,
            OutgoingInviteEvent::Progress {
                session,
                is_offer,
                is_answer,
                ..
            } => {
                let is_first = session.is_some_and(|id| self.add_early_session_of(invite, id));
                is_offer || is_answer || is_first
            }
            OutgoingInviteEvent::Accept { session, .. } => {
                self.add_session(session);
                true
            }
            _ => true,
        };
        if is_needed || self.outgoing.has_room(invite) {
            let news = OutgoingNews::Invite(event);
            self.wakers.extend(self.outgoing.put(invite, news));
        }
    }

    pub(crate) fn answered(
        &mut self,
        request: OutgoingRequestId,
        outcome: Result<Response, RequestFailure>,
    ) {
        self.wakers.extend(self.requests.put(request, outcome));
    }

    pub(crate) fn registration(&mut self, id: RegistrationId, event: RegistrationEvent) {
        self.wakers.extend(self.registrations.put_newest(id, event));
    }

    pub(crate) fn subscription(&mut self, id: SubscriptionId, event: SubscriptionEvent) {
        if let SubscriptionEvent::Forked { subscription } = event {
            self.subscriptions.add(subscription);
        }
        self.wakers.extend(self.subscriptions.put_newest(id, event));
    }

    pub(crate) fn publication(&mut self, id: PublicationId, event: PublicationEvent) {
        self.wakers.extend(self.publications.put_newest(id, event));
    }

    /// Says of all calls that they are over, for nothing will come any more.
    pub(crate) fn abandon(&mut self) {
        let undelivered = || {
            let cause = RequestFailure::Undelivered;
            Some(OutgoingNews::Invite(OutgoingInviteEvent::Failed { cause }))
        };
        let Self { wakers, .. } = self;
        wakers.extend(self.outgoing.abandon(undelivered));
        wakers.extend(self.requests.abandon(|| None));
        wakers.extend(self.registrations.abandon(|| None));
        wakers.extend(self.subscriptions.abandon(|| None));
        wakers.extend(self.publications.abandon(|| None));
        for call in self.invites.values_mut() {
            call.over
                .get_or_insert(Cancelled::Ended(InviteEnd::NoAnswer));
            wakers.extend(call.waker.take());
        }
        for call in self.sessions.values_mut() {
            call.end.get_or_insert(SessionEnd::ByeUnanswered);
            wakers.extend(call.waker.take());
        }
    }

    /// What happens in an incoming call before its answer, where it is wanted, or how it ended.
    pub(crate) fn poll_early(
        &mut self,
        invite: InviteId,
        is_wanted: impl Fn(&Happened) -> bool,
        context: &mut Context<'_>,
    ) -> Poll<Result<(SessionId, Happened), Cancelled>> {
        let call = self.invites.entry(invite).or_default();
        if let Some(session) = call.session {
            let early = self.sessions.entry(session).or_default();
            if call.over.is_some() {
                early.withdraw_offer();
            }
            let place = early.news.iter().position(is_wanted);
            if let Some(happened) = place.and_then(|place| early.news.remove(place)) {
                return Poll::Ready(Ok((session, happened)));
            }
            remember(&mut early.waker, context);
        }
        match &call.over {
            Some(over) => Poll::Ready(Err(over.clone())),
            None => wait(&mut call.waker, context),
        }
    }

    pub(crate) fn poll_confirmed(
        &mut self,
        session: SessionId,
        context: &mut Context<'_>,
    ) -> Poll<Result<Request, SessionEnd>> {
        let call = self.sessions.entry(session).or_default();
        match (call.acknowledgement.take(), call.terminating.or(call.end)) {
            (Some(acknowledgement), _) => Poll::Ready(Ok(*acknowledgement)),
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

/// What the handle of a call that we place is told.
pub(crate) enum OutgoingNews {
    Invite(OutgoingInviteEvent),
    /// In one of its early sessions.
    Early(SessionId, Happened),
}

impl News for OutgoingNews {
    fn is_last(&self) -> bool {
        match self {
            Self::Invite(event) => !matches!(
                event,
                OutgoingInviteEvent::Trying { .. }
                    | OutgoingInviteEvent::Progress { .. }
                    | OutgoingInviteEvent::NoAnswer
            ),
            Self::Early(..) => false,
        }
    }

    fn is_counted(&self) -> bool {
        !self.is_last()
    }
}

impl News for Result<Response, RequestFailure> {
    fn is_last(&self) -> bool {
        true
    }

    fn is_counted(&self) -> bool {
        false
    }
}

impl News for RegistrationEvent {
    fn is_last(&self) -> bool {
        matches!(
            self,
            Self::Unregistered { .. } | Self::Refused { retry_in: None, .. }
        )
    }

    fn is_counted(&self) -> bool {
        true
    }
}

impl News for SubscriptionEvent {
    fn is_last(&self) -> bool {
        matches!(self, Self::Terminated { .. })
    }

    fn is_counted(&self) -> bool {
        !matches!(self, Self::Forked { .. })
    }
}

impl News for PublicationEvent {
    fn is_last(&self) -> bool {
        matches!(
            self,
            Self::Unpublished { .. } | Self::Refused { retry_in: None, .. }
        )
    }

    fn is_counted(&self) -> bool {
        true
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

/// What a session's handle is told.
pub(crate) enum Happened {
    Offered(Request),
    Requested(RequestId, Box<Arrival>),
    Acknowledged(Request),
    Reconfirmed(Request),
    Answered(Response),
    /// The 2xx to a refresh, which describes the session.
    Refreshed(Response),
    /// The 2xx to a re-INVITE that asked for an offer.
    AnsweredWithOffer(Response),
    Unanswered(Unanswered),
    Refer(u32, ReferEvent),
    Terminating(SessionEnd),
    Ended(SessionEnd),
}

impl Happened {
    /// What the peer waits to have answered.
    pub(crate) fn question(&self) -> Option<Question> {
        match self {
            Self::Offered(_) => Some(Question::Offer),
            Self::Requested(request, _) => Some(Question::Request(*request)),
            _ => None,
        }
    }
}

/// What the application answers, in a session.
#[derive(Clone, Copy)]
pub(crate) enum Question {
    Offer,
    Request(RequestId),
}

#[derive(Default)]
struct InviteCall {
    session: Option<SessionId>,
    over: Option<Cancelled>,
    waker: Option<Waker>,
}

/// One waker is enough: the handle's waits borrow it mutably.
#[derive(Default)]
struct SessionCall {
    /// The call of ours that it is an early session of.
    invite: Option<OutgoingInviteId>,
    acknowledgement: Option<Box<Request>>,
    terminating: Option<SessionEnd>,
    /// What the handle has not seen, in the order it came. Of requests of the peer's, of PRACKs without an answer and of
    /// what becomes of a REFER of ours there are up to a bound, of offers one; the rest answers something of ours.
    news: VecDeque<Happened>,
    /// Told behind all news.
    end: Option<SessionEnd>,
    bye: Option<Box<Request>>,
    waker: Option<Waker>,
}

impl SessionCall {
    /// Who must be woken. What can be left out is, where too much of its kind waits.
    fn tell(&mut self, happened: Happened) -> Result<Option<Waker>, NoHandle> {
        match &happened {
            Happened::Offered(_) => drop(self.withdraw_offer()),
            Happened::Requested(..) if self.is_full(|it| matches!(it, Happened::Requested(..))) => {
                return Err(NoHandle);
            }
            Happened::Refer(_, ReferEvent::Progress { .. })
                if self.is_full(|it| matches!(it, Happened::Refer(..))) =>
            {
                return Ok(None);
            }
            Happened::Acknowledged(prack)
                if prack.session_description().is_none()
                    && self.is_full(|it| matches!(it, Happened::Acknowledged(_))) =>
            {
                return Ok(None);
            }
            _ => {}
        }
        self.news.push_back(happened);
        Ok(self.waker.take())
    }

    /// Whether so many of a kind wait already that no more may.
    fn is_full(&self, is_of_kind: impl Fn(&Happened) -> bool) -> bool {
        let of_kind = self.news.iter().filter(|happened| is_of_kind(happened));
        of_kind.count() >= MOST_REQUESTS
    }

    /// An offer that is answered already is no news. Whether there was one.
    fn withdraw_offer(&mut self) -> bool {
        let before = self.news.len();
        self.news
            .retain(|happened| !matches!(happened, Happened::Offered(_)));
        self.news.len() < before
    }
}

/// How many requests may wait for the handle of one session, and how much of what becomes of a REFER.
const MOST_REQUESTS: usize = 16;
