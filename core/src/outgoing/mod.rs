//! Requests of ours outside of a dialog ([RFC 3261 §8.1](https://www.rfc-editor.org/rfc/rfc3261#section-8.1)): what is remembered of
//! them until they are answered.

mod address;
mod invite;
mod kept;
mod message;
mod publication;
mod refer;
mod registration;
mod request;
mod soft_state;
mod subscription;

pub use address::Address;
pub(crate) use invite::{Attempt, Cancel, Fork, OutgoingInvite, OutgoingInvites, Stage};
pub(crate) use kept::{Kept, What, Wish};
pub(crate) use message::{Binding, OutgoingRequestMessage, SentBy, SessionLife, longer_life};
pub use publication::PublicationOptions;
pub use refer::ReferOptions;
pub use registration::RegistrationOptions;
pub use request::OutgoingRequest;
pub(crate) use soft_state::{LEAST_WAIT, refresh_after};
pub use subscription::SubscriptionOptions;
pub(crate) use subscription::{
    Asked, Subscription, SubscriptionDialog, SubscriptionStage, Subscriptions,
};
