//! A subscription ([RFC 6665 §4.1](https://www.rfc-editor.org/rfc/rfc6665#section-4.1)).

use std::time::Instant;

use offhook_message::{EventPackage, Header, HeaderName, Text};

use super::message::OutgoingRequestMessage;
use super::request::OutgoingRequest;
use super::soft_state::SoftState;
use crate::dialog::Dialog;
use crate::fingerprint::{ByFingerprint, Fingerprint};
use crate::flow::{Channel, Flow};
use crate::id::SubscriptionId;
use crate::share::Share;
use crate::slot::Slots;
use crate::timers::Deadline;

/// What an application says of a subscription.
///
/// ```
/// use offhook_core::message::Text;
/// use offhook_core::{OutgoingRequest, SubscriptionOptions};
/// # fn flows() -> Vec<offhook_core::Flow> { Vec::new() }
///
/// let (alice, bob) = ("sip:alice@example.com".parse()?, "sip:bob@example.com".parse()?);
/// let request = OutgoingRequest::new(flows(), alice, bob);
/// let mut options = SubscriptionOptions::new(request, Text::from_static("presence"));
/// options.expires = 600;
/// # Ok::<_, offhook_core::message::UriError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SubscriptionOptions {
    /// The SUBSCRIBE: the resource is its Request-URI. Accept is for its further headers, a filter
    /// for its body.
    pub request: OutgoingRequest,
    /// What it is about: the package, with its parameters where it has some
    /// ([RFC 6665 §8.2.1](https://www.rfc-editor.org/rfc/rfc6665#section-8.2.1)).
    pub event: Text,
    /// How long it should live without a refresh, in seconds. The notifier decides. 0 asks for the
    /// state once. Default 3600.
    pub expires: u32,
    /// How many notifiers may answer where a proxy forks the SUBSCRIBE. Each makes a subscription
    /// of its own; NOTIFYs of further ones get 481
    /// ([RFC 6665 §4.4.1](https://www.rfc-editor.org/rfc/rfc6665#section-4.4.1)). Default 1.
    pub notifiers: usize,
}

impl SubscriptionOptions {
    /// A subscription for an hour at a time, to one notifier.
    pub fn new(request: OutgoingRequest, event: Text) -> Self {
        Self {
            request,
            event,
            expires: 3600,
            notifiers: 1,
        }
    }
}

/// A subscription that is kept.
#[derive(Debug)]
pub(crate) struct Subscription {
    /// The SUBSCRIBE that makes it.
    pub(crate) message: OutgoingRequestMessage,
    event: Text,
    pub(crate) soft: SoftState,
    pub(crate) stage: SubscriptionStage,
    /// What is known of the dialogs that NOTIFYs may make.
    pub(crate) key: Option<Fingerprint>,
    /// The SUBSCRIBE that has no final response yet.
    pub(crate) asked: Option<Asked>,
    /// How many were sent.
    pub(crate) sent: u32,
    /// Whether the application wants no more of it.
    pub(crate) is_ending: bool,
    /// Whether another notifier answered the SUBSCRIBE first.
    pub(crate) is_fork: bool,
    /// How many more notifiers may answer.
    pub(crate) notifiers: usize,
    /// When the SUBSCRIBE went out that makes it.
    pub(crate) begun: Instant,
    /// When it is over without a refresh.
    pub(crate) until: Option<Instant>,
    /// When the next SUBSCRIBE is due. NOTIFYs move it.
    pub(crate) due: Option<Deadline>,
    /// When a NOTIFY is missed: Timer N.
    pub(crate) notify_by: Option<Instant>,
    /// What its NOTIFYs have taken while there was little room.
    share: Option<Share>,
}

/// How far a subscription is.
#[derive(Debug)]
pub(crate) enum SubscriptionStage {
    /// Nothing is out until it is tried again.
    Waiting,
    /// A SUBSCRIBE is out, and no NOTIFY is here.
    NotifyWait,
    /// A NOTIFY has made its dialog.
    Subscribed(Box<SubscriptionDialog>),
}

/// The dialog of a subscription.
#[derive(Debug)]
pub(crate) struct SubscriptionDialog {
    pub(crate) dialog: Dialog,
    /// The way that its first NOTIFY came.
    pub(crate) flow: Flow,
}

/// What a SUBSCRIBE asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A subscription.
    Initial,
    /// More time.
    Refresh,
    /// The end.
    End,
}

