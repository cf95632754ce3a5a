//! Requests inside a session that are asked for credentials, and nonces that come ahead of time
//! ([RFC 3261 §22](https://www.rfc-editor.org/rfc/rfc3261#section-22), [RFC 7616 §3.5](https://www.rfc-editor.org/rfc/rfc7616#section-3.5)).

use offhook_core::message::{Body, Header, Message, Method, Success, Text, parse};
use offhook_core::{
    Config, Credentials, Event, RegistrationOptions, Reliability, SessionEnd, SessionId,
};

use crate::support::{Answer, Bench, Sent, UDP, ended, from_bob, request};

fn alice() -> Credentials {
    Credentials::password(Text::from_static("alice"), "secret")
}

fn challenge(params: &str) -> Answer {
    Answer::bare("401 Unauthorized").header(&format!(
        "WWW-Authenticate: Digest realm=\"r\", qop=\"auth,auth-int\", {params}"
    ))
}

fn param<'a>(sent: &'a Sent, name: &str) -> &'a str {
    let credentials = sent.header("Authorization");
    let params = credentials.strip_prefix("Digest ").unwrap().split(", ");
    let mut values = params.filter_map(|param| param.split_once('='));
    let value = values.find(|(key, _)| *key == name);
    value.expect(name).1.trim_matches('"')
}

/// A call of alice's that bob has accepted without asking.
fn session(bench: &mut Bench) -> SessionId {
    let call = request([UDP]).with_body(Body::sdp("offer"));
    let (_, invite) = bench.call_with(call.with_credentials(alice()));
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    bench.one("ACK");
    bench.accepted()
}

/// What a request has and must keep when it is sent again.
fn same(sent: &Sent, again: &Sent) {
    for name in ["From", "To", "Call-ID", "Max-Forwards"] {
        assert_eq!(again.header(name), sent.header(name), "{name}");
    }
    assert_eq!(again.request().uri_bytes(), sent.request().uri_bytes());
    assert_eq!(again.transmit.flow, sent.transmit.flow);
    assert_eq!(again.body(), sent.body());
    assert_ne!(again.branch(), sent.branch());
}

fn info(bench: &mut Bench, session: SessionId, text: &'static str) -> Sent {
    let header = Header::new("Info-Package", "lab").unwrap();
    let body = Body::new("text/plain", text).unwrap();
    bench
        .act(|core, now| {
            let mut session = core.session(now, session).unwrap();
            session.request(Method::Info, &[header], Some(&body))
        })
        .unwrap();
    bench.one("INFO")
}

#[test]
fn an_info_goes_out_again_as_it_was() {
    let mut bench = Bench::new();
    let session = session(&mut bench);
    let first = info(&mut bench, session, "hello");
    bench.answer(&first, &challenge("nonce=\"n1\""));
    bench.no_event();
    let second = bench.one("INFO");
    same(&first, &second);
    assert_eq!(second.header("CSeq"), "3 INFO");
    assert_eq!(second.header("Info-Package"), "lab");
    assert_eq!(second.header("Content-Type"), "text/plain");
    assert_eq!(second.header("Content-Length"), "5");
    assert_eq!(param(&second, "nc"), "00000001");
    bench.answer(&second, &Answer::bare("200 OK"));
    assert!(matches!(bench.event(), Event::Answered { .. }));

    let third = info(&mut bench, session, "again");
    assert_eq!(param(&third, "nc"), "00000002", "before it is asked");
    // The nonce may have been too old; the password is not asked for a third time.
    bench.answer(&third, &challenge("nonce=\"n2\""));
    let fourth = bench.one("INFO");
    assert_eq!(param(&fourth, "nonce"), "n2");
    bench.answer(&fourth, &challenge("nonce=\"n3\""));
    let Event::Answered { message, .. } = bench.event() else {
        panic!("refused");
    };
    assert_eq!(message.status().as_u16(), 401);
    assert!(bench.sent().is_empty());
}

