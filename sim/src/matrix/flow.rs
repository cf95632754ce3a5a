//! The call flows of the matrix.

use std::fmt;
use std::str::FromStr;

use offhook_core::message::{Rejection, Success};

use crate::caller::{Acknowledge, CallState, Plan};
use crate::clock::{milliseconds, seconds};
use crate::policy::Policy;

/// One way a call may go when nothing goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFlow {
    /// 200 at once.
    Answer,
    /// Silence for a second, so that 100 goes out by itself, then 200.
    SlowAnswer,
    /// 180, then 200.
    Ring,
    /// 180 reliably, then 200.
    ReliableRing,
    /// The answer in a 183, then 200.
    EarlyAnswer,
    /// The answer in a reliable 183, then 200.
    ReliableEarlyAnswer,
    /// The same, accepted at once: the 200 waits for the PRACK.
    HeldAnswer,
    /// 486.
    Reject,
    /// 302.
    Redirect,
    /// The caller cancels while it rings.
    Cancel,
    /// The 200 crosses the CANCEL.
    Crossing,
    /// The caller hangs up as soon as it is answered.
    HangUpAtOnce,
    /// The callee hangs up.
    CalleeHangsUp,
    /// The same, and the PRACK offers something else, which its 200 answers.
    OfferInPrack,
    /// The offer is in the 200, the answer in the ACK.
    NoOffer,
    /// The offer is in a reliable 183, the answer in the PRACK.
    NoOfferReliable,
    /// A forking proxy sends the INVITE by two branches.
    Merged,
    /// The caller changes the session.
    Reinvite,
    /// The caller would change the session, and the callee refuses.
    ReinviteRefused,
    /// The caller acknowledges no 200.
    NoAck,
    /// The caller acknowledges no refusal.
    RejectNoAck,
    /// The caller acknowledges no reliable 180, nor the 504 that it gets for that.
    NoPrack,
}

impl CallFlow {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::Answer,
        Self::SlowAnswer,
        Self::Ring,
        Self::ReliableRing,
        Self::EarlyAnswer,
        Self::ReliableEarlyAnswer,
        Self::HeldAnswer,
        Self::OfferInPrack,
        Self::Reject,
        Self::Redirect,
        Self::Cancel,
        Self::Crossing,
        Self::HangUpAtOnce,
        Self::CalleeHangsUp,
        Self::NoOffer,
        Self::NoOfferReliable,
        Self::Merged,
        Self::Reinvite,
        Self::ReinviteRefused,
        Self::NoAck,
        Self::RejectNoAck,
        Self::NoPrack,
    ];

    /// The name, as the matrix prints it and as it is read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::SlowAnswer => "slow-answer",
            Self::Ring => "ring",
            Self::ReliableRing => "reliable-ring",
            Self::EarlyAnswer => "early-answer",
            Self::ReliableEarlyAnswer => "reliable-early-answer",
            Self::HeldAnswer => "held-answer",
            Self::OfferInPrack => "offer-in-prack",
            Self::Reject => "reject",
            Self::Redirect => "redirect",
            Self::Cancel => "cancel",
            Self::Crossing => "crossing",
            Self::HangUpAtOnce => "hang-up-at-once",
            Self::CalleeHangsUp => "callee-hangs-up",
            Self::NoOffer => "no-offer",
            Self::NoOfferReliable => "no-offer-reliable",
            Self::Merged => "merged",
            Self::Reinvite => "reinvite",
            Self::ReinviteRefused => "reinvite-refused",
            Self::NoAck => "no-ack",
            Self::RejectNoAck => "reject-no-ack",
            Self::NoPrack => "no-prack",
        }
    }

    /// What the callee does.
    pub(crate) fn policy(self) -> Policy {
        let ring = Policy::new().ring().wait(seconds(2));
        let ring_reliably = Policy::new().ring_reliably();
        let early = Policy::new().early_answer_reliably();
        match self {
            Self::Answer | Self::HangUpAtOnce | Self::NoOffer | Self::Reinvite | Self::NoAck => {
                Policy::new().answer()
            }
            Self::SlowAnswer => Policy::new().wait(seconds(1)).answer(),
            Self::Ring | Self::Crossing | Self::Merged => ring.answer(),
            Self::ReliableRing => ring_reliably.wait(seconds(2)).answer(),
            Self::NoPrack => ring_reliably,
            Self::EarlyAnswer => Policy::new().early_answer().wait(seconds(2)).answer(),
            Self::ReliableEarlyAnswer | Self::NoOfferReliable => {
                early.wait(seconds(2)).accept(Success::OK)
            }
            Self::HeldAnswer | Self::OfferInPrack => early.accept(Success::OK),
            Self::Reject | Self::RejectNoAck => Policy::new().reject(Rejection::BUSY_HERE),
            Self::Redirect => Policy::new().redirect(&[("sip:carol@192.0.2.9", 1000)]),
            Self::Cancel => ring,
            Self::CalleeHangsUp => Policy::new().answer().wait(seconds(2)).hang_up(),
            Self::ReinviteRefused => Policy::new().answer().refuse_offers(),
        }
    }

    /// What the caller does.
    pub(crate) fn plan(self) -> Plan {
        let plan = Plan::new();
        let talk = plan.clone().hang_up_after(seconds(3));
        match self {
            Self::Reject | Self::Redirect | Self::CalleeHangsUp => plan,
            Self::Answer | Self::SlowAnswer | Self::Ring | Self::EarlyAnswer => talk,
            Self::ReliableRing | Self::ReliableEarlyAnswer | Self::HeldAnswer => talk.reliably(),
            Self::Cancel => plan.give_up_after(seconds(1)),
            // The 200 is sent 20 ms after two seconds, and the CANCEL is on its way for 20 ms.
            Self::Crossing => plan.give_up_after(milliseconds(2010)),
            Self::HangUpAtOnce => plan.hang_up_after(seconds(0)),
            Self::OfferInPrack => talk.reliably().offer_again(),
            Self::NoOffer => talk.without_offer(),
            Self::NoOfferReliable => talk.without_offer().reliably(),
            Self::Merged => talk.forked(),
            Self::Reinvite | Self::ReinviteRefused => talk.reinvite_after(seconds(1)),
            Self::NoAck | Self::RejectNoAck => plan.acknowledge(Acknowledge::Never),
            Self::NoPrack => plan.reliably().acknowledge(Acknowledge::Never),
        }
    }

    /// How the call may end for its caller as long as no more goes wrong than repetition makes
    /// good.
    pub(crate) fn ends(self) -> &'static [CallState] {
        const TERMINATED: CallState = CallState::Refused(487);
        match self {
            Self::Reject | Self::RejectNoAck => &[CallState::Refused(486)],
            Self::Redirect => &[CallState::Refused(302)],
            Self::Cancel => &[TERMINATED],
            Self::Crossing => &[CallState::Ended, TERMINATED],
            Self::NoPrack => &[CallState::Refused(504)],
            _ => &[CallState::Ended],
        }
    }
}

impl fmt::Display for CallFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CallFlow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut flows = Self::ALL.into_iter();
        flows.find(|flow| flow.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("there is no call flow {text}; there are {names}")
        })
    }
}
