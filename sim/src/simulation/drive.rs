//! How a simulation goes from one thing that happens to the next.

use std::net::SocketAddr;
use std::time::Duration;

use offhook_core::message::Message;
use offhook_core::{Channel, Flow, Input, Output, Resolve, Transmit, Transport};

use super::Simulation;
use crate::caller::Caller;
use crate::packet::{Direction, Packet};
use crate::server::describe;

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
        let timer = self.server.timer(&self.clock);
        let callers = self.callers.iter().filter_map(Caller::timeout);
        let others = [timer, self.network.timeout(), self.server.timeout()];
        callers.chain(others.into_iter().flatten()).min()
    }

    /// Lets one thing happen.
    fn step(&mut self, at: Duration) {
        self.clock.advance(at);
        let (now, instant) = (self.clock.now(), self.clock.instant());
        if self.server.timer(&self.clock).is_some_and(|at| at <= now) {
            self.server.fire(&self.clock);
            return self.drain();
        }
        if let Some(packet) = self.network.receive(now) {
            return self.deliver(&packet);
        }
        if self.server.timeout().is_some_and(|at| at <= now) {
            self.server.act(now, instant);
            return self.drain();
        }
        for index in 0..self.callers.len() {
            self.callers[index].act(now);
            self.send_from_caller(index);
        }
    }

    fn deliver(&mut self, packet: &Packet) {
        match packet.direction {
            Direction::ToServer => self.deliver_to_server(packet),
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

    fn deliver_to_server(&mut self, packet: &Packet) {
        let flow = packet.flow;
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
        self.server.handle(&self.clock, input);
        self.drain();
        if !matches!(packet.message(), Ok(Message::Response(_))) {
            return;
        }
        let mut answers = self.network.trace.packets().skip(before);
        // An ACK follows a response, and so does a NOTIFY that waits for that to the one before it.
        let follows = |answer: &&Packet| !matches!(answer.label().as_str(), "ACK" | "NOTIFY");
        if let Some(answer) = answers.find(follows) {
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

    /// Does what the core wants done.
    pub(super) fn drain(&mut self) {
        let (now, instant) = (self.clock.now(), self.clock.instant());
        while let Some(output) = self.server.poll(&self.clock) {
            match output {
                Output::Transmit(transmit) => self.transmit(transmit),
                Output::Resolve(resolve) => self.resolve(resolve),
                Output::Event(event) => {
                    self.network.trace.note(now, describe(&event));
                    self.server.notice(now, instant, event);
                }
            }
        }
    }

    fn transmit(&mut self, transmit: Transmit) {
        let now = self.clock.now();
        let Transmit {
            flow,
            bytes,
            transaction,
        } = transmit;
        let arrives = self.network.send_from_server(now, flow, bytes);
        if let Some(transaction) = transaction.filter(|_| !arrives) {
            let input = Input::Undelivered { transaction };
            self.server.handle(&self.clock, input);
        }
    }

    fn resolve(&mut self, resolve: Resolve) {
        let now = self.clock.now();
        let text = format!("Resolve {}", resolve.host);
        self.network.trace.note(now, text);
        let known = self.names.iter().find(|(name, _)| *name == resolve.host);
        let Some((_, addresses)) = known else {
            self.unresolved = Some(resolve);
            return;
        };
        let input = Input::Resolved {
            transaction: resolve.transaction,
            flows: addresses.iter().map(|address| to(*address)).collect(),
        };
        self.server.handle(&self.clock, input);
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
