//! A core under a clock that the test moves, and a peer whose messages the test writes.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::{Duration, Instant};

use offhook_core::message::{Body, Message, Method, Request, Response, parse};
use offhook_core::{
    Channel, Config, Event, Flow, Input, Opener, OutgoingInviteEvent, OutgoingInviteId,
    OutgoingRequest, Output, Resolve, SessionEnd, SessionId, Transmit, Transport, UserAgentCore,
};

pub(crate) struct Bench {
    pub(crate) core: UserAgentCore,
    begin: Instant,
    pub(crate) now: Instant,
    sent: Vec<Sent>,
    events: VecDeque<Event>,
    terminating: Vec<SessionEnd>,
    resolves: Vec<Resolve>,
}

/// A message that the core sent.
#[derive(Debug)]
pub(crate) struct Sent {
    /// In ms from the beginning on.
    pub(crate) at: u128,
    pub(crate) transmit: Transmit,
    pub(crate) message: Message,
}

impl Sent {
    pub(crate) fn request(&self) -> &Request {
        match &self.message {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a response instead of a request"),
        }
    }

    pub(crate) fn method(&self) -> &str {
        self.request().method().as_str()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.message.as_bytes()).unwrap()
    }

    /// The value of a header that stands once.
    pub(crate) fn header<'a>(&'a self, name: &'a str) -> &'a str {
        let mut values = self.message.headers().named(name);
        let value = values
            .next()
            .unwrap_or_else(|| panic!("no {name} in {}", self.text()));
        assert!(values.next().is_none(), "{name} twice in {}", self.text());
        std::str::from_utf8(value.value).unwrap()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.message.headers().named(name).next().is_some()
    }

    pub(crate) fn body(&self) -> &str {
        std::str::from_utf8(self.message.body()).unwrap()
    }

    pub(crate) fn branch(&self) -> String {
        let via = self.message.headers().via().unwrap();
        String::from_utf8(via.branch().unwrap().to_vec()).unwrap()
    }
}

/// A response of the peer's.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    start_line: String,
    to_tag: Option<&'static str>,
    headers: String,
    body: &'static str,
}

impl Answer {
    /// With To tag `bob` and a Contact, like a good peer's.
    pub(crate) fn new(start_line: &str) -> Self {
        Self {
            start_line: start_line.to_owned(),
            ..Self::default()
        }
        .tag("bob")
        .header("Contact: <sip:bob@192.0.2.2:5062>")
    }

