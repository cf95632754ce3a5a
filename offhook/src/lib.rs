//! SIP user agents on tokio: sockets, timers and handles around the sans-IO [`offhook_core`].
//!
//! ```no_run
//! use offhook::message::{Body, Provisional};
//! use offhook::{Error, UserAgent};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Error> {
//!     let user_agent = UserAgent::builder().listen("udp:0.0.0.0:5060").start().await?;
//!     while let Some(mut invitation) = user_agent.incoming().await {
//!         tokio::spawn(async move {
//!             invitation.progress(Provisional::RINGING)?;
//!             let mut session = invitation.accept(Body::sdp(ANSWER))?;
//!             session.ended().await;
//!             Ok::<_, Error>(())
//!         });
//!     }
//!     Ok(())
//! }
//! # const ANSWER: &str = "v=0\r\n";
//! ```
//!
//! Calls are placed the same way:
//!
//! ```no_run
//! # use offhook::message::{Body, UriBuf};
//! use offhook::{InviterEvent, OutgoingRequest};
//!
//! # async fn call(user_agent: offhook::UserAgent) -> Result<(), Box<dyn std::error::Error>> {
//! let (alice, bob) = ("sip:alice@example.com".parse()?, "sip:bob@192.0.2.4".parse::<UriBuf>()?);
//! let flows = user_agent.flows(&bob).await?;
//! let request = OutgoingRequest::new(flows, alice, bob.into()).with_body(Body::sdp(OFFER));
//! let mut inviter = user_agent.invite(request)?;
//! while let Some(event) = inviter.event().await {
//!     if let InviterEvent::Accepted(mut accepted) = event {
//!         accepted.session.ended().await;
//!     }
//! }
//! # Ok(())
//! # }
//! # const OFFER: &str = "v=0\r\n";
//! ```
//!
//! [`UserAgent::register`] keeps an address registered, [`UserAgent::message`] sends a text, and
//! [`UserAgent::request`] what else is no call. An [`Authenticator`] asks callers who they are.
//!
//! Somebody else's state is told as it changes, and ours is published with [`UserAgent::publish`]:
//!
//! ```no_run
//! # use offhook::message::{Text, UriBuf};
//! use offhook::{OutgoingRequest, SubscriberEvent, SubscriptionEvent, SubscriptionOptions};
//!
//! # async fn watch(user_agent: offhook::UserAgent) -> Result<(), Box<dyn std::error::Error>> {
//! let (alice, bob) = ("sip:alice@example.com".parse()?, "sip:bob@192.0.2.4".parse::<UriBuf>()?);
//! let request = OutgoingRequest::new(user_agent.flows(&bob).await?, alice, bob.into());
//! let presence = SubscriptionOptions::new(request, Text::from_static("presence"));
//! let mut subscriber = user_agent.subscribe(presence)?;
//! while let Some(event) = subscriber.event().await {
//!     if let SubscriberEvent::Subscription(SubscriptionEvent::Notified { message, .. }) = event {
//!         println!("{}", String::from_utf8_lossy(message.body()));
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A call is handed on in one line, here to `bob`, whose call takes the place of ours. Where nobody is called yet, a URI
//! does: `alice.refer("sip:carol@example.com".parse::<ReferTo>()?)?`.
//!
//! ```no_run
//! # use offhook::{ReferEvent, Session, SessionEvent};
//! # async fn transfer(mut alice: Session, bob: Session) -> Result<(), Box<dyn std::error::Error>> {
//! alice.refer(bob.refer_to().ok_or("that call is over")?)?;
//! loop {
//!     match alice.event().await {
//!         SessionEvent::Refer { event, .. } => match event {
//!             ReferEvent::Accepted { .. } => {}
//!             ReferEvent::Progress { status, .. } => println!("{status}"),
//!             ReferEvent::Terminated { .. } | ReferEvent::Refused { .. } => break,
//!         },
//!         SessionEvent::Ended(_) => break,
//!         _ => {} // Such as an offer, which is refused where it is dropped.
//!     }
//! }
//! # Ok(()) // Both calls are hung up where they are dropped.
//! # }
//! ```
//!
//! A caller may have wishes before the answer, and a reliable response may ask it for a description:
//!
//! ```no_run
//! # use offhook::message::{Body, Provisional, Success};
//! # use offhook::{Error, Invitation, ResponseOptions, SessionEvent};
//! # async fn ring(mut invitation: Invitation, picked_up: tokio::sync::Notify) -> Result<(), Error> {
//! let progress = ResponseOptions::new(Provisional::SESSION_PROGRESS).with_body(Body::sdp(OFFER));
//! invitation.progress(progress.reliably())?;
//! loop {
//!     tokio::select! {
//!         () = picked_up.notified() => break,
//!         event = invitation.event() => match event? {
//!             SessionEvent::Prack(prack) => println!("early media: {:?}", prack.session_description()),
//!             SessionEvent::Offer(offer) => offer.answer(&Body::sdp(ANSWER))?,
//!             _ => {}
//!         },
//!     }
//! }
//! invitation.accept(Success::OK)?.ended().await;
//! # Ok(())
//! # }
//! # const OFFER: &str = "v=0\r\n";
//! # const ANSWER: &str = "v=0\r\n";
//! ```
//!
//! Verbs such as [`Invitation::accept`] send at once; only waits are `async`, and dropping a wait
//! loses nothing. [`Invitation`], [`Inviter`] and [`Session`] are the call: dropping one ends it.
//!
//! This crate offers and answers no media: bodies are octets to it. The crate `offhook-media` hears and speaks, and
//! `offhook-webrtc` does with browsers; `examples/record.rs` is a call with both.

