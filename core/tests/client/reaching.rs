//! Whom our requests inside a dialog reach once the connection is closed that the dialog came by, or where they go by
//! another transport ([RFC 3261 §8.1.2, §12.2.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.1.1)).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use offhook_core::message::{Body, Message, parse};
use offhook_core::{Channel, Event, Flow, SessionEnd, SessionId, Transport};

use crate::support::{Answer, Bench, Sent, TCP, UDP, ended, request};

/// A request of bob's, whom these headers lead to.
fn from_bob(method: &str, flow: Flow, to_tag: &str, way: &str) -> Message {
    let content = match method {
        "INVITE" => "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\ntheir",
        _ => "Content-Length: 0\r\n\r\n",
    };
    let transport = flow.transport.as_str();
    let text = format!(
        "{method} sip:alice@192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/{transport} 192.0.2.2;branch=z9hG4bK-{method}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:bob@example.org>;tag=bob\r\n\
         To: <sip:alice@example.com>{to_tag}\r\n\
         Call-ID: call\r\n\
         CSeq: 1 {method}\r\n\
         {way}\r\n\
         {content}"
    );
    parse(text.into()).unwrap()
}

/// A call of bob's that came by this flow. Our 2xx is given, too.
fn called(bench: &mut Bench, flow: Flow, way: &str) -> (SessionId, Sent) {
    bench.receive(flow, from_bob("INVITE", flow, "", way));
    let Event::Invite(invite) = bench.event() else {
        panic!("a call");
    };
    let accepted = bench.act(|core, now| {
        let server = core.invite_server(now, invite).unwrap();
        server.accept(Body::sdp("answer")).unwrap()
    });
    let ok = bench.sent().pop().unwrap();
    let (_, tag) = ok.header("To").split_once(';').unwrap();
    let to_tag = format!(";{tag}");
    bench.receive(flow, from_bob("ACK", flow, &to_tag, way));
    assert!(matches!(bench.event(), Event::Confirmed { .. }));
    (accepted.session, ok)
}

/// The BYE of a call that came through a proxy which has a name, by a connection of the proxy's.
fn hung_up(bench: &mut Bench, transport: Transport) -> Sent {
    let by = Flow { transport, ..FROM };
    let way = format!(
        "Record-Route: <sip:proxy.example.com;transport={};lr>\r\n\
         Contact: <sip:bob@198.51.100.2>",
        transport.parameter()
    );
    let (session, _) = called(bench, by, &way);
    bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    let bye = bench.one("BYE");
    assert_eq!(bye.transmit.flow, by, "it may be open");
    bye
}

fn is_over(bench: &mut Bench, expected: SessionEnd) {
    assert_eq!(ended(&bench.event()), expected);
    bench.pass(64_000);
    bench.no_event();
    assert!(bench.sent().is_empty());
    assert!(bench.is_idle());
}

#[test]
fn a_name_leads_to_a_peer_whose_connection_is_closed() {
    for transport in [Transport::Tcp, Transport::Tls] {
        let mut bench = Bench::new();
        let bye = hung_up(&mut bench, transport);
        bench.undelivered(&bye);
        assert!(bench.sent().is_empty());
        let resolve = bench.resolve(vec![FOUND, FOUND_NEXT]);
        assert_eq!(resolve.host, "proxy.example.com");
        assert_eq!((resolve.port, resolve.transport), (None, transport));
        let bye = is_sent_again(&mut bench, &bye, FOUND);
        bench.undelivered(&bye);
        let bye = is_sent_again(&mut bench, &bye, FOUND_NEXT);
        bench.answer(&bye, &Answer::bare("200 OK"));
        is_over(&mut bench, SessionEnd::LocalBye);
    }
}

fn is_sent_again(bench: &mut Bench, before: &Sent, to: Flow) -> Sent {
    let again = bench.one(before.method());
    assert_eq!(again.text(), before.text());
    let Flow {
        channel, remote, ..
    } = to;
    let expected = Flow {
        channel,
        remote,
        ..before.transmit.flow
    };
    assert_eq!(again.transmit.flow, expected);
    again
}

#[test]
fn a_name_is_looked_up_once() {
    let mut bench = Bench::new();
    let bye = hung_up(&mut bench, Transport::Tls);
    bench.undelivered(&bye);
    bench.resolve(Vec::new());
    is_over(&mut bench, SessionEnd::ByeUnanswered);

    let mut bench = Bench::new();
    let bye = hung_up(&mut bench, Transport::Tls);
    bench.undelivered(&bye);
    bench.resolve(vec![FOUND]);
    let bye = bench.one("BYE");
    bench.undelivered(&bye);
    is_over(&mut bench, SessionEnd::ByeUnanswered);
}

