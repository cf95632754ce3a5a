//! A call of ours that is not over yet.

use std::time::Instant;

use bytes::Bytes;
use offhook_message::{Body, Header, RAck, UriBuf};

use super::message::OutgoingRequestMessage;
use crate::by_channel::ByChannel;
use crate::digest::Authentication;
use crate::event::SessionId;
use crate::flow::{Channel, Flow};
use crate::id::OutgoingInviteId;
use crate::slot::{Slot, Slots};
use crate::tag::Tag;

/// An INVITE outside of a dialog, from its sending until no response to it can matter any more.
#[derive(Debug)]
pub(crate) struct OutgoingInvite {
    pub(crate) message: OutgoingRequestMessage,
    pub(crate) stage: Stage,
    pub(crate) cancel: Cancel,
    /// The attempt that is under way, or was the last.
    pub(crate) attempt: Option<Attempt>,
    /// When the stage ends by itself.
    pub(crate) until: Option<Instant>,
    /// Who has answered it.
    pub(crate) forks: Vec<Fork>,
    /// Where it went, when it was redirected.
    pub(crate) tried: Vec<UriBuf>,
}

/// One INVITE as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) flow: Flow,
    pub(crate) bytes: Bytes,
}

/// How far an INVITE of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No response is here.
    Calling,
    /// A provisional response is here.
    Proceeding,
    /// A 3xx is here, and may be followed.
    Redirected,
    /// A 2xx is here. Others may come.
    Accepted,
}

/// What became of the wish to give up.
#[derive(Debug)]
pub(crate) enum Cancel {
    /// There is none.
    No,
    /// A CANCEL with these headers waits for the first provisional response (RFC 3261 §9.1).
    Wanted(Vec<Header>),
    /// CANCEL is out, or there is nothing to send it for.
    Done,
}

/// One of those who have answered an INVITE, by To tag
/// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).
#[derive(Debug)]
pub(crate) struct Fork {
    /// Empty for a peer that sent none.
    pub(crate) to_tag: Tag,
    /// Its session, which may be over.
    pub(crate) session: SessionId,
    /// The RSeq of its last reliable provisional response.
    pub(crate) rseq: Option<u32>,
    /// What the PRACK will say that waits for our answer.
    pub(crate) prack: Option<RAck>,
    /// Whether its 2xx is here.
    pub(crate) is_accepted: bool,
    /// Whether a BYE of ours has ended its early session: a 2xx behind it comes too late.
    pub(crate) is_hung_up: bool,
    /// The ACK of its 2xx.
    pub(crate) acknowledgement: Option<Slot>,
}

impl OutgoingInvite {
    pub(crate) fn new(message: OutgoingRequestMessage) -> Self {
        Self {
            message,
            stage: Stage::Calling,
            cancel: Cancel::No,
            attempt: None,
            until: None,
            forks: Vec::new(),
            tried: Vec::new(),
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        !matches!(self.cancel, Cancel::No)
    }

    /// The credentials of the INVITE that was sent last.
    pub(crate) fn authorization(&self) -> Vec<Header> {
        // Where nobody has asked there are none to look for.
        let is_authorized = self.message.authentication.is_used();
        let attempt = self.attempt.as_ref().filter(|_| is_authorized);
        attempt.map_or_else(Vec::new, |attempt| {
            Authentication::of_request(&attempt.bytes)
        })
    }

    pub(crate) fn fork(&mut self, to_tag: &[u8]) -> Option<&mut Fork> {
        let mut forks = self.forks.iter_mut();
        forks.find(|fork| fork.to_tag.as_bytes() == to_tag)
    }

    pub(crate) fn fork_of(&mut self, session: SessionId) -> Option<&mut Fork> {
        self.forks.iter_mut().find(|fork| fork.session == session)
    }
}

/// All calls of ours.
#[derive(Debug, Default)]
pub(crate) struct OutgoingInvites {
    slots: Slots<OutgoingInvite>,
    /// Those whose last attempt went by a WebSocket, and ends with it.
    by_channel: ByChannel,
    accepted: usize,
}

impl OutgoingInvites {
    /// How many have no final response.
    pub(crate) fn unanswered(&self) -> usize {
        self.slots.len() - self.accepted
    }

    pub(crate) fn insert(&mut self, invite: OutgoingInvite) -> OutgoingInviteId {
        OutgoingInviteId(self.slots.insert(invite))
    }

    pub(crate) fn get(&self, id: OutgoingInviteId) -> Option<&OutgoingInvite> {
        self.slots.get(id.0)
    }

    pub(crate) fn get_mut(&mut self, id: OutgoingInviteId) -> Option<&mut OutgoingInvite> {
        self.slots.get_mut(id.0)
    }

    /// An attempt is on its way.
    pub(crate) fn attempt(&mut self, id: OutgoingInviteId, attempt: Attempt) {
        let Some(invite) = self.slots.get_mut(id.0) else {
            return;
        };
        invite.stage = Stage::Calling;
        invite.until = None;
        let flow = attempt.flow;
        if let Some(before) = invite.attempt.replace(attempt) {
            self.by_channel.unbind(id.0, before.flow);
        }
        self.by_channel.bind(id.0, flow);
    }

    /// Those that were sent by this WebSocket and have no final response, with their transactions.
    pub(crate) fn calling_by(&self, channel: Channel) -> Vec<(OutgoingInviteId, Slot)> {
        let bound = self.by_channel.of(channel).into_iter();
        let calling = bound.filter_map(|slot| {
            let invite = self.slots.get(slot)?;
            let waits = matches!(invite.stage, Stage::Calling | Stage::Proceeding);
            waits.then_some((OutgoingInviteId(slot), invite.message.transaction?))
        });
        calling.collect()
    }

    /// A 2xx is here. What is only needed to try again is dropped; the first time gives the body.
    pub(crate) fn accept(&mut self, id: OutgoingInviteId) -> Option<Body> {
        let invite = self.slots.get_mut(id.0)?;
        if invite.stage == Stage::Accepted {
            return None;
        }
        invite.stage = Stage::Accepted;
        self.accepted += 1;
        invite.message.request.body.take()
    }

    pub(crate) fn remove(&mut self, id: OutgoingInviteId) -> Option<OutgoingInvite> {
        let invite = self.slots.remove(id.0)?;
        if let Some(attempt) = &invite.attempt {
            self.by_channel.unbind(id.0, attempt.flow);
        }
        if invite.stage == Stage::Accepted {
            self.accepted -= 1;
        }
        Some(invite)
    }
}
