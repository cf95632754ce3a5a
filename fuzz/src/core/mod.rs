//! The core as a whole: messages, time and verbs in any order.
//!
//! After each step every table is within its bounds and every request has had an answer, a place in a table, or a count.
//! When everybody has hung up and all time has passed, every table is empty.

mod peer;
mod verbs;

pub(crate) use peer::flow;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook_core::message::{HeaderName, Headers, Message, Method, Request, parse};
use offhook_core::{
    Channel, Config, Counts, Event, Flow, Input, InviteId, Limits, Opener, OutgoingInviteEvent,
    OutgoingInviteId, Output, PublicationId, ReferralId, RegistrationId, Reliability, RequestId,
    SessionId, SessionTimerConfig, SubscriptionEvent, SubscriptionId, Times, Totals, TransactionId,
    Transport, UserAgentCore,
};

use crate::dice::Dice;

pub(crate) fn run(octets: &[u8]) {
    let mut dice = Dice::new(octets);
    let mut run = Run::new(&mut dice);
    for step in 0..MOST_STEPS {
        if dice.is_used_up() {
            break;
        }
        run.step(&mut dice, step);
        run.check();
    }
    run.finish();
}

/// A core, its clock, and all that came out of it.
struct Run {
    core: UserAgentCore,
    limits: Limits,
    begin: Instant,
    now: Instant,
    flow: Flow,
    /// The requests that were sent to the core, and when first, to be repeated, cancelled and acknowledged.
    received: Vec<(Instant, Bytes)>,
    /// The requests of the core, to be answered.
    asked: Vec<Request>,
    /// The responses of the core, with the tags and targets of its dialogs.
    answered: Vec<Bytes>,
    sent: Vec<(Duration, Flow, Bytes)>,
    transactions: Vec<TransactionId>,
    invites: Vec<InviteId>,
    requests: Vec<RequestId>,
    sessions: Vec<SessionId>,
    outgoing: Vec<OutgoingInviteId>,
    registrations: Vec<RegistrationId>,
    subscriptions: Vec<SubscriptionId>,
    publications: Vec<PublicationId>,
    referrals: Vec<ReferralId>,
    events: usize,
    /// How many calls and sessions have ended.
    ends: usize,
    claims: Claims,
}

impl Run {
    fn new(dice: &mut Dice<'_>) -> Self {
        let config = config(dice);
        let now = Instant::now();
        Self {
            limits: config.limits,
            core: UserAgentCore::new(now, config, [7; 32]),
            begin: now,
            now,
            flow: peer::flow(dice.one(&[Transport::Udp, Transport::Tcp, Transport::Ws])),
            received: Vec::new(),
            asked: Vec::new(),
            answered: Vec::new(),
            sent: Vec::new(),
            transactions: Vec::new(),
            invites: Vec::new(),
            requests: Vec::new(),
            sessions: Vec::new(),
            outgoing: Vec::new(),
            registrations: Vec::new(),
            subscriptions: Vec::new(),
            publications: Vec::new(),
            referrals: Vec::new(),
            events: 0,
            ends: 0,
            claims: Claims::default(),
        }
    }

    fn step(&mut self, dice: &mut Dice<'_>, step: usize) {
        match dice.below(16) {
            0..=4 => {
                let request = self.request(dice, step);
                self.receive(request);
            }
            5 | 6 => {
                let repeated = dice.pick(&self.received).cloned();
                let may_come = |at| is_repetition(self.flow.transport, at, self.now);
                if let Some((_, repeated)) = repeated.filter(|(at, _)| may_come(*at)) {
                    self.receive(repeated);
                }
            }
            7..=9 => {
                if let Some(response) = self.response(dice) {
                    self.receive(response);
                }
            }
            10 => self.receive(Bytes::copy_from_slice(dice.octets())),
            11 => self.trouble(dice),
            12 => {
                let milliseconds = dice.one(&[1, 200, 500, 4_000, 32_000, 90_000, 200_000]);
                self.pass(Duration::from_millis(milliseconds));
            }
            _ => self.verb(dice),
        }
    }

    /// What befalls connections. From now on everybody may be reached by another.
    fn trouble(&mut self, dice: &mut Dice<'_>) {
        let channel = self.flow.channel;
        match dice.below(6) {
            0..=2 => {
                if let Some(transaction) = dice.pick(&self.transactions).copied() {
                    self.handle(Input::Undelivered { transaction });
                }
            }
            3 => self.flow.channel = Channel(3 - channel.0),
            number => {
                let opener = [Opener::Us, Opener::Peer][number % 2];
                self.handle(Input::Disconnected { channel, opener });
            }
        }
    }