impl Subscription {
    /// `notifiers` is how many more may answer.
    pub(crate) fn new(
        message: OutgoingRequestMessage,
        event: Text,
        expires: u32,
        notifiers: usize,
        now: Instant,
    ) -> Self {
        Self {
            message,
            event,
            soft: SoftState::new(expires),
            stage: SubscriptionStage::Waiting,
            key: None,
            asked: None,
            sent: 0,
            is_ending: expires == 0,
            is_fork: false,
            notifiers,
            begun: now,
            until: None,
            due: None,
            notify_by: None,
            share: None,
        }
    }

    /// The subscription that a further notifier makes, by this dialog.
    pub(crate) fn fork(&self, dialog: Box<SubscriptionDialog>) -> Self {
        let (message, event) = (self.message.clone(), self.event.clone());
        Self {
            stage: SubscriptionStage::Subscribed(dialog),
            is_fork: true,
            ..Self::new(message, event, self.soft.expires, 0, self.begun)
        }
    }

    pub(crate) fn dialog(&mut self) -> Option<&mut SubscriptionDialog> {
        match &mut self.stage {
            SubscriptionStage::Subscribed(dialog) => Some(dialog),
            _ => None,
        }
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        matches!(self.stage, SubscriptionStage::Subscribed(_))
    }

    /// What its NOTIFYs have taken lately.
    pub(crate) fn share(&mut self, now: Instant) -> &mut Share {
        self.share.get_or_insert_with(|| Share::new(now))
    }

    /// The headers of a SUBSCRIBE inside the dialog.
    pub(crate) fn headers(&self, asked: Asked) -> Vec<Header> {
        let expires = match asked {
            Asked::Initial | Asked::Refresh => self.soft.expires,
            Asked::End => 0,
        };
        let expires = Text::new(expires.to_string()).ok();
        let expires = expires.map(|expires| Header::known(HeaderName::Expires, expires));
        let headers = self.message.request.extra_headers.iter().cloned();
        headers.chain(expires).collect()
    }

    /// Whether a NOTIFY is about it: the package and the id are the same
    /// ([RFC 6665 §8.2.1](https://www.rfc-editor.org/rfc/rfc6665#section-8.2.1)).
    pub(crate) fn is_about(&self, event: &EventPackage<'_>) -> bool {
        let mut parts = self.event.as_str().split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let id = parts.find_map(|part| part.strip_prefix("id="));
        event.name.eq_ignore_ascii_case(name.as_bytes()) && event.id == id.map(str::as_bytes)
    }
}

/// All subscriptions of ours.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    slots: Slots<Subscription>,
    /// By their dialogs; those that may get one, by what there is of it.
    by_dialog: ByFingerprint<SubscriptionId>,
}

impl Subscriptions {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn insert(&mut self, subscription: Subscription) -> SubscriptionId {
        SubscriptionId(self.slots.insert(subscription))
    }

    pub(crate) fn get(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.slots.get(id.0)
    }

    pub(crate) fn get_mut(&mut self, id: SubscriptionId) -> Option<&mut Subscription> {
        self.slots.get_mut(id.0)
    }

    pub(crate) fn find(&self, dialog: Fingerprint) -> Option<SubscriptionId> {
        self.by_dialog.get(&dialog).copied()
    }

    /// Those that live, and whose notifier reaches us by this connection.
    pub(crate) fn by_connection(&self, channel: Channel) -> Vec<SubscriptionId> {
        let living = self
            .slots
            .iter()
            .filter(|(_, subscription)| subscription.is_subscribed() && !subscription.is_ending);
        let found = living.filter(|(_, subscription)| subscription.soft.is_by(channel));
        found.map(|(slot, _)| SubscriptionId(slot)).collect()
    }

    /// Makes a subscription known by its dialog.
    pub(crate) fn index(&mut self, dialog: Fingerprint, id: SubscriptionId) {
        self.by_dialog.insert(dialog, id);
    }

    /// NOTIFYs of this subscription belong nowhere from now on.
    pub(crate) fn forget_dialogs(&mut self, id: SubscriptionId) {
        let Some(subscription) = self.slots.get_mut(id.0) else {
            return;
        };
        let dialog = subscription.dialog().map(|it| it.dialog.id);
        for key in subscription.key.take().into_iter().chain(dialog) {
            self.by_dialog.remove(&key);
        }
    }

    pub(crate) fn remove(&mut self, id: SubscriptionId) -> Option<Subscription> {
        self.forget_dialogs(id);
        self.slots.remove(id.0)
    }
}
