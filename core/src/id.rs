//! The names of what an owner of a core may ask for.

use crate::slot::Slot;

/// Names an incoming INVITE for as long as it is unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InviteId(pub(crate) Slot);

/// Names an incoming request other than INVITE for as long as it is unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub(crate) Slot);

/// Names a session, early or confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub(crate) Slot);

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

/// Names a request of ours outside of a dialog, other than INVITE, until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutgoingRequestId(pub(crate) Slot);

/// Names a registration until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RegistrationId(pub(crate) Slot);

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