#[test]
fn several_that_are_asked_at_once_go_out_again_each() {
    let mut bench = Bench::new();
    let session = session(&mut bench);
    let texts = ["one", "two", "three"];
    let sent = texts.map(|text| info(&mut bench, session, text));
    for (number, first) in sent.iter().enumerate() {
        bench.answer(first, &challenge(&format!("nonce=\"n{number}\"")));
        let again = bench.one("INFO");
        same(first, &again);
        assert_eq!(param(&again, "nonce"), "n0", "known by now");
        assert_eq!(param(&again, "nc"), format!("{:08}", number + 1));
        bench.answer(&again, &Answer::bare("200 OK"));
        assert!(matches!(bench.event(), Event::Answered { .. }));
    }
    bench.no_event();
}

/// RFC 3261 §22.2: what was learned of the nonce from another request is no refusal of this one.
#[test]
fn a_change_that_is_asked_behind_another_request_goes_out_again() {
    let mut bench = Bench::new();
    let session = session(&mut bench);
    let first = info(&mut bench, session, "hello");
    bench.answer(&first, &challenge("nonce=\"n0\""));
    let again = bench.one("INFO");
    bench.answer(&again, &Answer::bare("200 OK"));
    let first = info(&mut bench, session, "again");
    bench.act(|core, now| {
        let mut session = core.session(now, session).unwrap();
        session.update(Some(&Body::sdp("hold"))).unwrap();
    });
    let change = bench.one("UPDATE");
    assert_eq!(param(&change, "nonce"), "n0");
    let stale = challenge("nonce=\"n1\", stale=true");
    bench.answer(&first, &stale);
    assert_eq!(param(&bench.one("INFO"), "nonce"), "n1");
    bench.answer(&change, &stale);
    let again = bench.one("UPDATE");
    assert_eq!(param(&again, "nonce"), "n1");
    bench.answer(&again, &challenge("nonce=\"n1\""));
    assert!(bench.sent().is_empty(), "refused");
}

#[test]
fn who_has_no_credentials_is_told() {
    let mut bench = Bench::new();
    let (session, _) = bench.session();
    let sent = info(&mut bench, session, "hello");
    bench.answer(&sent, &challenge("nonce=\"n1\""));
    let Event::Answered { message, .. } = bench.event() else {
        panic!("refused");
    };
    assert_eq!(message.status().as_u16(), 401);
    assert!(bench.sent().is_empty());
}

#[test]
fn a_bye_keeps_its_headers() {
    let mut bench = Bench::new();
    let session = session(&mut bench);
    let reason = Header::new("Reason", "Q.850;cause=16").unwrap();
    bench.act(|core, now| core.session(now, session).unwrap().bye(vec![reason]));
    let first = bench.one("BYE");
    let proxy = Answer::bare("407 Proxy Authentication Required")
        .header("Proxy-Authenticate: Digest realm=\"p\", nonce=\"n\"");
    bench.answer(&first, &proxy);
    let second = bench.one("BYE");
    same(&first, &second);
    assert_eq!(second.header("Reason"), "Q.850;cause=16");
    assert!(second.has("Proxy-Authorization"));
    bench.answer(&second, &challenge("nonce=\"n1\""));
    let third = bench.one("BYE");
    assert!(third.has("Proxy-Authorization") && third.has("Authorization"));
    assert_eq!(third.header("CSeq"), "4 BYE");
    bench.answer(&third, &Answer::bare("200 OK"));
    assert!(matches!(bench.event(), Event::Ended { .. }));
}

#[test]
fn a_prack_keeps_what_it_acknowledges() {
    let mut bench = Bench::with(Config {
        reliability: Reliability::Required,
        ..Config::default()
    });
    let call = request([UDP]).with_body(Body::sdp("offer"));
    let (_, invite) = bench.call_with(call.with_credentials(alice()));
    bench.answer(&invite, &Answer::new("180 Ringing").reliable(7));
    bench.progressed();
    let first = bench.one("PRACK");
    bench.answer(&first, &challenge("nonce=\"n1\""));
    let second = bench.one("PRACK");
    same(&first, &second);
    assert_eq!(second.header("RAck"), "7 1 INVITE");
    assert_eq!(param(&second, "nc"), "00000001");
    bench.answer(&second, &challenge("nonce=\"n2\""));
    assert!(bench.sent().is_empty(), "refused");
    bench.no_event();
}

