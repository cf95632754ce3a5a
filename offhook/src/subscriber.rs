use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use offhook_core::{
    RequestError, SubscribeUserAgentClient, SubscriptionEvent, SubscriptionId, SubscriptionOptions,
};

use crate::shell::Shell;

/// A subscription to the state of a resource
/// ([RFC 6665](https://www.rfc-editor.org/rfc/rfc6665)).
///
/// It is refreshed by itself, and made anew where it is lost. Dropping it ends the subscription, as
/// [`Subscriber::unsubscribe`] does.
#[must_use = "dropping a subscriber ends the subscription"]
pub struct Subscriber {
    shell: Arc<Shell>,
    shard: usize,
    id: SubscriptionId,
}

/// What a [`Subscriber`] waits for.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "an event is looked at once, and a box would hide it from a pattern"
)]
pub enum SubscriberEvent {
    /// Another notifier answered, within
    /// [`SubscriptionOptions::notifiers`](offhook_core::SubscriptionOptions::notifiers): a further
    /// subscription. Drop it, or this one, to take one of them.
    Forked(Subscriber),
    /// Something else.
    Subscription(SubscriptionEvent),
}

impl Subscriber {
    pub(crate) fn start(
        shell: Arc<Shell>,
        mut options: SubscriptionOptions,
    ) -> Result<Self, RequestError> {
        let shard = shell.place(&mut options.request);
        let id = shell.act(shard, |state, now| {
            let id = state.core.subscribe(now, options)?;
            state.calls.subscriptions.add(id);
            Ok(id)
        })?;
        Ok(Self { shell, shard, id })
    }

    /// Waits for what becomes of the subscription; `None` when it is over. A handle that does not
    /// look for a long time sees the newest events only, and each further notifier. Dropping the future loses nothing.
    pub async fn event(&mut self) -> Option<SubscriberEvent> {
        let shard = self.shell.shard(self.shard);
        let id = self.id;
        let event =
            poll_fn(|context| shard.calls(|calls| calls.subscriptions.poll_event(id, context)));
        Some(match event.await? {
            SubscriptionEvent::Forked { subscription } => {
                SubscriberEvent::Forked(self.fork(subscription))
            }
            event => SubscriberEvent::Subscription(event),
        })
    }

    /// Sends SUBSCRIBE now, and does not wait for the next refresh or try.
    pub fn refresh(&mut self) {
        self.act(|client| {
            client.refresh();
        });
    }

    /// Ends the subscription
    /// ([RFC 6665 §4.1.2.3](https://www.rfc-editor.org/rfc/rfc6665#section-4.1.2.3)).
    /// [`SubscriptionEvent::Terminated`] follows.
    pub fn unsubscribe(&mut self) {
        self.act(|client| {
            client.unsubscribe();
        });
    }

    fn fork(&self, id: SubscriptionId) -> Self {
        let (shell, shard) = (Arc::clone(&self.shell), self.shard);
        Self { shell, shard, id }
    }

    fn act(&self, verb: impl FnOnce(SubscribeUserAgentClient<'_>)) {
        self.shell.act(self.shard, |state, now| {
            if let Some(client) = state.core.subscribe_client(now, self.id) {
                verb(client);
            }
        });
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.act(|client| {
            client.unsubscribe();
        });
        let shard = self.shell.shard(self.shard);
        let unseen = shard.calls(|calls| calls.subscriptions.remove(self.id));
        for event in unseen {
            if let SubscriptionEvent::Forked { subscription } = event {
                drop(self.fork(subscription));
            }
        }
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").finish_non_exhaustive()
    }
}
