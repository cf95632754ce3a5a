//! Reliable provisional responses and PRACK
//! ([RFC 3262](https://www.rfc-editor.org/rfc/rfc3262)).

use offhook_message::{Body, HeaderName, Provisional, Rejection, StatusCode};

use super::reply::Reply;
use super::response_options::{OutgoingResponseWithSession, ResponseOptions};
use super::{InviteUserAgentServer, VerbError, offer, to_tag_of, write};
use crate::capabilities::RELIABLE;
use crate::config::Reliability;
use crate::dialog::OfferAnswer;
use crate::event::{Event, InviteEnd, InviteId, SessionId};
use crate::incoming::Incoming;
use crate::session::{Change, InviteSession, PeerReliability, Reliable, ReliableProvisional};
use crate::state::State;
use crate::timers::Timer;

impl InviteUserAgentServer<'_> {
    /// Whether a provisional response is to be reliable. The first that is has our offer, where the
    /// INVITE made none
    /// ([RFC 3261 §13.2.1](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.1), [RFC 3262 §5](https://www.rfc-editor.org/rfc/rfc3262#section-5)).
    pub(super) fn is_reliable(
        &self,
        options: &ResponseOptions<Provisional>,
        description: Option<&Body>,
    ) -> Result<bool, VerbError> {
        let lacks_offer = description.is_none() && self.offer_answer() == OfferAnswer::Initial;
        match (
            self.state.config.reliability,
            self.invite().peer_reliability,
        ) {
            (Reliability::Off, _) | (_, PeerReliability::Unsupported) => Ok(false),
            (Reliability::Required, _) | (_, PeerReliability::Required) if lacks_offer => {
                Err(VerbError::NoBody)
            }
            (Reliability::Required, _) | (_, PeerReliability::Required) => Ok(true),
            (Reliability::Supported, PeerReliability::Supported) => {
                Ok(options.is_reliable && !lacks_offer)
            }
        }
    }

    /// Sends a provisional response with RSeq, or lets it wait for the PRACK of the one before.
    pub(super) fn progress_reliably(
        &mut self,
        options: &ResponseOptions<Provisional>,
        description: Option<&Body>,
    ) -> Result<OutgoingResponseWithSession, VerbError> {
        let session = self.invite().session;
        let reliable = session.and_then(|id| self.state.sessions.get(id)?.reliable.as_ref());
        if reliable.is_some_and(|reliable| reliable.is_full()) {
            return Err(VerbError::TooManyWaiting);
        }
        self.take_tag(options.to_tag.as_ref());
        let session = self.early_session();
        let rseq = self.next_rseq(session);
        let (state, body) = (&*self.state, options.body.as_ref());
        let message = write::dialog_response(state, self.invite(), options, body, Some(rseq));
        if let Some(description) = description {
            self.invite_mut().description = Some(description.clone());
        }
        let provisional = ReliableProvisional {
            rseq,
            status: options.status.into(),
            bytes: message.clone(),
            interval: self.state.config.times.t1,
            is_description: description.is_some(),
        };
        let mut is_next = false;
        if let Some(session) = self.state.sessions.get_mut(session) {
            if description.is_some() {
                session.offer_answer = session.offer_answer.sent();
            }
            let reliable = session.reliable.as_mut();
            is_next = reliable.is_some_and(|reliable| reliable.push(provisional));
        }
        if is_next {
            // The minute of an unreliable response before it is not for this one.
            self.invite_mut().repeats_at = None;
            self.send(options.status.into(), message.clone());
            await_prack(self.state, session, rseq);
        }
        Ok(OutgoingResponseWithSession { message, session })
    }

    /// The RSeq of the next response; the first is random, so that no old PRACK fits.
    fn next_rseq(&mut self, session: SessionId) -> u32 {
        let cseq = self.invite().incoming.cseq();
        let first = self.state.random.below(MOST_FIRST_RSEQ) + 1;
        let first = u32::try_from(first).unwrap_or(1);
        let Some(session) = self.state.sessions.get_mut(session) else {
            return first;
        };
        let reliable = session
            .reliable
            .get_or_insert_with(|| Box::new(Reliable::new(cseq, first)));
        reliable.next_rseq()
    }
}

/// Whether a 2xx must wait for a PRACK, or for the answer to an offer in the early session.
pub(super) fn holds_success(state: &State, session: SessionId) -> bool {
    state.sessions.get(session).is_some_and(|session| {
        let reliable = session.reliable.as_ref();
        session.offer.is_some() || reliable.is_some_and(|reliable| reliable.holds_success())
    })
}

/// 421: provisional responses are reliable here, and the caller does not know how.
pub(super) fn extension_required() -> Reply {
    Reply::new(StatusCode::EXTENSION_REQUIRED).with_header(HeaderName::Require, RELIABLE)
}

/// Serves a PRACK: 200 where it acknowledges what is out, else 481. Its session description is an
/// answer to our offer, or an offer that the application answers
/// ([RFC 3262 §5](https://www.rfc-editor.org/rfc/rfc3262#section-5)). It is not to be refused (§3): an offer that meets that of our UPDATE waits for the
/// outcome of that.
pub(super) fn receive(state: &mut State, id: SessionId, incoming: Incoming) {
    let tag = to_tag_of(&incoming);
    let reply = match check(state, id, &incoming) {
        Err(reply) => reply,
        Ok(Described::Offer) => {
            acknowledge(state, id);
            return offer::receive(state, id, incoming);
        }
        Ok(_) => Reply::new(StatusCode::OK),
    };
    let is_taken = reply.is_success();
    reply.statefully(state, &incoming, tag);
    if is_taken {
        acknowledge(state, id);
        state.outbox.event(Event::Prack {
            session: id,
            message: incoming.request,
        });
        release_success(state, id);
    }
}

