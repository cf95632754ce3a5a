//! Sessions that go on in another core.

use std::time::Duration;

use offhook_core::message::{Body, Message, Method, Response, parse};
use offhook_core::{
    Channel, Config, Event, InsideError, Limits, ResponseOptions, SessionEnd, SessionId,
    SessionSnapshot, SessionTimerConfig, SnapshotError,
};

use crate::support::{Answer, Bench, Sent, UDP, from_bob};

fn snapshot(bench: &mut Bench, id: SessionId) -> Result<SessionSnapshot, InsideError> {
    let octets = bench.act(|core, now| core.session(now, id).unwrap().snapshot())?;
    let mut snapshot = SessionSnapshot::read(&octets).expect("it is a snapshot");
    assert_eq!(snapshot.flow.channel, Channel::NONE);
    snapshot.flow.channel = UDP.channel;
    Ok(snapshot)
}

/// A core with another seed that goes on with a session of the first.
fn moved(first: &mut Bench, id: SessionId) -> (Bench, SessionId) {
    let snapshot = snapshot(first, id).unwrap();
    let mut second = Bench::seeded(Config::default(), [2; 32]);
    let restored = second.act(|core, now| core.restore(now, snapshot));
    (second, restored.unwrap())
}

fn response(sent: &Sent) -> &Response {
    match &sent.message {
        Message::Response(response) => response,
        Message::Request(_) => panic!("a request instead of a response"),
    }
}

/// A refresh that nobody asked for may be on its way.
#[test]
fn a_session_that_is_forgotten_leaves_no_change_behind() {
    let mut bench = Bench::new();
    let (id, _) = bench.session();
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.invite(&Body::sdp("hold")).unwrap();
    });
    let change = bench.one("INVITE");
    bench.answer(&change, &Answer::bare("100 Trying"));
    bench.act(|core, now| core.session(now, id).unwrap().forget());
    bench.pass(100_000);
    assert!(bench.is_idle());
}

#[test]
fn the_next_core_answers_and_sends() {
    let mut first = Bench::new();
    let (id, ack) = first.session();
    let (mut second, id) = moved(&mut first, id);

    second.receive(UDP, from_bob(&Method::Options, &ack, 7));
    assert_eq!(response(&second.sent()[0]).status().as_u16(), 200);

    second.act(|core, now| core.session(now, id).unwrap().update(None).unwrap());
    let update = second.one("UPDATE");
    assert_eq!(update.header("CSeq"), "2 UPDATE");
    for name in ["From", "To", "Call-ID"] {
        assert_eq!(update.header(name), ack.header(name));
    }
    assert_eq!(update.header("Contact"), "<sip:alice@192.0.2.1:5060>");
    assert_eq!(update.request().uri_bytes(), ack.request().uri_bytes());
    assert_eq!(update.transmit.flow.remote, ack.transmit.flow.remote);
    second.answer(&update, &Answer::new("200 OK"));
    second.event();

    second.receive(UDP, from_bob(&Method::Bye, &ack, 8));
    assert_eq!(response(&second.sent()[0]).status().as_u16(), 200);
    let ended = second.event();
    assert!(
        matches!(
            ended,
            Event::Ended {
                cause: SessionEnd::RemoteBye,
                ..
            }
        ),
        "{ended:?}"
    );
}

/// RFC 3261 §12.2.2: what the first core has seen is old to the next one.
#[test]
fn the_numbers_go_on() {
    let mut first = Bench::new();
    let (id, ack) = first.session();
    first.receive(UDP, from_bob(&Method::Options, &ack, 7));
    let (mut second, _) = moved(&mut first, id);
    second.receive(UDP, from_bob(&Method::Options, &ack, 6));
    assert_eq!(response(&second.sent()[0]).status().as_u16(), 500);
    second.receive(UDP, from_bob(&Method::Bye, &ack, 5));
    let sent = second.sent();
    assert_eq!(response(&sent[0]).status().as_u16(), 500);
    assert_eq!(sent[1].method(), "BYE", "its session ended with its BYE");
}

/// RFC 3515 §2.4.6: the first core may have had a REFER.
#[test]
fn a_refer_to_the_next_core_has_an_id() {
    let mut first = Bench::new();
    let (id, ack) = first.session();
    first.receive(UDP, from_bob(&Method::Options, &ack, 7));
    let snapshot = snapshot(&mut first, id).unwrap();
    let config = Config {
        methods: vec![Method::Refer],
        ..Config::default()
    };
    let mut second = Bench::seeded(config, [2; 32]);
    second.act(|core, now| core.restore(now, snapshot).unwrap());
    let Message::Request(bare) = from_bob(&Method::Refer, &ack, 8) else {
        unreachable!("it is a request");
    };
    let text = std::str::from_utf8(bare.as_bytes()).unwrap();
    let refer_to = "Refer-To: <sip:carol@example.net>\r\nContent-Length";
    let refer = text.replace("Content-Length", refer_to);
    second.receive(UDP, parse(refer.into()).unwrap());
    let Event::Referred { request, .. } = second.event() else {
        panic!("a REFER came");
    };
    second.act(|core, now| core.refer_server(now, request).unwrap().accept().unwrap());
    assert_eq!(second.sent()[1].header("Event"), "refer;id=8");
}

