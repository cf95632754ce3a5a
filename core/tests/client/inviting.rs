//! One INVITE and those who answer it well.

use offhook_core::message::{Body, Method, Text, parse};
use offhook_core::{
    Config, Event, Limits, OutgoingInviteEvent, OutgoingRequest, Reliability, RequestError,
    SessionState,
};

use crate::support::{Answer, Bench, Sent, TCP, UDP, from_bob, request};

#[test]
fn an_invite_has_all_that_it_needs() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    assert_eq!(invite.transmit.flow, UDP);
    let from_tag = invite
        .message
        .headers()
        .from()
        .unwrap()
        .tag()
        .unwrap()
        .to_vec();
    assert_eq!(from_tag.len(), 16);
    let call_id = invite.header("Call-ID");
    assert_eq!(call_id.len(), 32);
    let expected = format!(
        "INVITE sip:bob@example.org SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch={};rport\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:alice@example.com>;tag={}\r\n\
         To: <sip:bob@example.org>\r\n\
         Call-ID: {call_id}\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:alice@192.0.2.1:5060>\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, NOTIFY, PRACK\r\n\
         Supported: 100rel, timer, replaces, norefersub\r\n\
         User-Agent: {}\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: 5\r\n\r\noffer",
        invite.branch(),
        String::from_utf8(from_tag).unwrap(),
        Config::default().user_agent.unwrap(),
    );
    assert_eq!(invite.text(), expected);
}

/// RFC 3261 §19.1.1, table 1.
#[test]
fn each_uri_has_only_the_parts_that_its_place_allows() {
    let bob = "sip:bob@example.org:5070;transport=tcp;method=INVITE;user=phone?Subject=x";
    let to_bob = || OutgoingRequest {
        to: bob.parse().unwrap(),
        request_uri: bob.parse().unwrap(),
        ..request([TCP])
    };
    let to_carol = OutgoingRequest {
        to: "sip:carol@example.org:5070".parse().unwrap(),
        ..to_bob()
    };
    for (request, to) in [
        (to_bob(), "<sip:bob@example.org;user=phone>"),
        (to_carol, "<sip:carol@example.org:5070>"),
    ] {
        let (_, invite) = Bench::new().call_with(request);
        assert_eq!(
            invite.request().uri_bytes(),
            b"sip:bob@example.org:5070;transport=tcp;user=phone"
        );
        assert_eq!(invite.header("To"), to);
    }
}

#[test]
fn reliability_and_stream_show_in_the_invite() {
    for (reliability, supported, required) in [
        (Reliability::Off, "timer, replaces, norefersub", false),
        (
            Reliability::Supported,
            "100rel, timer, replaces, norefersub",
            false,
        ),
        (Reliability::Required, "timer, replaces, norefersub", true),
    ] {
        let mut bench = Bench::with(Config {
            reliability,
            ..Config::default()
        });
        let (_, invite) = bench.call_with(request([TCP]));
        assert_eq!(invite.header("Supported"), supported);
        assert_eq!(invite.has("Require"), required);
        assert_eq!(
            invite.header("Contact"),
            "<sip:alice@192.0.2.1:5060;transport=tcp>"
        );
        assert!(invite.header("Via").starts_with("SIP/2.0/TCP "));
    }
}

/// RFC 6086 §5.2: the packages of those who serve INFO.
#[test]
fn an_invite_says_which_packages_of_info_are_received() {
    for (methods, packages) in [
        (vec![], vec![]),
        (vec![Method::Info], vec!["conference", "dtmf"]),
    ] {
        let mut bench = Bench::with(Config {
            methods,
            info_packages: vec![Text::from_static("conference"), Text::from_static("dtmf")],
            ..Config::default()
        });
        let (_, invite) = bench.call();
        let received = invite.message.headers().named("Recv-Info");
        assert!(
            received
                .map(|field| field.value)
                .eq(packages.iter().map(|it| it.as_bytes()))
        );
    }
}

