//! The names of what an owner of a core may ask for.

use crate::slot::Slot;

/// Names an incoming INVITE for as long as it is unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InviteId(pub(crate) Slot);

impl InviteId {
    /// The name as a number, never used twice in the life of a core (until 2^32 calls have had
    /// the same place in its table).
    pub fn as_u64(self) -> u64 {
        self.0.as_u64()
    }
}

/// Names an incoming request other than INVITE for as long as it is unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub(crate) Slot);

/// Names a session, early or confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub(crate) Slot);

impl SessionId {
    /// The name as a number, never used twice in the life of a core (until 2^32 sessions have had
    /// the same place in its table).
    pub fn as_u64(self) -> u64 {
        self.0.as_u64()
    }
}

/// Names a REFER of a peer's that we have accepted, as long as its subscription lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReferralId {
    pub(crate) session: SessionId,
    /// The number of the REFER.
    pub(crate) cseq: u32,
}

/// Names an INVITE of ours until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutgoingInviteId(pub(crate) Slot);

impl OutgoingInviteId {
    /// The name as a number, never used twice in the life of a core (until 2^32 calls have had
    /// the same place in its table).
    pub fn as_u64(self) -> u64 {
        self.0.as_u64()
    }
}

/// Names a request of ours outside of a dialog, other than INVITE, until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutgoingRequestId(pub(crate) Slot);

impl OutgoingRequestId {
    /// The name as a number, never used twice in the life of a core (until 2^32 requests have had
    /// the same place in its table).
    pub fn as_u64(self) -> u64 {
        self.0.as_u64()
    }
}

/// Names a registration until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RegistrationId(pub(crate) Slot);

impl RegistrationId {
    /// The name as a number, never used twice in the life of a core (until 2^32 registrations have
    /// had the same place in its table).
    pub fn as_u64(self) -> u64 {
        self.0.as_u64()
    }
}

/// Names a subscription until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubscriptionId(pub(crate) Slot);

/// Names a published state until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublicationId(pub(crate) Slot);

/// Names a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionId(pub(crate) TransactionSlot);

/// Which table a transaction is in, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TransactionSlot {
    Server(Slot),
    Client(Slot),
}