    /// A message that came, whatever it is.
    fn receive(&mut self, bytes: Bytes) {
        let flow = self.flow;
        match parse(bytes.clone()) {
            Ok(Message::Request(request)) => {
                self.claims.claim(&request, flow.transport, self.now);
                let is_known = self.received.iter().any(|(_, known)| *known == bytes);
                if !is_known {
                    self.received.push((self.now, bytes));
                }
                let is_ack = *request.method() == Method::Ack;
                let before = self.traces();
                self.handle(Input::Message {
                    flow,
                    message: Message::Request(request),
                });
                let is_noticed = self.traces() != before;
                assert!(is_ack || is_noticed, "a request is lost without a trace");
            }
            Ok(message) => self.handle(Input::Message { flow, message }),
            Err(malformed) => {
                if let Some(request) = &malformed.request {
                    self.claims.claim(request, flow.transport, self.now);
                }
                self.handle(Input::Malformed { flow, malformed });
            }
        }
    }

    /// What a request may leave behind: something sent, an event, a count.
    fn traces(&self) -> (usize, usize, u64, u64, u64) {
        let Totals {
            dropped,
            repeated_requests,
            shed,
            ..
        } = self.core.counts().totals;
        let sent = self.sent.len();
        (sent, self.events, dropped, repeated_requests, shed)
    }

    fn handle(&mut self, input: Input) {
        self.core.handle(self.now, input);
        self.drain();
    }

    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut timers = 0;
        while let Some(next) = self.core.timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.handle(Input::Timeout);
            timers += 1;
            assert!(timers < MOST_TIMERS, "there is no end to this");
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.core.poll() {
            match output {
                Output::Transmit(transmit) => {
                    self.transactions.extend(transmit.transaction);
                    self.take(transmit.flow, transmit.bytes);
                }
                Output::Resolve(resolve) => {
                    assert!(!resolve.host.is_empty());
                    let flows = vec![self.flow; resolve.host.len() % 2];
                    let transaction = resolve.transaction;
                    let resolved = Input::Resolved { transaction, flows };
                    self.core.handle(self.now, resolved);
                }
                Output::Event(event) => {
                    self.events += 1;
                    self.notice(event);
                }
            }
        }
    }

    fn take(&mut self, flow: Flow, bytes: Bytes) {
        match parse(bytes.clone()) {
            Ok(Message::Request(request)) => {
                let headers = request.headers();
                // An ACK has the To of the response that it acknowledges, as it came.
                let has_to = *request.method() == Method::Ack || headers.to().is_ok();
                let is_whole = has_to
                    && headers.via().is_ok()
                    && headers.from().is_ok()
                    && headers.call_id().is_ok()
                    && headers.max_forwards().is_ok()
                    && headers
                        .cseq()
                        .is_ok_and(|it| it.method == *request.method());
                assert!(is_whole, "{}", bytes.escape_ascii());
                assert!(request.uri().is_ok(), "{}", bytes.escape_ascii());
                self.asked.push(request);
            }
            Ok(Message::Response(_)) => self.answered.push(bytes.clone()),
            Err(malformed) => panic!("{malformed}: {}", bytes.escape_ascii()),
        }
        self.sent.push((self.now - self.begin, flow, bytes));
    }

    fn notice(&mut self, event: Event) {
        match event {
            Event::Invite(invite) => self.invites.push(invite),
            Event::Request { request, .. } | Event::Referred { request, .. } => {
                self.requests.push(request);
            }
            Event::Subscription {
                event: SubscriptionEvent::Forked { subscription },
                ..
            } => self.subscriptions.push(subscription),
            Event::Ended { .. } | Event::InviteEnded { .. } => self.ends += 1,
            Event::Offer { session, .. }
            | Event::Prack { session, .. }
            | Event::Confirmed { session, .. } => self.sessions.push(session),
            Event::OutgoingInvite { event, .. } => match event {
                OutgoingInviteEvent::Progress { session, .. } => self.sessions.extend(session),
                OutgoingInviteEvent::Accept { session, .. } => self.sessions.push(session),
                _ => {}
            },
            _ => {}
        }
    }

    /// What was sent, a line each.
    fn history(&self) -> String {
        let sent = self.sent.iter().enumerate();
        let lines = sent
            .map(|(number, (at, _, bytes))| format!("#{number} {at:?} {}\n", bytes.escape_ascii()));
        lines.collect()
    }

    fn check(&self) {
        let Counts {
            invites,
            outgoing_invites,
            sessions,
            requests,
            server_transactions,
            ..
        } = self.core.counts();
        let limits = self.limits;
        assert!(invites <= limits.invites, "{invites} calls");
        assert!(outgoing_invites <= limits.invites, "{outgoing_invites}");
        assert!(requests <= limits.requests, "{requests} requests");
        // A fork of a call of ours is a session, too, and each call may have a few.
        assert!(sessions <= limits.sessions + FORKS * limits.invites);
        // Past the bound CANCEL is served, once for each INVITE, and a BYE that ends something.
        assert!(server_transactions <= 2 * limits.transactions + self.ends);
    }

    /// Everybody hangs up, and all the time in the world passes.
    fn finish(mut self) {
        for _ in 0..3 {
            self.hang_up();
            self.pass(Duration::from_secs(1000));
        }
        let left = Counts {
            totals: Totals::default(),
            ..self.core.counts()
        };
        assert_eq!(left, Counts::default(), "{}", self.history());
        let sent = self
            .sent
            .iter()
            .filter(|(_, _, bytes)| self.claims.allow(bytes));
        let violations = offhook_sim::response_violations(sent.cloned());
        assert!(
            violations.is_empty(),
            "{}\n{}",
            violations.join("\n"),
            self.history()
        );
    }
}

