//! A server without a network.

use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook_core::message::{Body, Message, Provisional, parse};
use offhook_core::{Config, Event, Input, InviteId, Output, UserAgentCore};

use crate::messages::{DESCRIPTION, Tag, Template, invite_text, request_text};
use crate::pair::FLOW;

/// A server and the callers it hears of.
pub struct Exchange {
    /// The server.
    pub core: UserAgentCore,
    now: Instant,
    answer: Body,
    caller: Caller,
    invite: Option<InviteId>,
    response: Bytes,
}

impl Exchange {
    /// A server without calls.
    pub fn new() -> Self {
        let now = Instant::now();
        Self {
            core: UserAgentCore::new(now, unbounded(), [7; 32]),
            now,
            answer: Body::sdp(DESCRIPTION),
            caller: Caller::new(),
            invite: None,
            response: Bytes::new(),
        }
    }

    /// The call of that number from its INVITE to the 200 of its BYE.
    pub fn call(&mut self, number: usize) {
        let tag = self.establish(number);
        self.hang_up(number, &tag);
    }

    /// The call of that number from its INVITE to its ACK. Gives the tag of the callee.
    pub fn establish(&mut self, number: usize) -> Tag {
        self.ring(number);
        let invite = self.invite.take().expect("it rings");
        let server = self.core.invite_server(self.now, invite);
        let accepted = server.expect("a call").accept(self.answer.clone());
        drop(accepted.expect("it is accepted"));
        self.drain();
        let tag = self.caller.tag(&self.response);
        let ack = self.caller.ack.fill(number, &tag);
        self.receive(ack);
        tag
    }

    /// The BYE of the call of that number, and its 200. The tag is that of the callee.
    pub fn hang_up(&mut self, number: usize, tag: &Tag) {
        let bye = self.caller.bye.fill(number, tag);
        self.receive(bye);
        assert!(self.response.starts_with(b"SIP/2.0 200"));
    }

    /// The call of that number from its INVITE to the 180.
    pub fn ring(&mut self, number: usize) {
        let invite = self.caller.invite.fill(number, &Tag::default());
        self.receive(invite);
        let server = self
            .core
            .invite_server(self.now, self.invite.expect("a call"));
        let rung = server.expect("a call").progress(Provisional::RINGING);
        drop(rung.expect("it rings"));
        self.drain();
    }

    /// Lets time pass, so that transactions are forgotten.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        self.core.handle(self.now, Input::Timeout);
        self.drain();
    }

    fn receive(&mut self, message: Bytes) {
        self.now += Duration::from_micros(100);
        let message: Message = parse(message).expect("a message");
        let flow = FLOW;
        self.core.handle(self.now, Input::Message { flow, message });
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.core.poll() {
            match output {
                Output::Transmit(transmit) => self.response = transmit.bytes,
                Output::Event(Event::Invite(invite)) => self.invite = Some(invite),
                Output::Event(_) | Output::Resolve(_) => {}
            }
        }
        let _ = self.core.timeout();
    }
}

impl Default for Exchange {
    fn default() -> Self {
        Self::new()
    }
}

/// What a caller sends.
struct Caller {
    invite: Template,
    ack: Template,
    bye: Template,
    /// Where in a response the tag of the callee lies.
    tag_at: Option<usize>,
}

impl Caller {
    fn new() -> Self {
        Self {
            invite: Template::new(&invite_text()),
            ack: Template::new(&request_text("ACK", 1)),
            bye: Template::new(&request_text("BYE", 2)),
            tag_at: None,
        }
    }

    /// The tag of the callee. All calls have numbers of the same length, so its place is looked for once.
    fn tag(&mut self, response: &[u8]) -> Tag {
        let at = *self.tag_at.get_or_insert_with(|| {
            let text = std::str::from_utf8(response).expect("text");
            let to = text.find("\r\nTo: ").expect("a To");
            to + text[to..].find(";tag=").expect("a tag") + ";tag=".len()
        });
        let tag = response[at..].first_chunk();
        *tag.expect("a tag")
    }
}

/// No bound is in the way of a measurement.
pub(crate) fn unbounded() -> Config {
    let mut config = Config::default();
    config.limits.sessions = usize::MAX;
    config.limits.invites = usize::MAX;
    config.limits.transactions = usize::MAX;
    config.limits.octets = usize::MAX;
    config
}
