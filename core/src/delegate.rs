//! Callbacks, for who prefers them to events.

use std::collections::HashMap;

use offhook_message::Request;

use crate::event::{Event, InviteId};

/// What may happen to an incoming INVITE, as in SIP.js. Both do nothing unless written.
pub trait IncomingRequestDelegate {
    /// The caller gave up. The 200 and the 487 are sent.
    fn on_cancel(&mut self, message: &Request) {
        let _ = message;
    }

    /// A response could not be delivered.
    fn on_transport_error(&mut self) {}
}

/// Delegates by call. It stands beside the core, and gets its events from the core's owner.
#[derive(Debug)]
pub struct Delegates<D> {
    by_invite: HashMap<InviteId, D>,
}

impl<D: IncomingRequestDelegate> Delegates<D> {
    /// None yet.
    pub fn new() -> Self {
        Self {
            by_invite: HashMap::new(),
        }
    }

    /// Sets the delegate of a call. Gives back the one it had.
    pub fn set(&mut self, invite: InviteId, delegate: D) -> Option<D> {
        self.by_invite.insert(invite, delegate)
    }

    /// Takes the delegate of a call out. A call that the application has answered has no further
    /// use of one.
    pub fn remove(&mut self, invite: InviteId) -> Option<D> {
        self.by_invite.remove(&invite)
    }

    /// Calls the delegate that an event concerns. One whose call is over is dropped.
    pub fn dispatch(&mut self, event: &Event) {
        match event {
            Event::Cancelled { invite, message } => {
                if let Some(mut delegate) = self.remove(*invite) {
                    delegate.on_cancel(message);
                }
            }
            Event::Undelivered { invite } => {
                if let Some(delegate) = self.by_invite.get_mut(invite) {
                    delegate.on_transport_error();
                }
            }
            Event::InviteEnded { invite, .. } | Event::NotAcknowledged { invite } => {
                self.remove(*invite);
            }
            _ => {}
        }
    }
}

impl<D: IncomingRequestDelegate> Default for Delegates<D> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::Slots;

    #[derive(Default)]
    struct Counter {
        transport_errors: usize,
    }

    impl IncomingRequestDelegate for Counter {
        fn on_transport_error(&mut self) {
            self.transport_errors += 1;
        }
    }

    #[test]
    fn an_event_reaches_the_delegate_of_its_call_alone() {
        let mut slots = Slots::default();
        let (first, second) = (InviteId(slots.insert(())), InviteId(slots.insert(())));
        let mut delegates = Delegates::new();
        delegates.set(first, Counter::default());
        delegates.set(second, Counter::default());
        delegates.dispatch(&Event::Undelivered { invite: first });
        delegates.dispatch(&Event::NotAcknowledged { invite: second });
        assert_eq!(delegates.remove(first).map(|d| d.transport_errors), Some(1));
        assert!(delegates.remove(second).is_none());
    }
}
