//! What a handle of ours keeps: it is over when the handle is gone.

use std::hash::Hash;

use offhook_core::{
    OutgoingInviteEvent, OutgoingInviteId, OutgoingRequestId, PublicationEvent, PublicationId,
    RegistrationEvent, RegistrationId, RequestFailure, SubscriptionEvent, SubscriptionId,
};
use offhook_message::Response;

use crate::calls::{Calls, OutgoingNews};
use crate::inbox::{Inboxes, News};
use crate::shard::State;

/// Its name in a core.
pub(crate) trait Kept: Copy + Eq + Hash {
    /// What its handle is told.
    type News: News;

    fn inboxes(calls: &mut Calls) -> &mut Inboxes<Self, Self::News>;

    /// Ends it, as far as it is to end with its handle.
    fn end(self, state: &mut State);

    /// Sees to what nobody has seen, and nobody will.
    fn leave(_unseen: Self::News, _state: &mut State) {}
}

/// Its handle is gone.
pub(crate) fn remove<Id: Kept>(id: Id, state: &mut State) {
    for unseen in Id::inboxes(&mut state.calls).remove(id) {
        Id::leave(unseen, state);
    }
    id.end(state);
}

/// Ends all of a kind.
pub(crate) fn end_all<Id: Kept>(state: &mut State) {
    let all: Vec<Id> = Id::inboxes(&mut state.calls).ids().collect();
    for id in all {
        id.end(state);
    }
}

impl Kept for OutgoingInviteId {
    type News = OutgoingNews;

    fn inboxes(calls: &mut Calls) -> &mut Inboxes<Self, OutgoingNews> {
        &mut calls.outgoing
    }

    fn end(self, state: &mut State) {
        if let Some(client) = state.core.invite_client(state.now, self) {
            client.cancel(Vec::new());
        }
    }

    fn leave(unseen: OutgoingNews, state: &mut State) {
        match unseen {
            OutgoingNews::Invite(OutgoingInviteEvent::Accept { session, .. }) => {
                state.hang_up(session);
            }
            OutgoingNews::Invite(_) => {}
            OutgoingNews::Early(session, happened) => {
                if let Some(question) = happened.question() {
                    state.leave(session, question);
                }
            }
        }
    }
}

impl Kept for OutgoingRequestId {
    type News = Result<Response, RequestFailure>;

    fn inboxes(calls: &mut Calls) -> &mut Inboxes<Self, Self::News> {
        &mut calls.requests
    }

    /// It takes its course.
    fn end(self, _: &mut State) {}
}

impl Kept for RegistrationId {
    type News = RegistrationEvent;

    fn inboxes(calls: &mut Calls) -> &mut Inboxes<Self, RegistrationEvent> {
        &mut calls.registrations
    }

    fn end(self, state: &mut State) {
        if let Some(client) = state.core.register_client(state.now, self) {
            client.unregister();
        }
    }
}

impl Kept for SubscriptionId {
    type News = SubscriptionEvent;

    fn inboxes(calls: &mut Calls) -> &mut Inboxes<Self, SubscriptionEvent> {
        &mut calls.subscriptions
    }

    fn end(self, state: &mut State) {
        if let Some(client) = state.core.subscribe_client(state.now, self) {
            client.unsubscribe();
        }
    }

    fn leave(unseen: SubscriptionEvent, state: &mut State) {
        if let SubscriptionEvent::Forked { subscription } = unseen {
            remove(subscription, state);
        }
    }
}

impl Kept for PublicationId {
    type News = PublicationEvent;

    fn inboxes(calls: &mut Calls) -> &mut Inboxes<Self, PublicationEvent> {
        &mut calls.publications
    }

    fn end(self, state: &mut State) {
        if let Some(client) = state.core.publish_client(state.now, self) {
            client.unpublish();
        }
    }
}
