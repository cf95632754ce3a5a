//! A test kit for the core: virtual time, a network that loses, doubles and reorders, a user agent
//! under test, and peers that know nothing of its insides.
//!
//! A scenario reads like a figure of [RFC 3665](https://www.rfc-editor.org/rfc/rfc3665): the peers to the left, the server to
//! the right, the time in seconds. A line with `*` is what the server's application is told.
//!
//! ```
//! use offhook_sim::{Plan, Policy, Simulation, seconds};
//!
//! let mut call = Simulation::new(Policy::new().ring().wait(seconds(3)).answer());
//! call.call(Plan::new().hang_up_after(seconds(5)));
//! call.expect(
//!     "
//!     0.0   INVITE        ------->
//!     0.0                 * Invite
//!     0.0   <------- 180 Ringing
//!     3.0   <------------ 200 OK
//!     3.0   ACK           ------->
//!     3.0                 * Confirmed
//!     8.0   BYE           ------->
//!     8.0   <------------ 200 OK
//!     8.0                 * Ended RemoteBye
//!     ",
//! );
//! call.finish();
//! ```
//!
//! A figure says everything that happens: [`Simulation::expect`] fails on a packet or an event that
//! is not in it. [`Simulation::finish`] lets every timer run out and then looks for what no scenario
//! may leave behind: a table that is not empty, a response behind a final one of another kind, an
//! answer to a response.
//!
//! Nothing sleeps and nothing is random but by a seed: the same scenario gives the same octets.

#![forbid(unsafe_code)]

mod caller;
mod check;
mod clock;
mod draft;
mod faults;
mod figure;
mod network;
mod packet;
mod policy;
mod server;
mod simulation;
mod trace;

pub use caller::{Acknowledge, CallState, Plan};
pub use clock::{milliseconds, seconds};
pub use draft::{ANSWER, Draft, OFFER, PEER};
pub use faults::{Fault, Faults, RandomFaults, every_schedule};
pub use network::SERVER;
pub use packet::{Direction, Packet};
pub use policy::Policy;
pub use simulation::{Simulation, Verdict};
pub use trace::Trace;