#[test]
fn trying_ringing_accepted_and_acknowledged() {
    let mut bench = Bench::new();
    let (id, invite) = bench.call();
    bench.answer(&invite, &Answer::bare("100 Trying"));
    assert!(matches!(
        bench.invite_event(),
        OutgoingInviteEvent::Trying { .. }
    ));
    bench.answer(&invite, &Answer::new("180 Ringing"));
    let early = bench.progressed().unwrap();
    let state =
        |bench: &mut Bench| bench.act(|core, now| core.session(now, early).unwrap().state());
    assert_eq!(state(&mut bench), SessionState::Early);
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    assert_eq!(bench.accepted(), early, "the early session is the session");
    assert_eq!(state(&mut bench), SessionState::Confirmed);
    bench.no_event();

    let ack = bench.one("ACK");
    assert_eq!(ack.request().uri_bytes(), b"sip:bob@192.0.2.2:5062");
    assert_eq!(ack.transmit.flow.remote, "192.0.2.2:5062".parse().unwrap());
    assert_eq!(ack.header("CSeq"), "1 ACK");
    assert_eq!(ack.header("To"), "<sip:bob@example.org>;tag=bob");
    assert_eq!(ack.header("From"), invite.header("From"));
    assert_ne!(
        ack.branch(),
        invite.branch(),
        "it is a transaction of its own"
    );
    assert_eq!(ack.body(), "");
    assert!(bench.act(|core, now| core.invite_client(now, id).is_none()));
}

#[test]
fn a_repeated_success_is_acknowledged_again() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let ok = Answer::new("200 OK").sdp("answer");
    bench.answer(&invite, &ok);
    let session = bench.accepted();
    let ack = bench.one("ACK");
    bench.pass(500);
    bench.answer(&invite, &ok);
    assert_eq!(bench.one("ACK").text(), ack.text());
    bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    let bye = bench.one("BYE");
    bench.answer(&bye, &Answer::bare("200 OK"));
    assert!(matches!(bench.event(), Event::Ended { .. }));
    bench.pass(31_999);
    bench.answer(&invite, &ok);
    assert_eq!(
        bench.one("ACK").text(),
        ack.text(),
        "even when the session is over"
    );
    bench.pass(32_000);
    bench.answer(&invite, &ok);
    assert!(bench.sent().is_empty(), "Timer M");
    bench.no_event();
    bench.pass(64_000);
    assert!(bench.is_idle());
}

#[test]
fn the_route_set_is_that_of_the_success_in_reverse() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.answer(
        &invite,
        &Answer::new("180 Ringing").header("Record-Route: <sip:192.0.2.9;lr>"),
    );
    bench.progressed();
    let ok = Answer::new("200 OK")
        .sdp("answer")
        .header("Record-Route: <sip:192.0.2.5;lr;x=1>, \"P\" <sip:192.0.2.4;lr>;y")
        .header("Record-Route: <sip:192.0.2.3:5070;lr>");
    bench.answer(&invite, &ok);
    let session = bench.accepted();
    let routes = "<sip:192.0.2.3:5070;lr>, <sip:192.0.2.4;lr>, <sip:192.0.2.5;lr;x=1>";
    let ack = bench.one("ACK");
    assert_eq!(ack.header("Route"), routes);
    assert_eq!(ack.transmit.flow.remote, "192.0.2.3:5070".parse().unwrap());
    bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    let bye = bench.one("BYE");
    assert_eq!(bye.header("Route"), routes);
    assert_eq!(bye.header("CSeq"), "2 BYE");
}

#[test]
fn a_strict_router_gets_its_own_address() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let ok = Answer::new("200 OK")
        .sdp("answer")
        .header("Record-Route: <sip:192.0.2.4;lr>, <sip:192.0.2.3>");
    bench.answer(&invite, &ok);
    let ack = bench.one("ACK");
    assert_eq!(ack.request().uri_bytes(), b"sip:192.0.2.3");
    assert_eq!(
        ack.header("Route"),
        "<sip:192.0.2.4;lr>, <sip:bob@192.0.2.2:5062>"
    );
}

/// A call by way of two proxies.
fn routed() -> OutgoingRequest {
    let mut outgoing = request([UDP]);
    outgoing.routes = vec![
        "sip:192.0.2.2;lr".parse().unwrap(),
        "sip:p2;lr".parse().unwrap(),
    ];
    outgoing
}

