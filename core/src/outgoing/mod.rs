//! Requests of ours outside of a dialog ([RFC 3261 §8.1](https://www.rfc-editor.org/rfc/rfc3261#section-8.1)): what is remembered of
//! them until they are answered.

mod address;
mod contact;
mod invite;
mod message;
mod refer;
mod registration;
mod request;

pub use address::Address;
pub(crate) use invite::{Attempt, Cancel, Fork, OutgoingInvite, OutgoingInvites, Stage};
pub(crate) use message::{OutgoingRequestMessage, SentBy, SessionLife};
pub use refer::ReferOptions;
pub use registration::RegistrationOptions;
pub(crate) use registration::{Registration, Wish};
pub use request::OutgoingRequest;