    /// Without To tag and Contact.
    pub(crate) fn bare(start_line: &str) -> Self {
        Self {
            start_line: start_line.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn tag(mut self, tag: &'static str) -> Self {
        self.to_tag = Some(tag);
        self
    }

    pub(crate) fn header(mut self, line: &str) -> Self {
        self.headers.push_str(line);
        self.headers.push_str("\r\n");
        self
    }

    pub(crate) fn reliable(self, rseq: u32) -> Self {
        self.header("Require: 100rel")
            .header(&format!("RSeq: {rseq}"))
    }

    pub(crate) fn sdp(mut self, sdp: &'static str) -> Self {
        self.body = sdp;
        self.header("Content-Type: application/sdp")
    }

    pub(crate) fn to(&self, request: &Sent) -> Response {
        let mut text = format!("SIP/2.0 {}\r\n", self.start_line);
        for field in request.message.headers().iter() {
            let name = std::str::from_utf8(field.raw_name()).unwrap();
            if !["Via", "From", "To", "Call-ID", "CSeq"].contains(&name) {
                continue;
            }
            text.push_str(std::str::from_utf8(field.line).unwrap());
            if let Some(tag) = self.to_tag.filter(|_| name == "To")
                && request.message.headers().to().unwrap().tag().is_none()
            {
                write!(text, ";tag={tag}").unwrap();
            }
            text.push_str("\r\n");
        }
        text.push_str(&self.headers);
        let (length, body) = (self.body.len(), self.body);
        write!(text, "Content-Length: {length}\r\n\r\n{body}").unwrap();
        match parse(text.into()).unwrap() {
            Message::Response(response) => response,
            Message::Request(_) => panic!("a request instead of a response"),
        }
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self::seeded(config, [1; 32])
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test needs one instant to start from"
    )]
    pub(crate) fn seeded(config: Config, seed: [u8; 32]) -> Self {
        let now = Instant::now();
        Self {
            core: UserAgentCore::new(now, config, seed),
            begin: now,
            now,
            sent: Vec::new(),
            events: VecDeque::new(),
            terminating: Vec::new(),
            resolves: Vec::new(),
        }
    }

    /// Calls bob with an offer over UDP.
    pub(crate) fn call(&mut self) -> (OutgoingInviteId, Sent) {
        self.call_with(request([UDP]).with_body(Body::sdp("offer")))
    }

    pub(crate) fn call_with(&mut self, request: OutgoingRequest) -> (OutgoingInviteId, Sent) {
        let id = self.core.invite(self.now, request).unwrap();
        self.drain();
        (id, self.one("INVITE"))
    }

    /// Calls bob, who accepts. The ACK is sent and taken.
    pub(crate) fn session(&mut self) -> (SessionId, Sent) {
        let (_, invite) = self.call();
        self.answer(&invite, &Answer::new("200 OK").sdp("answer"));
        let session = self.accepted();
        (session, self.one("ACK"))
    }

    /// Bob answers the offer of his INVITE in a reliable 183, and takes its PRACK, which is given too.
    pub(crate) fn early(&mut self, invite: &Sent) -> (SessionId, Sent) {
        let progress = Answer::new("183 Session Progress").reliable(1);
        self.answer(invite, &progress.sdp("answer"));
        let session = self.progressed().unwrap();
        let prack = self.one("PRACK");
        self.answer(&prack, &Answer::bare("200 OK"));
        (session, prack)
    }

    pub(crate) fn answer(&mut self, request: &Sent, answer: &Answer) {
        let message = Message::Response(answer.to(request));
        self.receive(request.transmit.flow, message);
    }

    pub(crate) fn receive(&mut self, flow: Flow, message: Message) {
        self.core.handle(self.now, Input::Message { flow, message });
        self.drain();
    }

    pub(crate) fn undelivered(&mut self, sent: &Sent) {
        let transaction = sent.transmit.transaction.unwrap();
        self.core
            .handle(self.now, Input::Undelivered { transaction });
        self.drain();
    }

    /// Answers the one name that was asked for since the last look.
    pub(crate) fn resolve(&mut self, flows: Vec<Flow>) -> Resolve {
        assert_eq!(self.resolves.len(), 1, "{:?}", self.resolves);
        let resolve = self.resolves.remove(0);
        let transaction = resolve.transaction;
        let resolved = Input::Resolved { transaction, flows };
        self.core.handle(self.now, resolved);
        self.drain();
        resolve
    }

    /// A connection is gone, and what is due at once is sent.
    pub(crate) fn disconnect(&mut self, channel: Channel, opener: Opener) {
        let input = Input::Disconnected { channel, opener };
        self.core.handle(self.now, input);
        self.core.handle(self.now, Input::Timeout);
        self.drain();
    }

    /// A verb on the core.
    pub(crate) fn act<R>(&mut self, act: impl FnOnce(&mut UserAgentCore, Instant) -> R) -> R {
        let result = act(&mut self.core, self.now);
        self.drain();
        result
    }

    pub(crate) fn cancel(&mut self, id: OutgoingInviteId) {
        self.act(|core, now| core.invite_client(now, id).unwrap().cancel(Vec::new()));
    }

    /// Lets time pass until `ms` after the beginning, and every timer fire at its time.
    pub(crate) fn pass(&mut self, ms: u64) {
        let until = self.begin + Duration::from_millis(ms);
        while let Some(next) = self.core.timeout().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.core.handle(self.now, Input::Timeout);
            self.drain();
        }
        self.now = until;
        self.core.handle(self.now, Input::Timeout);
        self.drain();
    }

    /// The next request, which is due within this part of `seconds` from now on, as soon as it is
    /// sent.
    pub(crate) fn due(&mut self, seconds: u64, least: u64, most: u64) -> Sent {
        let (before, percent) = (self.ms(), seconds * 10);
        self.pass(before + percent * least - 1);
        assert!(self.sent().is_empty(), "before {least} % of {seconds} s");
        for ms in (percent * least..=percent * most).step_by(250) {
            self.pass(before + ms);
            if let Some(sent) = self.sent().into_iter().next() {
                return sent;
            }
        }
        panic!("nothing after {most} % of {seconds} s");
    }

    /// Since the beginning.
    pub(crate) fn ms(&self) -> u64 {
        u64::try_from((self.now - self.begin).as_millis()).unwrap()
    }

    /// All messages since the last look.
    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// The one request since the last look.
    pub(crate) fn one(&mut self, method: &str) -> Sent {
        let mut sent = self.sent();
        let texts: Vec<_> = sent.iter().map(Sent::text).collect();
        assert_eq!(sent.len(), 1, "one {method} is expected, not {texts:#?}");
        let sent = sent.remove(0);
        assert_eq!(sent.method(), method);
        sent
    }

