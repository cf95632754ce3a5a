//! The matrix: every call flow, from every caller, on every transport, under every schedule of a few
//! faults.
//!
//! A *case* is a [`CallFlow`] with a [`Peer`] for its caller, on a transport. A *schedule* says which
//! messages of a run suffer which [`Fault`](crate::Fault), repetitions included. A *run* is one call under one
//! schedule, until nobody waits for anything; it is made twice, and both must be the same octet for
//! octet. Then it is looked at from outside, from the end of the server and, where the caller is a
//! core, from that end too:
//!
//! | rule | where |
//! |---|---|
//! | both ends tell the same: established and later ended, or failed; both hold the same descriptions | `agreement.rs` |
//! | each message is sent again at the times of the RFC, and at no others | `repetition.rs` |
//! | every request but ACK is answered; BYE, 504 and the application's word come when the wait for ACK or PRACK is over; 482, the order of `RSeq`, the held 2xx, offer and answer | `rules.rs` |
//! | `CSeq` rises; one change at a time, and 491 to another; the next attempt is in time; each final response to INVITE gets an ACK; nothing follows a BYE | `dialog.rs` |
//! | a session with a timer is refreshed in time, or ends | `refresh.rs` |
//! | each REFER has an end | checked after every scenario |
//! | no response follows a final one; one To tag; an ACK and a response get no answer | checked after every scenario |
//! | every table and every timer is gone at the end | checked after every scenario |
//!
//! The rules work from the trace alone: `timeline.rs` reads it, and shares no code with the core.
//! What a rule is worth is shown by the mutants in `sim/tests/mutants`.

mod agreement;
mod case;
mod dialog;
mod flow;
mod refresh;
mod repetition;
mod rules;
mod schedule;
mod survey;
mod table;
mod timeline;

pub use case::{Case, Run};
pub use flow::{CallFlow, Peer};
pub use schedule::Schedule;
pub use survey::{Progress, Survey};
pub use table::{Failure, Table};
