//! What stands on top of a core.

use std::time::{Duration, Instant};

use offhook_core::message::{Body, Message, ReferTo, Rejection, Request, StatusCode, parse};
use offhook_core::{
    Event, InsideError, InviteId, OutgoingInviteEvent, OutgoingInviteId, ReferEvent, ReferralId,
    RequestId, SessionId, SessionState, Unanswered, UserAgentCore, VerbError,
};

use crate::caller::CallState;
use crate::clock::{Clock, milliseconds};
use crate::descriptions::Descriptions;
use crate::policy::{Offers, Policy, Referrals, Step, Verb};

/// An application that treats each call by a [`Policy`].
#[derive(Debug)]
pub(crate) struct Application {
    policy: Policy,
    /// The session description that it begins with.
    description: &'static str,
    pub(crate) calls: Vec<Call>,
    /// What it will tell those who referred it.
    news: Vec<(Duration, ReferralId, StatusCode)>,
    /// The last ACK that confirmed a session.
    pub(crate) acknowledgement: Option<Request>,
    /// The last REFER that came.
    pub(crate) referred: Option<RequestId>,
    /// The last request that waits for the application.
    pub(crate) request: Option<RequestId>,
}

/// One call, ours or theirs.
#[derive(Debug)]
pub(crate) struct Call {
    invite: Invite,
    pub(crate) session: Option<SessionId>,
    /// The session that it takes the place of.
    replaced: Option<SessionId>,
    /// The next step of the policy, and when it is due.
    step: usize,
    due: Duration,
    /// The next verb of the policy, and when it is due; `None` where there is no session.
    verb: usize,
    verb_due: Option<Duration>,
    /// The last verb that changed the session.
    change: usize,
    confirmed: Duration,
    pub(crate) descriptions: Descriptions,
    /// The REFERs that were sent, and those of which the end is known.
    pub(crate) refers: (usize, usize),
    pub(crate) state: CallState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Invite {
    Theirs(InviteId),
    Ours(OutgoingInviteId),
}

impl Application {
    pub(crate) fn new(policy: Policy, description: &'static str) -> Self {
        Self {
            policy,
            description,
            calls: Vec::new(),
            news: Vec::new(),
            acknowledgement: None,
            referred: None,
            request: None,
        }
    }

    /// The last call that came.
    pub(crate) fn invite(&self) -> Option<InviteId> {
        self.calls.last().and_then(|call| match call.invite {
            Invite::Theirs(invite) => Some(invite),
            Invite::Ours(_) => None,
        })
    }

    /// The session of the last call that has one.
    pub(crate) fn session(&self) -> Option<SessionId> {
        self.calls.iter().rev().find_map(|call| call.session)
    }

    /// A call was placed, with this offer.
    pub(crate) fn place(&mut self, at: Duration, invite: OutgoingInviteId, offer: Option<&str>) {
        let call = self.begin(at, Invite::Ours(invite));
        call.descriptions.offered = offer.map(str::to_owned);
    }

    /// When it does something next.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        let calls = self
            .calls
            .iter()
            .filter_map(|call| call.timeout(&self.policy));
        let news = self.news.iter().map(|(at, _, _)| *at);
        calls.chain(news).min()
    }

