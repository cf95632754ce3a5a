//! The whole of a simulation: a server, its peers, the network and the time.

mod drive;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook_core::message::{Body, Header, Request};
use offhook_core::{
    Channel, Config, Counts, Flow, Input, InviteId, OutgoingRequest, RequestId, Resolve, SessionId,
    Transport, UserAgentCore,
};

use crate::agent::Agent;
use crate::application::{Application, Call};
use crate::caller::{CallState, Caller, Plan};
use crate::check::{check_empty, check_responses};
use crate::clock::Clock;
use crate::descriptions::Descriptions;
use crate::draft::{ANSWER, Draft, OFFER, PEER};
use crate::faults::Faults;
use crate::figure::{Line, compare};
use crate::mutant::Mutant;
use crate::network::{Network, SERVER};
use crate::packet::{Direction, End, Packet};
use crate::policy::Policy;
use crate::trace::{Entry, Trace};

/// One server under test and everybody who talks to it: callers by the letter of the RFC, or a
/// client that is a core too.
///
/// What cannot be done, and what is not there to be looked at, panics: then the scenario fails.
///
/// The time stands still until a method lets it pass, and then jumps from one thing that happens to
/// the next. Of what happens at one time, the timers of the cores come first, then what the network
/// delivers, then the applications, then the callers.
#[must_use]
#[derive(Debug)]
pub struct Simulation {
    clock: Clock,
    network: Network,
    server: Agent,
    /// A core that calls the server, in the place of the first caller.
    client: Option<Agent>,
    callers: Vec<Caller>,
    /// What a look-up of a host finds.
    names: Vec<(String, Vec<SocketAddr>)>,
    /// The request for an address that nobody has answered.
    unresolved: Option<Resolve>,
    /// How much of the trace was in a figure.
    seen: usize,
    violations: Vec<String>,
    is_finished: bool,
}

/// # Setting the scene
impl Simulation {
    /// A server that treats each call by this policy, on a network of datagrams without faults and
    /// without delay.
    pub fn new(policy: Policy) -> Self {
        Self::with_config(policy, Config::default())
    }

    /// The same with another configuration of the core.
    pub fn with_config(policy: Policy, config: Config) -> Self {
        let clock = Clock::new();
        Self {
            server: Agent::new(&clock, config, [7; 32], Application::new(policy, ANSWER)),
            clock,
            network: Network::new(),
            client: None,
            callers: Vec::new(),
            names: Vec::new(),
            unresolved: None,
            seen: 0,
            violations: Vec::new(),
            is_finished: false,
        }
    }

    /// On another transport than UDP.
    pub fn over(mut self, transport: Transport) -> Self {
        self.network.transport = transport;
        self
    }

    /// With a network that takes this long for each packet.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.network.latency = latency;
        self
    }

    /// With these faults of the network.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.network.faults = faults;
        self
    }

    /// With a host that has these addresses.
    pub fn host(mut self, name: &str, addresses: &[SocketAddr]) -> Self {
        self.names.push((name.to_owned(), addresses.to_vec()));
        self
    }

    /// Breaks an end in this way; a client that is a core has called already.
    pub(crate) fn break_end(&mut self, end: End, mutant: Box<dyn Mutant>) {
        if let Some(agent) = self.agent(end) {
            agent.mutant = Some(mutant);
        }
    }

    /// From now on nothing arrives at an address, and the server hears of it.
    pub fn cut_off(&mut self, address: SocketAddr) {
        self.network.unreachable.push(address);
    }
}

/// # Acting
impl Simulation {
    /// Somebody calls the server.
    pub fn call(&mut self, plan: Plan) {
        let mut address = CALLER;
        let host = u8::try_from(self.callers.len() + 1).expect("fewer than 256 callers");
        address.set_ip(IpAddr::V4(Ipv4Addr::new(192, 0, 2, host)));
        let transport = self.network.transport;
        let caller = Caller::new(plan, address, transport, self.clock.now());
        self.callers.push(caller);
        self.send_from_caller(self.callers.len() - 1);
    }

    /// A core calls the server, and treats the call by a policy. Without an offer the server makes
    /// one.
    pub fn call_by_core(
        &mut self,
        policy: Policy,
        config: Config,
        offer: Option<&'static str>,
        headers: Vec<Header>,
    ) {
        assert!(self.client.is_none() && self.callers.is_empty());
        let application = Application::new(policy, OFFER);
        let mut client = Agent::new(&self.clock, config, [8; 32], application);
        let uri = |text: &str| text.parse().expect("an address");
        let (alice, bob) = (
            uri("sip:alice@example.com"),
            uri(&format!("sip:bob@{SERVER}")),
        );
        let mut request = OutgoingRequest::new(vec![self.client_flow()], alice, bob);
        request.body = offer.map(Body::sdp);
        request.extra_headers = headers;
        let (at, now) = (self.clock.now(), self.clock.instant());
        let invite = client.core.invite(now, request).expect("there is room");
        client.application.place(at, invite, offer);
        self.client = Some(client);
        self.drain(End::Client);
    }

