//! A client core calls a server core.

use std::time::{Duration, Instant};

use offhook_core::message::{Body, Provisional, Rejection, Text, parse};
use offhook_core::{
    Authenticator, Config, Credentials, Event, Flow, Input, InviteId, OutgoingInviteEvent,
    OutgoingRequest, Output, ResponseOptions, SessionEnd, SessionId, Unauthorized, UserAgentCore,
};

use crate::support::{Bench, TCP, UDP, request};

/// Two cores with a pipe between them that loses nothing and takes no time.
struct Pair {
    now: Instant,
    alice: UserAgentCore,
    bob: UserAgentCore,
    flow: Flow,
    at_alice: Vec<Event>,
    at_bob: Vec<Event>,
}

impl Pair {
    fn new(flow: Flow) -> Self {
        let now = Bench::new().now;
        Self {
            now,
            alice: UserAgentCore::new(now, Config::default(), [1; 32]),
            bob: UserAgentCore::new(now, Config::default(), [2; 32]),
            flow,
            at_alice: Vec::new(),
            at_bob: Vec::new(),
        }
    }

    fn call(&mut self, mut request: OutgoingRequest) -> InviteId {
        request.flows = vec![self.flow];
        request.to.uri = format!("sip:bob@{}", self.flow.remote).parse().unwrap();
        request.request_uri = request.to.uri.clone();
        self.alice.invite(self.now, request).unwrap();
        self.run();
        match self.at_bob.remove(0) {
            Event::Invite(id) => id,
            other => panic!("{other:?} is no call"),
        }
    }

    /// Carries messages until there are none.
    fn run(&mut self) {
        let there = Flow {
            local: self.flow.remote,
            remote: self.flow.local,
            ..self.flow
        };
        loop {
            let sent = carry(
                &mut self.alice,
                &mut self.bob,
                self.now,
                there,
                &mut self.at_alice,
            ) + carry(
                &mut self.bob,
                &mut self.alice,
                self.now,
                self.flow,
                &mut self.at_bob,
            );
            if sent == 0 {
                return;
            }
        }
    }

    fn pass(&mut self, duration: Duration) {
        self.now += duration;
        for core in [&mut self.alice, &mut self.bob] {
            core.handle(self.now, Input::Timeout);
        }
        self.run();
    }

    fn progressed(&mut self) -> SessionId {
        match self.at_alice.remove(0) {
            Event::OutgoingInvite {
                event: OutgoingInviteEvent::Progress { session, .. },
                ..
            } => session.unwrap(),
            other => panic!("{other:?} is no progress"),
        }
    }

    fn accepted(&mut self) -> SessionId {
        match self.at_alice.remove(0) {
            Event::OutgoingInvite {
                event: OutgoingInviteEvent::Accept { session, .. },
                ..
            } => session,
            other => panic!("{other:?} is no session"),
        }
    }

    fn confirmed(&mut self) -> SessionId {
        match self.at_bob.remove(0) {
            Event::Confirmed { session, .. } => session,
            other => panic!("{other:?} confirms nothing"),
        }
    }

    fn is_over(&mut self) -> bool {
        for _ in 0..100 {
            self.pass(Duration::from_secs(1));
        }
        self.at_alice.is_empty()
            && self.at_bob.is_empty()
            && [&mut self.alice, &mut self.bob].into_iter().all(|core| {
                let counts = core.counts();
                let tables = counts.client_transactions + counts.server_transactions;
                tables + counts.sessions + counts.invites + counts.outgoing_invites == 0
            })
    }
}

fn carry(
    from: &mut UserAgentCore,
    to: &mut UserAgentCore,
    now: Instant,
    flow: Flow,
    events: &mut Vec<Event>,
) -> usize {
    let mut sent = 0;
    while let Some(output) = from.poll() {
        match output {
            Output::Transmit(transmit) => {
                sent += 1;
                let message = parse(transmit.bytes).unwrap();
                to.handle(now, Input::Message { flow, message });
            }
            Output::Event(Event::Terminating { .. }) => {} // The BYE itself is seen.
            Output::Event(event) => events.push(event),
            Output::Resolve(resolve) => panic!("{resolve:?} is no address"),
        }
    }
    sent
}

