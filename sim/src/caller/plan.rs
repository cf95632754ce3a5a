//! What a caller means to do.

use std::time::Duration;

use crate::policy::Verb;

/// What a caller means to do. By default it offers, waits for an answer, acknowledges it and stays
/// until the server hangs up.
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub(super) offer: Offer,
    pub(super) acknowledge: Acknowledge,
    /// A proxy on the way has forked the INVITE, and both branches lead to the server.
    pub(super) is_forked: bool,
    /// It knows reliable provisional responses
    /// ([RFC 3262 §4](https://www.rfc-editor.org/rfc/rfc3262#section-4)).
    pub(super) is_reliable: bool,
    pub(super) give_up_after: Option<Duration>,
    pub(super) talk: Vec<(Duration, Verb)>,
    pub(super) updates_early: bool,
    pub(super) session_expires: Option<&'static str>,
}

/// Who offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Offer {
    #[default]
    InInvite,
    /// In the INVITE, and once more in the PRACK of a response that has answered.
    Twice,
    /// The server offers, in its 2xx or in a reliable provisional response; ACK or PRACK answers.
    ByServer,
}

/// How a caller acknowledges a 2xx.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acknowledge {
    /// With an ACK of its own branch, each time the 2xx comes
    /// ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).
    #[default]
    Always,
    /// With the branch of the INVITE, as many do.
    WithInviteBranch,
    /// Not at all, nor any other final response, nor a reliable provisional one.
    Never,
}

impl Plan {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Offers nothing in the INVITE, so that the server must.
    pub fn without_offer(mut self) -> Self {
        self.offer = Offer::ByServer;
        self
    }

    /// Offers something else in the PRACK of a response that has answered the first offer
    /// ([RFC 3262 §5](https://www.rfc-editor.org/rfc/rfc3262#section-5)).
    pub fn offer_again(mut self) -> Self {
        self.offer = Offer::Twice;
        self
    }

    /// Acknowledges in another way.
    pub fn acknowledge(mut self, acknowledge: Acknowledge) -> Self {
        self.acknowledge = acknowledge;
        self
    }

    /// Sends the INVITE by two branches, as a forking proxy may
    /// ([RFC 3261 §8.2.2.2](https://www.rfc-editor.org/rfc/rfc3261#section-8.2.2.2)).
    pub fn forked(mut self) -> Self {
        self.is_forked = true;
        self
    }

    /// Supports reliable provisional responses, and acknowledges them by PRACK
    /// ([RFC 3262 §4](https://www.rfc-editor.org/rfc/rfc3262#section-4)).
    pub fn reliably(mut self) -> Self {
        self.is_reliable = true;
        self
    }

    /// Gives the call up this long after the INVITE, if it is not answered by then: CANCEL, as soon
    /// as a provisional response allows it, and BYE where a 2xx comes all the same.
    pub fn give_up_after(mut self, after: Duration) -> Self {
        self.give_up_after = Some(after);
        self
    }

    /// Hangs up this long after the call was answered.
    pub fn hang_up_after(self, after: Duration) -> Self {
        self.talk(&[(after, Verb::HangUp)])
    }

    /// What else it does inside the session, and how long after that was answered.
    pub fn talk(mut self, talk: &[(Duration, Verb)]) -> Self {
        self.talk.extend_from_slice(talk);
        self
    }

    /// Offers something else by UPDATE, once its PRACK is answered
    /// ([RFC 3311 §5.1](https://www.rfc-editor.org/rfc/rfc3311#section-5.1)).
    pub fn update_early(mut self) -> Self {
        self.updates_early = true;
        self
    }

    /// Wants a session timer, as Session-Expires says it
    /// ([RFC 4028 §4](https://www.rfc-editor.org/rfc/rfc4028#section-4)).
    pub fn session_expires(mut self, value: &'static str) -> Self {
        self.session_expires = Some(value);
        self
    }
}
