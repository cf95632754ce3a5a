//! The next flow, where one leads nowhere
//! ([RFC 3263 §4.3](https://www.rfc-editor.org/rfc/rfc3263#section-4.3)).

use offhook_core::{Event, OutgoingInviteEvent, RequestFailure};

use crate::support::{Answer, Bench, Sent, TCP, UDP, UDP_NEXT, request};

fn is_the_same_elsewhere(first: &Sent, second: &Sent) {
    for name in ["Call-ID", "From", "To", "CSeq"] {
        assert_eq!(first.header(name), second.header(name));
    }
    assert_ne!(first.branch(), second.branch());
    assert_eq!(second.transmit.flow, UDP_NEXT);
}

#[test]
fn a_503_leads_to_the_next_flow() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(request([UDP, UDP_NEXT]));
    bench.answer(&invite, &Answer::new("180 Ringing"));
    bench.progressed();
    bench.answer(&invite, &Answer::new("503 Service Unavailable"));
    assert!(
        matches!(bench.event(), Event::Ended { .. }),
        "its early dialog is over"
    );
    let sent = bench.sent();
    assert_eq!([sent[0].method(), sent[1].method()], ["ACK", "INVITE"]);
    is_the_same_elsewhere(&invite, &sent[1]);
    bench.no_event();
    bench.answer(&sent[1], &Answer::new("503 Service Unavailable"));
    assert!(
        matches!(bench.invite_event(), OutgoingInviteEvent::Reject { .. }),
        "the last one is told"
    );
}

#[test]
fn silence_leads_to_the_next_flow() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(request([TCP, UDP_NEXT]));
    bench.pass(32_000);
    let next = bench.one("INVITE");
    is_the_same_elsewhere(&invite, &next);
    bench.no_event();
    bench.answer(&next, &Answer::new("200 OK").sdp("offer"));
    bench.accepted();
}

#[test]
fn a_failure_of_the_transport_leads_to_the_next_flow() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(request([TCP, UDP_NEXT]));
    bench.undelivered(&invite);
    let next = bench.one("INVITE");
    is_the_same_elsewhere(&invite, &next);
    bench.undelivered(&next);
    let OutgoingInviteEvent::Failed { cause } = bench.invite_event() else {
        panic!("failed");
    };
    assert_eq!(cause, RequestFailure::Undelivered);
    assert!(bench.is_idle());
}

#[test]
fn a_failure_of_the_transport_after_a_response_is_no_failure() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(request([TCP, UDP_NEXT]));
    bench.answer(&invite, &Answer::bare("100 Trying"));
    bench.invite_event();
    bench.undelivered(&invite);
    assert!(bench.sent().is_empty());
    bench.no_event();
}
