//! The table of server transactions.

use bytes::Bytes;
use offhook_message::{Method, Request, StatusCode};

use super::effects::{Context, Effects};
use super::invite_server::InviteServerTransaction;
use super::non_invite_server::NonInviteServerTransaction;
use crate::event::{InviteId, TransactionId, TransactionSlot};
use crate::fingerprint::{ByFingerprint, Fingerprint};
use crate::flow::Flow;
use crate::slot::{Slot, Slots};
use crate::tag::Tag;
use crate::timers::ServerTimer;

/// One server transaction.
#[derive(Debug)]
pub(crate) struct ServerTransaction {
    key: Fingerprint,
    merge_key: Option<Fingerprint>,
    machine: Machine,
    /// What it holds, about: the request, and a response that repeats most of its headers.
    octets: usize,
    /// Where its responses go.
    pub(crate) flow: Flow,
    /// The To tag of its responses.
    pub(crate) to_tag: Tag,
    /// Who answers its request.
    pub(crate) user: TransactionUser,
    /// Where the client may be found once its connection is gone.
    pub(crate) sent_by: Option<Box<SentByName>>,
}

/// The sent-by of a Via that has a name.
#[derive(Debug)]
pub(crate) struct SentByName {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

/// Who answers the request of a server transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionUser {
    /// The core has answered it.
    Core,
    /// The application, as a new call.
    Invite(InviteId),
    /// The application, as an offer inside a session.
    Offer(Slot),
}

impl ServerTransaction {
    pub(crate) fn new(
        request: &Request,
        key: Fingerprint,
        merge_key: Option<Fingerprint>,
        flow: Flow,
        to_tag: Tag,
    ) -> Self {
        let machine = match request.method() {
            Method::Invite => Machine::Invite(InviteServerTransaction::new()),
            _ => Machine::NonInvite(NonInviteServerTransaction::Trying),
        };
        Self {
            key,
            merge_key,
            machine,
            octets: 2 * request.as_bytes().len(),
            flow,
            to_tag,
            user: TransactionUser::Core,
            sent_by: None,
        }
    }

    pub(crate) fn state(&self) -> TransactionState {
        match &self.machine {
            Machine::Invite(InviteServerTransaction::Proceeding { .. }) => {
                TransactionState::Proceeding
            }
            Machine::Invite(InviteServerTransaction::Accepted) => TransactionState::Accepted,
            Machine::Invite(InviteServerTransaction::Completed { .. })
            | Machine::NonInvite(NonInviteServerTransaction::Completed { .. }) => {
                TransactionState::Completed
            }
            Machine::Invite(InviteServerTransaction::Confirmed) => TransactionState::Confirmed,
            Machine::NonInvite(NonInviteServerTransaction::Trying) => TransactionState::Trying,
            Machine::Invite(InviteServerTransaction::Terminated { .. })
            | Machine::NonInvite(NonInviteServerTransaction::Terminated) => {
                TransactionState::Terminated
            }
        }
    }

    fn effects<'a, 'core>(
        &self,
        slot: Slot,
        context: &'a mut Context<'core>,
    ) -> Effects<'a, 'core> {
        Effects {
            context,
            flow: self.flow,
            slot,
            transaction: TransactionId(TransactionSlot::Server(slot)),
        }
    }
}

/// The states of RFC 3261 §17.2 and RFC 6026.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionState {
    /// A request other than INVITE, not answered yet.
    Trying,
    /// An INVITE, not finally answered yet.
    Proceeding,
    /// A 2xx to INVITE was sent; repetitions of the INVITE are absorbed.
    Accepted,
    /// The final response was sent (for INVITE: 300 to 699).
    Completed,
    /// The ACK of a 300-699 came.
    Confirmed,
    /// Over.
    Terminated,
}

/// What the end of a transaction means to its user.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ServerOutcome {
    Pending,
    /// Timer H: nobody acknowledged the final response.
    NotAcknowledged(InviteId),
}

/// All server transactions, found by key and by merge key.
#[derive(Debug)]
pub(crate) struct ServerTransactions {
    slots: Slots<ServerTransaction>,
    by_key: ByFingerprint<Slot>,
    by_merge_key: ByFingerprint<Slot>,
    octets: usize,
}

