//! A caller and a server, both of ours, without a network.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use offhook_core::message::{Body, Message, Provisional, UriBuf, parse};
use offhook_core::{
    Channel, Event, Flow, Input, InviteId, OutgoingInviteEvent, OutgoingRequest, Output, SessionId,
    Transport, UserAgentCore,
};

use crate::exchange::unbounded;
use crate::messages::DESCRIPTION;

/// Two cores, and between them a pipe that loses nothing and takes no time.
pub struct Pair {
    caller: UserAgentCore,
    server: UserAgentCore,
    now: Instant,
    request: OutgoingRequest,
    answer: Body,
    invite: Option<InviteId>,
    session: Option<SessionId>,
}

impl Pair {
    /// Both without calls.
    pub fn new() -> Self {
        let uri = |text: &str| text.parse::<UriBuf>().expect("a URI");
        let (from, to) = (uri("sip:alice@192.0.2.2"), uri("sip:bob@192.0.2.1:5060"));
        let request = OutgoingRequest::new(vec![reversed(FLOW)], from.into(), to.into());
        let now = Instant::now();
        Self {
            caller: UserAgentCore::new(now, unbounded(), [1; 32]),
            server: UserAgentCore::new(now, unbounded(), [2; 32]),
            now,
            request: request.with_body(Body::sdp(DESCRIPTION)),
            answer: Body::sdp(DESCRIPTION),
            invite: None,
            session: None,
        }
    }

    /// One call from its INVITE to the 200 of its BYE.
    pub fn call(&mut self) {
        let placed = self.caller.invite(self.now, self.request.clone());
        placed.expect("it is placed");
        self.carry();
        let invite = self.invite.take().expect("it arrives");
        let server = self.server.invite_server(self.now, invite);
        let rung = server.expect("a call").progress(Provisional::RINGING);
        drop(rung.expect("it rings"));
        self.carry();
        let server = self.server.invite_server(self.now, invite);
        let accepted = server.expect("a call").accept(self.answer.clone());
        drop(accepted.expect("it is accepted"));
        self.carry();
        let session = self.session.take().expect("it is answered");
        let session = self.caller.session(self.now, session).expect("a session");
        session.bye(Vec::new());
        self.carry();
        assert_eq!(self.caller.counts().sessions, 0);
    }

    /// Lets time pass, so that transactions are forgotten.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        for core in [&mut self.caller, &mut self.server] {
            core.handle(self.now, Input::Timeout);
        }
        self.carry();
    }

    /// Carries messages until there are none.
    fn carry(&mut self) {
        loop {
            let mut is_quiet = true;
            while let Some(output) = self.caller.poll() {
                is_quiet = false;
                match output {
                    Output::Event(Event::OutgoingInvite {
                        event: OutgoingInviteEvent::Accept { session, .. },
                        ..
                    }) => self.session = Some(session),
                    other => deliver(other, &mut self.server, self.now, FLOW),
                }
            }
            while let Some(output) = self.server.poll() {
                is_quiet = false;
                match output {
                    Output::Event(Event::Invite(invite)) => self.invite = Some(invite),
                    other => deliver(other, &mut self.caller, self.now, reversed(FLOW)),
                }
            }
            if is_quiet {
                return;
            }
        }
    }
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}

fn deliver(output: Output, core: &mut UserAgentCore, now: Instant, flow: Flow) {
    if let Output::Transmit(transmit) = output {
        let message: Message = parse(transmit.bytes).expect("a message");
        core.handle(now, Input::Message { flow, message });
        let _ = core.timeout();
    }
}

fn reversed(flow: Flow) -> Flow {
    Flow {
        local: flow.remote,
        remote: flow.local,
        ..flow
    }
}

/// From the caller to the server, as the server has it.
pub(crate) const FLOW: Flow = Flow {
    transport: Transport::Udp,
    channel: Channel(1),
    local: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 5060),
    remote: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 5060),
};