/// Bob calls alice, who has accepted.
fn called(bench: &mut Bench) -> (SessionId, Sent) {
    let invite = "INVITE sip:alice@192.0.2.1:5060 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-call\r\nMax-Forwards: 70\r\n\
        From: <sip:bob@example.org>;tag=bob\r\nTo: <sip:alice@example.com>\r\nCall-ID: 1\r\n\
        CSeq: 1 INVITE\r\nContact: <sip:bob@192.0.2.2:5062>\r\nContent-Length: 0\r\n\r\n";
    bench.receive(UDP, parse(invite.into()).unwrap());
    let Event::Invite(invite) = bench.event() else {
        panic!("a call");
    };
    let session = bench.act(|core, now| {
        let options = offhook_core::ResponseOptions::new(Success::OK).with_body(Body::sdp("o"));
        let server = core.invite_server(now, invite).unwrap();
        server.accept(options).unwrap().session
    });
    let ok = bench.sent().pop().unwrap();
    (session, ok)
}

#[test]
fn who_was_called_may_have_credentials_too() {
    let mut bench = Bench::new();
    let (session, ok) = called(&mut bench);
    bench.act(|core, now| {
        let mut session = core.session(now, session).unwrap();
        session.set_credentials(vec![alice()]);
    });
    let ack = format!(
        "ACK sip:alice@192.0.2.1:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-ack\r\nMax-Forwards: 70\r\n\
         From: {}\r\nTo: {}\r\nCall-ID: 1\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
        ok.header("From"),
        ok.header("To")
    );
    bench.receive(UDP, parse(ack.into()).unwrap());
    assert!(matches!(bench.event(), Event::Confirmed { .. }));
    bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    let first = bench.one("BYE");
    bench.answer(&first, &challenge("nonce=\"n1\""));
    let second = bench.one("BYE");
    same(&first, &second);
    assert_eq!(param(&second, "username"), "alice");
    bench.answer(&second, &Answer::bare("200 OK"));
    assert!(matches!(
        bench.event(),
        Event::Ended {
            cause: SessionEnd::LocalBye,
            ..
        }
    ));
}

/// RFC 3261 §22.1: the ACK has the credentials of its INVITE, whatever those of the session are by then.
#[test]
fn new_credentials_leave_the_ack_those_of_its_invite() {
    let mut bench = Bench::new();
    let session = session(&mut bench);
    bench.act(|core, now| {
        let mut session = core.session(now, session).unwrap();
        session.invite(&Body::sdp("hold")).unwrap();
    });
    let first = bench.one("INVITE");
    bench.answer(&first, &challenge("nonce=\"n1\""));
    let second = bench.sent().pop().unwrap();
    assert_eq!(second.method(), "INVITE");
    bench.act(|core, now| {
        let mut session = core.session(now, session).unwrap();
        session.set_credentials(vec![alice()]);
    });
    bench.answer(&second, &Answer::new("200 OK").sdp("held"));
    let ack = bench.one("ACK");
    assert_eq!(ack.header("Authorization"), second.header("Authorization"));
}

#[test]
fn the_peer_may_end_the_session_while_a_request_is_asked_about() {
    let mut bench = Bench::new();
    let call = request([UDP]).with_body(Body::sdp("offer"));
    let (_, invite) = bench.call_with(call.with_credentials(alice()));
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    let ack = bench.one("ACK");
    let session = bench.accepted();
    let sent = info(&mut bench, session, "hello");
    let bye: Message = from_bob(&Method::Bye, &ack, 1);
    bench.receive(UDP, bye);
    assert!(matches!(bench.event(), Event::Ended { .. }));
    bench.sent();
    bench.answer(&sent, &challenge("nonce=\"n1\""));
    assert!(bench.sent().is_empty());
}

/// RFC 3261 §12.2.2: what overtakes our BYE makes that come out of order, and a BYE that is refused ends nothing.
#[test]
fn nothing_is_sent_again_behind_our_bye() {
    let mut bench = Bench::new();
    let session = session(&mut bench);
    let sent = info(&mut bench, session, "hello");
    bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    let bye = bench.one("BYE");
    bench.answer(&sent, &challenge("nonce=\"n1\""));
    assert!(bench.sent().is_empty());
    let Event::Answered { message, .. } = bench.event() else {
        panic!("the INFO is refused");
    };
    assert_eq!(message.status().as_u16(), 401);
    bench.answer(&bye, &challenge("nonce=\"n1\""));
    let bye = bench.one("BYE");
    assert_eq!(param(&bye, "nonce"), "n1");
    bench.answer(&bye, &Answer::bare("200 OK"));
    assert_eq!(ended(&bench.event()), SessionEnd::LocalBye);
}

