//! Sessions: what an INVITE makes of a dialog ([RFC 3261 §13](https://www.rfc-editor.org/rfc/rfc3261#section-13)).

mod accepted;
mod change;
mod invite;
mod offer;
mod refer;
mod reliable;
mod request;
mod timer;

pub(crate) use accepted::Accepted;
pub(crate) use change::{Change, ChangeStage, Purpose, Role};
pub(crate) use invite::{Invite, Invites, PeerReliability};
pub(crate) use offer::PendingOffer;
pub(crate) use refer::{MOST_REFERS, OutgoingRefer, ReferStage, Referral, Refers};
pub(crate) use reliable::{Reliable, ReliableProvisional};
pub(crate) use request::PendingRequest;
pub(crate) use timer::{Agreement, Party, RefreshByInvite, SessionTimer};

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use offhook_message::{Body, Header};

use crate::by_channel::ByChannel;
use crate::dialog::{Dialog, OfferAnswer};
use crate::digest::Authentication;
use crate::event::{InviteId, SessionEnd, SessionId};
use crate::fingerprint::{ByFingerprint, Fingerprint};
use crate::flow::{Channel, Flow};
use crate::id::OutgoingInviteId;
use crate::incoming::Incoming;
use crate::share::Share;
use crate::slot::{Slot, Slots};

/// A dialog with the session in it.
#[derive(Debug)]
pub(crate) struct InviteSession {
    pub(crate) dialog: Dialog,
    /// The way the INVITE came or went.
    pub(crate) flow: Flow,
    pub(crate) role: Role,
    pub(crate) phase: Phase,
    /// The 2xx that wait for their ACK: a re-INVITE may come before the ACK of the INVITE.
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) offer_answer: OfferAnswer,
    /// An offer of the peer's that the application has not answered.
    pub(crate) offer: Option<Slot>,
    pub(crate) timer: Option<SessionTimer>,
    /// Where we refresh the session and the peer takes no UPDATE, or may be one that takes none. In an
    /// early session, our description where one has followed what the INVITE and its responses say.
    pub(crate) refresh_by_invite: Option<Box<RefreshByInvite>>,
    /// A change of ours that the peer has not answered.
    pub(crate) change: Option<Box<Change>>,
    /// How many PRACKs of ours have no response. The 2xx to the INVITE answers none of them.
    pub(crate) unanswered_pracks: u16,
    /// The provisional responses that are acknowledged, where there were any.
    pub(crate) reliable: Option<Box<Reliable>>,
    /// Our credentials, where the INVITE needed any.
    pub(crate) authentication: Option<Box<Authentication>>,
    /// The subscriptions of REFER, where there were any.
    pub(crate) refers: Option<Box<Refers>>,
}

/// How far a session is.
#[derive(Debug)]
pub(crate) enum Phase {
    /// A provisional response made the dialog.
    Early(InviteId),
    /// Our 2xx is out.
    AckWait {
        /// The number of the INVITE.
        cseq: u32,
        /// Why the session is to end, and the headers of the BYE, which must wait for the ACK
        /// (RFC 3261 §15).
        bye: Option<Box<(SessionEnd, Vec<Header>)>>,
    },
    Confirmed,
    /// A provisional response to an INVITE of ours made the dialog.
    Inviting(OutgoingInviteId),
    /// Their 2xx made an offer; our ACK waits for the answer.
    Answering(OutgoingInviteId),
    /// Our BYE is out.
    Terminating(SessionEnd),
    /// There is no session any more, or never was: only subscriptions of REFER, and a 2xx that may not have arrived.
    Over,
}

/// How far a session is, for the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Ringing: a provisional response made the dialog.
    Early,
    /// Our 2xx is out, its ACK is not here.
    AckWait,
    /// Their 2xx made an offer; our ACK waits for the answer.
    Answering,
    /// The ACK is here, or sent.
    Confirmed,
    /// Our BYE is out.
    Terminating,
}

impl InviteSession {
    /// A session of which nothing is open but its description.
    pub(crate) fn new(
        dialog: Dialog,
        flow: Flow,
        role: Role,
        phase: Phase,
        offer_answer: OfferAnswer,
    ) -> Self {
        Self {
            dialog,
            flow,
            role,
            phase,
            accepted: Vec::new(),
            offer_answer,
            offer: None,
            timer: None,
            refresh_by_invite: None,
            change: None,
            unanswered_pracks: 0,
            reliable: None,
            authentication: None,
            refers: None,
        }
    }

    /// The call that is not answered yet.
    pub(crate) fn early_invite(&self) -> Option<InviteId> {
        match self.phase {
            Phase::Early(invite) => Some(invite),
            _ => None,
        }
    }

    /// The call of ours that is not answered yet, or whose ACK is not sent yet.
    pub(crate) fn outgoing_invite(&self) -> Option<OutgoingInviteId> {
        match self.phase {
            Phase::Inviting(invite) | Phase::Answering(invite) => Some(invite),
            _ => None,
        }
    }

