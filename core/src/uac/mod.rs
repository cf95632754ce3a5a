//! The user agent client ([RFC 3261 §8.1, §12.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-8.1)): requests of ours.

pub(crate) mod acknowledge;
mod alone;
pub(crate) mod bye;
pub(crate) mod cancel;
mod challenged;
pub(crate) mod change;
mod fork;
mod in_dialog;
pub(crate) mod inside;
pub(crate) mod invite;
pub(crate) mod keep;
pub(crate) mod notify;
pub(crate) mod prack;
pub(crate) mod publish;
mod redirect;
pub(crate) mod refer;
pub(crate) mod refresh;
pub(crate) mod register;
mod registered;
pub(crate) mod request;
pub(crate) mod subscribe;
pub(crate) mod subscription;

pub use inside::InsideError;
pub use invite::InviteUserAgentClient;
pub use publish::PublishUserAgentClient;
pub use register::RegisterUserAgentClient;
pub use subscribe::SubscribeUserAgentClient;

use offhook_message::{Headers, Response};

use crate::client_event::RequestFailure;
use crate::digest::is_challenge;
use crate::event::SessionEnd;
use crate::flow::{Channel, Flow, Opener};
use crate::session::Phase;
use crate::slot::Slot;
use crate::state::State;
use crate::timers::ClientTimer;
use crate::transaction::{ClientOutcome, ClientTransaction, ClientUser};

/// A response: to its transaction, or nowhere.
pub(crate) fn receive_response(state: &mut State, flow: Flow, response: Response) {
    let transaction = transaction_of(state, response.headers());
    let user = transaction.and_then(|slot| Some((slot, state.clients.get(slot)?.user)));
    let Some((transaction, user)) = user else {
        state.totals.dropped += 1;
        let call_id = response.headers().call_id().unwrap_or_default();
        let content = format_args!("dropped a response that belongs to no request");
        return state.log("sip.user-agent-client", call_id, content);
    };
    let asked = challenged::asked(state, transaction, &response);
    let outcome = state.client(transaction).receive(&response);
    if let Some(asked) = asked
        && challenged::send_again(state, asked, &response)
    {
        return;
    }
    if response.status().is_success() {
        challenged::take_next_nonce(state, user, response.headers());
    }
    match outcome {
        ClientOutcome::Provisional => {
            finish(state, user, Step::Provisional(flow, response));
        }
        ClientOutcome::Final => finish(state, user, Step::Final(flow, response)),
        _ => {}
    }
}

/// The transaction that a response belongs to. One with more than one Via went astray
/// ([RFC 3261 §8.1.3.3](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.3.3)).
fn transaction_of(state: &State, headers: &Headers) -> Option<Slot> {
    let branch = headers.only_via().ok()?.branch()?;
    state.clients.find(branch, &headers.cseq().ok()?.method)
}

pub(crate) fn timer(state: &mut State, transaction: Slot, timer: ClientTimer) {
    if let Some(found) = state.clients.get(transaction) {
        let user = found.user;
        match state.client(transaction).timer(timer) {
            ClientOutcome::Timeout => {
                finish(state, user, Step::Failed(RequestFailure::Timeout));
            }
            ClientOutcome::Terminated => finish(state, user, Step::Over),
            _ => {}
        }
    }
}

/// The ways to a host that was looked up.
pub(crate) fn resolved(state: &mut State, transaction: Slot, mut flows: Vec<Flow>) {
    let Some(found) = state.clients.get(transaction) else {
        return;
    };
    if flows.is_empty() {
        let gone = state.client(transaction).not_found();
        return give_up(state, gone);
    }
    let Flow {
        channel, remote, ..
    } = flows.remove(0);
    let flow = Flow {
        channel,
        remote,
        ..found.flow
    };
    state.clients.set_others(transaction, flows);
    state.client(transaction).send(flow);
}

/// A request that cannot be delivered ends as if it had timed out
/// ([RFC 3261 §8.1.3.1](https://www.rfc-editor.org/rfc/rfc3261#section-8.1.3.1)).
pub(crate) fn undeliverable(state: &mut State, transaction: Slot) {
    let gone = state.client(transaction).undelivered();
    give_up(state, gone);
}

