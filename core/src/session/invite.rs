//! A call that is not answered yet.

use std::time::Instant;

use bytes::Bytes;
use offhook_message::{Body, Headers, Replaces, StatusCode};

use crate::by_channel::ByChannel;
use crate::dialog::OfferAnswer;
use crate::event::SessionId;
use crate::flow::Channel;
use crate::incoming::Incoming;
use crate::session::Agreement;
use crate::slot::{Slot, Slots};
use crate::tag::Tag;

/// An INVITE outside of a dialog, from its arrival to our final response.
#[derive(Debug)]
pub(crate) struct Invite {
    pub(crate) incoming: Incoming,
    /// Its server transaction.
    pub(crate) transaction: Slot,
    /// The To tag of every response above 100.
    pub(crate) to_tag: Tag,
    /// The early session, once a response above 100 has made one.
    pub(crate) session: Option<SessionId>,
    /// Who offered, as long as there is no session to know it.
    pub(crate) offer_answer: OfferAnswer,
    /// Our session description, once a response showed it. What a provisional response showed is the
    /// answer of the 2xx too (RFC 3261 §13.2.1).
    pub(crate) description: Option<Body>,
    /// What the caller says of reliable provisional responses.
    pub(crate) peer_reliability: PeerReliability,
    /// When the last provisional response is to be repeated.
    pub(crate) repeats_at: Option<Instant>,
    /// A 2xx that waits for a PRACK.
    pub(crate) held: Option<Box<(StatusCode, Bytes)>>,
    /// What the 2xx says of the session timer.
    pub(crate) agreement: Option<Agreement>,
    /// Whether any response is out, so that no 100 is needed.
    pub(crate) is_answered: bool,
    /// Whether one above 100 is out, by which the caller knows the dialog.
    pub(crate) has_progressed: bool,
    /// The dialog that it wants to take the place of.
    pub(crate) replaces: Option<Box<Replaces>>,
}

/// All calls that are not answered yet.
#[derive(Debug, Default)]
pub(crate) struct Invites {
    slots: Slots<Invite>,
    /// Those that came by a WebSocket, and end with it.
    by_channel: ByChannel,
}

impl Invites {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn insert(&mut self, invite: Invite) -> Slot {
        let flow = invite.incoming.flow;
        let slot = self.slots.insert(invite);
        self.by_channel.bind(slot, flow);
        slot
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Invite> {
        self.slots.get(slot)
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Invite> {
        self.slots.get_mut(slot)
    }

    pub(crate) fn contains(&self, slot: Slot) -> bool {
        self.slots.contains(slot)
    }

    /// Those that came by this WebSocket.
    pub(crate) fn of_channel(&self, channel: Channel) -> Vec<Slot> {
        self.by_channel.of(channel)
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Invite> {
        let invite = self.slots.remove(slot)?;
        self.by_channel.unbind(slot, invite.incoming.flow);
        Some(invite)
    }
}

/// What a caller says of reliable provisional responses
/// ([RFC 3262 §3](https://www.rfc-editor.org/rfc/rfc3262#section-3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerReliability {
    /// It does not know them.
    Unsupported,
    /// It takes them.
    Supported,
    /// It takes no others.
    Required,
}

impl PeerReliability {
    /// Require wins over Supported.
    pub(crate) fn of(headers: &Headers) -> Self {
        let names = |tag: &[u8]| tag.eq_ignore_ascii_case(b"100rel");
        if headers.require().filter_map(Result::ok).any(names) {
            return Self::Required;
        }
        if headers.supported().filter_map(Result::ok).any(names) {
            return Self::Supported;
        }
        Self::Unsupported
    }
}