    /// A new request of ours: it may be challenged again.
    pub(crate) fn begin_request(&mut self) {
        if let Some(authentication) = &mut self.authentication {
            authentication.begin();
        }
    }

    /// Whether the INVITE has no final response. What is agreed on by then may be other than it and its 2xx say.
    pub(crate) fn is_early(&self) -> bool {
        matches!(self.phase, Phase::Early(_) | Phase::Inviting(_))
    }

    /// A session description of ours is agreed on.
    pub(crate) fn describe(&mut self, description: &Body) {
        if self.is_early() {
            self.refresh_by_invite.get_or_insert_default();
        }
        if let Some(refresh) = &mut self.refresh_by_invite {
            refresh.description = Some(description.clone());
        }
    }

    /// Whether a reliable provisional response of this RSeq is repeated until its PRACK.
    pub(crate) fn awaits_prack(&self, rseq: u32) -> bool {
        let reliable = self.reliable.as_ref();
        let awaits = reliable.is_some_and(|reliable| reliable.awaits_prack(rseq));
        awaits && self.early_invite().is_some()
    }

    /// Whether what the INVITE and its responses say of the session is not settled yet. Once it is, an offer that is open
    /// is that of a request in the early dialog.
    pub(crate) fn is_of_invite(&self) -> bool {
        let change = self.change.as_deref();
        let is_ours = change.is_some_and(Change::has_opened_an_offer);
        self.offer.is_none() && !is_ours && self.offer_answer != OfferAnswer::Stable
    }

    /// Whether no offer is open, the peer's or ours, so that another may be made (RFC 3264 §4).
    pub(crate) fn is_settled(&self) -> bool {
        self.offer.is_none() && self.offer_answer == OfferAnswer::Stable
    }

    /// Takes the offers out that the application has not answered: one that it knows, and that of a PRACK behind ours.
    pub(crate) fn take_offers(&mut self) -> [Option<Slot>; 2] {
        let reliable = self.reliable.as_mut();
        [
            self.offer.take(),
            reliable.and_then(|reliable| reliable.offer.take()),
        ]
    }

    /// The 2xx to the INVITE of this number, while it waits for its ACK.
    pub(crate) fn accepted(&mut self, cseq: u32) -> Option<&mut Accepted> {
        let mut accepted = self.accepted.iter_mut();
        accepted.find(|accepted| accepted.cseq == cseq)
    }

    /// Takes the 2xx to the INVITE of this number out: its ACK is here.
    pub(crate) fn take_accepted(&mut self, cseq: u32) -> Option<Accepted> {
        let place = self
            .accepted
            .iter()
            .position(|accepted| accepted.cseq == cseq)?;
        let accepted = self.accepted.swap_remove(place);
        if self.accepted.is_empty() {
            self.accepted = Vec::new(); // A call that is held for hours keeps no memory for it.
        }
        Some(accepted)
    }

    pub(crate) fn awaits_ack(&self, cseq: u32) -> bool {
        self.accepted.iter().any(|accepted| accepted.cseq == cseq)
    }

    /// Whether a REFER of ours has a subscription.
    pub(crate) fn awaits_notify(&self, name: u32) -> bool {
        let refers = self.refers.as_ref();
        refers.is_some_and(|refers| refers.outgoing.iter().any(|refer| refer.name == name))
    }

    /// Whether a REFER of the peer's has a subscription.
    pub(crate) fn is_referred(&self, cseq: u32) -> bool {
        let refers = self.refers.as_ref();
        refers.is_some_and(|refers| refers.referrals.iter().any(|it| it.cseq == cseq))
    }

    /// Whether anything goes on after this end: a 2xx, or after a BYE subscriptions of REFER.
    fn outlives(&self, cause: SessionEnd) -> bool {
        let is_by_bye = matches!(cause, SessionEnd::LocalBye | SessionEnd::RemoteBye);
        !self.accepted.is_empty() || (is_by_bye && self.has_subscriptions())
    }

    fn has_subscriptions(&self) -> bool {
        let refers = self.refers.as_ref();
        refers.is_some_and(|refers| !refers.is_empty())
    }

    pub(crate) fn state(&self) -> SessionState {
        match self.phase {
            Phase::Early(_) | Phase::Inviting(_) => SessionState::Early,
            Phase::Answering(_) => SessionState::Answering,
            Phase::AckWait { .. } => SessionState::AckWait,
            Phase::Confirmed => SessionState::Confirmed,
            Phase::Terminating(_) | Phase::Over => SessionState::Terminating,
        }
    }
}