impl ServerTransactions {
    pub(crate) fn new() -> Self {
        Self {
            slots: Slots::new(),
            by_key: ByFingerprint::default(),
            by_merge_key: ByFingerprint::default(),
            octets: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// What all of them hold, about.
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }

    pub(crate) fn insert(&mut self, transaction: ServerTransaction) -> Slot {
        let (key, merge_key) = (transaction.key, transaction.merge_key);
        self.octets += transaction.octets;
        let slot = self.slots.insert(transaction);
        self.by_key.insert(key, slot);
        if let Some(merge_key) = merge_key {
            self.by_merge_key.entry(merge_key).or_insert(slot);
        }
        slot
    }

    pub(crate) fn find(&self, key: Fingerprint) -> Option<Slot> {
        self.by_key.get(&key).copied()
    }

    /// Whether a copy of this request is being served already.
    pub(crate) fn is_merged(&self, merge_key: Fingerprint) -> bool {
        self.by_merge_key.contains_key(&merge_key)
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&ServerTransaction> {
        self.slots.get(slot)
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut ServerTransaction> {
        self.slots.get_mut(slot)
    }

    pub(crate) fn set_user(&mut self, slot: Slot, user: TransactionUser) {
        if let Some(transaction) = self.slots.get_mut(slot) {
            transaction.user = user;
        }
    }

    pub(crate) fn set_to_tag(&mut self, slot: Slot, to_tag: Tag) {
        if let Some(transaction) = self.slots.get_mut(slot) {
            transaction.to_tag = to_tag;
        }
    }

    /// A repetition of the request.
    pub(crate) fn receive_again(&mut self, slot: Slot, context: &mut Context<'_>) {
        let Some(transaction) = self.slots.get(slot) else {
            return;
        };
        let mut effects = transaction.effects(slot, context);
        match &transaction.machine {
            Machine::Invite(machine) => machine.receive_invite(&mut effects),
            Machine::NonInvite(machine) => machine.receive_request(&mut effects),
        }
    }

    /// An ACK for a final response other than 2xx.
    pub(crate) fn receive_ack(&mut self, slot: Slot, context: &mut Context<'_>) {
        self.step(slot, context, |machine, effects| match machine {
            Machine::Invite(machine) => Machine::Invite(machine.receive_ack(effects)),
            other @ Machine::NonInvite(_) => other,
        });
    }

    pub(crate) fn respond(
        &mut self,
        slot: Slot,
        status: StatusCode,
        bytes: Bytes,
        context: &mut Context<'_>,
    ) {
        self.step(slot, context, |machine, effects| match machine {
            Machine::Invite(machine) => Machine::Invite(machine.respond(status, bytes, effects)),
            Machine::NonInvite(machine) => Machine::NonInvite(machine.respond(bytes, effects)),
        });
    }

    pub(crate) fn timer(
        &mut self,
        slot: Slot,
        timer: ServerTimer,
        context: &mut Context<'_>,
    ) -> ServerOutcome {
        self.step(slot, context, |machine, effects| match machine {
            Machine::Invite(machine) => Machine::Invite(machine.timer(timer, effects)),
            Machine::NonInvite(machine) => Machine::NonInvite(machine.timer(timer)),
        })
    }

    fn step(
        &mut self,
        slot: Slot,
        context: &mut Context<'_>,
        step: impl FnOnce(Machine, &mut Effects<'_, '_>) -> Machine,
    ) -> ServerOutcome {
        let Some(transaction) = self.slots.get_mut(slot) else {
            return ServerOutcome::Pending;
        };
        let mut effects = transaction.effects(slot, context);
        let machine = std::mem::replace(&mut transaction.machine, Machine::TERMINATED);
        transaction.machine = step(machine, &mut effects);
        if transaction.state() != TransactionState::Terminated {
            return ServerOutcome::Pending;
        }
        self.remove(slot)
    }

    fn remove(&mut self, slot: Slot) -> ServerOutcome {
        let Some(transaction) = self.slots.remove(slot) else {
            return ServerOutcome::Pending;
        };
        self.octets -= transaction.octets;
        self.by_key.remove(&transaction.key);
        if let Some(merge_key) = transaction.merge_key
            && self.by_merge_key.get(&merge_key) == Some(&slot)
        {
            self.by_merge_key.remove(&merge_key);
        }
        match (transaction.machine, transaction.user) {
            (
                Machine::Invite(InviteServerTransaction::Terminated {
                    acknowledged: false,
                }),
                TransactionUser::Invite(invite),
            ) => ServerOutcome::NotAcknowledged(invite),
            _ => ServerOutcome::Pending,
        }
    }
}

#[derive(Debug)]
enum Machine {
    Invite(InviteServerTransaction),
    NonInvite(NonInviteServerTransaction),
}

impl Machine {
    const TERMINATED: Self = Self::NonInvite(NonInviteServerTransaction::Terminated);
}
