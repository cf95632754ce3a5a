//! How a simulation goes from one thing that happens to the next.

use std::net::SocketAddr;
use std::time::Duration;

use offhook_core::message::Message;
use offhook_core::{Channel, Flow, Input, Output, Resolve, Transmit, Transport};

use super::Simulation;
use crate::agent::{Agent, describe};
use crate::caller::Caller;
use crate::packet::{Direction, End, Packet};

impl Simulation {
    pub(super) fn run_or_panic(&mut self, until: Duration) {
        let run = self.run(until);
        assert!(run.is_ok(), "there is no end to this:\n{}", self.trace());
    }

    /// Lets everything happen that happens by then.
    pub(super) fn run(&mut self, until: Duration) -> Result<(), Endless> {
        for _ in 0..MOST_STEPS {
            match self.timeout() {
                Some(at) if at <= until => self.step(at),
                _ => return Ok(()),
            }
        }
        Err(Endless)
    }

    /// When something happens next.
    fn timeout(&mut self) -> Option<Duration> {
        let callers = self.callers.iter().filter_map(Caller::timeout);
        let agents = [Some(&mut self.server), self.client.as_mut()];
        let agents = agents.into_iter().flatten().flat_map(|agent| {
            let timer = agent.timer(&self.clock);
            [timer, agent.application.timeout()]
        });
        let others = agents.flatten().chain(self.network.timeout());
        callers.chain(others).min()
    }

    /// Lets one thing happen.
    fn step(&mut self, at: Duration) {
        self.clock.advance(at);
        let now = self.clock.now();
        let ends = [End::Server, End::Client];
        for end in ends {
            let clock = self.clock;
            if let Some(agent) = self.agent(end)
                && agent.timer(&clock).is_some_and(|at| at <= now)
            {
                agent.fire(&clock);
                return self.drain(end);
            }
        }
        if let Some(packet) = self.network.receive(now) {
            return self.deliver(&packet);
        }
        for end in ends {
            let clock = self.clock;
            if let Some(agent) = self.agent(end)
                && agent.application.timeout().is_some_and(|at| at <= now)
            {
                agent.act(&clock);
                return self.drain(end);
            }
        }
        for index in 0..self.callers.len() {
            self.callers[index].act(now);
            self.send_from_caller(index);
        }
    }

    pub(super) fn agent(&mut self, end: End) -> Option<&mut Agent> {
        match end {
            End::Server => Some(&mut self.server),
            End::Client => self.client.as_mut(),
        }
    }

    fn deliver(&mut self, packet: &Packet) {
        match packet.direction {
            Direction::ToServer => self.deliver_to_core(End::Server, packet.flow, packet),
            Direction::FromServer if self.client.is_some() => {
                self.deliver_to_core(End::Client, self.client_flow(), packet);
            }
            Direction::FromServer => {
                let mut callers = self.callers.iter();
                let index = callers.position(|caller| caller.address() == packet.peer);
                if let (Some(index), Ok(message)) = (index, packet.message()) {
                    self.callers[index].receive(self.clock.now(), message);
                    self.send_from_caller(index);
                }
            }
        }
    }

    fn deliver_to_core(&mut self, end: End, flow: Flow, packet: &Packet) {
        let before = self.trace().packet_count();
        let input = match packet.message() {
            Ok(message) => Input::Message {
                flow,
                message: message.clone(),
            },
            Err(malformed) => Input::Malformed {
                flow,
                malformed: malformed.clone(),
            },
        };
        let clock = self.clock;
        if let Some(agent) = self.agent(end) {
            agent.handle(&clock, input);
        }
        self.drain(end);
        if !matches!(packet.message(), Ok(Message::Response(_))) {
            return;
        }
        // A request may have waited for it, and is answered now.
        let is_answer =
            |it: &&Packet| it.status().is_some() && it.header("CSeq") == packet.header("CSeq");
        let mut sent = self.network.trace.packets().skip(before);
        if let Some(answer) = sent.find(is_answer) {
            let (answer, response) = (answer.number, packet.number);
            self.violations
                .push(format!("packet #{answer} answers the response #{response}"));
        }
    }

    pub(super) fn send_from_caller(&mut self, index: usize) {
        let caller = &mut self.callers[index];
        let now = self.clock.now();
        while let Some(bytes) = caller.poll() {
            self.network.send_to_server(now, caller.address(), bytes);
        }
    }

    /// Does what a core wants done.
    pub(super) fn drain(&mut self, end: End) {
        let clock = self.clock;
        while let Some(output) = self.agent(end).and_then(|agent| agent.poll(&clock)) {
            match output {
                Output::Transmit(transmit) => self.transmit(end, transmit),
                Output::Resolve(resolve) => self.resolve(end, resolve),
                Output::Event(event) => {
                    self.network.trace.note(clock.now(), end, describe(&event));
                    if let Some(agent) = self.agent(end) {
                        agent.notice(&clock, event);
                    }
                }
            }
        }
    }

    fn transmit(&mut self, end: End, transmit: Transmit) {
        let now = self.clock.now();
        let Transmit {
            flow,
            bytes,
            transaction,
        } = transmit;
        if end == End::Client {
            return self.network.send_to_server(now, flow.local, bytes);
        }
        let arrives = self.network.send_from_server(now, flow, bytes);
        if let Some(transaction) = transaction.filter(|_| !arrives) {
            let input = Input::Undelivered { transaction };
            self.server.handle(&self.clock, input);
        }
    }

    fn resolve(&mut self, end: End, resolve: Resolve) {
        let now = self.clock.now();
        let text = format!("Resolve {}", resolve.host);
        self.network.trace.note(now, end, text);
        let known = self.names.iter().find(|(name, _)| *name == resolve.host);
        let Some((_, addresses)) = known else {
            self.unresolved = Some(resolve);
            return;
        };
        let input = Input::Resolved {
            transaction: resolve.transaction,
            flows: addresses.iter().map(|address| to(*address)).collect(),
        };
        let clock = self.clock;
        if let Some(agent) = self.agent(end) {
            agent.handle(&clock, input);
        }
    }
}

/// A way to an address, as an owner of sockets gives it for a name.
fn to(remote: SocketAddr) -> Flow {
    Flow {
        transport: Transport::Udp,
        channel: Channel::NONE,
        local: remote,
        remote,
    }
}

/// Two ends answer each other for ever.
#[derive(Debug)]
pub(super) struct Endless;

/// More steps than any scenario needs.
const MOST_STEPS: usize = 20_000;
