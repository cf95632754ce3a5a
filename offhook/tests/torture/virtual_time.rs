//! The core alone, with a clock that leaps.

use std::time::Instant;

use bytes::Bytes;
use offhook::Transport;
use offhook::message::{Frame, Framer, Message, Rejection, Success, parse};
use offhook_core::{Channel, Counts, Event, Flow, Input, Output, Totals, UserAgentCore};

use crate::cases::{Case, config, refusal};
use crate::verdict::{Stream, Verdict};

/// What the core answers. When all time has passed it must be empty.
pub(crate) fn received(case: &Case, transport: Transport) -> Verdict {
    let now = Instant::now();
    let mut peer = Peer {
        core: UserAgentCore::new(now, config(), [7; 32]),
        now,
        flow: Flow {
            transport,
            channel: Channel(1),
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.2:5060".parse().unwrap(),
        },
        answers: Vec::new(),
        verdict: Verdict::default(),
    };
    match transport {
        Transport::Udp => peer.datagram(&case.bytes),
        _ => peer.stream(&case.bytes),
    }
    while let Some(next) = peer.core.timeout() {
        peer.now = peer.now.max(next);
        peer.handle(Input::Timeout);
    }
    let left = Counts {
        totals: Totals::default(),
        ..peer.core.counts()
    };
    assert_eq!(left, Counts::default(), "{}", case.name);
    peer.verdict
}

struct Peer {
    core: UserAgentCore,
    now: Instant,
    flow: Flow,
    answers: Vec<Bytes>,
    verdict: Verdict,
}

impl Peer {
    fn datagram(&mut self, bytes: &Bytes) {
        let flow = self.flow;
        self.handle(match parse(bytes.clone()) {
            Ok(message) => Input::Message { flow, message },
            Err(malformed) => Input::Malformed { flow, malformed },
        });
    }

    fn stream(&mut self, bytes: &[u8]) {
        let flow = self.flow;
        let mut framer = Framer::new(65_535);
        framer.push(bytes);
        self.verdict.stream = Stream::Waits;
        loop {
            let frame = match framer.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => return,
                Err(error) => {
                    let malformed = error.malformed;
                    self.handle(Input::Malformed { flow, malformed });
                    self.verdict.stream = Stream::Closed;
                    return;
                }
            };
            self.verdict.stream = Stream::InStep;
            match frame {
                Frame::Message(message) => self.handle(Input::Message { flow, message }),
                Frame::Malformed(malformed) => self.handle(Input::Malformed { flow, malformed }),
                Frame::Ping | Frame::Pong => {}
            }
        }
    }

    fn handle(&mut self, input: Input) {
        self.core.handle(self.now, input);
        while let Some(output) = self.core.poll() {
            match output {
                Output::Transmit(transmit) => self.take(&transmit.bytes),
                Output::Event(Event::Invite(invite)) => {
                    let server = self.core.invite_server(self.now, invite).unwrap();
                    server.reject(Rejection::BUSY_HERE).unwrap();
                }
                Output::Event(Event::Request { request, .. }) => {
                    let server = self.core.request_server(self.now, request).unwrap();
                    match refusal(server.message()) {
                        Some(status) => server.reject(status),
                        None => server.accept(Success::OK),
                    };
                }
                Output::Resolve(_) | Output::Event(_) => {}
            }
        }
    }

    fn take(&mut self, bytes: &Bytes) {
        let Ok(Message::Response(response)) = parse(bytes.clone()) else {
            panic!("{}", bytes.escape_ascii());
        };
        if response.status().is_final() && !self.answers.contains(bytes) {
            self.answers.push(bytes.clone());
            self.verdict.statuses.push(response.status().as_u16());
        }
    }
}