    /// The methods of all requests since the last look.
    pub(crate) fn methods(&mut self) -> Vec<String> {
        let sent = self.sent();
        sent.iter().map(|sent| sent.method().to_owned()).collect()
    }

    pub(crate) fn event(&mut self) -> Event {
        self.events.pop_front().expect("an event")
    }

    pub(crate) fn try_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(crate) fn invite_event(&mut self) -> OutgoingInviteEvent {
        match self.event() {
            Event::OutgoingInvite { event, .. } => event,
            other => panic!("{other:?} is no event of a call of ours"),
        }
    }

    /// Why the BYEs since the last look are sent.
    pub(crate) fn terminating(&mut self) -> Vec<SessionEnd> {
        std::mem::take(&mut self.terminating)
    }

    pub(crate) fn no_event(&self) {
        assert!(self.events.is_empty(), "{:?}", self.events);
    }

    /// The session of a provisional response.
    pub(crate) fn progressed(&mut self) -> Option<SessionId> {
        match self.invite_event() {
            OutgoingInviteEvent::Progress { session, .. } => session,
            other => panic!("{other:?} is no progress"),
        }
    }

    /// The session of the 2xx.
    pub(crate) fn accepted(&mut self) -> SessionId {
        match self.invite_event() {
            OutgoingInviteEvent::Accept { session, .. } => session,
            other => panic!("{other:?} is no session"),
        }
    }

    /// Whether everything is over: nothing is kept, and no timer is waited for.
    pub(crate) fn is_idle(&mut self) -> bool {
        let counts = self.core.counts();
        self.core.timeout().is_none()
            && self.resolves.is_empty()
            && counts.client_transactions == 0
            && counts.outgoing_invites == 0
            && counts.sessions == 0
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.core.poll() {
            match output {
                Output::Transmit(transmit) => {
                    let message = parse(transmit.bytes.clone()).unwrap();
                    self.sent.push(Sent {
                        at: (self.now - self.begin).as_millis(),
                        transmit,
                        message,
                    });
                }
                Output::Event(Event::Terminating { cause, .. }) => self.terminating.push(cause),
                Output::Event(event) => self.events.push_back(event),
                Output::Resolve(resolve) => self.resolves.push(resolve),
            }
        }
    }
}

/// A request from alice to bob.
pub(crate) fn request<const N: usize>(flows: [Flow; N]) -> OutgoingRequest {
    let alice = "sip:alice@example.com".parse().unwrap();
    let bob = "sip:bob@example.org".parse().unwrap();
    let mut request = OutgoingRequest::new(flows.into(), alice, bob);
    request.contact_user = offhook_core::message::Text::new("alice").ok();
    request
}

/// A request from bob in the dialog of a session.
pub(crate) fn from_bob(method: &Method, ack: &Sent, cseq: u32) -> Message {
    let text = format!(
        "{method} sip:alice@192.0.2.1:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.2:5062;branch=z9hG4bK-{method}{cseq}\r\n\
         Max-Forwards: 70\r\n\
         From: {}\r\n\
         To: {}\r\n\
         Call-ID: {}\r\n\
         CSeq: {cseq} {method}\r\n\
         Content-Length: 0\r\n\r\n",
        ack.header("To"),
        ack.header("From"),
        ack.header("Call-ID"),
    );
    parse(text.into()).unwrap()
}

/// A request from bob with an offer.
pub(crate) fn offer_from_bob(method: &Method, ours: &Sent, cseq: u32) -> Message {
    let Message::Request(bare) = from_bob(method, ours, cseq) else {
        unreachable!("it is a request");
    };
    let text = std::str::from_utf8(bare.as_bytes()).unwrap();
    let body = "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\ntheir";
    let text = text.replace("Content-Length: 0\r\n\r\n", body);
    parse(text.into()).unwrap()
}

/// Why a session ended.
pub(crate) fn ended(event: &Event) -> SessionEnd {
    match event {
        Event::Ended { cause, .. } => *cause,
        other => panic!("{other:?} is no end"),
    }
}

pub(crate) const UDP: Flow = flow(Transport::Udp, 2);
pub(crate) const UDP_NEXT: Flow = flow(Transport::Udp, 3);
pub(crate) const TCP: Flow = flow(Transport::Tcp, 2);

const fn flow(transport: Transport, host: u8) -> Flow {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};
    let local = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let remote = IpAddr::V4(Ipv4Addr::new(192, 0, 2, host));
    Flow {
        transport,
        channel: Channel(7),
        local: SocketAddr::new(local, 5060),
        remote: SocketAddr::new(remote, 5060),
    }
}
