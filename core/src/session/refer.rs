//! The subscriptions that REFER makes inside a dialog
//! ([RFC 3515 §2.4.4](https://www.rfc-editor.org/rfc/rfc3515#section-2.4.4)).

use std::time::Instant;

use offhook_message::{EventPackage, StatusCode};

use crate::timers::Deadline;

/// All subscriptions of one dialog. They are usages of their own: a BYE does not end them
/// ([RFC 5057 §4.2](https://www.rfc-editor.org/rfc/rfc5057#section-4.2)).
#[derive(Debug, Default)]
pub(crate) struct Refers {
    /// Those of our REFERs, in their order.
    pub(crate) outgoing: Vec<OutgoingRefer>,
    /// Those of the peer's.
    pub(crate) referrals: Vec<Referral>,
    /// The number of the peer's first REFER, which needs no id, whatever became of it (RFC 3515 §2.4.6). In a session that
    /// is restored it may have been any up to this one.
    pub(crate) first: Option<u32>,
}

/// A REFER of ours, from the verb to the end of its subscription.
#[derive(Debug)]
pub(crate) struct OutgoingRefer {
    /// The number of the first attempt, by which the application knows it.
    pub(crate) name: u32,
    /// The number of the last attempt, which NOTIFYs bear as their id.
    pub(crate) cseq: u32,
    pub(crate) stage: ReferStage,
    /// When the subscription is given up. NOTIFYs move it.
    pub(crate) until: Option<Deadline>,
}

/// How far a REFER of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReferStage {
    /// The response is not here. NOTIFYs may be.
    Sent,
    /// The 2xx is here.
    Accepted,
    /// The last NOTIFY was faster than the response.
    Over,
}

/// A REFER of the peer's that we have accepted, until its last NOTIFY is answered.
#[derive(Debug)]
pub(crate) struct Referral {
    /// The number of the REFER.
    pub(crate) cseq: u32,
    /// The id of its NOTIFYs; the first REFER of a dialog needs none.
    pub(crate) id: Option<u32>,
    /// What the last NOTIFY says, or the next.
    pub(crate) status: StatusCode,
    /// Why the subscription is over; `None` while it lives.
    pub(crate) reason: Option<&'static str>,
    /// Whether a NOTIFY has no response yet: one at a time, so that none overtakes another.
    pub(crate) is_notifying: bool,
    /// Whether `status` and `reason` are still to be told.
    pub(crate) has_news: bool,
    /// When the subscription ends by itself.
    pub(crate) until: Instant,
}

impl Refers {
    /// A REFER of the peer's came. The id of its NOTIFYs.
    pub(crate) fn receive(&mut self, cseq: u32) -> Option<u32> {
        let first = *self.first.get_or_insert(cseq);
        (first != cseq).then_some(cseq)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.outgoing.is_empty() && self.referrals.is_empty()
    }

    pub(crate) fn outgoing(&mut self, name: u32) -> Option<&mut OutgoingRefer> {
        self.outgoing.iter_mut().find(|refer| refer.name == name)
    }

    pub(crate) fn referral(&mut self, cseq: u32) -> Option<&mut Referral> {
        let mut referrals = self.referrals.iter_mut();
        referrals.find(|referral| referral.cseq == cseq)
    }

    /// The REFER of ours that a NOTIFY is about: the one that its id names, or the oldest
    /// ([RFC 3515 §2.4.6](https://www.rfc-editor.org/rfc/rfc3515#section-2.4.6)).
    pub(crate) fn notified(&mut self, event: &EventPackage<'_>) -> Option<&mut OutgoingRefer> {
        let mut living = self.outgoing.iter_mut();
        let Some(id) = event.id else {
            return living.find(|refer| refer.stage != ReferStage::Over);
        };
        let id = std::str::from_utf8(id).ok()?.parse().ok()?;
        living.find(|refer| refer.cseq == id && refer.stage != ReferStage::Over)
    }
}

/// How many subscriptions of each side one dialog may have.
pub(crate) const MOST_REFERS: usize = 8;
