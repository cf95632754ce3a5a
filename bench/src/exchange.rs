//! A server without a network.

use std::time::{Duration, Instant};

use bytes::Bytes;
use offhook_core::message::{Body, Message, Provisional, parse};
use offhook_core::{Config, Event, Input, InviteId, Output, UserAgentCore};

use crate::messages::{DESCRIPTION, invite, request};
use crate::pair::FLOW;

/// A server and the callers it hears of.
pub struct Exchange {
    /// The server.
    pub core: UserAgentCore,
    now: Instant,
    answer: Body,
    invite: Option<InviteId>,
    response: Bytes,
}

impl Exchange {
    /// A server without calls.
    pub fn new() -> Self {
        Self {
            core: UserAgentCore::new(unbounded(), [7; 32]),
            now: Instant::now(),
            answer: Body::sdp(DESCRIPTION),
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
    pub fn establish(&mut self, number: usize) -> String {
        self.ring(number);
        let invite = self.invite.take().expect("it rings");
        let server = self.core.invite_server(self.now, invite);
        let accepted = server.expect("a call").accept(self.answer.clone());
        drop(accepted.expect("it is accepted"));
        self.drain();
        let text = std::str::from_utf8(&self.response).expect("text");
        let tag = text.split(";tag=").nth(2).and_then(|it| it.lines().next());
        let tag = tag.expect("a tag").to_owned();
        self.receive(request("ACK", number, &tag));
        tag
    }

    /// The BYE of the call of that number, and its 200. The tag is that of the callee.
    pub fn hang_up(&mut self, number: usize, tag: &str) {
        self.receive(request("BYE", number, tag));
        assert!(self.response.starts_with(b"SIP/2.0 200"));
    }

    /// The call of that number from its INVITE to the 180.
    pub fn ring(&mut self, number: usize) {
        self.receive(invite(number));
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

/// No bound is in the way of a measurement.
pub(crate) fn unbounded() -> Config {
    let mut config = Config::default();
    config.limits.sessions = usize::MAX;
    config.limits.invites = usize::MAX;
    config.limits.transactions = usize::MAX;
    config.limits.octets = usize::MAX;
    config
}