/// All sessions, found by dialog.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    slots: Slots<InviteSession>,
    by_dialog: ByFingerprint<SessionId>,
    /// The dialogs of the last sessions that ended, for those that want to replace them.
    ended: VecDeque<Fingerprint>,
    /// Those that came by a WebSocket, and end with it.
    by_channel: ByChannel,
    /// What the peers of some have asked for while there was little room.
    shares: BTreeMap<Slot, Share>,
    /// Those that are over, and of which nothing goes on but a 2xx.
    unacknowledged: BTreeSet<Slot>,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self {
            ended: VecDeque::with_capacity(REMEMBERED),
            ..Self::default()
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// How many are over, and of which nothing goes on but a 2xx.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.unacknowledged.len()
    }

    pub(crate) fn insert(&mut self, session: InviteSession) -> SessionId {
        let (dialog, flow) = (session.dialog.id, session.flow);
        let id = SessionId(self.slots.insert(session));
        self.by_channel.bind(id.0, flow);
        self.by_dialog.insert(dialog, id);
        id
    }

    /// The peer's request to change or confirm the session is accepted: it says where the peer is now
    /// ([RFC 3261 §12.2](https://www.rfc-editor.org/rfc/rfc3261#section-12.2)). On a stream that is the connection it came by,
    /// with which the session ends from now on where that is a WebSocket.
    pub(crate) fn refresh_target(&mut self, id: SessionId, incoming: &Incoming) {
        let Some(session) = self.slots.get_mut(id.0) else {
            return;
        };
        session.dialog.refresh_target(incoming.request.headers());
        if incoming.flow.transport.is_reliable() && incoming.flow != session.flow {
            let before = std::mem::replace(&mut session.flow, incoming.flow);
            self.by_channel.unbind(id.0, before);
            self.by_channel.bind(id.0, incoming.flow);
        }
    }

    pub(crate) fn find(&self, dialog: Fingerprint) -> Option<SessionId> {
        self.by_dialog.get(&dialog).copied()
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<&InviteSession> {
        self.slots.get(id.0)
    }

    pub(crate) fn get_mut(&mut self, id: SessionId) -> Option<&mut InviteSession> {
        self.slots.get_mut(id.0)
    }

    /// Ends a session, and its dialog with it unless a subscription or a 2xx goes on. Gives the
    /// subscriptions of ours that end too; `None` where there is no session.
    pub(crate) fn end(&mut self, id: SessionId, cause: SessionEnd) -> Option<Vec<OutgoingRefer>> {
        let session = self.slots.get_mut(id.0)?;
        if matches!(session.phase, Phase::Over) {
            return None;
        }
        // Who hangs up in the early dialog may not have the 2xx, and nothing else answers the INVITE.
        let is_theirs = cause == SessionEnd::RemoteBye;
        let accepted = &mut session.accepted;
        accepted.retain(|accepted| is_theirs && !accepted.is_proven_by_bye);
        if session.outlives(cause) {
            session.phase = Phase::Over;
            session.timer = None;
            session.refresh_by_invite = None;
            session.change = None;
            let dialog = session.dialog.id;
            self.remember(dialog);
            self.remove_unused(id);
            return Some(Vec::new());
        }
        let session = self.remove(id)?;
        self.remember(session.dialog.id);
        let refers = session.refers;
        Some(refers.map_or_else(Vec::new, |refers| refers.outgoing))
    }

    /// What the peer of a session has asked for lately.
    pub(crate) fn share(&mut self, id: SessionId, now: Instant) -> Option<&mut Share> {
        let is_there = self.slots.contains(id.0);
        is_there.then(|| self.shares.entry(id.0).or_insert_with(|| Share::new(now)))
    }

    /// Whether a session of this dialog has just ended.
    pub(crate) fn has_ended(&self, dialog: Fingerprint) -> bool {
        self.ended.contains(&dialog)
    }

    /// Takes a dialog out that nobody uses any more, and counts it apart where only a 2xx does.
    pub(crate) fn remove_unused(&mut self, id: SessionId) {
        let Some(session) = self.slots.get(id.0) else {
            return;
        };
        if !matches!(session.phase, Phase::Over) || session.has_subscriptions() {
            return;
        }
        if session.accepted.is_empty() {
            self.remove(id);
        } else {
            self.unacknowledged.insert(id.0);
        }
    }

    pub(crate) fn remove(&mut self, id: SessionId) -> Option<InviteSession> {
        let session = self.slots.remove(id.0)?;
        self.by_dialog.remove(&session.dialog.id);
        self.by_channel.unbind(id.0, session.flow);
        self.shares.remove(&id.0);
        self.unacknowledged.remove(&id.0);
        Some(session)
    }

    fn remember(&mut self, dialog: Fingerprint) {
        if self.ended.len() >= REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(dialog);
    }

    /// The sessions that came by this WebSocket.
    pub(crate) fn of_channel(&self, channel: Channel) -> Vec<SessionId> {
        let bound = self.by_channel.of(channel).into_iter();
        bound.map(SessionId).collect()
    }
}

/// How many ended sessions are remembered: enough for an INVITE that crosses a BYE.
const REMEMBERED: usize = 256;
