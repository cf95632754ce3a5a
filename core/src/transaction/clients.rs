//! The table of client transactions.

use std::collections::HashMap;

use bytes::Bytes;
use offhook_message::Method;

use super::client::{ClientState, ClientTransaction, ClientUser, Elsewhere};
use super::host_name::HostName;
use crate::config::Limits;
use crate::fingerprint::Already;
use crate::flow::Flow;
use crate::random::Token;
use crate::slot::{Slot, Slots};

/// All client transactions, found by branch. A branch is our own random number, so it is its own
/// hash.
#[derive(Debug, Default)]
pub(crate) struct ClientTransactions {
    slots: Slots<ClientTransaction>,
    by_branch: HashMap<Token, Slot, Already>,
    /// A CANCEL has the branch of its INVITE.
    cancels: HashMap<Token, Slot, Already>,
}

impl ClientTransactions {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn is_full(&self, limits: &Limits) -> bool {
        self.len() >= limits.transactions
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&ClientTransaction> {
        self.slots.get(slot)
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut ClientTransaction> {
        self.slots.get_mut(slot)
    }

    pub(crate) fn set_user(&mut self, slot: Slot, user: ClientUser) {
        if let Some(transaction) = self.slots.get_mut(slot) {
            transaction.user = user;
        }
    }

    pub(crate) fn insert(&mut self, transaction: ClientTransaction) -> Slot {
        let branch = transaction.branch;
        let index = match transaction.method {
            Method::Cancel => &mut self.cancels,
            _ => &mut self.by_branch,
        };
        let slot = self.slots.insert(transaction);
        index.insert(branch, slot);
        slot
    }

    /// Where else the host is that the request went to.
    pub(crate) fn set_others(&mut self, slot: Slot, flows: Vec<Flow>) {
        if !flows.is_empty() {
            self.set_elsewhere(slot, Elsewhere::Addresses(flows.into_iter()));
        }
    }

    /// The name of the host, for when the connection is gone that the request goes by.
    pub(crate) fn set_name(&mut self, slot: Slot, name: HostName) {
        self.set_elsewhere(slot, Elsewhere::Name(name));
    }

    fn set_elsewhere(&mut self, slot: Slot, elsewhere: Elsewhere) {
        if let Some(transaction) = self.slots.get_mut(slot) {
            transaction.elsewhere = Some(Box::new(elsewhere));
        }
    }

    /// An INVITE that got a provisional response: its branch, its way and its octets.
    pub(crate) fn proceeding(&self, slot: Slot) -> Option<(Token, Flow, Bytes)> {
        let found = self.slots.get(slot)?;
        let is_invite = found.method == Method::Invite;
        (is_invite && found.state == ClientState::Proceeding)
            .then(|| (found.branch, found.flow, found.message.clone()))
    }

    /// The octets of a request that waits for its final response.
    pub(crate) fn waiting(&self, slot: Slot) -> Option<Bytes> {
        let found = self.slots.get(slot)?;
        let is_over = matches!(found.state, ClientState::Completed | ClientState::Accepted);
        (!is_over && found.method != Method::Ack).then(|| found.message.clone())
    }

    /// The transaction that a response belongs to: the branch and the method of CSeq are ours
    /// ([RFC 3261 §17.1.3](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.3)).
    pub(crate) fn find(&self, branch: &[u8], method: &Method) -> Option<Slot> {
        let token = Token::parse(branch.strip_prefix(BRANCH_PREFIX)?)?;
        let index = match method {
            Method::Cancel => &self.cancels,
            _ => &self.by_branch,
        };
        let slot = *index.get(&token)?;
        (self.slots.get(slot)?.method == *method).then_some(slot)
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<ClientTransaction> {
        let transaction = self.slots.remove(slot)?;
        let index = match transaction.method {
            Method::Cancel => &mut self.cancels,
            _ => &mut self.by_branch,
        };
        index.remove(&transaction.branch);
        Some(transaction)
    }
}

/// What our branches begin with; 16 hexadecimal digits follow.
const BRANCH_PREFIX: &[u8] = b"z9hG4bK";
