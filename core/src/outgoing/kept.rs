//! What a server keeps for us, and we keep up: a binding of our address
//! ([RFC 3261 §10.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2)), a published state
//! ([RFC 3903 §4](https://www.rfc-editor.org/rfc/rfc3903#section-4)).

use std::time::Instant;

use offhook_message::Body;

use super::message::{Binding, OutgoingRequestMessage};
use super::soft_state::SoftState;
use crate::flow::Flow;

/// One of them, with the request that asks for it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) message: OutgoingRequestMessage,
    pub(crate) soft: SoftState,
    pub(crate) what: What,
    /// The flow that it was accepted by: our Contact there is what the server has.
    pub(crate) accepted_by: Option<Flow>,
    /// What the application wants in the end.
    pub(crate) wish: Wish,
    /// What the request asks for that is out.
    pub(crate) asked: Option<Wish>,
    /// When the next request is due.
    pub(crate) due: Option<Instant>,
}

/// What it is that the server keeps.
#[derive(Debug)]
pub(crate) enum What {
    Binding {
        /// Whether a registrar may have it.
        is_bound: bool,
    },
    State {
        body: Option<Body>,
        /// Whether the compositor may not have this one.
        has_news: bool,
    },
}

/// What it is to come to, from the least on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    Kept,
    Gone,
    /// Those of others, too.
    AllGone,
}

impl Kept {
    pub(crate) fn new(message: OutgoingRequestMessage, expires: u32, what: What) -> Self {
        Self {
            message,
            soft: SoftState::new(expires.max(1)),
            what,
            accepted_by: None,
            wish: Wish::Kept,
            asked: None,
            due: None,
        }
    }

    pub(crate) fn is_binding(&self) -> bool {
        matches!(self.what, What::Binding { .. })
    }

    /// Whether a server may have something that is to be taken away.
    pub(crate) fn is_there(&self) -> bool {
        match self.what {
            What::Binding { is_bound } => is_bound || self.wish == Wish::AllGone,
            What::State { .. } => self.message.entity_tag.is_some(),
        }
    }

    /// Begins the next request by the flow that served the last one; what is taken away goes where it was accepted.
    pub(crate) fn renew(&mut self) {
        self.message.renew_by_same_flow();
        if let Some(flow) = self.accepted_by
            && self.wish != Wish::Kept
        {
            self.message.begin_with(flow);
        }
    }

    /// The server has something else than it was asked to have, or nothing.
    pub(crate) fn is_missed(&mut self) {
        if let What::State { has_news, .. } = &mut self.what {
            *has_news = true;
        }
    }

    /// Makes the request ask for what is wished. A PUBLISH has one of the four operations of
    /// [RFC 3903 §4.1](https://www.rfc-editor.org/rfc/rfc3903#section-4.1).
    pub(crate) fn ask(&mut self) {
        let (message, is_kept) = (&mut self.message, self.wish == Wish::Kept);
        message.expires = Some(if is_kept { self.soft.expires } else { 0 });
        match &mut self.what {
            What::Binding { .. } => {
                if self.wish == Wish::AllGone {
                    message.binding = Some(Binding::NoneAtAll);
                }
            }
            What::State { body, has_news } => {
                let bears_state = is_kept && (*has_news || message.entity_tag.is_none());
                message.request.body = body.clone().filter(|_| bears_state);
                *has_news = false;
            }
        }
        self.asked = Some(self.wish);
        self.due = None;
    }
}