/// Sends a reliable provisional response again.
pub(crate) fn repeat(state: &mut State, id: SessionId, rseq: u32) {
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    let Some(invite) = session.early_invite() else {
        return;
    };
    let reliable = session.reliable.as_mut();
    let Some(provisional) = reliable.and_then(|reliable| reliable.unacknowledged(rseq)) else {
        return;
    };
    provisional.interval *= 2;
    let (after, bytes) = (provisional.interval, provisional.bytes.clone());
    let invite = state.invites.get(invite.0);
    if let Some(transaction) = invite.map(|invite| invite.transaction) {
        state.server(transaction).send_again(bytes);
        state.timers.arm(after, Timer::Reliable(id, rseq));
    }
}

/// No PRACK came in 64·T1: the INVITE gets 504
/// ([RFC 3262 §3](https://www.rfc-editor.org/rfc/rfc3262#section-3)).
pub(crate) fn not_acknowledged(state: &mut State, id: SessionId, rseq: u32) {
    let Some(invite) = unacknowledged(state, id, rseq) else {
        return;
    };
    if let Some(server) = InviteUserAgentServer::new(state, invite) {
        server.end(Rejection::SERVER_TIMEOUT, InviteEnd::NoPrack, None);
    }
}

/// The call whose provisional response waits for its PRACK.
fn unacknowledged(state: &mut State, id: SessionId, rseq: u32) -> Option<InviteId> {
    let session = state.sessions.get_mut(id)?;
    session.reliable.as_mut()?.unacknowledged(rseq)?;
    session.early_invite()
}

/// What the session description of a PRACK is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Described {
    Nothing,
    Answer,
    Offer,
}

fn check(state: &mut State, id: SessionId, incoming: &Incoming) -> Result<Described, Reply> {
    let rack = incoming.request.headers().rack()?;
    let session = state
        .sessions
        .get_mut(id)
        .ok_or_else(super::does_not_exist)?;
    let reliable = session.reliable.as_ref();
    let Some(reliable) = reliable.filter(|reliable| reliable.matches(&rack)) else {
        return Err(super::does_not_exist());
    };
    let is_described = incoming.request.session_description().is_some();
    // Behind an offer of ours in an UPDATE it waits. One of our 2xx is answered in the ACK, and may be void.
    let change = session.change.as_deref();
    let is_behind_ours =
        change.is_some_and(Change::has_opened_an_offer) && reliable.offer.is_none();
    match (session.offer_answer, is_described) {
        // Else our offer is that of an UPDATE.
        (OfferAnswer::HaveLocalOffer, is_answer) if reliable.is_description() => {
            if !is_answer {
                return Err(Reply::bad_request(
                    "The answer to the offer of the provisional response is missing",
                ));
            }
            session.offer_answer = session.offer_answer.received();
            Ok(Described::Answer)
        }
        (_, true) if session.offer.is_some() => Err(open_already()),
        (OfferAnswer::Stable, true) => Ok(Described::Offer),
        (OfferAnswer::HaveLocalOffer, true) if is_behind_ours => Ok(Described::Offer),
        (_, true) => Err(open_already()),
        (_, false) => Ok(Described::Nothing),
    }
}

fn open_already() -> Reply {
    Reply::bad_request("An offer is open already")
}

/// The response that is out is acknowledged: the next one may go.
fn acknowledge(state: &mut State, id: SessionId) {
    let Some(session) = state.sessions.get_mut(id) else {
        return;
    };
    let next = session.reliable.as_mut().and_then(|reliable| {
        let next = reliable.acknowledge()?;
        Some((next.rseq, next.status, next.bytes.clone()))
    });
    if let Some((invite, (rseq, status, bytes))) = session.early_invite().zip(next)
        && let Some(mut server) = InviteUserAgentServer::new(state, invite)
    {
        server.invite_mut().repeats_at = None;
        server.send(status, bytes);
        await_prack(state, id, rseq);
    }
}

/// Sends the 2xx that waited, where nothing holds it any more.
pub(super) fn release_success(state: &mut State, id: SessionId) {
    if holds_success(state, id) {
        return;
    }
    let session = state.sessions.get(id);
    let Some(invite) = session.and_then(InviteSession::early_invite) else {
        return;
    };
    if let Some(mut server) = InviteUserAgentServer::new(state, invite)
        && let Some(held) = server.invite_mut().held.take()
    {
        let (status, message) = *held;
        server.succeed(id, status, message);
        state.outbox.event(Event::Accepted { session: id });
    }
}

fn await_prack(state: &mut State, session: SessionId, rseq: u32) {
    let times = state.config.times;
    state.timers.arm(times.t1, Timer::Reliable(session, rseq));
    state
        .timers
        .arm(times.transaction_life(), Timer::Prack(session, rseq));
}

/// RSeq has 32 bits and begins in the lower half (RFC 3262 §3).
const MOST_FIRST_RSEQ: u64 = (1 << 31) - 1;
