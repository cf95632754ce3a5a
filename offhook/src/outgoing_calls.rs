use std::collections::{HashMap, VecDeque};
use std::task::{Context, Poll, Waker};

use offhook_core::{OutgoingInviteEvent, OutgoingInviteId, RequestFailure, SessionId};

use crate::calls::wait;

/// What the handles of the calls that we place wait for. An entry lives as long as its handle.
#[derive(Default)]
pub(crate) struct OutgoingCalls {
    calls: HashMap<OutgoingInviteId, OutgoingCall>,
}

impl OutgoingCalls {
    pub(crate) fn add(&mut self, invite: OutgoingInviteId) {
        self.calls.insert(invite, OutgoingCall::default());
    }

    /// The session of a call that was accepted, where nobody took it.
    pub(crate) fn remove(&mut self, invite: OutgoingInviteId) -> Option<SessionId> {
        let call = self.calls.remove(&invite)?;
        call.events.iter().find_map(|event| match event {
            OutgoingInviteEvent::Accept { session, .. } => Some(*session),
            _ => None,
        })
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

    /// Who must be woken.
    pub(crate) fn happened(
        &mut self,
        invite: OutgoingInviteId,
        event: OutgoingInviteEvent,
    ) -> Option<Waker> {
        let call = self.calls.get_mut(&invite)?;
        match event {
            OutgoingInviteEvent::Trying { .. } | OutgoingInviteEvent::Progress { .. } => {
                if call.events.len() >= MOST_EVENTS {
                    return None;
                }
            }
            OutgoingInviteEvent::NoAnswer => {}
            _ => call.is_over = true,
        }
        call.events.push_back(event);
        call.waker.take()
    }

    /// Says of all calls that they are over, for nothing will come any more, and who must be
    /// woken.
    pub(crate) fn abandon(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for call in self.calls.values_mut().filter(|call| !call.is_over) {
            let cause = RequestFailure::Undelivered;
            call.events.push_back(OutgoingInviteEvent::Failed { cause });
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
    ) -> Poll<Option<OutgoingInviteEvent>> {
        let call = self.calls.entry(invite).or_default();
        match call.events.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if call.is_over => Poll::Ready(None),
            None => wait(&mut call.waker, context),
        }
    }
}

#[derive(Default)]
struct OutgoingCall {
    events: VecDeque<OutgoingInviteEvent>,
    is_over: bool,
    waker: Option<Waker>,
}

/// How many provisional responses may wait for the handle of one call. A callee can send any
/// number.
const MOST_EVENTS: usize = 16;
