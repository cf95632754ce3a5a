//! A call that nobody answers
//! ([RFC 3261 §13.3.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1)).

use std::time::Duration;

use offhook_message::Rejection;

use super::InviteUserAgentServer;
use crate::event::{InviteEnd, InviteId};
use crate::state::State;
use crate::timers::{Timer, in_parts};

/// Begins the wait for the application. The INVITE gives it `expires` seconds, where that is less than we do.
pub(super) fn arm(state: &mut State, id: InviteId, expires: Option<u32>) {
    let longest = state.config.times.no_answer;
    let expires = expires.map(|seconds| Duration::from_secs(seconds.into()));
    match expires.filter(|after| *after < longest) {
        Some(after) => wait(state, id, after, Timer::Expires),
        None => wait(state, id, longest, Timer::NoAnswer),
    }
}

/// The application did not answer in time, or has these seconds left.
pub(crate) fn is_overdue(state: &mut State, id: InviteId, rest: u32) {
    if rest > 0 {
        return go_on(state, id, rest, Timer::NoAnswer);
    }
    let status = Rejection::TEMPORARILY_UNAVAILABLE;
    end(state, id, status, InviteEnd::NoAnswer);
}

/// The time of the INVITE's Expires is over, or there are these seconds left.
pub(crate) fn is_expired(state: &mut State, id: InviteId, rest: u32) {
    if rest > 0 {
        return go_on(state, id, rest, Timer::Expires);
    }
    end(state, id, Rejection::REQUEST_TERMINATED, InviteEnd::Expired);
}

fn go_on(state: &mut State, id: InviteId, rest: u32, timer: fn(InviteId, u32) -> Timer) {
    if state.invites.contains(id.0) {
        wait(state, id, Duration::from_secs(rest.into()), timer);
    }
}

fn wait(state: &mut State, id: InviteId, after: Duration, timer: fn(InviteId, u32) -> Timer) {
    let (after, rest) = in_parts(after);
    state.timers.arm(after, timer(id, rest));
}

/// One that the application has accepted, and whose 2xx waits, goes on.
fn end(state: &mut State, id: InviteId, status: Rejection, cause: InviteEnd) {
    let server = InviteUserAgentServer::new(state, id);
    if let Some(server) = server.filter(|server| server.held_session().is_none()) {
        server.end(status, cause, None);
    }
}
