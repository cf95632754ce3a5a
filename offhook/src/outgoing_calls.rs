use std::collections::{HashMap, VecDeque};
use std::task::{Context, Poll, Waker};

use offhook_core::{OutgoingInviteEvent, OutgoingInviteId, RequestFailure, SessionId};

use crate::calls::{Happened, NoHandle, wait};

/// What the handles of the calls that we place wait for. An entry lives as long as its handle.
#[derive(Default)]
pub(crate) struct OutgoingCalls {
    calls: HashMap<OutgoingInviteId, OutgoingCall>,
}

impl OutgoingCalls {
    pub(crate) fn add(&mut self, invite: OutgoingInviteId) {
        self.calls.insert(invite, OutgoingCall::default());
    }

    /// What its handle has not seen.
    pub(crate) fn remove(&mut self, invite: OutgoingInviteId) -> VecDeque<OutgoingNews> {
        let call = self.calls.remove(&invite);
        call.map(|call| call.news).unwrap_or_default()
    }

    pub(crate) fn invites(&self) -> impl Iterator<Item = OutgoingInviteId> {
        self.calls.keys().copied()
    }

    /// The call goes on after a redirection.
    pub(crate) fn reopen(&mut self, invite: OutgoingInviteId) {
        if let Some(call) = self.calls.get_mut(&invite) {
            call.is_over = false;
        }
    }

    /// Whether so much waits for the handle that no more is taken of what can be left out.
    pub(crate) fn is_full(&self, invite: OutgoingInviteId) -> bool {
        let call = self.calls.get(&invite);
        call.is_some_and(|call| call.news.len() >= MOST_NEWS)
    }

    /// Who must be woken.
    pub(crate) fn happened(
        &mut self,
        invite: OutgoingInviteId,
        event: OutgoingInviteEvent,
    ) -> Option<Waker> {
        let call = self.calls.get_mut(&invite)?;
        match event {
            OutgoingInviteEvent::Trying { .. }
            | OutgoingInviteEvent::Progress { .. }
            | OutgoingInviteEvent::NoAnswer => {}
            _ => call.is_over = true,
        }
        call.news.push_back(OutgoingNews::Invite(event));
        call.waker.take()
    }

    /// Hands on what happens in an early session. Who must be woken.
    pub(crate) fn tell(
        &mut self,
        invite: OutgoingInviteId,
        session: SessionId,
        happened: Happened,
    ) -> Result<Option<Waker>, NoHandle> {
        let call = self.calls.get_mut(&invite).ok_or(NoHandle)?;
        if call.news.len() >= MOST_NEWS && happened.question().is_some() {
            return Err(NoHandle);
        }
        call.news.push_back(OutgoingNews::Early(session, happened));
        Ok(call.waker.take())
    }

    /// Says of all calls that they are over, for nothing will come any more, and who must be
    /// woken.
    pub(crate) fn abandon(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for call in self.calls.values_mut().filter(|call| !call.is_over) {
            let cause = RequestFailure::Undelivered;
            let failed = OutgoingInviteEvent::Failed { cause };
            call.news.push_back(OutgoingNews::Invite(failed));
            call.is_over = true;
            wakers.extend(call.waker.take());
        }
        wakers
    }

    /// The next event; `None` after the last.
    pub(crate) fn poll_event(
        &mut self,
        invite: OutgoingInviteId,
        context: &mut Context<'_>,
    ) -> Poll<Option<OutgoingNews>> {
        let call = self.calls.entry(invite).or_default();
        match call.news.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if call.is_over => Poll::Ready(None),
            None => wait(&mut call.waker, context),
        }
    }
}

/// What the handle of a call that we place is told.
pub(crate) enum OutgoingNews {
    Invite(OutgoingInviteEvent),
    /// In one of its early sessions.
    Early(SessionId, Happened),
}

#[derive(Default)]
struct OutgoingCall {
    news: VecDeque<OutgoingNews>,
    is_over: bool,
    waker: Option<Waker>,
}

/// Past so many that wait for the handle of one call, nothing more is taken of which a callee can send any number.
const MOST_NEWS: usize = 16;
