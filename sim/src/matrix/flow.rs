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

/// Makes the flows, with their names, in the order in which the matrix shows them.
macro_rules! call_flows {
    ($($(#[$doc:meta])+ $flow:ident = $name:literal,)+) => {
        /// One way a call may go when nothing goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum CallFlow {
            $($(#[$doc])+ $flow,)+
        }

        impl CallFlow {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$flow),+];

            /// The name, as the matrix prints it and as it is read.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$flow => $name,)+
                }
            }
        }
    };
}

call_flows! {
    /// 200 at once.
    Answer = "answer",
    /// Silence for a second, so that 100 goes out by itself, then 200.
    SlowAnswer = "slow-answer",
    /// 180, then 200.
    Ring = "ring",
    /// 180 reliably, then 200.
    ReliableRing = "reliable-ring",
    /// The answer in a 183, then 200.
    EarlyAnswer = "early-answer",
    /// The answer in a reliable 183, then 200.
    ReliableEarlyAnswer = "reliable-early-answer",
    /// The same, accepted at once: the 200 waits for the PRACK.
    HeldAnswer = "held-answer",
    /// The same, and the PRACK offers something else, which its 200 answers.
    OfferInPrack = "offer-in-prack",
    /// 486.
    Reject = "reject",
    /// 302.
    Redirect = "redirect",
    /// The caller cancels while it rings.
    Cancel = "cancel",
    /// The same, and the ringing is acknowledged.
    ReliableCancel = "reliable-cancel",
    /// The 200 crosses the CANCEL.
    Crossing = "crossing",
    /// The caller hangs up as soon as it is answered.
    HangUpAtOnce = "hang-up-at-once",
    /// The callee hangs up.
    CalleeHangsUp = "callee-hangs-up",
    /// The offer is in the 200, the answer in the ACK.
    NoOffer = "no-offer",
    /// The offer is in a reliable 183, the answer in the PRACK.
    NoOfferReliable = "no-offer-reliable",
    /// A forking proxy sends the INVITE by two branches.
    Merged = "merged",
    /// The caller changes the session.
    Reinvite = "reinvite",
    /// The caller would change the session, and the callee refuses.
    ReinviteRefused = "reinvite-refused",
    /// The caller acknowledges no 200.
    NoAck = "no-ack",
    /// The caller acknowledges no refusal.
    RejectNoAck = "reject-no-ack",
    /// The caller acknowledges no reliable 180, nor the 504 that it gets for that.
    NoPrack = "no-prack",
    /// The callee changes the session.
    ReinviteByCallee = "reinvite-by-callee",
    /// The callee would change the session, and the caller refuses.
    ReinviteByCalleeRefused = "callee-is-refused",
    /// The caller asks for an offer by re-INVITE.
    Ask = "ask",
    /// The callee asks for one.
    AskByCallee = "ask-by-callee",
    /// Both change the session at once: 491, and both try again.
    Glare = "glare",
    /// The same by UPDATE.
    UpdateGlare = "update-glare",
    /// A re-INVITE of the caller meets an UPDATE of the callee.
    MixedGlare = "mixed-glare",
    /// Both ask for an offer at once.
    AskGlare = "ask-glare",
    /// The caller changes the session by UPDATE.
    Update = "update",
    /// The callee does.
    UpdateByCallee = "update-by-callee",
    /// The caller changes the session by UPDATE before it is answered.
    UpdateEarly = "update-early",
    /// The callee does.
    UpdateEarlyByCallee = "update-early-by-callee",
    /// Both do at once: 491, and the callee, who waits less, tries again.
    EarlyGlare = "early-glare",
    /// The caller holds the call and resumes it.
    Hold = "hold",
    /// The callee does.
    HoldByCallee = "hold-by-callee",
    /// The caller refreshes the session, by UPDATE.
    Refresh = "refresh",
    /// The caller refreshes the session by re-INVITE.
    RefreshByReinvite = "refresh-by-reinvite",
    /// The callee refreshes the session: by re-INVITE where the caller takes no UPDATE.
    RefreshByCallee = "refresh-by-callee",
    /// The caller should refresh the session and does not.
    NoRefresh = "no-refresh",
    /// The caller refers the callee to somebody else, and hangs up when it has called.
    Transfer = "transfer",
    /// The callee refers the caller.
    TransferByCallee = "transfer-by-callee",
    /// Each refers the other at once.
    MutualTransfer = "mutual-transfer",
    /// Both hang up at once.
    ByeCrossing = "bye-crossing",
    /// The BYE of the caller crosses a re-INVITE of the callee.
    ByeCrossesReinvite = "bye-crosses-reinvite",
    /// The re-INVITE of the caller crosses a BYE of the callee.
    ReinviteCrossesBye = "reinvite-crosses-bye",
    /// The BYE of the caller crosses a REFER of the callee.
    ByeCrossesRefer = "bye-crosses-refer",
    /// The REFER of the caller crosses a BYE of the callee.
    ReferCrossesBye = "refer-crosses-bye",
    /// The callee refers the caller, who hangs up right before its last NOTIFY
    /// ([RFC 5057 §4.2](https://www.rfc-editor.org/rfc/rfc5057#section-4.2)): that may overtake the BYE.
    ByeBeforeNotify = "bye-before-notify",
}

