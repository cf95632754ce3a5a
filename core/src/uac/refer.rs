//! REFER of ours ([RFC 3515 §2.4](https://www.rfc-editor.org/rfc/rfc3515#section-2.4)).

use offhook_message::{Headers, Method, NameAddr, Response};

use super::in_dialog::InDialog;
use super::{InsideError, Step, bye, inside};
use crate::client_event::{ReferEnd, ReferEvent};
use crate::dialog::Dialog;
use crate::event::{Event, SessionEnd, SessionId};
use crate::outgoing::ReferOptions;
use crate::session::{MOST_REFERS, OutgoingRefer, ReferStage};
use crate::state::State;
use crate::timers::{Deadline, Timer};
use crate::transaction::ClientUser;

/// Sends REFER. Gives its number, by which its events name it.
pub(crate) fn send(
    state: &mut State,
    id: SessionId,
    options: ReferOptions,
) -> Result<u32, InsideError> {
    let session = inside::confirmed(state, id)?;
    session.begin_request();
    let headers = options.headers(local_address(&session.dialog));
    let outgoing = &mut session.refers.get_or_insert_default().outgoing;
    if outgoing.len() >= MOST_REFERS {
        return Err(InsideError::TooManyRefers);
    }
    let name = session.dialog.local_cseq() + 1;
    outgoing.push(OutgoingRefer {
        name,
        cseq: name,
        stage: ReferStage::Sent,
        until: None,
    });
    let request = InDialog::new(Method::Refer, &headers, None);
    if request
        .send(state, id, ClientUser::Refer(id, name))
        .is_some()
    {
        return Ok(name);
    }
    state.end_refer(id, name);
    Err(InsideError::NoTarget)
}

/// What a step of a transaction means to a REFER.
pub(super) fn finish(state: &mut State, id: SessionId, name: u32, step: Step) {
    match step {
        Step::Final(_, message) if message.status().is_success() => {
            accepted(state, id, name, message);
        }
        Step::Final(_, message) => {
            let status = message.status();
            if state.end_refer(id, name) {
                tell(state, id, name, ReferEvent::Refused { message });
            }
            inside::end_if_gone(state, id, status);
        }
        Step::Failed(_) => {
            end(state, id, name, ReferEnd::Unanswered);
            bye::terminate(state, id, SessionEnd::Gone, &[]);
        }
        Step::Provisional(..) | Step::Over => {}
    }
}

/// The time of a subscription is over.
pub(crate) fn is_overdue(state: &mut State, id: SessionId, name: u32) {
    let now = state.timers.now();
    let refer = state.refer(id, name);
    let Some(until) = refer.and_then(|refer| refer.until.as_mut()) else {
        return;
    };
    if until.is_over(now) {
        end(state, id, name, ReferEnd::Expired);
    } else if let Some(after) = until.arm(now) {
        state.timers.arm(after, Timer::Refer(id, name));
    }
}

/// Sets an end to the wait for the next NOTIFY.
pub(crate) fn await_notify(
    state: &mut State,
    id: SessionId,
    name: u32,
    after: std::time::Duration,
) {
    let now = state.timers.now();
    let Some(refer) = state.refer(id, name) else {
        return;
    };
    let until = Deadline::replacing(refer.until, now + after);
    if let Some(after) = refer.until.insert(until).arm(now) {
        state.timers.arm(after, Timer::Refer(id, name));
    }
}

pub(crate) fn tell(state: &mut State, session: SessionId, cseq: u32, event: ReferEvent) {
    state.outbox.event(Event::Refer {
        session,
        cseq,
        event,
    });
}

fn end(state: &mut State, id: SessionId, name: u32, cause: ReferEnd) {
    if state.end_refer(id, name) {
        let status = None;
        tell(state, id, name, ReferEvent::Terminated { status, cause });
    }
}

/// The 2xx: the first NOTIFY has to come soon, unless it says that there will be none
/// ([RFC 6665 §4.1.2.4](https://www.rfc-editor.org/rfc/rfc6665#section-4.1.2.4), Timer N; [RFC 4488 §4](https://www.rfc-editor.org/rfc/rfc4488#section-4)).
fn accepted(state: &mut State, id: SessionId, name: u32, message: Response) {
    let Some(refer) = state.refer(id, name) else {
        return;
    };
    if refer.stage == ReferStage::Over {
        state.end_refer(id, name);
        return;
    }
    refer.stage = ReferStage::Accepted;
    let is_notified = refer.until.is_some();
    let is_subscribed = is_notified || subscribes(message.headers());
    let event = ReferEvent::Accepted {
        is_subscribed,
        message,
    };
    tell(state, id, name, event);
    if !is_subscribed {
        state.end_refer(id, name);
    } else if !is_notified {
        let after = state.config.times.transaction_life();
        await_notify(state, id, name, after);
    }
}

fn subscribes(headers: &Headers) -> bool {
    headers.refer_sub().ok().flatten().unwrap_or(true)
}

/// Our address in the dialog, as Referred-By says it.
fn local_address(dialog: &Dialog) -> String {
    let local = NameAddr::parse_list(dialog.local()).next();
    let uri = local.and_then(Result::ok).map(|local| local.uri);
    uri.map_or_else(String::new, |uri| format!("<{uri}>"))
}