#[test]
fn a_preloaded_route_set_goes_with_the_invite_alone() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(routed());
    let routes: Vec<_> = invite
        .message
        .headers()
        .routes()
        .map(|route| route.unwrap().uri.to_string())
        .collect();
    assert_eq!(routes, ["sip:192.0.2.2;lr", "sip:p2;lr"]);
    bench.answer(&invite, &Answer::new("200 OK").sdp("offer"));
    let session = bench.accepted();
    bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    assert!(bench.sent().iter().all(|sent| !sent.has("Route")));
}

/// RFC 3261 §17.1.1.3: the ACK of a refusal goes the way of its INVITE.
#[test]
fn the_ack_of_a_refusal_has_the_routes_of_its_invite() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(routed());
    bench.answer(&invite, &Answer::new("486 Busy Here"));
    let ack = bench.one("ACK");
    let routes = |sent: &Sent| -> Vec<_> {
        let routes = sent.message.headers().routes();
        routes.map(|route| route.unwrap().uri.to_string()).collect()
    };
    assert_eq!(routes(&ack), routes(&invite));
    assert_eq!(routes(&ack).len(), 2);
    assert_eq!(ack.request().uri_bytes(), invite.request().uri_bytes());
}

#[test]
fn an_offer_in_the_success_waits_for_the_answer() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(request([UDP]));
    let ok = Answer::new("200 OK").sdp("offer");
    bench.answer(&invite, &ok);
    let OutgoingInviteEvent::Accept {
        session, is_offer, ..
    } = bench.invite_event()
    else {
        panic!("accepted");
    };
    assert!(is_offer);
    bench.answer(&invite, &ok);
    assert!(bench.sent().is_empty(), "there is no ACK yet");
    let acknowledge = |bench: &mut Bench| {
        bench.act(|core, now| {
            core.session(now, session)
                .unwrap()
                .acknowledge(&Body::sdp("answer"))
        })
    };
    acknowledge(&mut bench).unwrap();
    let ack = bench.one("ACK");
    assert_eq!(ack.body(), "answer");
    acknowledge(&mut bench).unwrap_err();
    bench.answer(&invite, &ok);
    assert_eq!(bench.one("ACK").text(), ack.text());
    bench.no_event();
}

#[test]
fn an_offer_that_nobody_answers_ends_with_timer_m() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(request([UDP]));
    bench.answer(&invite, &Answer::new("200 OK").sdp("offer"));
    bench.accepted();
    bench.pass(31_999);
    assert!(bench.sent().is_empty());
    bench.pass(32_000);
    assert_eq!(bench.methods(), ["ACK", "BYE"]);
    assert_eq!(bench.terminating(), [offhook_core::SessionEnd::NotAnswered]);
    bench.pass(100_000);
    let Event::Ended { cause, .. } = bench.event() else {
        panic!("ended");
    };
    assert_eq!(cause, offhook_core::SessionEnd::NotAnswered);
    assert!(bench.is_idle());
}

#[test]
fn hanging_up_before_the_answer_acknowledges_first() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(request([UDP]));
    bench.answer(&invite, &Answer::new("200 OK").sdp("offer"));
    let session = bench.accepted();
    bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    assert_eq!(bench.methods(), ["ACK", "BYE"]);
}

#[test]
fn over_a_stream_the_dialog_uses_the_connection_of_the_response() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(request([TCP]).with_body(Body::sdp("offer")));
    let mut flow = TCP;
    flow.channel = offhook_core::Channel(99);
    let ok = Answer::new("200 OK").sdp("answer").to(&invite);
    bench.receive(flow, offhook_core::message::Message::Response(ok));
    let ack = bench.one("ACK");
    assert_eq!(ack.transmit.flow.channel, flow.channel);
    assert_eq!(ack.transmit.flow.local, TCP.local);
}

#[test]
fn bob_may_hang_up_and_number_his_requests_from_zero() {
    let mut bench = Bench::new();
    let (session, ack) = bench.session();
    bench.receive(UDP, from_bob(&Method::Options, &ack, 0));
    assert!(bench.sent()[0].text().starts_with("SIP/2.0 200"));
    bench.receive(UDP, from_bob(&Method::Bye, &ack, 1));
    assert!(bench.sent()[0].text().starts_with("SIP/2.0 200"));
    let Event::Ended {
        session: ended,
        cause,
        ..
    } = bench.event()
    else {
        panic!("ended");
    };
    assert_eq!(
        (ended, cause),
        (session, offhook_core::SessionEnd::RemoteBye)
    );
}