    /// Sends a request written by hand, from [`PEER`].
    pub fn send(&mut self, draft: &Draft) {
        self.send_from(PEER, draft.bytes());
    }

    /// Sends an INVITE written by hand, and the ACK to the 200 that it gets at once. Gives the 200.
    #[track_caller]
    pub fn establish(&mut self, invite: &Draft) -> Packet {
        self.send(invite);
        let ok = self.receive("200 OK");
        self.send(&invite.in_dialog("ACK", &ok));
        ok
    }

    /// Cancels a call that is not answered, and acknowledges its 487.
    #[track_caller]
    pub fn give_up(&mut self, invite: &Draft) {
        self.send(&invite.cancel());
        let terminated = self.receive("487 Request Terminated");
        self.send(&invite.ack(&terminated));
    }

    /// Hangs up a call that `response` answered, with a number above those of a scenario. The BYE gets 200 at once.
    #[track_caller]
    pub fn hang_up(&mut self, invite: &Draft, response: &Packet) {
        self.send(&invite.in_dialog("BYE", response).cseq(9999));
        self.receive("200 OK");
    }

    /// Sends any octets from any address.
    pub fn send_from(&mut self, from: &str, bytes: impl Into<Bytes>) {
        let from = from.parse().expect("an address and a port");
        let now = self.clock.now();
        self.network.send_to_server(now, from, bytes.into());
    }

    /// Uses the core as its owner may, and lets it do what follows.
    pub fn core<T>(&mut self, use_it: impl FnOnce(&mut UserAgentCore, Instant) -> T) -> T {
        let result = use_it(&mut self.server.core, self.clock.instant());
        self.drain(End::Server);
        result
    }

    /// Lets everything happen that happens by the time `at`. Timers that are due by then but wait for others
    /// to be woken with fire too.
    pub fn run_until(&mut self, at: Duration) {
        self.run_or_panic(at);
        self.clock.advance(at);
        self.core(|core, now| core.handle(now, Input::Timeout));
    }

    /// Lets everything happen until nobody waits for anything.
    pub fn run_out(&mut self) {
        self.run_or_panic(Duration::MAX);
    }
}

/// # Looking
impl Simulation {
    /// What happened so far.
    pub fn trace(&self) -> &Trace {
        &self.network.trace
    }

    /// What the core holds.
    pub fn counts(&self) -> Counts {
        self.server.counts()
    }

    /// How the last call looks from the caller's end.
    pub fn caller(&self) -> CallState {
        self.callers.last().expect("somebody called").state()
    }

    /// The last INVITE that came to the application.
    pub fn invite(&self) -> InviteId {
        self.server.application.invite().expect("an INVITE came")
    }

    /// The last session that the application knows of.
    pub fn session(&self) -> SessionId {
        self.server
            .application
            .session()
            .expect("there is a session")
    }

    /// The last request other than INVITE that came to the application, once everything has happened
    /// that happens now.
    #[track_caller]
    pub fn request(&mut self) -> RequestId {
        self.run_or_panic(self.clock.now());
        self.server.application.request.expect("a request came")
    }

    /// The last ACK that confirmed a session.
    pub fn acknowledgement(&self) -> Option<&Request> {
        self.server.application.acknowledgement.as_ref()
    }

    /// The last REFER that came to the application.
    pub fn referred(&self) -> RequestId {
        self.server.application.referred.expect("a REFER came")
    }

    /// The last look-up that nobody has answered.
    pub fn unresolved(&self) -> Option<&Resolve> {
        self.unresolved.as_ref()
    }

    /// The last packet from the server, once everything has happened that happens now.
    #[track_caller]
    pub fn receive(&mut self, label: &str) -> Packet {
        self.run_or_panic(self.clock.now());
        let mut sent = self.trace().packets().rev();
        let last = sent.find(|packet| packet.direction == Direction::FromServer);
        match last {
            Some(packet) if packet.label() == label => packet.clone(),
            other => {
                let other = other.map_or("nothing".to_owned(), Packet::label);
                panic!(
                    "expected {label}, but the server's last is {other}\n{}",
                    self.trace()
                )
            }
        }
    }

