//! A change of the session that we asked for.

use std::time::Instant;

use bytes::Bytes;
use offhook_message::{Body, Method};

use crate::slot::Slot;

/// A re-INVITE or UPDATE of ours, from the verb to its final response.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) method: Method,
    /// The number of the request that is out, or was out last.
    pub(crate) cseq: u32,
    /// Our offer.
    pub(crate) offer: Option<Body>,
    /// The octets of the request that is out: the ACK of a re-INVITE repeats its credentials.
    pub(crate) request: Option<Bytes>,
    /// Whether that asks for a session timer.
    pub(crate) asks_for_timer: bool,
    pub(crate) purpose: Purpose,
    /// How often it met a request of the peer's (491).
    pub(crate) attempts: u32,
    /// How often the session was too short for somebody on the way (422).
    pub(crate) refused: u8,
    pub(crate) stage: ChangeStage,
    /// When the stage ends by itself, where it does.
    pub(crate) until: Option<Instant>,
}

/// Whose wish a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The application's: it hears how it went.
    Application,
    /// The session timer's: the application hears of it only if its 2xx describes the session.
    Refresh,
}

/// How far a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeStage {
    /// It met a request of the peer's, and waits for its next attempt.
    Waiting,
    /// It is to be sent again, behind the answer to a PRACK of ours.
    Behind,
    /// Its request is out, by this transaction.
    Calling(Slot),
    /// A provisional response to the re-INVITE is here.
    Proceeding(Slot),
    /// The re-INVITE is cancelled.
    Cancelled(Slot),
    /// The 2xx is here and makes an offer; our ACK waits for the answer.
    Answered(Slot),
}

impl Change {
    /// Whether its request is out, so that no other may be served meanwhile.
    pub(crate) fn is_out(&self) -> bool {
        self.transaction().is_some()
    }

    /// Whether it has made the offer that is open, or asked for it.
    pub(crate) fn has_opened_an_offer(&self) -> bool {
        self.is_answered() || (self.is_out() && self.offer.is_some())
    }

    /// Whether the application has to answer the offer of its 2xx.
    pub(crate) fn is_answered(&self) -> bool {
        matches!(self.stage, ChangeStage::Answered(_))
    }

    /// The transaction of its request, while that is out.
    pub(crate) fn transaction(&self) -> Option<Slot> {
        match self.stage {
            ChangeStage::Waiting | ChangeStage::Behind => None,
            ChangeStage::Calling(transaction)
            | ChangeStage::Proceeding(transaction)
            | ChangeStage::Cancelled(transaction)
            | ChangeStage::Answered(transaction) => Some(transaction),
        }
    }
}

/// Whose Call-ID a dialog has, which decides who waits longer after a collision
/// ([RFC 3261 §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-14.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// We called.
    Caller,
    /// We were called.
    Callee,
}
