//! The core as a client, in virtual time, against a peer whose every message the test writes.

mod at_random;
mod authenticating;
mod cancelling;
mod challenged;
mod changing;
mod ending;
mod failing_over;
mod forking;
mod inside;
mod inviting;
mod misbehaving;
mod redirecting;
mod referring;
mod registering;
mod reliable;
mod requesting;
mod restoring;
mod support;
mod two_cores;