#[test]
fn a_call_that_alice_ends() {
    for flow in [UDP, TCP] {
        let mut pair = Pair::new(flow);
        let invite = pair.call(request([]).with_body(Body::sdp("offer")));
        let mut server = pair.bob.invite_server(pair.now, invite).unwrap();
        server.progress(Provisional::RINGING).unwrap();
        pair.run();
        let early = pair.progressed();
        let server = pair.bob.invite_server(pair.now, invite).unwrap();
        let bobs = server.accept(Body::sdp("answer")).unwrap().session;
        pair.run();
        assert_eq!(pair.accepted(), early);
        assert_eq!(pair.confirmed(), bobs);
        pair.alice.session(pair.now, early).unwrap().bye(Vec::new());
        pair.run();
        assert!(matches!(
            pair.at_alice.remove(0),
            Event::Ended {
                cause: SessionEnd::LocalBye,
                ..
            }
        ));
        assert!(matches!(
            pair.at_bob.remove(0),
            Event::Ended {
                cause: SessionEnd::RemoteBye,
                ..
            }
        ));
        assert!(pair.is_over());
    }
}

#[test]
fn a_call_that_bob_ends() {
    let mut pair = Pair::new(UDP);
    let invite = pair.call(request([]).with_body(Body::sdp("offer")));
    let server = pair.bob.invite_server(pair.now, invite).unwrap();
    server.accept(Body::sdp("answer")).unwrap();
    pair.run();
    pair.accepted();
    let bobs = pair.confirmed();
    pair.bob.session(pair.now, bobs).unwrap().bye(Vec::new());
    pair.run();
    assert!(matches!(
        pair.at_alice.remove(0),
        Event::Ended {
            cause: SessionEnd::RemoteBye,
            ..
        }
    ));
    assert!(matches!(
        pair.at_bob.remove(0),
        Event::Ended {
            cause: SessionEnd::LocalBye,
            ..
        }
    ));
    assert!(pair.is_over());
}

#[test]
fn a_call_that_bob_refuses() {
    let mut pair = Pair::new(UDP);
    let invite = pair.call(request([]).with_body(Body::sdp("offer")));
    let server = pair.bob.invite_server(pair.now, invite).unwrap();
    server.reject(Rejection::BUSY_HERE).unwrap();
    pair.run();
    let Event::OutgoingInvite {
        event: OutgoingInviteEvent::Reject { message },
        ..
    } = pair.at_alice.remove(0)
    else {
        panic!("rejected");
    };
    assert_eq!(message.status().as_u16(), 486);
    assert!(pair.is_over());
}

#[test]
fn a_call_that_alice_cancels() {
    let mut pair = Pair::new(UDP);
    let invite = pair.call(request([]).with_body(Body::sdp("offer")));
    let mut server = pair.bob.invite_server(pair.now, invite).unwrap();
    server.progress(Provisional::RINGING).unwrap();
    pair.run();
    let Some(Event::OutgoingInvite { invite: id, .. }) = pair.at_alice.pop() else {
        panic!("progress");
    };
    pair.alice
        .invite_client(pair.now, id)
        .unwrap()
        .cancel(Vec::new());
    pair.run();
    assert!(matches!(pair.at_bob.remove(0), Event::Cancelled { .. }));
    assert!(matches!(
        pair.at_alice.remove(0),
        Event::Ended {
            cause: SessionEnd::NotAccepted,
            ..
        }
    ));
    let Event::OutgoingInvite {
        event: OutgoingInviteEvent::Cancelled { message },
        ..
    } = pair.at_alice.remove(0)
    else {
        panic!("cancelled");
    };
    assert_eq!(message.unwrap().status().as_u16(), 487);
    assert!(pair.is_over());
}

#[test]
fn bob_offers_in_a_reliable_response_and_alice_answers_in_the_prack() {
    let mut pair = Pair::new(UDP);
    let invite = pair.call(request([]));
    let mut server = pair.bob.invite_server(pair.now, invite).unwrap();
    let offer = ResponseOptions::new(Provisional::SESSION_PROGRESS).with_body(Body::sdp("offer"));
    server.progress(offer.reliably()).unwrap();
    pair.run();
    let early = pair.progressed();
    pair.alice
        .session(pair.now, early)
        .unwrap()
        .prack(&Body::sdp("answer"))
        .unwrap();
    pair.run();
    let Event::Prack { message, .. } = pair.at_bob.remove(0) else {
        panic!("a PRACK");
    };
    assert_eq!(message.body(), b"answer");
    let server = pair.bob.invite_server(pair.now, invite).unwrap();
    server.accept(offhook_core::message::Success::OK).unwrap();
    pair.run();
    assert_eq!(pair.accepted(), early);
    pair.confirmed();
}

