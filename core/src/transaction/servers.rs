//! The table of server transactions.

use offhook_message::Request;

use super::server::{ServerTransaction, TransactionUser};
use crate::config::Limits;
use crate::fingerprint::{ByFingerprint, Fingerprint};
use crate::share::Room;
use crate::slot::{Slot, Slots};
use crate::tag::Tag;

/// All server transactions, found by key and by merge key.
#[derive(Debug, Default)]
pub(crate) struct ServerTransactions {
    slots: Slots<ServerTransaction>,
    by_key: ByFingerprint<Slot>,
    by_merge_key: ByFingerprint<Slot>,
    octets: usize,
}

impl ServerTransactions {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// What all of them hold, about.
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }

    /// Whether there is no room for another.
    pub(crate) fn is_full(&self, limits: &Limits) -> bool {
        self.len() >= limits.transactions || self.octets >= limits.octets
    }

    /// What is left, once half of the transactions or of the octets is taken.
    pub(crate) fn left(&self, limits: &Limits) -> Option<Room> {
        let is_half_full =
            self.len() >= limits.transactions / 2 || self.octets >= limits.octets / 2;
        is_half_full.then(|| Room {
            requests: limits.transactions.saturating_sub(self.len()),
            octets: limits.octets.saturating_sub(self.octets),
        })
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

    /// Whether this request of its key is its request again. One of less than half the length is another's that would
    /// have a large response for little, and sent anywhere.
    pub(crate) fn is_repeated_by(&self, slot: Slot, request: &Request) -> bool {
        let transaction = self.slots.get(slot);
        transaction.is_some_and(|it| 4 * request.as_bytes().len() >= it.octets)
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

    pub(super) fn remove(&mut self, slot: Slot) -> Option<ServerTransaction> {
        let transaction = self.slots.remove(slot)?;
        self.octets -= transaction.octets;
        self.by_key.remove(&transaction.key);
        if let Some(merge_key) = transaction.merge_key
            && self.by_merge_key.get(&merge_key) == Some(&slot)
        {
            self.by_merge_key.remove(&merge_key);
        }
        Some(transaction)
    }
}
