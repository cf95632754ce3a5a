//! What an application does with a call.

use std::time::Duration;

use offhook_core::message::{Body, Provisional, Redirection, Rejection, Success};
use offhook_core::{ContactTarget, QValue, ResponseOptions};

use crate::draft::ANSWER;

/// What the server's application does with each call, step by step.
///
/// ```
/// use offhook_sim::{Policy, seconds};
///
/// let polite = Policy::new().ring().wait(seconds(3)).answer();
/// let silent = Policy::new();
/// # let _ = (polite, silent);
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) steps: Vec<Step>,
    pub(crate) offers: Offers,
    /// What it does inside the session, and how long after that is confirmed.
    pub(crate) talk: Vec<(Duration, Verb)>,
    pub(crate) referrals: Referrals,
}

/// What an end does inside a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A re-INVITE with a new offer.
    Reinvite,
    /// A re-INVITE that asks for an offer.
    Ask,
    /// A re-INVITE that only sends.
    Hold,
    /// A re-INVITE that sends and receives again.
    Resume,
    /// An UPDATE with a new offer.
    Update,
    /// An UPDATE without one.
    Refresh,
    /// A REFER to somebody else.
    Refer,
    /// BYE.
    HangUp,
}

/// What becomes of a REFER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Referrals {
    Leave,
    /// The call that is asked for rings, and is answered.
    Follow,
}

/// What becomes of an offer inside a session.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Offers {
    Answer,
    Refuse,
    Leave,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Wait(Duration),
    Trying,
    Progress(ResponseOptions<Provisional>),
    Accept(ResponseOptions<Success>),
    Redirect(Vec<ContactTarget>),
    Reject(ResponseOptions<Rejection>),
    Dispose,
    /// CANCEL.
    GiveUp,
    /// Where the session allows it.
    Say(Verb),
}

impl Policy {
    /// Nothing: the call is left alone. Offers inside a session are answered at once.
    pub fn new() -> Self {
        Self {
            steps: Vec::new(),
            offers: Offers::Answer,
            talk: Vec::new(),
            referrals: Referrals::Leave,
        }
    }

    /// What it does inside a session: this long after that was confirmed, or as soon after it as
    /// the session allows. The REFERs of the peer are followed.
    pub fn talk(mut self, talk: &[(Duration, Verb)]) -> Self {
        self.talk = talk.to_vec();
        self.referrals = Referrals::Follow;
        self
    }

    /// Leaves offers inside a session unanswered.
    pub fn leave_offers(mut self) -> Self {
        self.offers = Offers::Leave;
        self
    }

    /// Refuses offers inside a session, with 488.
    pub fn refuse_offers(mut self) -> Self {
        self.offers = Offers::Refuse;
        self
    }

    /// Lets time pass before the next step.
    pub fn wait(self, duration: Duration) -> Self {
        self.then(Step::Wait(duration))
    }

    /// 100.
    pub fn trying(self) -> Self {
        self.then(Step::Trying)
    }

    /// 180.
    pub fn ring(self) -> Self {
        self.progress(Provisional::RINGING)
    }

    /// 180, reliably where the caller supports that.
    pub fn ring_reliably(self) -> Self {
        self.progress(ResponseOptions::new(Provisional::RINGING).reliably())
    }

    /// 183 with an answer, reliably where the caller supports that; or with an offer, where the
    /// INVITE made none.
    pub fn early_answer_reliably(self) -> Self {
        let options = ResponseOptions::new(Provisional::SESSION_PROGRESS).reliably();
        self.progress(options.with_body(Body::sdp(ANSWER)))
    }

    /// 183 with an answer.
    pub fn early_answer(self) -> Self {
        let options = ResponseOptions::new(Provisional::SESSION_PROGRESS);
        self.progress(options.with_body(Body::sdp(ANSWER)))
    }

    /// A provisional response.
    pub fn progress(self, options: impl Into<ResponseOptions<Provisional>>) -> Self {
        self.then(Step::Progress(options.into()))
    }

    /// 200 with an answer (or an offer, where the INVITE made none).
    pub fn answer(self) -> Self {
        self.accept(Body::sdp(ANSWER))
    }

    /// A 2xx.
    pub fn accept(self, options: impl Into<ResponseOptions<Success>>) -> Self {
        self.then(Step::Accept(options.into()))
    }

    /// 302 to these URIs, each with its preference in thousandths.
    pub fn redirect(self, contacts: &[(&str, u16)]) -> Self {
        let contacts = contacts.iter().map(|(uri, thousandths)| ContactTarget {
            uri: uri.parse().expect("a URI"),
            q: Some(QValue::from_thousandths(*thousandths).expect("at most 1000")),
        });
        self.then(Step::Redirect(contacts.collect()))
    }

    /// A refusal.
    pub fn reject(self, options: impl Into<ResponseOptions<Rejection>>) -> Self {
        self.then(Step::Reject(options.into()))
    }

    /// No answer, said aloud.
    pub fn dispose(self) -> Self {
        self.then(Step::Dispose)
    }

    /// BYE.
    pub fn hang_up(self) -> Self {
        self.then(Step::Say(Verb::HangUp))
    }

    /// An UPDATE with a new offer, where the early session allows it
    /// ([RFC 3311 §5.1](https://www.rfc-editor.org/rfc/rfc3311#section-5.1)).
    pub fn update(self) -> Self {
        self.then(Step::Say(Verb::Update))
    }

    /// CANCEL, where the call is ours.
    pub fn give_up(self) -> Self {
        self.then(Step::GiveUp)
    }

    /// The status of the redirection that [`Self::redirect`] sends.
    pub(crate) const REDIRECTION: Redirection = Redirection::MOVED_TEMPORARILY;

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new()
    }
}
