//! CANCEL ([RFC 3261 §9.1](https://www.rfc-editor.org/rfc/rfc3261#section-9.1)).

use offhook_core::message::Header;
use offhook_core::{Event, OutgoingInviteEvent, SessionEnd};

use crate::support::{Answer, Bench, TCP, UDP, UDP_NEXT, request};

fn is_cancelled(bench: &mut Bench, status: Option<u16>) {
    let OutgoingInviteEvent::Cancelled { message } = bench.invite_event() else {
        panic!("cancelled");
    };
    assert_eq!(message.map(|message| message.status().as_u16()), status);
    bench.no_event();
}

#[test]
fn a_cancel_has_what_names_its_invite_and_no_more() {
    let mut bench = Bench::new();
    let mut outgoing = request([UDP]).with_header(Header::new("Require", "x").unwrap());
    outgoing.routes = vec![
        "sip:192.0.2.2;lr".parse().unwrap(),
        "sip:p2;lr".parse().unwrap(),
    ];
    let (id, invite) = bench.call_with(outgoing);
    bench.answer(&invite, &Answer::bare("100 Trying"));
    bench.invite_event();
    let reason = Header::new("Reason", "SIP;cause=200").unwrap();
    bench.act(|core, now| core.invite_client(now, id).unwrap().cancel(vec![reason]));
    let cancel = bench.one("CANCEL");
    let expected = format!(
        "CANCEL sip:bob@example.org SIP/2.0\r\n\
         Via: {}\r\n\
         Route: <sip:192.0.2.2;lr>\r\n\
         Route: <sip:p2;lr>\r\n\
         From: {}\r\n\
         Call-ID: {}\r\n\
         To: <sip:bob@example.org>\r\n\
         CSeq: 1 CANCEL\r\n\
         Max-Forwards: 70\r\n\
         Reason: SIP;cause=200\r\n\
         Content-Length: 0\r\n\r\n",
        invite.header("Via"),
        invite.header("From"),
        invite.header("Call-ID"),
    );
    assert_eq!(cancel.text(), expected);
    assert_eq!(cancel.transmit.flow, invite.transmit.flow);
    bench.cancel(id);
    assert!(bench.sent().is_empty(), "a second one changes nothing");
    bench.answer(&cancel, &Answer::bare("200 OK"));
    bench.no_event();
    bench.answer(&invite, &Answer::new("487 Request Terminated"));
    bench.one("ACK");
    is_cancelled(&mut bench, Some(487));
    bench.pass(64_000);
    assert!(bench.is_idle());
}

#[test]
fn it_waits_for_the_first_provisional_response() {
    let mut bench = Bench::new();
    let (id, invite) = bench.call();
    bench.cancel(id);
    assert!(bench.sent().is_empty());
    bench.pass(700);
    assert_eq!(bench.methods(), ["INVITE"]);
    bench.answer(&invite, &Answer::bare("100 Trying"));
    bench.one("CANCEL");
}

#[test]
fn it_is_a_transaction_of_its_own() {
    let mut bench = Bench::new();
    let (id, invite) = bench.call();
    bench.answer(&invite, &Answer::bare("100 Trying"));
    bench.cancel(id);
    let cancel = bench.one("CANCEL");
    bench.pass(8000);
    let times: Vec<_> = bench.sent().iter().map(|sent| sent.at).collect();
    assert_eq!(times, [500, 1500, 3500, 7500], "Timer E");
    bench.answer(
        &cancel,
        &Answer::bare("481 Call/Transaction Does Not Exist"),
    );
    bench.answer(&invite, &Answer::new("486 Busy Here"));
    bench.one("ACK");
    bench.invite_event();
    is_cancelled(&mut bench, Some(486));
}

#[test]
fn a_success_that_crosses_it_is_acknowledged_and_ended() {
    let mut bench = Bench::new();
    let (id, invite) = bench.call();
    bench.answer(&invite, &Answer::new("180 Ringing"));
    bench.progressed();
    bench.cancel(id);
    bench.one("CANCEL");
    let ok = Answer::new("200 OK").sdp("answer");
    bench.answer(&invite, &ok);
    let sent = bench.sent();
    assert_eq!([sent[0].method(), sent[1].method()], ["ACK", "BYE"]);
    is_cancelled(&mut bench, Some(200));
    bench.answer(&invite, &ok);
    bench.one("ACK");
    bench.answer(&sent[1], &Answer::bare("200 OK"));
    assert!(matches!(
        bench.event(),
        Event::Ended {
            cause: SessionEnd::NotAccepted,
            ..
        }
    ));
    bench.pass(100_000);
    bench.no_event();
    assert!(bench.is_idle());
}

#[test]
fn a_success_before_it_could_go_out_is_ended_too() {
    let mut bench = Bench::new();
    let (id, invite) = bench.call();
    bench.cancel(id);
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    assert_eq!(bench.methods(), ["ACK", "BYE"]);
    is_cancelled(&mut bench, Some(200));
}

#[test]
fn a_callee_that_says_nothing_is_left_after_64_t1() {
    let mut bench = Bench::new();
    let (id, invite) = bench.call_with(request([TCP]));
    bench.pass(1000);
    bench.answer(&invite, &Answer::bare("100 Trying"));
    bench.invite_event();
    bench.cancel(id);
    bench.pass(32_999);
    bench.no_event();
    bench.pass(33_000);
    is_cancelled(&mut bench, None);
    assert!(bench.is_idle());
}

#[test]
fn nothing_is_tried_again_after_it() {
    for start_line in [
        "401 Unauthorized",
        "503 Service Unavailable",
        "302 Moved Temporarily",
    ] {
        let mut bench = Bench::new();
        let (id, invite) = bench.call_with(request([UDP, UDP_NEXT]));
        bench.cancel(id);
        bench.answer(&invite, &Answer::new(start_line));
        bench.one("ACK");
        is_cancelled(&mut bench, start_line[..3].parse().ok());
    }
    let mut bench = Bench::new();
    let (id, _) = bench.call_with(request([TCP, UDP_NEXT]));
    bench.cancel(id);
    bench.pass(32_000);
    is_cancelled(&mut bench, None);
    assert!(bench.sent().is_empty());
    assert!(bench.is_idle());
}

#[test]
fn a_redirected_call_is_given_up_at_once() {
    let mut bench = Bench::new();
    let (id, invite) = bench.call();
    bench.answer(&invite, &Answer::new("302 Moved Temporarily"));
    bench.one("ACK");
    bench.invite_event();
    bench.cancel(id);
    is_cancelled(&mut bench, None);
    assert!(bench.sent().is_empty());
}
