//! A caller: a user agent client after the letter of RFC 3261, which shares no code with the core.

mod answer;
mod change;
mod dialog;
mod invite;
mod plan;
mod request;
mod timers;

pub use plan::{Acknowledge, Plan};

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::Transport;
use offhook_message::{Message, Method, Response};

use crate::descriptions::Descriptions;
use crate::draft::{Draft, OFFER};
use answer::{Answered, Success};
use dialog::Dialog;
use invite::{InviteTransaction, Outcome};
use request::RequestTransaction;
use timers::{Timer, Timers};

/// How a call looks from the caller's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// The INVITE is out.
    Calling,
    /// A provisional response came.
    Proceeding,
    /// A 2xx came.
    Established,
    /// It was established, and one of the two hung up.
    Ended,
    /// A final response of this status came, which is no 2xx.
    Refused(u16),
    /// No final response came in time.
    TimedOut,
}

/// One call, seen from the caller.
#[derive(Debug)]
pub(crate) struct Caller {
    plan: Plan,
    local: SocketAddr,
    transport: Transport,
    call_id: String,
    state: CallState,
    /// What every request of this caller is made of.
    draft: Draft,
    invites: Vec<InviteTransaction>,
    /// How the branches of the call failed that did.
    failures: Vec<Outcome>,
    dialogs: Vec<Dialog>,
    requests: Vec<RequestTransaction>,
    answered: Vec<Answered>,
    successes: Vec<Success>,
    descriptions: Descriptions,
    has_given_up: bool,
    branches: u32,
    timers: Timers,
    outbox: Vec<Bytes>,
}

impl Caller {
    /// Places a call.
    pub(crate) fn new(plan: Plan, local: SocketAddr, transport: Transport, now: Duration) -> Self {
        let call_id = format!("{}-{}", now.as_millis(), local.ip());
        let draft = Draft::new("INVITE")
            .set("From", "Alice <sip:alice@example.com>;tag=1928301774")
            .set("Call-ID", &call_id)
            .set("Contact", &format!("<sip:alice@{local}>"));
        let mut caller = Self {
            draft,
            invites: Vec::new(),
            failures: Vec::new(),
            plan,
            local,
            transport,
            call_id,
            state: CallState::Calling,
            dialogs: Vec::new(),
            requests: Vec::new(),
            answered: Vec::new(),
            successes: Vec::new(),
            descriptions: Descriptions::new(OFFER),
            has_given_up: false,
            branches: 0,
            timers: Timers::default(),
            outbox: Vec::new(),
        };
        caller.call(now);
        caller
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.local
    }

    /// What it takes the session to be.
    pub(crate) fn descriptions(&self) -> &Descriptions {
        &self.descriptions
    }

    pub(crate) fn state(&self) -> CallState {
        self.state
    }

    pub(crate) fn receive(&mut self, now: Duration, message: &Message) {
        match message {
            Message::Request(request) => self.answer(now, request),
            Message::Response(response) => self.receive_response(now, response),
        }
    }

    /// What is to be sent.
    pub(crate) fn poll(&mut self) -> Option<Bytes> {
        if self.outbox.is_empty() {
            return None;
        }
        Some(self.outbox.remove(0))
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timers.timeout()
    }

    /// Fires what is due.
    pub(crate) fn act(&mut self, now: Duration) {
        while let Some(timer) = self.timers.due(now) {
            match timer {
                Timer::A(index)
                | Timer::B(index)
                | Timer::D(index)
                | Timer::M(index)
                | Timer::Abandon(index) => self.invite_timer(now, timer, index),
                Timer::E(index) | Timer::F(index) | Timer::K(index) => {
                    self.request_timer(now, timer, index);
                }
                Timer::J(index) => self.forget_answer(index),
                Timer::GiveUp => self.give_up(now),
                Timer::Talk(verb) => self.talk(now, verb),
                Timer::Success(index) => self.repeat_success(now, index),
                Timer::Referral(dialog) => self.notify(now, dialog, Some("noresource")),
            }
        }
    }

    /// To the transaction with its branch and method
    /// ([RFC 3261 §17.1.3](https://www.rfc-editor.org/rfc/rfc3261#section-17.1.3)).
    fn receive_response(&mut self, now: Duration, response: &Response) {
        let headers = response.headers();
        let (Ok(via), Ok(cseq)) = (headers.via(), headers.cseq()) else {
            return;
        };
        let branch = via.branch().unwrap_or_default();
        if cseq.method == Method::Invite {
            let mut invites = self.invites.iter();
            let invite = invites.position(|invite| invite.branch.as_bytes() == branch);
            if let Some(index) = invite {
                self.invite_response(now, index, response);
            }
            return;
        }
        let matching = self.requests.iter().position(|request| {
            request.branch.as_bytes() == branch && cseq.method.as_str() == request.method
        });
        if let Some(index) = matching {
            self.request_response(now, index, response);
        }
    }

    fn branch(&mut self) -> String {
        self.branches += 1;
        format!("z9hG4bK{}.{}", self.call_id, self.branches)
    }

    fn with_branch(&self, draft: Draft, branch: &str) -> Draft {
        draft.via(self.transport, &self.local.to_string(), branch)
    }
}
