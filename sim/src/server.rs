//! The user agent under test, with an application on top.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use offhook_core::{
    Config, Event, InviteId, Output, SessionId, UserAgentCore, VerbError,
    message::{Body, Request},
};

use crate::draft::ANSWER;
use crate::policy::{Policy, Step};

/// A core, and an application that treats each call by a [`Policy`].
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) core: UserAgentCore,
    policy: Policy,
    calls: Vec<Call>,
    /// The last ACK that confirmed a session.
    pub(crate) acknowledgement: Option<Request>,
}

#[derive(Debug)]
struct Call {
    invite: InviteId,
    session: Option<SessionId>,
    /// The next step of the policy, and when it is due.
    step: usize,
    due: Duration,
}

impl Server {
    pub(crate) fn new(config: Config, policy: Policy) -> Self {
        Self {
            core: UserAgentCore::new(config, SEED),
            policy,
            calls: Vec::new(),
            acknowledgement: None,
        }
    }

    /// The last call that came.
    pub(crate) fn invite(&self) -> Option<InviteId> {
        self.calls.last().map(|call| call.invite)
    }

    /// The session of the last call that has one.
    pub(crate) fn session(&self) -> Option<SessionId> {
        self.calls.iter().rev().find_map(|call| call.session)
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.core.poll()
    }

    /// When the application does something next.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        let waiting = self.calls.iter();
        let waiting = waiting.filter(|call| call.step < self.policy.steps.len());
        waiting.map(|call| call.due).min()
    }

    /// The application hears of something.
    pub(crate) fn notice(&mut self, at: Duration, now: Instant, event: Event) {
        match event {
            Event::Invite(invite) => {
                self.calls.push(Call {
                    invite,
                    session: None,
                    step: 0,
                    due: at,
                });
                self.act(at, now);
            }
            Event::Confirmed {
                acknowledgement, ..
            }
            | Event::Reconfirmed {
                acknowledgement, ..
            } => self.acknowledgement = Some(acknowledgement),
            Event::Offer { session, .. } if self.policy.answers_offers => {
                if let Some(mut session) = self.core.session(now, session) {
                    let answered = session.answer(&Body::sdp(ANSWER));
                    assert_eq!(answered, Ok(()), "the offer waits");
                }
            }
            _ => {}
        }
    }

    /// The application does what is due.
    pub(crate) fn act(&mut self, at: Duration, now: Instant) {
        for call in &mut self.calls {
            while call.due <= at
                && let Some(step) = self.policy.steps.get(call.step)
            {
                call.step += 1;
                if let Step::Wait(duration) = step {
                    call.due += *duration;
                } else {
                    let done = call.perform(&mut self.core, now, step);
                    assert_eq!(done, Ok(()), "the policy says {step:?}");
                }
            }
        }
    }
}

impl Call {
    fn perform(
        &mut self,
        core: &mut UserAgentCore,
        now: Instant,
        step: &Step,
    ) -> Result<(), VerbError> {
        if let Step::HangUp = step {
            if let Some(session) = self.session.and_then(|id| core.session(now, id)) {
                session.bye(Vec::new());
            }
            return Ok(());
        }
        let Some(mut server) = core.invite_server(now, self.invite) else {
            return Ok(()); // The call ended by itself.
        };
        match step {
            Step::Wait(_) | Step::HangUp => {}
            Step::Trying => {
                server.trying()?;
            }
            Step::Progress(options) => {
                self.session = Some(server.progress(options.clone())?.session);
            }
            Step::Accept(options) => self.session = Some(server.accept(options.clone())?.session),
            Step::Redirect(contacts) => {
                server.redirect(contacts, Policy::REDIRECTION)?;
            }
            Step::Reject(options) => {
                server.reject(options.clone())?;
            }
            Step::Dispose => server.dispose(),
        }
        Ok(())
    }
}

/// What a figure calls an event.
pub(crate) fn describe(event: &Event) -> Cow<'static, str> {
    match event {
        Event::Invite(_) => "Invite".into(),
        Event::Cancelled { .. } => "Cancelled".into(),
        Event::InviteEnded { cause, .. } => format!("InviteEnded {cause:?}").into(),
        Event::NotAcknowledged { .. } => "NotAcknowledged".into(),
        Event::Undelivered { .. } => "Undelivered".into(),
        Event::Confirmed { .. } => "Confirmed".into(),
        Event::Ended { cause, .. } => format!("Ended {cause:?}").into(),
        Event::Prack { .. } => "Prack".into(),
        Event::Offer { .. } => "Offer".into(),
        Event::OfferWithdrawn { .. } => "OfferWithdrawn".into(),
        Event::Reconfirmed { .. } => "Reconfirmed".into(),
        Event::Answered { .. } => "Answered".into(),
        Event::Unanswered { cause, .. } => format!("Unanswered {cause:?}").into(),
        Event::Request { .. } => "Request".into(),
        Event::OutgoingInvite { .. } => "OutgoingInvite".into(),
        Event::Response { .. } => "Response".into(),
        Event::RequestFailed { .. } => "RequestFailed".into(),
        Event::Registration { .. } => "Registration".into(),
    }
}

/// Every simulation draws the same tags and branches.
const SEED: [u8; 32] = [7; 32];
