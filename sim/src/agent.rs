//! A user agent: a core, with an application on top.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use offhook_core::{Config, Counts, Event, Input, Output, UserAgentCore};

use crate::application::{Application, Call};
use crate::clock::Clock;
use crate::mutant::{Mutant, Passing};

/// A core, its application, and what may stand between the core and the world.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) core: UserAgentCore,
    pub(crate) application: Application,
    /// What breaks the core, where it is to be broken.
    pub(crate) mutant: Option<Box<dyn Mutant>>,
    /// What a mutant wants done next.
    outputs: VecDeque<Output>,
}

impl Agent {
    /// The seed is what the core draws its tags and branches from.
    pub(crate) fn new(
        clock: &Clock,
        config: Config,
        seed: [u8; 32],
        application: Application,
    ) -> Self {
        Self {
            core: UserAgentCore::new(clock.instant(), config, seed),
            application,
            mutant: None,
            outputs: VecDeque::new(),
        }
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

    /// The last call, in either direction.
    pub(crate) fn last_call(&self) -> Option<&Call> {
        self.application.calls.last()
    }

    /// The application hears of something.
    pub(crate) fn notice(&mut self, clock: &Clock, event: Event) {
        let Self {
            core, application, ..
        } = self;
        application.notice(core, clock, event);
    }

    /// The application does what is due.
    pub(crate) fn act(&mut self, clock: &Clock) {
        let Self {
            core, application, ..
        } = self;
        application.act(core, clock);
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
        Event::Accepted { .. } => "Accepted".into(),
        Event::Confirmed { .. } => "Confirmed".into(),
        Event::Terminating { cause, .. } => format!("Terminating {cause:?}").into(),
        Event::Ended { cause, .. } => format!("Ended {cause:?}").into(),
        Event::Prack { .. } => "Prack".into(),
        Event::Offer { .. } => "Offer".into(),
        Event::OfferWithdrawn { .. } => "OfferWithdrawn".into(),
        Event::Reconfirmed { .. } => "Reconfirmed".into(),
        Event::Answered { .. } => "Answered".into(),
        Event::Refreshed { .. } => "Refreshed".into(),
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
