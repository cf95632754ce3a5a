//! Requests that are too large for a datagram
//! ([RFC 3261 §18.1.1](https://www.rfc-editor.org/rfc/rfc3261#section-18.1.1)).

use offhook_core::message::{Body, Method};
use offhook_core::{Channel, Flow, OutgoingInviteEvent, RequestFailure, Transport};

use crate::support::{Answer, Bench, Sent, UDP, UDP_NEXT, request};

fn large() -> Body {
    Body::sdp("x".repeat(1300))
}

fn call(bench: &mut Bench) -> Sent {
    let request = request([UDP, UDP_NEXT]).with_body(large());
    bench.call_with(request).1
}

fn way(sent: &Sent) -> Flow {
    sent.transmit.flow
}

fn over_tcp() -> Flow {
    Flow {
        transport: Transport::Tcp,
        channel: Channel::NONE,
        ..UDP
    }
}

#[test]
fn one_goes_over_tcp_and_with_it_its_cancel_and_its_ack() {
    let mut bench = Bench::new();
    let request = request([UDP]).with_body(large());
    let (id, invite) = bench.call_with(request);
    assert_eq!(way(&invite), over_tcp());
    assert!(
        invite
            .header("Via")
            .starts_with("SIP/2.0/TCP 192.0.2.1:5060;")
    );
    assert_eq!(invite.header("Contact"), "<sip:alice@192.0.2.1:5060>");
    bench.pass(3000);
    assert!(bench.sent().is_empty(), "TCP repeats it where needed");

    bench.answer(&invite, &Answer::bare("100 Trying"));
    bench.invite_event();
    bench.cancel(id);
    let cancel = bench.one("CANCEL");
    assert_eq!(way(&cancel), over_tcp());
    assert_eq!(cancel.header("Via"), invite.header("Via"));
    bench.answer(&cancel, &Answer::bare("200 OK"));
    bench.answer(&invite, &Answer::new("487 Request Terminated"));
    assert_eq!(way(&bench.one("ACK")), over_tcp());
}

#[test]
fn where_nobody_takes_tcp_it_goes_over_udp_at_once() {
    let mut bench = Bench::new();
    let invite = call(&mut bench);
    bench.undelivered(&invite);
    let again = bench.one("INVITE");
    assert_eq!(way(&again), UDP);
    assert_eq!(again.text(), invite.text().replace("/TCP ", "/UDP "));
    bench.pass(500);
    assert_eq!(bench.one("INVITE").text(), again.text(), "timer A");

    bench.undelivered(&again);
    let elsewhere = bench.one("INVITE");
    assert_eq!(way(&elsewhere).transport, Transport::Tcp);
    assert_eq!(way(&elsewhere).remote, UDP_NEXT.remote);
    bench.undelivered(&elsewhere);
    let last = bench.one("INVITE");
    assert_eq!(way(&last), UDP_NEXT);
    bench.undelivered(&last);
    assert!(matches!(
        bench.invite_event(),
        OutgoingInviteEvent::Failed {
            cause: RequestFailure::Undelivered
        }
    ));
    assert!(bench.is_idle());
}

#[test]
fn a_session_goes_on_over_udp() {
    let mut bench = Bench::new();
    let invite = call(&mut bench);
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    let session = bench.accepted();
    assert_eq!(way(&bench.one("ACK")).transport, Transport::Udp);

    bench.act(|core, now| {
        let mut session = core.session(now, session).unwrap();
        session.request(Method::Info, &[], Some(&large())).unwrap();
    });
    let info = bench.one("INFO");
    assert_eq!(way(&info).transport, Transport::Tcp);
    bench.undelivered(&info);
    assert_eq!(way(&bench.one("INFO")).transport, Transport::Udp);
}