#[test]
fn a_call_that_we_answered_goes_on() {
    let (mut alice, mut bob) = (Bench::new(), Bench::seeded(Config::default(), [3; 32]));
    let (_, invite) = alice.call();
    bob.receive(UDP, invite.message.clone());
    let Event::Invite(id) = bob.event() else {
        panic!("a call came");
    };
    let session = bob.act(|core, now| {
        let server = core.invite_server(now, id).unwrap();
        let ok = ResponseOptions::from(Body::sdp("answer")).with_session_expires(90);
        server.accept(ok).unwrap().session
    });
    assert_eq!(snapshot(&mut bob, session), Err(InsideError::NotConfirmed));
    let ok = bob.sent().remove(0);
    alice.receive(UDP, ok.message);
    let ack = alice.one("ACK");
    bob.receive(UDP, ack.message.clone());
    let (mut second, id) = moved(&mut bob, session);
    second.act(|core, now| core.session(now, id).unwrap().bye(Vec::new()));
    let bye = second.one("BYE");
    assert_eq!(bye.header("To"), ack.header("From"));
    assert_eq!(bye.header("From"), ack.header("To"));
    alice.receive(UDP, bye.message);
    assert_eq!(response(&alice.sent()[0]).status().as_u16(), 200);
}

/// RFC 4028 §10
#[test]
fn the_session_timer_goes_on() {
    let session_timer = SessionTimerConfig {
        expires: Some(90),
        ..SessionTimerConfig::default()
    };
    let config = Config {
        session_timer,
        ..Config::default()
    };
    let mut first = Bench::with(config);
    let (_, invite) = first.call();
    let ok = Answer::new("200 OK").sdp("answer");
    let ok = ok
        .header("Session-Expires: 90;refresher=uac")
        .header("Allow: INVITE");
    first.answer(&invite, &ok);
    let id = first.accepted();
    first.one("ACK");
    first.pass(10_000);
    let mut snapshot = snapshot(&mut first, id).unwrap();

    // 35 s are left, and 20 of them pass before it is restored.
    let mut second = Bench::seeded(Config::default(), [2; 32]);
    snapshot.age = Duration::from_secs(20);
    second.act(|core, now| core.restore(now, snapshot).unwrap());
    second.pass(14_999);
    assert!(second.sent().is_empty());
    second.pass(15_000);
    assert_eq!(second.one("INVITE").body(), "offer");
}

#[test]
fn a_change_that_is_under_way_is_awaited() {
    let mut bench = Bench::new();
    let (id, _) = bench.session();
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.invite(&Body::sdp("hold")).unwrap();
    });
    assert_eq!(snapshot(&mut bench, id), Err(InsideError::OfferPending));
    let invite = bench.one("INVITE");
    bench.answer(&invite, &Answer::new("200 OK").sdp("held"));
    assert!(snapshot(&mut bench, id).is_ok());
}

#[test]
fn a_session_is_here_once_and_within_the_limits() {
    let mut bench = Bench::new();
    let (id, _) = bench.session();
    let copy = snapshot(&mut bench, id).unwrap();
    let again = bench.act(|core, now| core.restore(now, copy.clone()));
    assert_eq!(again, Err(SnapshotError::Exists));
    let limits = Limits {
        sessions: 0,
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let mut full = Bench::with(config);
    let refused = full.act(|core, now| core.restore(now, copy));
    assert_eq!(refused, Err(SnapshotError::Full));
}

/// Who leaves would hang up what it has taken.
#[test]
fn nothing_goes_on_where_new_calls_are_refused() {
    let mut first = Bench::new();
    let (id, _) = first.session();
    let snapshot = snapshot(&mut first, id).unwrap();
    let mut second = Bench::seeded(Config::default(), [2; 32]);
    second.act(|core, _| core.refuse_new_calls(30));
    let refused = second.act(|core, now| core.restore(now, snapshot));
    assert_eq!(refused, Err(SnapshotError::Leaving));
    assert_eq!(second.core.counts().sessions, 0);
}

/// What one release has written the next ones read, or name another version.
#[test]
fn the_octets_of_a_snapshot_stay_what_they_are() {
    let mut snapshot = SessionSnapshot::read(GOLDEN).unwrap();
    snapshot.flow.channel = UDP.channel;
    let mut bench = Bench::new();
    let id = bench.act(|core, now| core.restore(now, snapshot).unwrap());
    let octets = bench.act(|core, now| core.session(now, id).unwrap().snapshot());
    assert_eq!(octets.as_deref(), Ok(GOLDEN));
    bench.act(|core, now| core.session(now, id).unwrap().bye(Vec::new()));
    let bye = bench.one("BYE");
    assert_eq!(bye.header("Call-ID"), "golden@192.0.2.2");
    assert_eq!(bye.header("CSeq"), "8 BYE");
}

/// Role and transport, our address, the peer's, Call-ID, From, To, target, routes, the user of our
/// Contact, both CSeq, session timer, session description, checksum.
const GOLDEN: &[u8] = b"\
    offhook session \x03\
    \x01\0\0\0\x03UDP\
    \0\0\0\x04\xc0\0\x02\x01\x13\xc4\
    \0\0\0\x04\xc0\0\x02\x02\x13\xc6\
    \0\0\0\x10golden@192.0.2.2\
    \0\0\0\x1b<sip:alice@192.0.2.1>;tag=a\
    \0\0\0\x19<sip:bob@192.0.2.2>;tag=b\
    \0\0\0\x16sip:bob@192.0.2.2:5062\
    \0\0\0\0\
    \0\0\0\x06line 1\
    \0\0\0\x07\x01\0\0\x01,\
    \x01\0\0\0Z\0\0\x01\0\0\0\0\0\0\x88\xb8\
    \x01\0\0\0\x0fapplication/sdp\0\0\0\0\x05v=0\r\n\
    \xd5\x12tH,c\x83n";
