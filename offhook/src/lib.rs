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
//! Verbs such as [`Invitation::accept`] send at once; only waits are `async`, and dropping a wait
//! loses nothing. [`Invitation`] and [`Session`] are the call: dropping one ends it.
//!
//! This crate offers and answers no media: bodies are octets to it.

mod backlog;
mod builder;
mod calls;
mod error;
mod incoming_request;
mod invitation;
mod listener;
mod log;
mod session;
mod shard;
mod shell;
mod start_error;
mod transport;
mod user_agent;

pub use offhook_core::{
    Channel, Config, ContactTarget, Counts, Flow, InsideError, InviteEnd, Limits, LogConnector,
    LogLevel, LogLine, LoggerFactory, OutgoingResponse, QValue, Reliability, ResponseOptions,
    SessionEnd, Tag, Times, Totals, TransactionState, Transport, Unanswered, VerbError,
};
pub use offhook_message as message;

pub use self::builder::Builder;
pub use self::calls::Cancelled;
pub use self::error::Error;
pub use self::incoming_request::IncomingRequest;
pub use self::invitation::{Invitation, Refused};
pub use self::listener::{InvalidListener, Listener};
pub use self::session::{Offer, Session, SessionEvent};
pub use self::start_error::StartError;
pub use self::user_agent::{UserAgent, UserAgentEvent};