#[test]
fn there_is_a_bound_and_no_call_without_a_flow() {
    let mut bench = Bench::with(Config {
        limits: Limits {
            invites: 1,
            ..Limits::default()
        },
        ..Config::default()
    });
    let start = |bench: &mut Bench| {
        let request = request([UDP]);
        bench.act(|core, now| core.invite(now, request))
    };
    let none = request([]);
    let refused = bench.act(|core, now| core.invite(now, none));
    assert_eq!(refused.unwrap_err(), RequestError::NoFlow);
    start(&mut bench).unwrap();
    assert_eq!(start(&mut bench).unwrap_err(), RequestError::Full);
    let invite = bench.one("INVITE");
    bench.answer(&invite, &Answer::new("486 Busy Here"));
    start(&mut bench).unwrap();
}

#[test]
fn bob_may_offer_anew_whatever_his_success_said() {
    for ok in [Answer::new("200 OK"), Answer::new("200 OK").sdp("answer")] {
        let mut bench = Bench::new();
        let (_, invite) = bench.call();
        bench.answer(&invite, &ok);
        let session = bench.accepted();
        let ack = bench.one("ACK");
        bench.receive(UDP, from_bob(&Method::Invite, &ack, 1));
        let Event::Offer {
            session: offered, ..
        } = bench.event()
        else {
            panic!("an offer");
        };
        assert_eq!(offered, session);
    }
}

#[test]
fn a_session_timer_is_asked_for_as_long_as_the_callee_wants() {
    let mut config = Config::default();
    config.session_timer.expires = Some(100);
    let mut bench = Bench::with(config);
    let (_, invite) = bench.call();
    assert_eq!(invite.header("Session-Expires"), "100");
    assert!(!invite.has("Min-SE"));
    let small = |least: u32| {
        Answer::new("422 Session Interval Too Small").header(&format!("Min-SE: {least}"))
    };
    bench.answer(&invite, &small(200));
    let mut sent = bench.sent();
    let again = sent.remove(1);
    assert_eq!(again.header("CSeq"), "2 INVITE");
    assert_eq!(
        (again.header("Session-Expires"), again.header("Min-SE")),
        ("200", "200")
    );
    let ok = Answer::new("200 OK")
        .sdp("answer")
        .header("Session-Expires: 200;refresher=uac")
        .header("Allow: INVITE, ACK, BYE, UPDATE");
    bench.answer(&again, &ok);
    bench.accepted();
    bench.one("ACK");
    bench.pass(99_999);
    assert!(bench.sent().is_empty());
    bench.pass(100_000);
    bench.one("UPDATE");
}

#[test]
fn a_callee_that_wants_ever_more_is_left() {
    // Three times, and no more than a day.
    for (wanted, taken) in [(&[101, 102, 103, 104][..], 3), (&[86_400, 86_401], 1)] {
        let mut config = Config::default();
        config.session_timer.expires = Some(100);
        let mut bench = Bench::with(config);
        let (_, mut invite) = bench.call();
        for (number, least) in wanted.iter().enumerate() {
            let small = Answer::new("422 Session Interval Too Small");
            bench.answer(&invite, &small.header(&format!("Min-SE: {least}")));
            let mut sent = bench.sent();
            assert_eq!(sent.len(), if number < taken { 2 } else { 1 }, "{least}");
            invite = sent.pop().unwrap();
        }
        assert!(matches!(
            bench.invite_event(),
            OutgoingInviteEvent::Reject { .. }
        ));
    }
}

#[test]
fn a_response_whose_to_cannot_be_read_makes_no_dialog() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let ringing = Answer::new("180 Ringing").reliable(1).to(&invite);
    let text = String::from_utf8(ringing.as_bytes().to_vec()).unwrap();
    let spoilt = text.replace("To: <sip:", "To: <sip\u{9e}:");
    assert_ne!(text, spoilt);
    let message = parse(spoilt.into()).unwrap();
    bench.receive(UDP, message);
    assert!(bench.sent().is_empty(), "no PRACK");
    assert_eq!(bench.core.counts().sessions, 0);
}
