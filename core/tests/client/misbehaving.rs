//! Callees that do what they may not.

use std::fmt::Write;

use offhook_core::message::{Message, Method, parse};
use offhook_core::{Event, OutgoingInviteEvent, RequestFailure, SessionEnd};

use crate::support::{Answer, Bench, Sent, TCP, UDP, UDP_NEXT, from_bob, request};

/// The response with one part of its text changed.
fn changed(bench: &mut Bench, request: &Sent, answer: &Answer, from: &str, to: &str) {
    let right = answer.to(request);
    let right = String::from_utf8(right.as_bytes().to_vec()).unwrap();
    let wrong = right.replacen(from, to, 1);
    assert_ne!(wrong, right);
    let message = parse(wrong.into()).unwrap();
    bench.receive(request.transmit.flow, message);
}

fn without(bench: &mut Bench, request: &Sent, answer: &Answer, name: &str) {
    let line = format!("{name}: {}\r\n", request.header(name));
    let line = match name {
        "To" => line.replace("\r\n", ";tag=bob\r\n"),
        _ => line,
    };
    changed(bench, request, answer, &line, "");
}

fn ok() -> Answer {
    Answer::new("200 OK").sdp("answer")
}

/// A response is known by its branch, which nobody can guess; what else a callee or a gateway on the
/// way makes of it does no harm.
#[test]
fn the_branch_is_enough_to_know_a_response_by() {
    for (from, to) in [
        ("CSeq: 1 INVITE", "CSeq: 99 INVITE"),
        ("CSeq: 1 INVITE", "CSeq: 0 INVITE"),
        ("192.0.2.1:5060;branch", "203.0.113.9:1024;branch"),
        ("Call-ID: ", "Call-ID: x"),
        ("<sip:alice@", "<sip:mallory@"),
        (";rport", ";rport=1;received=203.0.113.9"),
    ] {
        let mut bench = Bench::new();
        let (_, invite) = bench.call();
        changed(&mut bench, &invite, &ok(), from, to);
        let session = bench.accepted();
        let ack = bench.one("ACK");
        assert_eq!(ack.header("CSeq"), "1 ACK");
        for name in ["From", "Call-ID"] {
            assert_eq!(ack.header(name), invite.header(name), "{to}");
        }
        bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
        assert_eq!(bench.one("BYE").header("CSeq"), "2 BYE");
    }
}

#[test]
fn a_response_may_come_from_anywhere() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let message = Message::Response(ok().to(&invite));
    bench.receive(UDP_NEXT, message);
    bench.accepted();
    let ack = bench.one("ACK");
    assert_eq!(
        ack.transmit.flow.remote.to_string(),
        "192.0.2.2:5062",
        "as Contact says"
    );
}

#[test]
fn a_success_without_its_mandatory_headers_is_no_session_or_a_whole_one() {
    for (name, is_session) in [("From", true), ("Call-ID", true), ("To", false)] {
        let mut bench = Bench::new();
        let (_, invite) = bench.call();
        without(&mut bench, &invite, &ok(), name);
        let event = bench.invite_event();
        match event {
            OutgoingInviteEvent::Accept { .. } if is_session => {
                assert_eq!(bench.one("ACK").header("From"), invite.header("From"));
            }
            OutgoingInviteEvent::Failed {
                cause: RequestFailure::NoDialog,
            } if !is_session => assert_eq!(bench.methods(), ["ACK", "BYE"]),
            other => panic!("{name}: {other:?}"),
        }
    }
    for name in ["Via", "CSeq"] {
        let mut bench = Bench::new();
        let (_, invite) = bench.call();
        without(&mut bench, &invite, &ok(), name);
        bench.no_event();
        assert_eq!(bench.core.counts().totals.dropped, 1, "{name}");
    }
}