    /// Lets the time pass up to the last line of a figure. Everything that has happened since the
    /// figure before must be in this one, in its order and at its time.
    ///
    /// A line is a time in seconds and a packet: `INVITE -->` to the server, `<-- 180 Ringing` from
    /// it; or `* Invite`, what the application is told. Arrows are as long as you like; `--x` is
    /// lost, `==>` arrives twice, `~~>` is overtaken, `..>` and `::>` stall a stream for 1.2 s and
    /// 40 s. The line `...` stands for anything.
    #[track_caller]
    pub fn expect(&mut self, figure: &str) {
        let lines = Line::parse_figure(figure).unwrap_or_else(|error| panic!("{error}"));
        let end = lines.iter().filter_map(Line::at).max();
        self.run_until(end.unwrap_or(self.clock.now()));
        let entries = &self.trace().entries()[self.seen..];
        if let Err((line, entry)) = compare(&lines, entries) {
            let line = line.map_or("nothing more".to_owned(), |line| format!("{line:?}"));
            let entry = entry.map_or("nothing".to_owned(), Entry::to_string);
            panic!("expected {line}\nbut it was {entry}\n\n{}", self.trace());
        }
        self.seen = self.trace().entries().len();
    }

    /// Lets everything run out and checks what must hold after every scenario. A scenario that does
    /// not end with this fails.
    #[track_caller]
    pub fn finish(mut self) {
        self.run_out();
        let trace = self.trace();
        if let Some(entry) = trace.entries().get(self.seen) {
            panic!("this is in no figure:\n{entry}\n\n{trace}");
        }
        let violations = self.violations();
        let trace = self.trace();
        assert!(
            violations.is_empty(),
            "{}\n\n{trace}",
            violations.join("\n")
        );
        self.is_finished = true;
    }

    /// Finishes a scenario whose packets since the last figure are in none. Nothing more may come.
    #[track_caller]
    pub fn finish_here(mut self) {
        self.expect("...");
        self.finish();
    }

    /// Lets everything run out and says what does not hold: what [`Self::finish`] checks but for
    /// figures.
    #[must_use]
    pub(crate) fn verdict(mut self) -> Verdict {
        if self.run(Duration::MAX).is_err() {
            self.violations.push("there is no end to this".to_owned());
        }
        self.is_finished = true;
        Verdict {
            violations: self.violations(),
            caller: self.caller_state(),
            descriptions: self.descriptions(),
            trace: std::mem::take(&mut self.network.trace),
        }
    }

    /// How the last call looks from the caller's end, whoever that is.
    fn caller_state(&self) -> Option<CallState> {
        let client = self.client.as_ref().and_then(Agent::last_call);
        let caller = self.callers.last().map(Caller::state);
        client.map(|call| call.state).or(caller)
    }

    /// What the caller and the server take the last session to be.
    fn descriptions(&self) -> Option<[Descriptions; 2]> {
        let client = self.client.as_ref().and_then(Agent::last_call);
        let client = client.map(|call| &call.descriptions);
        let caller = client.or_else(|| Some(self.callers.last()?.descriptions()));
        let server = self.server.last_call().map(|call| &call.descriptions);
        Some([caller?.clone(), server?.clone()])
    }
}

/// How a simulation ended.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// What does not hold, for people.
    pub(crate) violations: Vec<String>,
    /// How the last call ended for its caller.
    pub(crate) caller: Option<CallState>,
    /// What the caller and the server took the last session to be.
    pub(crate) descriptions: Option<[Descriptions; 2]>,
    /// What happened.
    pub(crate) trace: Trace,
}

impl Simulation {
    /// The way of the client.
    fn client_flow(&self) -> Flow {
        let transport = self.network.transport;
        Flow {
            transport,
            channel: Channel(u64::from(transport.is_reliable())),
            local: CALLER,
            remote: SERVER,
        }
    }

    fn violations(&self) -> Vec<String> {
        let mut violations = self.violations.clone();
        violations.extend(check_responses(self.trace(), End::Server));
        violations.extend(check_empty(self.counts()));
        if let Some(client) = &self.client {
            violations.extend(check_responses(self.trace(), End::Client));
            let left = check_empty(client.counts());
            violations.extend(left.map(|left| format!("{left} {OF_THE_CLIENT}")));
        }
        let agents = self.client.iter().chain([&self.server]);
        let calls = agents.filter_map(Agent::last_call);
        violations.extend(calls.filter_map(Call::without_outcome));
        violations
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        assert!(
            self.is_finished || std::thread::panicking(),
            "a scenario ends with `finish`"
        );
    }
}

/// What follows where something is left in the client.
pub(crate) const OF_THE_CLIENT: &str = "of the client";

/// The address of the first caller; those of others follow.
const CALLER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 5060);
