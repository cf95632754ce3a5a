//! The call flows of the matrix.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use offhook_core::message::{Rejection, Success};

use crate::caller::{Acknowledge, CallState, Plan};
use crate::clock::{milliseconds, seconds};
use crate::policy::{Policy, Verb};

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A caller after the letter of the RFC, which shares no code with the core.
    Script,
    /// A core.
    Core,
}

impl Peer {
    /// The name, as the matrix prints it and as it is read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Core => "core",
        }
    }
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut peers = [Self::Script, Self::Core].into_iter();
        peers
            .find(|peer| peer.as_str() == text)
            .ok_or_else(|| format!("nobody calls by {text}; write script or core"))
    }
}

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
    /// The callee changes the session.
    ReinviteByCallee,
    /// The caller asks for an offer by re-INVITE.
    Ask,
    /// The callee asks for one.
    AskByCallee,
    /// Both change the session at once: 491, and both try again.
    Glare,
    /// The same by UPDATE.
    UpdateGlare,
    /// The caller changes the session by UPDATE.
    Update,
    /// The callee does.
    UpdateByCallee,
    /// The caller changes the session by UPDATE before it is answered.
    UpdateEarly,
    /// The callee does.
    UpdateEarlyByCallee,
    /// The caller holds the call and resumes it.
    Hold,
    /// The callee does.
    HoldByCallee,
    /// The caller refreshes the session, by UPDATE.
    Refresh,
    /// The caller refreshes the session by re-INVITE.
    RefreshByReinvite,
    /// The callee refreshes the session: by re-INVITE where the caller takes no UPDATE.
    RefreshByCallee,
    /// The caller should refresh the session and does not.
    NoRefresh,
    /// The caller refers the callee to somebody else, and hangs up when it has called.
    Transfer,
    /// The callee refers the caller.
    TransferByCallee,
    /// Both hang up at once.
    ByeCrossing,
    /// The BYE of the caller crosses a re-INVITE of the callee.
    ByeCrossesReinvite,
    /// The re-INVITE of the caller crosses a BYE of the callee.
    ReinviteCrossesBye,
    /// The callee refers the caller, who hangs up right before its last NOTIFY
    /// ([RFC 5057 §4.2](https://www.rfc-editor.org/rfc/rfc5057#section-4.2)): that may overtake the BYE.
    ByeBeforeNotify,
}