#[test]
fn a_contact_that_is_no_address_is_none() {
    for contact in [
        "*",
        "<tel:+4930>",
        "<http://example.com>",
        "<sip:@>",
        "",
        "<>",
    ] {
        let mut bench = Bench::new();
        let (_, invite) = bench.call();
        let answer = Answer::bare("200 OK").tag("bob").sdp("answer");
        let answer = answer.header("Record-Route: <sip:192.0.2.3;lr>");
        bench.answer(&invite, &answer.header(&format!("Contact: {contact}")));
        // Whatever it is, the call is over within the time of its transactions.
        bench.pass(64_000);
        let mut is_told = false;
        while let Some(event) = bench.try_event() {
            is_told |= matches!(event, Event::OutgoingInvite { .. });
            if let Event::OutgoingInvite {
                event: OutgoingInviteEvent::Accept { session, .. },
                ..
            } = event
            {
                bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
            }
        }
        assert!(is_told, "{contact}");
        bench.pass(200_000);
        assert!(bench.is_idle(), "{contact}");
    }
}

#[test]
fn the_first_of_several_contacts_is_taken() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let answer = Answer::bare("200 OK").tag("bob").sdp("answer");
    let answer = answer.header("Contact: <sip:a@192.0.2.7>, <sip:b@192.0.2.8>");
    bench.answer(&invite, &answer);
    bench.accepted();
    assert_eq!(bench.one("ACK").request().uri_bytes(), b"sip:a@192.0.2.7");
}

#[test]
fn a_100_with_a_tag_makes_no_dialog() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.answer(&invite, &Answer::new("100 Trying").sdp("early"));
    assert!(matches!(
        bench.invite_event(),
        OutgoingInviteEvent::Trying { .. }
    ));
    assert_eq!(bench.core.counts().sessions, 0);
}

#[test]
fn what_is_only_half_reliable_rings_and_is_not_acknowledged() {
    for headers in [
        "Require: 100rel",
        "RSeq: 1",
        "Require: 100rel\r\nRSeq: x",
        "Require: 100rel\r\nRSeq: 99999999999",
    ] {
        let mut bench = Bench::new();
        let (_, invite) = bench.call();
        bench.answer(&invite, &Answer::new("180 Ringing").header(headers));
        assert!(bench.progressed().is_some(), "{headers}");
        assert!(bench.sent().is_empty(), "{headers}");
    }
}

#[test]
fn any_number_of_tags_makes_a_bounded_number_of_sessions() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let ringing = Answer::new("180 Ringing").to(&invite);
    let ringing = String::from_utf8(ringing.as_bytes().to_vec()).unwrap();
    for number in 0..1000 {
        let mut tag = String::new();
        write!(tag, ";tag=bob{number}").unwrap();
        let message = parse(ringing.replace(";tag=bob", &tag).into()).unwrap();
        bench.receive(UDP, message);
    }
    assert!(bench.core.counts().sessions <= 16);
    bench.answer(&invite, &Answer::new("486 Busy Here"));
    assert_eq!(bench.core.counts().sessions, 0);
}

/// Each repetition of the 2xx with another tag is another callee, and is hung up on.
#[test]
fn a_success_that_is_never_the_same_is_one_session() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    for number in 0..50 {
        let to = format!(";tag=bob{number}");
        changed(&mut bench, &invite, &ok(), ";tag=bob", &to);
    }
    let session = bench.accepted();
    let methods = bench.methods();
    let count = |method| methods.iter().filter(|it| *it == method).count();
    assert_eq!((count("ACK"), count("BYE")), (16, 15));
    assert!(bench.act(|core, now| core.session(now, session).is_some()));
    bench.pass(64_000);
    assert_eq!(bench.core.counts().sessions, 1);
}

#[test]
fn a_final_response_after_timer_b_is_too_late() {
    for flow in [UDP, TCP] {
        let mut bench = Bench::new();
        let (_, invite) = bench.call_with(request([flow]));
        bench.pass(32_000);
        let OutgoingInviteEvent::Failed { cause } = bench.invite_event() else {
            panic!("nobody answered");
        };
        assert_eq!(cause, RequestFailure::Timeout);
        bench.sent();
        bench.answer(&invite, &ok());
        assert!(bench.sent().is_empty());
        bench.no_event();
        assert!(bench.is_idle());
    }
}