    /// It hears of something.
    pub(crate) fn notice(&mut self, core: &mut UserAgentCore, clock: &Clock, event: Event) {
        let (at, now) = (clock.now(), clock.instant());
        match event {
            Event::Invite(invite) => self.take(core, clock, invite),
            Event::OutgoingInvite { invite, event } => {
                let mut calls = self.calls.iter_mut();
                if let Some(call) = calls.find(|call| call.invite == Invite::Ours(invite)) {
                    call.progress(core, clock, event, &self.policy);
                }
            }
            Event::Accepted { session } => {
                if let Some(call) = find(&mut self.calls, session) {
                    call.replace(core, now);
                }
            }
            Event::Confirmed {
                session,
                acknowledgement,
            } => {
                if let Some(call) = find(&mut self.calls, session) {
                    call.confirm(at, &self.policy);
                }
                self.acknowledge(session, acknowledgement);
            }
            Event::Reconfirmed {
                session,
                acknowledgement,
            } => self.acknowledge(session, acknowledgement),
            Event::Prack { session, message } => self.hear(session, message.body()),
            Event::Offer { session, message } => self.treat_offer(core, now, session, &message),
            Event::Answered { session, message } if message.status().is_success() => {
                self.hear(session, message.body());
            }
            Event::Refreshed { session, message } => self.hear(session, message.body()),
            Event::Answered { session, .. } => {
                if let Some(call) = find(&mut self.calls, session) {
                    call.take_back(&self.policy);
                }
            }
            Event::Unanswered {
                session,
                cause: Unanswered::Collision,
            } => {
                if let Some(call) = find(&mut self.calls, session) {
                    call.take_back(&self.policy);
                    if call.state == CallState::Established {
                        (call.verb, call.verb_due) = (call.change, Some(at + SOON));
                    }
                }
            }
            Event::AnsweredWithOffer { session, message } => {
                if let Some(call) = find(&mut self.calls, session) {
                    call.answer(core, now, session, message.body());
                }
            }
            Event::Ended { session, .. } => {
                if let Some(call) = find(&mut self.calls, session) {
                    call.verb_due = None;
                    if call.state == CallState::Established {
                        call.state = CallState::Ended;
                    }
                }
            }
            Event::Referred { request, .. } => self.treat_referral(core, clock, request),
            Event::Refer { session, event, .. } => {
                if let Some(call) = find(&mut self.calls, session)
                    && is_end(&event)
                {
                    call.refers.1 += 1;
                }
            }
            Event::Request { request, .. } => self.request = Some(request),
            _ => {}
        }
    }

    /// It does what is due.
    pub(crate) fn act(&mut self, core: &mut UserAgentCore, clock: &Clock) {
        let (at, now) = (clock.now(), clock.instant());
        for call in &mut self.calls {
            call.go_on(core, clock, &self.policy);
            call.talk(core, clock, &self.policy);
        }
        self.news.retain(|(due, referral, status)| {
            if *due <= at {
                core.notify(now, *referral, *status);
            }
            *due > at
        });
    }

    fn begin(&mut self, at: Duration, invite: Invite) -> &mut Call {
        self.calls.push(Call {
            invite,
            session: None,
            replaced: None,
            step: 0,
            due: at,
            verb: 0,
            verb_due: None,
            change: 0,
            confirmed: at,
            descriptions: Descriptions::new(self.description),
            refers: (0, 0),
            state: CallState::Calling,
        });
        let last = self.calls.len() - 1;
        &mut self.calls[last]
    }

    fn take(&mut self, core: &mut UserAgentCore, clock: &Clock, invite: InviteId) {
        let replaced = find_replaced(core, clock.instant(), invite);
        let offer = core.invite_server(clock.instant(), invite);
        let offer = offer.map(|server| text(server.message().body()));
        let call = self.begin(clock.now(), Invite::Theirs(invite));
        call.replaced = replaced;
        call.descriptions.asked = offer.filter(|offer| !offer.is_empty());
        if let Some(call) = self.calls.last_mut() {
            call.go_on(core, clock, &self.policy);
        }
    }

    fn acknowledge(&mut self, session: SessionId, acknowledgement: Request) {
        self.hear(session, acknowledgement.body());
        self.acknowledgement = Some(acknowledgement);
    }

    /// The peer describes the session in what is no offer.
    fn hear(&mut self, session: SessionId, body: &[u8]) {
        if let Some(call) = find(&mut self.calls, session) {
            call.descriptions.hear(&text(body));
        }
    }

    fn treat_offer(
        &mut self,
        core: &mut UserAgentCore,
        now: Instant,
        session: SessionId,
        message: &Request,
    ) {
        let call = find(&mut self.calls, session);
        let Some((call, mut session)) = call.zip(core.session(now, session)) else {
            return;
        };
        let treated = match self.policy.offers {
            Offers::Answer => {
                let body = call.descriptions.treat(&text(message.body()));
                session.answer(&Body::sdp(body))
            }
            Offers::Refuse => session.refuse_offer(Rejection::NOT_ACCEPTABLE_HERE),
            Offers::Leave => Ok(()),
        };
        assert_eq!(treated, Ok(()), "the offer waits");
    }

    fn treat_referral(&mut self, core: &mut UserAgentCore, clock: &Clock, request: RequestId) {
        self.referred = Some(request);
        if self.policy.referrals == Referrals::Leave {
            return;
        }
        let server = core.refer_server(clock.instant(), request);
        let accepted = server.map(offhook_core::ReferUserAgentServer::accept);
        if let Some(Ok(Some(referral))) = accepted {
            for (after, status) in [(500, StatusCode::RINGING), (1500, StatusCode::OK)] {
                let at = clock.now() + milliseconds(after);
                self.news.push((at, referral, status));
            }
        }
    }
}

