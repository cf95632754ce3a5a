//! The user agent under test, with an application on top.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use offhook_core::{
    Config, Counts, Event, Input, InviteId, Output, RequestId, SessionId, UserAgentCore, VerbError,
    message::{Body, Rejection, Request},
};

use crate::clock::Clock;
use crate::draft::ANSWER;
use crate::mutant::{Mutant, Passing};
use crate::policy::{Offers, Policy, Step};

/// A core, and an application that treats each call by a [`Policy`].
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) core: UserAgentCore,
    policy: Policy,
    calls: Vec<Call>,
    /// The last ACK that confirmed a session.
    pub(crate) acknowledgement: Option<Request>,
    /// The last REFER that came.
    pub(crate) referred: Option<RequestId>,
    /// The last request that waits for the application.
    pub(crate) request: Option<RequestId>,
    /// What breaks the core, where it is to be broken.
    pub(crate) mutant: Option<Box<dyn Mutant>>,
    /// What a mutant wants done next.
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
struct Call {
    invite: InviteId,
    session: Option<SessionId>,
    /// The session that it takes the place of.
    replaced: Option<SessionId>,
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
            referred: None,
            request: None,
            mutant: None,
            outputs: VecDeque::new(),
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

    /// What happened, to the core.
    pub(crate) fn handle(&mut self, clock: &Clock, input: Input) {
        match &mut self.mutant {
            None => self.core.handle(clock.instant(), input),
            Some(mutant) => {
                let passed = mutant.pass(clock.now(), Passing::Input(input));
                self.pass(clock, passed);
            }
        }
    }

    /// What is to be done.
    pub(crate) fn poll(&mut self, clock: &Clock) -> Option<Output> {
        loop {
            let polled = self.outputs.pop_front();
            if polled.is_some() {
                return polled;
            }
            let output = self.core.poll()?;
            let Some(mutant) = &mut self.mutant else {
                return Some(output);
            };
            let passed = mutant.pass(clock.now(), Passing::Output(output));
            self.pass(clock, passed);
        }
    }

    /// When the core is to be called next.
    pub(crate) fn timer(&mut self, clock: &Clock) -> Option<Duration> {
        let core = self.core.timeout().map(|at| clock.of(at));
        let mutant = self.mutant.as_ref().and_then(|mutant| mutant.timeout());
        core.into_iter().chain(mutant).min()
    }

    /// Calls the core because it is time.
    pub(crate) fn fire(&mut self, clock: &Clock) {
        self.core.handle(clock.instant(), Input::Timeout);
        if let Some(mutant) = &mut self.mutant
            && mutant.timeout().is_some_and(|at| at <= clock.now())
        {
            let passed = mutant.act(clock.now());
            self.pass(clock, passed);
        }
    }

    /// What the core holds.
    pub(crate) fn counts(&self) -> Counts {
        let counts = self.core.counts();
        let mutant = self.mutant.as_ref();
        mutant.map_or(counts, |mutant| mutant.counts(counts))
    }

    fn pass(&mut self, clock: &Clock, passed: Vec<Passing>) {
        for passing in passed {
            match passing {
                Passing::Input(input) => self.core.handle(clock.instant(), input),
                Passing::Output(output) => self.outputs.push_back(output),
            }
        }
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
                let replaced = self.find_replaced(now, invite);
                self.calls.push(Call {
                    invite,
                    session: None,
                    replaced,
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
            Event::Offer { session, .. } => self.treat_offer(now, session),
            Event::Referred { request, .. } => self.referred = Some(request),
            Event::Request { request, .. } => self.request = Some(request),
            _ => {}
        }
    }

    /// The session that a call takes the place of. Where it may not, the call is refused.
    fn find_replaced(&mut self, now: Instant, invite: InviteId) -> Option<SessionId> {
        let server = self.core.invite_server(now, invite)?;
        let replaces = server.replaces()?.clone();
        match self.core.replaced(&replaces) {
            Ok(session) => Some(session),
            Err(status) => {
                let server = self.core.invite_server(now, invite)?;
                server.reject(status).expect("it is not answered");
                None
            }
        }
    }

    fn treat_offer(&mut self, now: Instant, session: SessionId) {
        let Some(mut session) = self.core.session(now, session) else {
            return;
        };
        let treated = match self.policy.offers {
            Offers::Answer => session.answer(&Body::sdp(ANSWER)),
            Offers::Refuse => session.refuse_offer(Rejection::NOT_ACCEPTABLE_HERE),
            Offers::Leave => Ok(()),
        };
        assert_eq!(treated, Ok(()), "the offer waits");
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
            Step::Accept(options) => {
                self.session = Some(server.accept(options.clone())?.session);
                let replaced = self.replaced.and_then(|id| core.session(now, id));
                if let Some(replaced) = replaced {
                    replaced.replace();
                }
            }
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
        Event::AnsweredWithOffer { .. } => "AnsweredWithOffer".into(),
        Event::Referred { .. } => "Referred".into(),
        Event::Refer { .. } => "Refer".into(),
        Event::Subscription { .. } => "Subscription".into(),
        Event::Publication { .. } => "Publication".into(),
    }
}

/// Every simulation draws the same tags and branches.
const SEED: [u8; 32] = [7; 32];