/// Timer F runs while nobody knows the address.
#[test]
fn a_name_that_nobody_finds_ends_the_wait_in_time() {
    let mut bench = Bench::new();
    let bye = hung_up(&mut bench, Transport::Tcp);
    bench.undelivered(&bye);
    bench.pass(31_999);
    bench.no_event();
    bench.pass(32_000);
    assert_eq!(ended(&bench.event()), SessionEnd::ByeUnanswered);
    bench.resolve(vec![FOUND]);
    assert!(bench.sent().is_empty());
}

/// RFC 7118 §5: a browser has no other way.
#[test]
fn the_name_behind_a_websocket_is_not_looked_up() {
    for transport in [Transport::Ws, Transport::Wss] {
        let mut bench = Bench::new();
        let bye = hung_up(&mut bench, transport);
        bench.undelivered(&bye);
        is_over(&mut bench, SessionEnd::ByeUnanswered);
    }
}

/// A call of ours by a connection to a proxy that has a name: the INVITE, the 200, and its ACK.
fn acknowledged(bench: &mut Bench) -> (Sent, Answer, Sent) {
    let (_, invite) = bench.call_with(request([TCP]).with_body(Body::sdp("offer")));
    let proxy = "Record-Route: <sip:proxy.example.com:5070;transport=tcp;lr>";
    let ok = Answer::new("200 OK").header(proxy).sdp("answer");
    bench.answer(&invite, &ok);
    bench.accepted();
    let ack = bench.one("ACK");
    assert_eq!(ack.transmit.flow, TCP);
    (invite, ok, ack)
}

/// RFC 3261 §13.2.2.4: it goes out each time that the 2xx comes, and may be lost as often.
#[test]
fn an_ack_that_is_lost_twice_is_looked_up_once() {
    let mut bench = Bench::new();
    let (invite, ok, first) = acknowledged(&mut bench);
    bench.answer(&invite, &ok);
    let second = bench.one("ACK");
    bench.undelivered(&first);
    bench.undelivered(&second);
    let resolve = bench.resolve(vec![FOUND]);
    assert_eq!(
        (&*resolve.host, resolve.port),
        ("proxy.example.com", Some(5070))
    );
    is_sent_again(&mut bench, &first, FOUND);
    bench.answer(&invite, &ok);
    is_sent_again(&mut bench, &first, FOUND);
}

#[test]
fn an_ack_whose_name_is_not_found_goes_the_same_way_again() {
    let mut bench = Bench::new();
    let (invite, ok, ack) = acknowledged(&mut bench);
    bench.undelivered(&ack);
    bench.resolve(Vec::new());
    bench.answer(&invite, &ok);
    is_sent_again(&mut bench, &ack, TCP);
}

/// RFC 3261 §8.1.1.8: a peer takes it for where we are from now on, and nobody may listen there for another transport.
#[test]
fn the_contact_stays_that_of_the_dialog_where_a_request_goes_by_another_transport() {
    let mut bench = Bench::new();
    let way = "Contact: <sip:bob@192.0.2.2:5061;transport=tls>";
    let (session, ok) = called(&mut bench, UDP, way);
    bench.act(|core, now| {
        let mut session = core.session(now, session).unwrap();
        session.invite(&Body::sdp("hold")).unwrap();
    });
    let invite = bench.one("INVITE");
    let Flow {
        transport, remote, ..
    } = invite.transmit.flow;
    assert_eq!((transport, remote.port()), (Transport::Tls, 5061));
    assert!(invite.header("Via").starts_with("SIP/2.0/TLS "));
    assert_eq!(invite.header("Contact"), ok.header("Contact"));
}

/// A connection that was opened to us, from a port where nobody listens.
const FROM: Flow = flow(7, 2, 41_234);
const FOUND: Flow = flow(20, 3, 5061);
const FOUND_NEXT: Flow = flow(21, 4, 5062);

const fn flow(channel: u64, host: u8, port: u16) -> Flow {
    let remote = IpAddr::V4(Ipv4Addr::new(192, 0, 2, host));
    Flow {
        channel: Channel(channel),
        remote: SocketAddr::new(remote, port),
        ..TCP
    }
}
