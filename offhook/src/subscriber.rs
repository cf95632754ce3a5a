use std::sync::Arc;

use offhook_core::{
    RequestError, SubscribeUserAgentClient, SubscriptionEvent, SubscriptionId, SubscriptionOptions,
};

use crate::handle::Handle;
use crate::shell::Shell;

/// A subscription to the state of a resource
/// ([RFC 6665](https://www.rfc-editor.org/rfc/rfc6665)).
///
/// It is refreshed by itself, and made anew where it is lost. Dropping it ends the subscription, as
/// [`Subscriber::unsubscribe`] does.
#[derive(Debug)]
#[must_use = "dropping a subscriber ends the subscription"]
pub struct Subscriber(Handle<SubscriptionId>);

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
        Handle::open(shell, shard, |core, now| core.subscribe(now, options)).map(Self)
    }

    /// Waits for what becomes of the subscription; `None` when it is over. A handle that does not
    /// look for a long time sees the newest events only, and each further notifier. Dropping the future loses nothing.
    pub async fn event(&mut self) -> Option<SubscriberEvent> {
        Some(match self.0.next().await? {
            SubscriptionEvent::Forked { subscription } => {
                let place = self.0.place.beside(subscription);
                SubscriberEvent::Forked(Self(Handle { place }))
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

    fn act(&self, verb: impl FnOnce(SubscribeUserAgentClient<'_>)) {
        self.0.act(|core, now, id| {
            core.subscribe_client(now, id).map(verb);
        });
    }
}