mod authenticator;
mod backlog;
mod builder;
mod by_id;
mod calls;
#[cfg(feature = "dns")]
mod dns;
mod early_session;
mod error;
mod flows;
mod handle;
mod inbox;
mod incoming_request;
mod invitation;
mod inviter;
mod kept;
mod listener;
mod log;
mod look_up;
mod outlet;
mod pending;
mod publisher;
mod referral;
mod registerer;
mod resolver;
mod restore;
mod sent_request;
mod session;
mod shard;
mod shell;
mod start_error;
mod subscriber;
#[cfg(feature = "tls")]
mod tls_options;
mod transport;
mod user_agent;

pub use offhook_core::locate;
pub use offhook_core::{
    Address, Binding, Channel, Config, ContactTarget, Counts, Credentials, DigestAlgorithm, Flow,
    InsideError, InviteEnd, Limits, LogConnector, LogLevel, LogLine, LoggerFactory,
    OutgoingRequest, OutgoingResponse, PublicationEvent, PublicationOptions, QValue, ReferEnd,
    ReferEvent, ReferOptions, RegistrationEvent, RegistrationOptions, Reliability, RequestError,
    RequestFailure, ResponseOptions, SessionEnd, SessionTimerConfig, SnapshotError,
    SubscriptionEnd, SubscriptionEvent, SubscriptionOptions, SubscriptionState, Tag, Times, Totals,
    TransactionState, Transport, Unanswered, Unauthorized, VerbError,
};
pub use offhook_message as message;

pub use self::authenticator::Authenticator;
pub use self::builder::Builder;
pub use self::calls::Cancelled;
#[cfg(feature = "dns")]
pub use self::dns::DnsResolver;
pub use self::early_session::{EarlyOffer, EarlySession};
pub use self::error::Error;
pub use self::flows::NoFlow;
pub use self::incoming_request::IncomingRequest;
pub use self::invitation::{Invitation, Refused};
pub use self::inviter::{Accepted, Inviter, InviterEvent, Progress};
pub use self::listener::{InvalidAdvertised, InvalidListener, Listener};
pub use self::publisher::Publisher;
pub use self::referral::{Referral, ReferralProgress};
pub use self::registerer::Registerer;
pub use self::resolver::{Answer, Resolver, SystemResolver};
pub use self::restore::RestoreError;
pub use self::sent_request::{Messager, SentRequest};
pub use self::session::{Offer, Session, SessionEvent};
pub use self::start_error::StartError;
pub use self::subscriber::{Subscriber, SubscriberEvent};
#[cfg(feature = "tls")]
pub use self::tls_options::{CertificateFiles, ClientCertificates, TlsOptions};
pub use self::transport::ConnectionLimits;
#[cfg(feature = "ws")]
pub use self::transport::InvalidOrigin;
#[cfg(feature = "tls")]
pub use self::transport::TlsError;
pub use self::user_agent::{UserAgent, UserAgentEvent};
