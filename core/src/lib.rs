//! A SIP user agent without input and output: transactions, dialogs and sessions
//! ([RFC 3261](https://www.rfc-editor.org/rfc/rfc3261)).
//!
//! It opens no socket, reads no clock, starts no thread and waits for nothing. It does not look up names and does not
//! read session descriptions. Octets and the time go in, octets and events come out:
//!
//! ```
//! use std::time::Instant;
//! use offhook_core::{Config, Event, Flow, Input, Output, UserAgentCore};
//! use offhook_core::message::{Body, Message};
//!
//! /// One message in, everything it causes out.
//! fn step(core: &mut UserAgentCore, now: Instant, flow: Flow, message: Message) {
//!     core.handle(now, Input::Message { flow, message });
//!     while let Some(output) = core.poll() {
//!         match output {
//!             Output::Transmit(transmit) => println!("to {}", transmit.flow.remote),
//!             Output::Resolve(resolve) => println!("who is {}?", resolve.host),
//!             Output::Event(Event::Invite(id)) => {
//!                 if let Some(server) = core.invite_server(now, id) {
//!                     let _ = server.accept(Body::sdp("v=0\r\n"));
//!                 }
//!             }
//!             Output::Event(event) => println!("{event:?}"),
//!         }
//!     }
//! }
//! # let _ = (step, |now: Instant| UserAgentCore::new(now, Config::default(), [0; 32]));
//! ```

#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod by_channel;
mod capabilities;
mod client_event;
mod config;
mod contact_target;
mod counts;
mod delegate;
mod dialog;
mod digest;
mod event;
mod fingerprint;
mod flow;
mod id;
mod incoming;
pub mod locate;
mod logger;
mod outbox;
mod outgoing;
mod random;
mod respond;
mod session;
mod session_view;
mod share;
mod slot;
mod snapshot;
mod sources;
mod state;
mod tag;
mod timers;
mod transaction;
mod uac;
mod uas;
mod user_agent_core;

pub use offhook_message as message;

pub use client_event::{
    Binding, OutgoingInviteEvent, PublicationEvent, ReferEnd, ReferEvent, RegistrationEvent,
    RequestError, RequestFailure, SubscriptionEnd, SubscriptionEvent, SubscriptionState,
};
pub use config::{Config, Limits, Reliability, SessionTimerConfig, Times};
pub use counts::{Counts, Totals};
pub use delegate::{Delegates, IncomingRequestDelegate};
pub use digest::{Authenticator, Credentials, DigestAlgorithm, Unauthorized};
pub use event::{
    Event, Input, InviteEnd, InviteId, OutgoingInviteId, OutgoingRequestId, Output, PublicationId,
    ReferralId, RegistrationId, RequestId, Resolve, SessionEnd, SessionId, SubscriptionId,
    TransactionId, Transmit, Unanswered,
};
pub use flow::{Channel, Flow, Opener, Transport};
pub use logger::{LogConnector, LogLevel, LogLine, Logger, LoggerFactory};
pub use outgoing::{
    Address, OutgoingRequest, PublicationOptions, ReferOptions, RegistrationOptions,
    SubscriptionOptions,
};
pub use session::SessionState;
pub use session_view::Session;
pub use snapshot::{SessionSnapshot, SnapshotError};
pub use tag::Tag;
pub use transaction::TransactionState;
pub use uac::{
    InsideError, InviteUserAgentClient, PublishUserAgentClient, RegisterUserAgentClient,
    SubscribeUserAgentClient,
};
pub use uas::{
    ContactTarget, InviteUserAgentServer, OutgoingResponse, OutgoingResponseWithSession, QValue,
    ReferUserAgentServer, ResponseOptions, ServerTransactionView, UserAgentServer, VerbError,
};
pub use user_agent_core::UserAgentCore;
