//! What a caller means to do.

use std::time::Duration;

/// What a caller means to do. By default it offers, waits for an answer, acknowledges it and stays
/// until the server hangs up.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub(super) offer: Offer,
    pub(super) acknowledge: Acknowledge,
    pub(super) give_up_after: Option<Duration>,
    pub(super) hang_up_after: Option<Duration>,
}

/// Who offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Offer {
    #[default]
    InInvite,
    /// The server offers in its 2xx, and the ACK answers.
    InSuccess,
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
    /// Not at all, nor any other final response.
    Never,
}

impl Plan {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Offers nothing in the INVITE, so that the server must.
    #[must_use]
    pub fn without_offer(mut self) -> Self {
        self.offer = Offer::InSuccess;
        self
    }

    /// Acknowledges in another way.
    #[must_use]
    pub fn acknowledge(mut self, acknowledge: Acknowledge) -> Self {
        self.acknowledge = acknowledge;
        self
    }

    /// Gives the call up this long after the INVITE, if it is not answered by then: CANCEL, as soon
    /// as a provisional response allows it, and BYE where a 2xx comes all the same.
    #[must_use]
    pub fn give_up_after(mut self, after: Duration) -> Self {
        self.give_up_after = Some(after);
        self
    }

    /// Hangs up this long after the call was answered.
    #[must_use]
    pub fn hang_up_after(mut self, after: Duration) -> Self {
        self.hang_up_after = Some(after);
        self
    }
}