impl CallFlow {
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
            // What a script does not.
            Self::ReinviteByCalleeRefused | Self::EarlyGlare => &[Peer::Core],
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
            Self::NoPrack | Self::ReliableCancel => ring_reliably,
            Self::EarlyAnswer => Policy::new().early_answer().wait(seconds(2)).answer(),
            Self::ReliableEarlyAnswer | Self::NoOfferReliable | Self::UpdateEarly => {
                early.wait(seconds(2)).accept(Success::OK)
            }
            Self::UpdateEarlyByCallee => {
                let updated = early.wait(seconds(1)).update();
                updated.wait(seconds(1)).accept(Success::OK)
            }
            Self::EarlyGlare => {
                let updated = early.wait(milliseconds(990)).update();
                updated.wait(seconds(6)).accept(Success::OK)
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
            Self::ReliableCancel => plan.reliably().give_up_after(CANCELS),
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
            Self::Cancel | Self::ReliableCancel => Policy::new().wait(CANCELS).give_up(),
            Self::Crossing => Policy::new().wait(CROSSES).give_up(),
            Self::UpdateEarly | Self::EarlyGlare => Policy::new().wait(seconds(1)).update(),
            Self::ReinviteByCalleeRefused => Policy::new().refuse_offers(),
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
            Self::Reject
            | Self::Redirect
            | Self::CalleeHangsUp
            | Self::Cancel
            | Self::ReliableCancel
            | Self::Crossing
            | Self::NoAck
            | Self::RejectNoAck
            | Self::NoPrack
            | Self::NoRefresh => &[],
            Self::HangUpAtOnce => &[(0, Verb::HangUp)],
            Self::Reinvite | Self::ReinviteRefused => &[(1000, Verb::Reinvite), LATER],
            Self::Ask => &[(1000, Verb::Ask), LATER],
            Self::Update => &[(1000, Verb::Update), LATER],
            Self::Hold => &[(1000, Verb::Hold), (2000, Verb::Resume), LATER],
            Self::Glare | Self::MixedGlare => &[(1000, Verb::Reinvite), MUCH_LATER],
            Self::AskGlare => &[(1000, Verb::Ask), MUCH_LATER],
            Self::UpdateGlare => &[(1000, Verb::Update), MUCH_LATER],
            Self::Transfer | Self::MutualTransfer => &[(1000, Verb::Refer), MUCH_LATER],
            Self::Refresh => &[(45_000, Verb::Refresh), (90_000, Verb::Refresh), LAST],
            Self::RefreshByReinvite => &[(45_000, Verb::Reinvite), (90_000, Verb::Reinvite), LAST],
            Self::RefreshByCallee => &[LAST],
            Self::TransferByCallee => &[MUCH_LATER],
            Self::ByeCrossing | Self::ByeCrossesReinvite | Self::ByeCrossesRefer => {
                &[(1000, Verb::HangUp)]
            }
            Self::ReinviteCrossesBye => &[(1000, Verb::Reinvite)],
            Self::ReferCrossesBye => &[(1000, Verb::Refer)],
            // The callee refers 20 ms later, which takes 20 ms, and its outcome is known in a second.
            Self::ByeBeforeNotify => &[(2030, Verb::HangUp)],
            _ => &[LATER],
        };
        durations(verbs)
    }

    /// What the callee does inside the session. Its end is confirmed 20 ms after the caller's.
    fn callee_talks(self) -> Vec<(Duration, Verb)> {
        let verbs: &[(u64, Verb)] = match self {
            Self::ReinviteByCallee | Self::ReinviteByCalleeRefused => &[(1000, Verb::Reinvite)],
            Self::AskByCallee => &[(1000, Verb::Ask)],
            Self::UpdateByCallee => &[(1000, Verb::Update)],
            Self::HoldByCallee => &[(1000, Verb::Hold), (2000, Verb::Resume)],
            Self::TransferByCallee | Self::ByeBeforeNotify => &[(1000, Verb::Refer)],
            Self::Glare | Self::ByeCrossesReinvite => &[(990, Verb::Reinvite)],
            Self::AskGlare => &[(990, Verb::Ask)],
            Self::MutualTransfer | Self::ByeCrossesRefer => &[(990, Verb::Refer)],
            Self::UpdateGlare | Self::MixedGlare => &[(990, Verb::Update)],
            Self::ByeCrossing | Self::ReinviteCrossesBye | Self::ReferCrossesBye => {
                &[(990, Verb::HangUp)]
            }
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
            Self::Cancel | Self::ReliableCancel => &[TERMINATED],
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
        let mut flows = Self::ALL.iter().copied();
        flows.find(|flow| flow.as_str() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|flow| flow.as_str()).collect();
            format!(
                "there is no call flow {text}; there are {}",
                names.join(", ")
            )
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