fn give_up(state: &mut State, gone: Option<ClientTransaction>) {
    if let Some(gone) = gone {
        let step = Step::Failed(RequestFailure::Undelivered);
        finish(state, gone.user, step);
    }
}

/// A connection is gone. A WebSocket was the way to the peers of its sessions: one of ours is opened again to
/// tell them, one of theirs was the only way. A connection of ours was also the way to us of those that we
/// have registered with or subscribed to.
pub(crate) fn disconnected(state: &mut State, channel: Channel, opener: Opener) {
    if opener == Opener::Us {
        keep::disconnected(state, channel);
        subscribe::disconnected(state, channel);
    }
    for (id, transaction) in state.outgoing_invites.calling_by(channel) {
        if opener == Opener::Us {
            cancel::of_transaction(state, transaction, &[]);
        }
        state.clients.remove(transaction);
        invite::failed(state, id, RequestFailure::Undelivered);
    }
    for id in state.sessions.of_channel(channel) {
        let phase = state.sessions.get(id).map(|session| &session.phase);
        let cause = match phase {
            Some(Phase::Terminating(SessionEnd::LocalBye)) => SessionEnd::ByeUnanswered,
            Some(Phase::Terminating(cause)) => *cause,
            Some(_) if opener == Opener::Us => {
                bye::send(state, id, SessionEnd::Disconnected, Vec::new());
                continue;
            }
            _ => SessionEnd::Disconnected,
        };
        state.end_session(id, cause, None);
    }
}

/// A step of a transaction, for its user.
enum Step {
    Provisional(Flow, Response),
    /// For INVITE each 2xx.
    Final(Flow, Response),
    /// No response will come by this flow.
    Failed(RequestFailure),
    /// No further response will come.
    Over,
}

/// What a step of a transaction means to its user.
fn finish(state: &mut State, user: ClientUser, step: Step) {
    match (user, step) {
        (ClientUser::Session(id), Step::Final(..)) => {
            bye::answered(state, id, SessionEnd::LocalBye);
        }
        (ClientUser::Session(id), Step::Failed(_)) => {
            bye::answered(state, id, SessionEnd::ByeUnanswered);
        }
        (ClientUser::Inside(id), step) => inside::finish(state, id, step),
        (ClientUser::Change(id), step) => change::finish(state, id, step),
        (ClientUser::Refer(id, name), step) => refer::finish(state, id, name, step),
        (ClientUser::Referral(id, cseq), step) => notify::finish(state, id, cseq, &step),
        (ClientUser::Prack(id), Step::Final(..) | Step::Failed(_)) => {
            prack::is_answered(state, id);
            change::prack_is_answered(state, id);
        }
        (ClientUser::Acknowledged(acknowledgement), Step::Final(..)) => {
            state.client(acknowledgement).repeat();
        }
        (
            ClientUser::Invite(id),
            Step::Provisional(flow, response) | Step::Final(flow, response),
        ) => invite::receive_response(state, id, flow, response),
        (ClientUser::Invite(id), Step::Failed(cause)) => invite::failed(state, id, cause),
        (ClientUser::Invite(id), Step::Over) => invite::forget(state, id),
        (ClientUser::Request(id), Step::Provisional(_, response) | Step::Final(_, response)) => {
            request::receive_response(state, id, response);
        }
        (ClientUser::Request(id), Step::Failed(cause)) => request::failed(state, id, cause),
        (ClientUser::Kept(slot), Step::Final(flow, response)) => {
            keep::receive_response(state, slot, flow, response);
        }
        (ClientUser::Kept(slot), Step::Failed(cause)) => keep::failed(state, slot, cause),
        (ClientUser::Subscription(id, number), Step::Final(flow, response)) => {
            subscribe::receive_response(state, (id, number), flow, response);
        }
        (ClientUser::Subscription(id, number), Step::Failed(cause)) => {
            subscribe::failed(state, (id, number), cause);
        }
        _ => {}
    }
}
