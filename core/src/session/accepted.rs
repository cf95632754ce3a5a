//! The time between a 2xx and its ACK
//! ([RFC 3261 §13.3.1.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.3.1.4)).

use std::time::Duration;

use bytes::Bytes;

use crate::slot::Slot;

/// A 2xx that waits for its ACK. It is repeated on every transport, because a hop behind the next
/// one may lose it: after T1, then at twice the interval each time, up to T2.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) response: Bytes,
    /// Whose way it goes: that of the INVITE.
    pub(crate) transaction: Slot,
    pub(crate) interval: Duration,
    /// The number that the ACK must have: the INVITE's.
    pub(crate) cseq: u32,
    /// Whether it makes an offer, which the ACK answers.
    pub(crate) is_offer: bool,
    /// Whether a BYE of the peer's says that it has arrived, or that nobody waits for it any more. Not where a
    /// provisional response has told of the dialog before.
    pub(crate) is_proven_by_bye: bool,
}
