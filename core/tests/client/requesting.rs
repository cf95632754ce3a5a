//! Requests outside of a dialog other than INVITE.

use offhook_core::message::{Body, Header, Method};
use offhook_core::{Event, OutgoingRequest, OutgoingRequestId, RequestError, RequestFailure};

use crate::support::{Answer, Bench, Sent, TCP, UDP, UDP_NEXT, request};

fn start(bench: &mut Bench, method: Method, request: OutgoingRequest) -> (OutgoingRequestId, Sent) {
    let name = method.clone();
    let id = bench
        .act(|core, now| core.request(now, method, request))
        .unwrap();
    (id, bench.one(name.as_str()))
}

fn status(bench: &mut Bench, id: OutgoingRequestId) -> u16 {
    match bench.event() {
        Event::Response { request, message } if request == id => message.status().as_u16(),
        other => panic!("{other:?} is no response to it"),
    }
}

#[test]
fn each_response_is_told_and_the_final_one_is_the_last() {
    let mut bench = Bench::new();
    let options = request([UDP]).with_header(Header::new("Accept", "application/sdp").unwrap());
    let (id, options) = start(&mut bench, Method::Options, options);
    assert_eq!(options.header("CSeq"), "1 OPTIONS");
    assert!(!options.has("Contact") && !options.has("Allow"));
    assert_eq!(options.header("Accept"), "application/sdp");
    bench.answer(&options, &Answer::bare("100 Trying"));
    assert_eq!(status(&mut bench, id), 100);
    bench.answer(&options, &Answer::bare("200 OK").tag("bob"));
    assert_eq!(status(&mut bench, id), 200);
    bench.answer(&options, &Answer::bare("200 OK").tag("bob"));
    bench.no_event();
    bench.pass(5000);
    assert!(bench.is_idle());
}

#[test]
fn timer_e_repeats_it_until_timer_f() {
    let mut bench = Bench::new();
    let body = Body::new("text/plain", "hello").unwrap();
    let (id, message) = start(&mut bench, Method::Message, request([UDP]).with_body(body));
    assert_eq!(message.body(), "hello");
    bench.pass(31_999);
    let times: Vec<_> = bench.sent().iter().map(|sent| sent.at).collect();
    assert_eq!(
        times,
        [
            500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500
        ]
    );
    assert_eq!(bench.core.counts().totals.repeated_requests_sent, 10);
    bench.pass(32_000);
    let Event::RequestFailed { request, cause } = bench.event() else {
        panic!("failed");
    };
    assert_eq!((request, cause), (id, RequestFailure::Timeout));
    assert!(bench.is_idle());
}

#[test]
fn after_a_provisional_response_it_is_repeated_every_t2() {
    let mut bench = Bench::new();
    let (_, options) = start(&mut bench, Method::Options, request([UDP]));
    bench.pass(100);
    bench.answer(&options, &Answer::bare("100 Trying"));
    bench.pass(10_000);
    let times: Vec<_> = bench.sent().iter().map(|sent| sent.at).collect();
    assert_eq!(times, [500, 4500, 8500]);
}

#[test]
fn the_next_flow_is_tried_where_one_fails() {
    let mut bench = Bench::new();
    let (id, first) = start(&mut bench, Method::Options, request([TCP, UDP_NEXT]));
    bench.undelivered(&first);
    let second = bench.one("OPTIONS");
    assert_eq!(second.transmit.flow, UDP_NEXT);
    assert_eq!(second.header("Call-ID"), first.header("Call-ID"));
    bench.answer(&second, &Answer::bare("503 Service Unavailable"));
    assert_eq!(status(&mut bench, id), 503);
}

#[test]
fn a_subscribe_has_a_contact() {
    let mut bench = Bench::new();
    let (_, subscribe) = start(&mut bench, Method::Subscribe, request([UDP]));
    assert_eq!(subscribe.header("Contact"), "<sip:alice@192.0.2.1:5060>");
}

#[test]
fn what_belongs_to_something_else_is_not_sent_alone() {
    let mut bench = Bench::new();
    for method in [
        Method::Invite,
        Method::Ack,
        Method::Cancel,
        Method::Bye,
        Method::Prack,
    ] {
        let request = request([UDP]);
        let refused = bench.act(|core, now| core.request(now, method, request));
        assert_eq!(refused.unwrap_err(), RequestError::NotAlone);
    }
    let none = request([]);
    let refused = bench.act(|core, now| core.request(now, Method::Options, none));
    assert_eq!(refused.unwrap_err(), RequestError::NoFlow);
    assert!(bench.sent().is_empty());
}