impl CallFlow {
    /// All of them.
    pub const ALL: [Self; 43] = [
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
        Self::ReinviteByCallee,
        Self::Ask,
        Self::AskByCallee,
        Self::Glare,
        Self::UpdateGlare,
        Self::Update,
        Self::UpdateByCallee,
        Self::UpdateEarly,
        Self::UpdateEarlyByCallee,
        Self::Hold,
        Self::HoldByCallee,
        Self::Refresh,
        Self::RefreshByReinvite,
        Self::RefreshByCallee,
        Self::NoRefresh,
        Self::Transfer,
        Self::TransferByCallee,
        Self::ByeCrossing,
        Self::ByeCrossesReinvite,
        Self::ReinviteCrossesBye,
        Self::ByeBeforeNotify,
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
            Self::ReinviteByCallee => "reinvite-by-callee",
            Self::Ask => "ask",
            Self::AskByCallee => "ask-by-callee",
            Self::Glare => "glare",
            Self::UpdateGlare => "update-glare",
            Self::Update => "update",
            Self::UpdateByCallee => "update-by-callee",
            Self::UpdateEarly => "update-early",
            Self::UpdateEarlyByCallee => "update-early-by-callee",
            Self::Hold => "hold",
            Self::HoldByCallee => "hold-by-callee",
            Self::Refresh => "refresh",
            Self::RefreshByReinvite => "refresh-by-reinvite",
            Self::RefreshByCallee => "refresh-by-callee",
            Self::NoRefresh => "no-refresh",
            Self::Transfer => "transfer",
            Self::TransferByCallee => "transfer-by-callee",
            Self::ByeCrossing => "bye-crossing",
            Self::ByeCrossesReinvite => "bye-crosses-reinvite",
            Self::ReinviteCrossesBye => "reinvite-crosses-bye",
            Self::ByeBeforeNotify => "bye-before-notify",
        }
    }

    /// Who may call in this flow.
    pub(crate) fn callers(self) -> &'static [Peer] {
        match self {
            // What a core does not do by itself: it forks nothing, forgets nothing, and makes no
            // offer in PRACK.
            Self::Merged
            | Self::OfferInPrack
            | Self::RefreshByReinvite
            | Self::NoRefresh
            | Self::NoAck
            | Self::RejectNoAck
            | Self::NoPrack => &[Peer::Script],
            _ => &[Peer::Script, Peer::Core],
        }
    }

    /// What the callee does.
    pub(crate) fn policy(self) -> Policy {
        let ring = Policy::new().ring().wait(seconds(2));
        let ring_reliably = Policy::new().ring_reliably();
        let early = Policy::new().early_answer_reliably();
        let policy = match self {
            Self::SlowAnswer => Policy::new().wait(seconds(1)).answer(),
            Self::Ring | Self::Crossing | Self::Merged => ring.answer(),
            Self::ReliableRing => ring_reliably.wait(seconds(2)).answer(),
            Self::NoPrack => ring_reliably,
            Self::EarlyAnswer => Policy::new().early_answer().wait(seconds(2)).answer(),
            Self::ReliableEarlyAnswer | Self::NoOfferReliable | Self::UpdateEarly => {
                early.wait(seconds(2)).accept(Success::OK)
            }
            Self::UpdateEarlyByCallee => {
                let updated = early.wait(seconds(1)).update();
                updated.wait(seconds(1)).accept(Success::OK)
            }
            Self::HeldAnswer | Self::OfferInPrack => early.accept(Success::OK),
            Self::Reject | Self::RejectNoAck => Policy::new().reject(Rejection::BUSY_HERE),
            Self::Redirect => Policy::new().redirect(&[("sip:carol@192.0.2.9", 1000)]),
            Self::Cancel => ring,
            Self::CalleeHangsUp => Policy::new().answer().wait(seconds(2)).hang_up(),
            Self::ReinviteRefused => Policy::new().answer().refuse_offers(),
            _ => Policy::new().answer(),
        };
        policy.talk(&self.callee_talks())
    }

    /// What a caller does that is no core.
    pub(crate) fn plan(self) -> Plan {
        let plan = Plan::new().talk(&self.caller_talks());
        match self {
            Self::ReliableRing
            | Self::ReliableEarlyAnswer
            | Self::HeldAnswer
            | Self::UpdateEarlyByCallee => plan.reliably(),
            Self::Cancel => plan.give_up_after(CANCELS),
            Self::Crossing => plan.give_up_after(CROSSES),
            Self::OfferInPrack => plan.reliably().offer_again(),
            Self::NoOffer => plan.without_offer(),
            Self::NoOfferReliable => plan.without_offer().reliably(),
            Self::UpdateEarly => plan.reliably().update_early(),
            Self::Merged => plan.forked(),
            Self::Refresh | Self::RefreshByReinvite | Self::NoRefresh => {
                plan.session_expires("90;refresher=uac")
            }
            Self::RefreshByCallee => plan.session_expires("90;refresher=uas"),
            Self::NoAck | Self::RejectNoAck => plan.acknowledge(Acknowledge::Never),
            Self::NoPrack => plan.reliably().acknowledge(Acknowledge::Never),
            _ => plan,
        }
    }

    /// What a caller does that is a core.
    pub(crate) fn client_policy(self) -> Policy {
        let policy = match self {
            Self::Cancel => Policy::new().wait(CANCELS).give_up(),
            Self::Crossing => Policy::new().wait(CROSSES).give_up(),
            Self::UpdateEarly => Policy::new().wait(seconds(1)).update(),
            _ => Policy::new(),
        };
        // A core refreshes by itself.
        let mut talk = self.caller_talks();
        talk.retain(|(_, verb)| *verb != Verb::Refresh);
        policy.talk(&talk)
    }

    /// Whether the INVITE makes an offer.
    pub(crate) fn is_offering(self) -> bool {
        !matches!(self, Self::NoOffer | Self::NoOfferReliable)
    }

    /// What the INVITE of a core says of a session timer.
    pub(crate) fn session_expires(self) -> Option<&'static str> {
        match self {
            Self::Refresh => Some("90"),
            Self::RefreshByCallee => Some("90;refresher=uas"),
            _ => None,
        }
    }

    /// What the caller does inside the session.
    fn caller_talks(self) -> Vec<(Duration, Verb)> {
        let verbs: &[(u64, Verb)] = match self {
            Self::Reject | Self::Redirect | Self::CalleeHangsUp | Self::Cancel | Self::Crossing => {
                &[]
            }
            Self::NoAck | Self::RejectNoAck | Self::NoPrack | Self::NoRefresh => &[],
            Self::HangUpAtOnce => &[(0, Verb::HangUp)],
            Self::Reinvite | Self::ReinviteRefused => &[(1000, Verb::Reinvite), LATER],
            Self::Ask => &[(1000, Verb::Ask), LATER],
            Self::Update => &[(1000, Verb::Update), LATER],
            Self::Hold => &[(1000, Verb::Hold), (2000, Verb::Resume), LATER],
            Self::Glare => &[(1000, Verb::Reinvite), MUCH_LATER],
            Self::UpdateGlare => &[(1000, Verb::Update), MUCH_LATER],
            Self::Transfer => &[(1000, Verb::Refer), MUCH_LATER],
            Self::Refresh => &[(45_000, Verb::Refresh), (90_000, Verb::Refresh), LAST],
            Self::RefreshByReinvite => &[(45_000, Verb::Reinvite), (90_000, Verb::Reinvite), LAST],
            Self::RefreshByCallee => &[LAST],
            Self::TransferByCallee => &[MUCH_LATER],
            Self::ByeCrossing | Self::ByeCrossesReinvite => &[(1000, Verb::HangUp)],
            Self::ReinviteCrossesBye => &[(1000, Verb::Reinvite)],
            // The callee refers 20 ms later, which takes 20 ms, and its outcome is known in a second.
            Self::ByeBeforeNotify => &[(2030, Verb::HangUp)],
            _ => &[LATER],
        };
        durations(verbs)
    }

    /// What the callee does inside the session. Its end is confirmed 20 ms after the caller's.
    fn callee_talks(self) -> Vec<(Duration, Verb)> {
        let verbs: &[(u64, Verb)] = match self {
            Self::ReinviteByCallee => &[(1000, Verb::Reinvite)],
            Self::AskByCallee => &[(1000, Verb::Ask)],
            Self::UpdateByCallee => &[(1000, Verb::Update)],
            Self::HoldByCallee => &[(1000, Verb::Hold), (2000, Verb::Resume)],
            Self::TransferByCallee | Self::ByeBeforeNotify => &[(1000, Verb::Refer)],
            Self::Glare | Self::ByeCrossesReinvite => &[(990, Verb::Reinvite)],
            Self::UpdateGlare => &[(990, Verb::Update)],
            Self::ByeCrossing | Self::ReinviteCrossesBye => &[(990, Verb::HangUp)],
            _ => &[],
        };
        durations(verbs)
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

fn durations(verbs: &[(u64, Verb)]) -> Vec<(Duration, Verb)> {
    let verbs = verbs.iter();
    verbs
        .map(|(after, verb)| (milliseconds(*after), *verb))
        .collect()
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

/// When the caller gives up.
const CANCELS: Duration = seconds(1);
/// The 200 is sent 20 ms after two seconds, and the CANCEL is on its way for 20 ms.
const CROSSES: Duration = milliseconds(2010);
/// The end of a call.
const LATER: (u64, Verb) = (3000, Verb::HangUp);
/// The end of one in which somebody waits up to 4 s.
const MUCH_LATER: (u64, Verb) = (9000, Verb::HangUp);
/// The end of one that is refreshed twice.
const LAST: (u64, Verb) = (100_000, Verb::HangUp);