impl Call {
    /// RFC 3515 §2.4: who refers hears how it ends.
    pub(crate) fn without_outcome(&self) -> Option<String> {
        let (sent, ended) = self.refers;
        (sent != ended).then(|| format!("{sent} REFERs were sent, and {ended} have an end"))
    }

    /// What becomes of a call of ours.
    fn progress(
        &mut self,
        core: &mut UserAgentCore,
        clock: &Clock,
        event: OutgoingInviteEvent,
        policy: &Policy,
    ) {
        let now = clock.instant();
        match event {
            OutgoingInviteEvent::Progress {
                session,
                is_offer,
                message,
                ..
            } => {
                self.session = session.or(self.session);
                match session {
                    Some(session) if is_offer => {
                        let ours = self.descriptions.answer(&text(message.body()));
                        let session = core.session(now, session);
                        let sent = session.map(|mut it| it.prack(&Body::sdp(ours)));
                        assert_eq!(sent, Some(Ok(())), "the PRACK waits");
                    }
                    _ => self.descriptions.hear(&text(message.body())),
                }
            }
            OutgoingInviteEvent::Accept {
                session,
                is_offer,
                message,
            } => {
                self.session = Some(session);
                if is_offer {
                    self.answer(core, now, session, message.body());
                } else {
                    self.descriptions.hear(&text(message.body()));
                }
                self.confirm(clock.now(), policy);
            }
            OutgoingInviteEvent::Redirect { message, .. }
            | OutgoingInviteEvent::Reject { message }
            | OutgoingInviteEvent::Cancelled {
                message: Some(message),
            } => {
                self.state = match message.status() {
                    status if status.is_success() => CallState::Ended,
                    status => CallState::Refused(status.as_u16()),
                };
            }
            OutgoingInviteEvent::Cancelled { message: None }
            | OutgoingInviteEvent::Failed { .. } => {
                self.state = CallState::TimedOut;
            }
            OutgoingInviteEvent::Trying { .. } | OutgoingInviteEvent::NoAnswer => {}
        }
    }

    /// A change was not agreed to, and its offer is void. One that asks for an offer makes none.
    fn take_back(&mut self, policy: &Policy) {
        let change = policy.talk.get(self.change);
        if change.is_none_or(|(_, verb)| *verb != Verb::Ask) {
            self.descriptions.offered = None;
        }
    }

    fn confirm(&mut self, at: Duration, policy: &Policy) {
        self.state = CallState::Established;
        self.confirmed = at;
        self.verb_due = policy.talk.first().map(|(after, _)| at + *after);
    }

    /// Answers the offer of a 2xx.
    fn answer(&mut self, core: &mut UserAgentCore, now: Instant, id: SessionId, theirs: &[u8]) {
        let ours = self.descriptions.answer(&text(theirs));
        let session = core.session(now, id);
        let sent = session.map(|mut it| it.acknowledge(&Body::sdp(ours)));
        assert_eq!(sent, Some(Ok(())), "the ACK waits");
    }

    fn timeout(&self, policy: &Policy) -> Option<Duration> {
        let verb = self.verb_due.filter(|_| self.verb < policy.talk.len());
        if self.step >= policy.steps.len() {
            return verb;
        }
        Some(verb.map_or(self.due, |at| at.min(self.due)))
    }

    /// The steps that are due.
    fn go_on(&mut self, core: &mut UserAgentCore, clock: &Clock, policy: &Policy) {
        while self.due <= clock.now()
            && let Some(step) = policy.steps.get(self.step)
        {
            self.step += 1;
            if let Step::Wait(duration) = step {
                self.due += *duration;
            } else {
                let done = self.perform(core, clock.instant(), step);
                assert_eq!(done, Ok(()), "the policy says {step:?}");
            }
        }
    }

