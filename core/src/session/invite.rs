//! A call that is not answered yet.

use offhook_message::{Body, Request};

use crate::dialog::OfferAnswer;
use crate::event::SessionId;
use crate::flow::Flow;
use crate::slot::Slot;
use crate::tag::Tag;

/// An INVITE outside of a dialog, from its arrival to our final response.
#[derive(Debug)]
pub(crate) struct Invite {
    pub(crate) request: Request,
    /// Its server transaction.
    pub(crate) transaction: Slot,
    /// Where it came from.
    pub(crate) flow: Flow,
    /// The To tag of every response above 100.
    pub(crate) to_tag: Tag,
    /// The early session, once a response above 100 has made one.
    pub(crate) session: Option<SessionId>,
    pub(crate) offer_answer: OfferAnswer,
    /// The answer that a provisional response showed. It is the answer of the 2xx too
    /// (RFC 3261 §13.2.1).
    pub(crate) early_answer: Option<Body>,
    /// Whether any response is out, so that no 100 is needed.
    pub(crate) is_answered: bool,
}
