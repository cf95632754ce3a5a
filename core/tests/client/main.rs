//! The core as a client, in virtual time, against a peer whose every message the test writes.

mod at_random;
mod authenticating;
mod cancelling;
mod challenged;
mod changing;
mod disconnecting;
mod ending;
mod failing_over;
mod forking;
mod inside;
mod inviting;
mod large_requests;
mod misbehaving;
mod overlapping;
mod publishing;
mod reaching;
mod redirecting;
mod referring;
mod refreshing;
mod registering;
mod reliable;
mod requesting;
mod restoring;
mod subscribing;
mod support;
mod two_cores;