/// Which request each branch belongs to. A peer that gives two requests one branch gets what it deserves.
#[derive(Default)]
struct Claims {
    first: HashMap<Vec<u8>, (Instant, Bytes)>,
    disputed: HashSet<Vec<u8>>,
}

impl Claims {
    fn claim(&mut self, request: &Request, transport: Transport, now: Instant) {
        if *request.method() == Method::Ack {
            return;
        }
        let key = Self::key(request.headers());
        let Some((at, first)) = self.first.get(&key) else {
            self.first.insert(key, (now, request.bytes()));
            return;
        };
        if !is_repetition(transport, *at, now) || *first != request.bytes() {
            self.disputed.insert(key);
        }
    }

    /// Whether this can be judged. A request that is answered without a transaction may be answered otherwise when it
    /// comes again and other things have happened.
    fn allow(&self, bytes: &Bytes) -> bool {
        match parse(bytes.clone()) {
            Ok(Message::Response(response)) => {
                let is_disputed = self.disputed.contains(&Self::key(response.headers()));
                !is_disputed && !STATELESS.contains(&response.status().as_u16())
            }
            _ => true,
        }
    }

    /// A CANCEL has the branch of its INVITE.
    fn key(headers: &Headers) -> Vec<u8> {
        let branch = headers.via().ok().and_then(|via| via.branch());
        let cseq = headers.raw(HeaderName::CSeq).unwrap_or_default();
        let kind: &[u8] = if cseq.ends_with(b"CANCEL") { b"C" } else { b"" };
        [kind, branch.unwrap_or_default()].concat()
    }
}

/// Whether a request that first came at `at` is no new one when it comes again. A stream repeats nothing and absorbs
/// nothing, and an acknowledged INVITE is forgotten after T4.
fn is_repetition(transport: Transport, at: Instant, now: Instant) -> bool {
    !transport.is_reliable() && now < at + Times::default().t4
}

fn config(dice: &mut Dice<'_>) -> Config {
    let mut config = Config {
        methods: vec![
            Method::Message,
            Method::Info,
            Method::Register,
            Method::Refer,
        ],
        reliability: dice.one(&[
            Reliability::Supported,
            Reliability::Required,
            Reliability::Off,
        ]),
        session_timer: SessionTimerConfig {
            expires: dice.one(&[None, Some(90), Some(1800)]),
            ..SessionTimerConfig::default()
        },
        ..Config::default()
    };
    if dice.is_rare(8) {
        config.limits = Limits {
            transactions: 4,
            invites: 2,
            sessions: 2,
            requests: 1,
            source_burst: 8,
            source_rate: 1,
            ..Limits::default()
        };
    }
    config
}

/// The statuses of answers that are not remembered.
const STATELESS: &[u16] = &[
    400, 405, 406, 415, 416, 420, 421, 422, 481, 482, 501, 503, 505, 513,
];
const MOST_STEPS: usize = 64;
const MOST_TIMERS: usize = 20_000;
const FORKS: usize = 64;
