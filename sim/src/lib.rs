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
//! # How to read the matrix
//!
//! `cargo run --release -p offhook-sim --example matrix` puts every [call flow](matrix::CallFlow) on datagrams and on
//! a stream, with a script for a caller and with a core, under every schedule of up to four faults
//! and under schedules drawn by chance, and prints what came of it:
//!
//! ```text
//! call flow     by      over     0 faults     1 fault    2 faults   10 % loss   30 % loss  violations
//! ring          script  UDP             1          18         207        2381        2381           0
//! ring          core    UDP             1          18         207        2381        2381           0
//! ring          script  TCP             1          12         188        2381        2381           0
//! ```
//!
//! A cell is a number of runs; `207 !3` says that three of them violate a rule. A datagram may be
//! lost, doubled, or overtaken by the next. On a stream nothing of the kind happens, so a message
//! may stall there with all that follow it: for 1.2 s, which sets off repetitions, or for 40 s,
//! which lets every transaction give up. The columns count faults, not messages: the second fault
//! strikes at any message that is sent behind the first one, repetitions that it caused included.
//! Up to four faults, frozen streams aside, a call must end as its flow says; by chance, it must at
//! least end in the same way for both.
//!
//! For a violation the example leaves out what is not needed for it, draws the ladder, and prints
//! the command that draws it again:
//!
//! ```text
//! cargo run --release -p offhook-sim --example matrix -- --flow ring --caller core --transport udp --replay 1x,4~
//! ```
//!
//! Message 1 is lost and message 4 overtaken; see [`Schedule`](matrix::Schedule). The rules are listed in
//! [`matrix`].
//!
//! Nothing sleeps and nothing is random but by a seed: the same scenario gives the same octets.

#![forbid(unsafe_code)]
#![allow(clippy::missing_panics_doc, reason = "a panic is how a scenario fails")]

mod agent;
mod application;
mod caller;
mod check;
mod clock;
mod descriptions;
mod draft;
mod faults;
mod figure;
pub mod matrix;
mod mutant;
mod network;
mod packet;
mod policy;
mod simulation;
mod trace;

pub use caller::{Acknowledge, CallState, Plan};
pub use check::response_violations;
pub use clock::{milliseconds, seconds};
pub use draft::{ANSWER, Draft, OFFER, PEER};
pub use faults::{Fault, Faults, RandomFaults, every_schedule};
pub use mutant::{Mutant, Passing};
pub use network::SERVER;
pub use packet::{Direction, End, Packet};
pub use policy::{Policy, Verb};
pub use simulation::Simulation;
pub use trace::Trace;