#[test]
fn bob_offers_in_the_success_and_alice_answers_in_the_ack() {
    let mut pair = Pair::new(UDP);
    let invite = pair.call(request([]));
    let server = pair.bob.invite_server(pair.now, invite).unwrap();
    server.accept(Body::sdp("offer")).unwrap();
    pair.run();
    let session = pair.accepted();
    pair.alice
        .session(pair.now, session)
        .unwrap()
        .acknowledge(&Body::sdp("answer"))
        .unwrap();
    pair.run();
    let Event::Confirmed {
        acknowledgement, ..
    } = pair.at_bob.remove(0)
    else {
        panic!("confirmed");
    };
    assert_eq!(acknowledgement.body(), b"answer");
}

/// Bob asks who calls. Gives the INVITE that has the credentials.
fn call_with_password(pair: &mut Pair, password: &str) -> (InviteId, Result<String, Unauthorized>) {
    let mut authenticator = Authenticator::new(&Text::from_static("lab"), [3; 32]);
    let mut ask = |pair: &mut Pair, id| {
        let server = pair.bob.invite_server(pair.now, id).unwrap();
        authenticator.authenticate(pair.now, server.message(), |name| {
            let name = Text::new(name).unwrap();
            vec![Credentials::password(name, "secret")]
        })
    };
    let alice = Credentials::password(Text::from_static("alice"), password);
    let first = pair.call(
        request([])
            .with_body(Body::sdp("offer"))
            .with_credentials(alice),
    );
    let unauthorized = ask(pair, first).unwrap_err();
    let server = pair.bob.invite_server(pair.now, first).unwrap();
    server.reject(unauthorized).unwrap();
    pair.run();
    let Event::Invite(second) = pair.at_bob.remove(0) else {
        panic!("another INVITE");
    };
    let asked = ask(pair, second);
    (second, asked)
}

#[test]
fn bob_knows_alice_by_her_password() {
    for flow in [UDP, TCP] {
        let mut pair = Pair::new(flow);
        let (invite, asked) = call_with_password(&mut pair, "secret");
        assert_eq!(asked.unwrap(), "alice");
        let server = pair.bob.invite_server(pair.now, invite).unwrap();
        server.accept(Body::sdp("answer")).unwrap();
        pair.run();
        let alices = pair.accepted();
        pair.confirmed();
        pair.alice
            .session(pair.now, alices)
            .unwrap()
            .bye(Vec::new());
        pair.run();
        assert!(matches!(pair.at_alice.remove(0), Event::Ended { .. }));
        assert!(matches!(pair.at_bob.remove(0), Event::Ended { .. }));
        assert!(pair.is_over());
    }
}

#[test]
fn alice_gives_up_after_bob_has_asked() {
    let mut pair = Pair::new(UDP);
    let (invite, asked) = call_with_password(&mut pair, "secret");
    assert!(asked.is_ok());
    let mut server = pair.bob.invite_server(pair.now, invite).unwrap();
    server.progress(Provisional::RINGING).unwrap();
    pair.run();
    let Some(Event::OutgoingInvite { invite: id, .. }) = pair.at_alice.pop() else {
        panic!("progress");
    };
    let client = pair.alice.invite_client(pair.now, id).unwrap();
    client.cancel(Vec::new());
    pair.run();
    assert!(matches!(pair.at_bob.remove(0), Event::Cancelled { .. }));
    pair.at_alice.clear();
    assert!(pair.is_over());
}

#[test]
fn a_wrong_password_is_the_end() {
    let mut pair = Pair::new(UDP);
    let (invite, asked) = call_with_password(&mut pair, "guess");
    let server = pair.bob.invite_server(pair.now, invite).unwrap();
    server.reject(asked.unwrap_err()).unwrap();
    pair.run();
    let Event::OutgoingInvite {
        event: OutgoingInviteEvent::Reject { message },
        ..
    } = pair.at_alice.remove(0)
    else {
        panic!("rejected");
    };
    assert_eq!(message.status().as_u16(), 401);
    assert_eq!(message.headers().named("WWW-Authenticate").count(), 3);
    assert!(pair.is_over());
}