    fn perform(
        &mut self,
        core: &mut UserAgentCore,
        now: Instant,
        step: &Step,
    ) -> Result<(), VerbError> {
        if let Step::Say(verb) = step {
            let _ = self.say(core, now, *verb); // It does not wait for the session.
            return Ok(());
        }
        let invite = match self.invite {
            Invite::Theirs(invite) => invite,
            Invite::Ours(invite) => {
                if let Some(client) = core.invite_client(now, invite) {
                    client.cancel(Vec::new());
                }
                return Ok(());
            }
        };
        let Some(mut server) = core.invite_server(now, invite) else {
            return Ok(()); // The call ended by itself.
        };
        match step {
            Step::Wait(_) | Step::Say(_) | Step::GiveUp => {}
            Step::Trying => {
                server.trying()?;
            }
            Step::Progress(options) => {
                let response = server.progress(options.clone())?;
                self.session = Some(response.session);
                self.describe(response.message);
            }
            Step::Accept(options) => {
                let response = server.accept(options.clone())?;
                self.session = Some(response.session);
                self.describe(response.message);
                let accepted = core.session(now, response.session);
                if accepted.is_some_and(|it| it.state() != SessionState::Early) {
                    self.replace(core, now);
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

    /// The 2xx is out: the call takes the place of another.
    fn replace(&mut self, core: &mut UserAgentCore, now: Instant) {
        let replaced = self.replaced.take();
        if let Some(replaced) = replaced.and_then(|id| core.session(now, id)) {
            replaced.replace();
        }
    }

    /// The description in a response of ours to the INVITE.
    fn describe(&mut self, response: bytes::Bytes) {
        let response = parse(response);
        let body = response.as_ref().map_or(&b""[..], Message::body);
        if !body.is_empty() {
            self.descriptions.describe(&text(body));
        }
    }

    /// The verbs that are due. What the session does not allow now is tried again soon.
    fn talk(&mut self, core: &mut UserAgentCore, clock: &Clock, policy: &Policy) {
        while self.verb_due.is_some_and(|due| due <= clock.now())
            && let Some((_, verb)) = policy.talk.get(self.verb)
        {
            if self.say(core, clock.instant(), *verb).is_err() {
                self.verb_due = Some(clock.now() + SOON);
                return;
            }
            self.verb += 1;
            let next = policy.talk.get(self.verb);
            self.verb_due = next.map(|(after, _)| clock.now().max(self.confirmed + *after));
        }
    }

    fn say(
        &mut self,
        core: &mut UserAgentCore,
        now: Instant,
        verb: Verb,
    ) -> Result<(), InsideError> {
        let Some(mut session) = self.session.and_then(|id| core.session(now, id)) else {
            return Ok(()); // It is over.
        };
        let direction = match verb {
            Verb::Hold => "sendonly",
            _ => "sendrecv",
        };
        match verb {
            Verb::HangUp => session.bye(Vec::new()),
            Verb::Refresh => session.update(None)?,
            Verb::Ask => {
                session.invite_without_offer()?;
                self.change = self.verb;
            }
            Verb::Refer => {
                let carol: ReferTo = "sip:carol@192.0.2.9".parse().expect("a URI");
                session.refer(carol)?;
                self.refers.0 += 1;
            }
            Verb::Reinvite | Verb::Hold | Verb::Resume | Verb::Update => {
                let offered = self.descriptions.offered.clone();
                let offer = Body::sdp(self.descriptions.offer(direction));
                let sent = match verb {
                    Verb::Update => session.update(Some(&offer)),
                    _ => session.invite(&offer),
                };
                if sent.is_err() {
                    self.descriptions.offered = offered;
                }
                sent?;
                self.change = self.verb;
            }
        }
        Ok(())
    }
}

fn find(calls: &mut [Call], session: SessionId) -> Option<&mut Call> {
    calls.iter_mut().find(|call| call.session == Some(session))
}

/// The session that a call takes the place of. Where it may not, the call is refused.
fn find_replaced(core: &mut UserAgentCore, now: Instant, invite: InviteId) -> Option<SessionId> {
    let server = core.invite_server(now, invite)?;
    let replaces = server.replaces()?.clone();
    match core.replaced(&replaces) {
        Ok(session) => Some(session),
        Err(status) => {
            let server = core.invite_server(now, invite)?;
            server.reject(status).expect("it is not answered");
            None
        }
    }
}

fn is_end(event: &ReferEvent) -> bool {
    match event {
        ReferEvent::Accepted { is_subscribed, .. } => !is_subscribed,
        ReferEvent::Progress { .. } => false,
        ReferEvent::Terminated { .. } | ReferEvent::Refused { .. } => true,
    }
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

/// How soon an application tries again what a session does not allow now.
const SOON: Duration = milliseconds(200);