/// The same of a NOTIFY, whose subscription outlives the session: it follows the BYE.
#[test]
fn a_notify_that_is_asked_for_credentials_follows_our_bye() {
    let mut bench = Bench::with(Config {
        methods: vec![Method::Refer],
        ..Config::default()
    });
    let call = request([UDP]).with_body(Body::sdp("offer"));
    let (_, invite) = bench.call_with(call.with_credentials(alice()));
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    let (session, ack) = (bench.accepted(), bench.one("ACK"));
    let refer = from_bob(&Method::Refer, &ack, 7);
    let refer = std::str::from_utf8(refer.as_bytes()).unwrap();
    let refer = refer.replace(
        "Max-Forwards",
        "Refer-To: <sip:carol@example.net>\r\nContact: <sip:bob@192.0.2.2:5062>\r\nMax-Forwards",
    );
    bench.receive(UDP, parse(refer.into()).unwrap());
    let Event::Referred { request, .. } = bench.event() else {
        panic!("a REFER");
    };
    bench.act(|core, now| core.refer_server(now, request).unwrap().accept().unwrap());
    let notify = bench.sent().pop().unwrap();
    assert_eq!(notify.method(), "NOTIFY");
    bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    let bye = bench.one("BYE");
    bench.answer(&notify, &challenge("nonce=\"n1\""));
    assert!(bench.sent().is_empty());
    bench.answer(&bye, &Answer::bare("200 OK"));
    let again = bench.one("NOTIFY");
    assert_eq!(again.body(), notify.body());
    assert_eq!(param(&again, "nonce"), "n1");
}

#[test]
fn the_next_nonce_is_taken() {
    let mut bench = Bench::new();
    let session = session(&mut bench);
    let first = info(&mut bench, session, "hello");
    bench.answer(&first, &challenge("nonce=\"n1\""));
    let second = bench.one("INFO");
    let next = "Authentication-Info: qop=auth, nextnonce=\"n2\", nc=00000001";
    bench.answer(&second, &Answer::bare("200 OK").header(next));
    let third = info(&mut bench, session, "again");
    assert_eq!(param(&third, "nonce"), "n2");
    assert_eq!(param(&third, "nc"), "00000001");
    assert_ne!(param(&third, "cnonce"), param(&second, "cnonce"));
    let broken = "Authentication-Info: nextnonce=\"n3";
    bench.answer(&third, &Answer::bare("200 OK").header(broken));
    let fourth = info(&mut bench, session, "again");
    assert_eq!(param(&fourth, "nonce"), "n2");
    assert_eq!(param(&fourth, "nc"), "00000002");
}

#[test]
fn the_next_nonce_of_a_registrar_and_of_an_invite_is_taken() {
    let next = "Authentication-Info: nextnonce=\"n2\"";
    let mut bench = Bench::new();
    let options = RegistrationOptions::new(request([UDP]).with_credentials(alice()));
    bench.act(|core, now| core.register(now, options)).unwrap();
    let register = bench.one("REGISTER");
    bench.answer(&register, &challenge("nonce=\"n1\""));
    let register = bench.one("REGISTER");
    let granted = Answer::bare("200 OK").header("Expires: 10").header(next);
    bench.answer(&register, &granted);
    bench.event();
    bench.pass(9_000);
    let refresh = bench.sent().remove(0);
    assert_eq!(param(&refresh, "nonce"), "n2");
    assert_eq!(param(&refresh, "nc"), "00000001");

    let mut bench = Bench::new();
    let call = request([UDP]).with_body(Body::sdp("offer"));
    let (_, invite) = bench.call_with(call.with_credentials(alice()));
    bench.answer(&invite, &challenge("nonce=\"n1\"").tag("x"));
    let invite = bench.sent().pop().unwrap();
    let ok = Answer::new("200 OK").sdp("answer").header(next);
    bench.answer(&invite, &ok);
    let session = bench.accepted();
    bench.one("ACK");
    let info = info(&mut bench, session, "hello");
    assert_eq!(param(&info, "nonce"), "n2");
}