#[test]
fn a_bye_that_gets_only_provisional_responses_ends_the_session() {
    let mut bench = Bench::new();
    let (session, _) = bench.session();
    bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    let bye = bench.one("BYE");
    bench.answer(&bye, &Answer::bare("100 Trying"));
    bench.pass(1_000);
    bench.answer(&bye, &Answer::bare("183 Wait"));
    bench.pass(32_000);
    assert!(matches!(
        bench.event(),
        Event::Ended {
            cause: SessionEnd::ByeUnanswered,
            ..
        }
    ));
    bench.pass(64_000);
    assert!(bench.is_idle());
}

#[test]
fn the_request_of_a_stranger_to_the_session_is_refused() {
    let mut bench = Bench::new();
    let (_, ack) = bench.session();
    for part in ["Call-ID: ", ";tag="] {
        let Message::Request(bye) = from_bob(&Method::Bye, &ack, 7) else {
            panic!("a request");
        };
        let text = String::from_utf8(bye.as_bytes().to_vec()).unwrap();
        let wrong = text.replacen(part, &format!("{part}x"), 1);
        bench.receive(UDP, parse(wrong.into()).unwrap());
        let response = bench.sent().pop().unwrap();
        assert!(response.text().starts_with("SIP/2.0 481"), "{part}");
    }
    assert_eq!(bench.core.counts().sessions, 1);
    bench.no_event();
}

#[test]
fn an_answer_to_a_cancel_is_no_answer_to_its_invite() {
    for answer in ["200 OK", "481 Call/Transaction Does Not Exist", "500 No"] {
        let mut bench = Bench::new();
        let (id, invite) = bench.call();
        bench.answer(&invite, &Answer::new("180 Ringing"));
        bench.progressed();
        bench.cancel(id);
        let cancel = bench.one("CANCEL");
        bench.answer(&cancel, &Answer::bare(answer));
        bench.no_event();
        bench.answer(&invite, &Answer::new("183 Session Progress"));
        bench.progressed();
        bench.answer(&invite, &ok());
        assert_eq!(bench.methods(), ["ACK", "BYE"], "{answer}");
        assert!(matches!(
            bench.invite_event(),
            OutgoingInviteEvent::Cancelled { message: Some(_) }
        ));
    }
}

#[test]
fn a_redirection_to_nowhere_has_no_contacts() {
    for contact in ["", "Contact: *", "Contact: ,,", "Contact: <sip"] {
        let mut bench = Bench::new();
        let (_, invite) = bench.call();
        let moved = Answer::bare("302 Moved Temporarily").tag("bob");
        let moved = if contact.is_empty() {
            moved
        } else {
            moved.header(contact)
        };
        bench.answer(&invite, &moved);
        bench.one("ACK");
        let OutgoingInviteEvent::Redirect { contacts, .. } = bench.invite_event() else {
            panic!("redirected");
        };
        assert!(contacts.is_empty(), "{contact}: {contacts:?}");
        bench.pass(64_000);
        assert!(bench.is_idle());
    }
}

/// A callee that says more than a dialog keeps makes none, and moves none.
#[test]
fn a_response_that_says_too_much_makes_no_dialog() {
    let long = "x".repeat(17_000);
    let route = format!("Record-Route: <sip:192.0.2.3;lr;x={long}>");
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.answer(&invite, &Answer::new("180 Ringing").header(&route));
    let event = bench.invite_event();
    let OutgoingInviteEvent::Progress { session: None, .. } = event else {
        panic!("{event:?}");
    };
    bench.answer(&invite, &ok().header(&route));
    let event = bench.invite_event();
    let OutgoingInviteEvent::Failed {
        cause: RequestFailure::NoDialog,
    } = event
    else {
        panic!("{event:?}");
    };
    assert_eq!(bench.methods(), ["ACK", "BYE"]);
}

#[test]
fn a_target_that_is_too_long_is_no_news() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.answer(&invite, &ok());
    let session = bench.accepted();
    bench.one("ACK");
    bench.act(|core, now| core.session(now, session).unwrap().update(None).unwrap());
    let update = bench.one("UPDATE");
    let long = "x".repeat(17_000);
    let moved = Answer::bare("200 OK").header(&format!("Contact: <sip:bob@192.0.2.9;x={long}>"));
    bench.answer(&update, &moved);
    bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    let bye = bench.one("BYE");
    assert!(bye.text().starts_with("BYE sip:bob@192.0.2.2:5062 SIP/2.0"));
}
