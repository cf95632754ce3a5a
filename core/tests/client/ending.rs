//! Calls that nobody takes, and peers that misbehave.

use offhook_core::message::{Body, Method, Provisional, Success};
use offhook_core::{
    Config, Event, OutgoingInviteEvent, RequestFailure, ResponseOptions, SessionEnd,
};

use crate::support::{Answer, Bench, Sent, UDP, ended, from_bob};

#[test]
fn a_refusal_ends_the_early_dialogs_and_the_call() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.answer(&invite, &Answer::new("180 Ringing"));
    let early = bench.progressed().unwrap();
    bench.answer(&invite, &Answer::new("486 Busy Here"));
    let Event::Ended { session, cause, .. } = bench.event() else {
        panic!("the early session ends first");
    };
    assert_eq!((session, cause), (early, SessionEnd::NotAccepted));
    let OutgoingInviteEvent::Reject { message } = bench.invite_event() else {
        panic!("rejected");
    };
    assert_eq!(message.status().as_u16(), 486);
    let ack = bench.one("ACK");
    assert_eq!(ack.branch(), invite.branch());
    assert_eq!(ack.header("To"), "<sip:bob@example.org>;tag=bob");
    bench.answer(&invite, &Answer::new("486 Busy Here"));
    assert_eq!(bench.one("ACK").text(), ack.text());
    bench.no_event();
    bench.pass(32_000);
    assert!(bench.is_idle());
}

#[test]
fn silence_ends_the_call_after_timer_b() {
    let mut bench = Bench::new();
    bench.call();
    bench.pass(31_999);
    bench.no_event();
    let times: Vec<_> = bench.sent().iter().map(|sent| sent.at).collect();
    assert_eq!(times, [500, 1500, 3500, 7500, 15_500, 31_500]);
    bench.pass(32_000);
    let OutgoingInviteEvent::Failed { cause } = bench.invite_event() else {
        panic!("failed");
    };
    assert_eq!(cause, RequestFailure::Timeout);
    assert!(bench.is_idle());
}

#[test]
fn ringing_without_contact_or_tag_is_ringing_without_a_session() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.answer(&invite, &Answer::bare("180 Ringing"));
    assert_eq!(bench.progressed(), None);
    bench.answer(&invite, &Answer::bare("180 Ringing").tag("bob"));
    assert_eq!(bench.progressed(), None);
    bench.answer(
        &invite,
        &Answer::bare("183 Session Progress").reliable(1).tag("bob"),
    );
    assert_eq!(bench.progressed(), None, "no dialog, so no PRACK");
    assert!(bench.sent().is_empty());
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    bench.accepted();
    bench.one("ACK");
}

#[test]
fn a_success_without_contact_or_tag_is_acknowledged_and_ended() {
    for ok in [
        Answer::bare("200 OK").sdp("answer"),
        Answer::bare("200 OK").sdp("answer").tag("bob"),
        Answer::bare("200 OK")
            .sdp("answer")
            .header("Contact: <sip:bob@192.0.2.2:5062>"),
    ] {
        let ok = ok.header("Record-Route: <sip:192.0.2.3;lr>");
        let mut bench = Bench::new();
        let (_, invite) = bench.call();
        bench.answer(&invite, &ok);
        let sent = bench.sent();
        let methods: Vec<_> = sent.iter().map(Sent::method).collect();
        assert_eq!(methods, ["ACK", "BYE"]);
        let OutgoingInviteEvent::Failed { cause } = bench.invite_event() else {
            panic!("failed");
        };
        assert_eq!(cause, RequestFailure::NoDialog);
        bench.answer(&invite, &ok);
        assert_eq!(bench.one("ACK").text(), sent[0].text());
        bench.answer(&sent[1], &Answer::bare("200 OK"));
        assert!(matches!(
            bench.event(),
            Event::Ended {
                cause: SessionEnd::NotAccepted,
                ..
            }
        ));
        bench.pass(64_000);
        assert!(bench.is_idle());
    }
}

#[test]
fn what_comes_after_a_final_response_changes_nothing() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    bench.accepted();
    bench.one("ACK");
    bench.answer(&invite, &Answer::new("180 Ringing").tag("carol"));
    bench.answer(&invite, &Answer::new("486 Busy Here").tag("carol"));
    assert!(bench.sent().is_empty());
    bench.no_event();
    assert_eq!(bench.core.counts().sessions, 1);
}

#[test]
fn a_response_to_another_method_branch_or_client_is_dropped() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let ok = Answer::new("200 OK").sdp("answer").to(&invite);
    let text = String::from_utf8(ok.as_bytes().to_vec()).unwrap();
    for (from, to) in [
        ("CSeq: 1 INVITE", "CSeq: 1 BYE"),
        ("CSeq: 1 INVITE", "CSeq: 1 CANCEL"),
        ("branch=z9hG4bK", "branch=z9hG4bK0"),
        (
            "\r\nFrom",
            "\r\nVia: SIP/2.0/UDP other;branch=z9hG4bKx\r\nFrom",
        ),
    ] {
        let wrong = text.replacen(from, to, 1);
        assert_ne!(wrong, text);
        let message = offhook_core::message::parse(wrong.into()).unwrap();
        bench.receive(UDP, message);
    }
    assert_eq!(bench.core.counts().totals.dropped, 4);
    bench.no_event();
    assert!(bench.sent().is_empty());
}

#[test]
fn a_call_that_rings_too_long_is_cancelled() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.pass(400);
    bench.answer(&invite, &Answer::bare("100 Trying"));
    bench.invite_event();
    bench.pass(1000);
    bench.answer(&invite, &Answer::new("180 Ringing"));
    bench.progressed();
    bench.pass(180_399);
    assert!(bench.sent().is_empty());
    bench.no_event();
    bench.pass(180_400);
    bench.one("CANCEL");
    assert!(matches!(
        bench.invite_event(),
        OutgoingInviteEvent::NoAnswer
    ));
    bench.answer(&invite, &Answer::new("487 Request Terminated"));
    bench.one("ACK");
    assert!(matches!(bench.event(), Event::Ended { .. }));
    assert!(matches!(
        bench.invite_event(),
        OutgoingInviteEvent::Cancelled { message: Some(_) }
    ));
}

#[test]
fn a_branch_that_ends_with_199_ends_its_session_alone() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.answer(&invite, &Answer::new("180 Ringing"));
    bench.answer(&invite, &Answer::new("180 Ringing").tag("carol"));
    let (bob, carol) = (bench.progressed().unwrap(), bench.progressed().unwrap());
    bench.answer(&invite, &Answer::new("199 Early Dialog Terminated"));
    assert_eq!(bench.progressed(), Some(bob));
    let Event::Ended { session, cause, .. } = bench.event() else {
        panic!("ended");
    };
    assert_eq!((session, cause), (bob, SessionEnd::NotAccepted));
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer").tag("carol"));
    assert_eq!(bench.accepted(), carol);
    bench.no_event();
}

/// A call of ours that rings, and our BYE on its early dialog.
fn hung_up_early(bench: &mut Bench) -> (Sent, Sent) {
    let (_, invite) = bench.call();
    bench.answer(&invite, &Answer::new("180 Ringing"));
    let bob = bench.progressed().unwrap();
    bench.act(|core, now| core.session(now, bob).unwrap().bye(Vec::new()));
    let bye = bench.one("BYE");
    assert_eq!(bye.header("CSeq"), "2 BYE");
    assert_eq!(bench.terminating(), [SessionEnd::LocalBye]);
    (invite, bye)
}

#[test]
fn one_branch_may_be_ended_by_bye() {
    let mut bench = Bench::new();
    let (invite, _) = hung_up_early(&mut bench);
    // It was accepted at the same moment.
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    assert_eq!(bench.methods(), ["ACK", "BYE"]);
    assert!(matches!(
        bench.invite_event(),
        OutgoingInviteEvent::Cancelled { message: Some(_) }
    ));
}

/// RFC 3261 §15: a BYE on an early dialog is the end of that call, in whichever order its answers come.
#[test]
fn a_success_behind_the_answer_to_our_bye_is_too_late() {
    let mut bench = Bench::new();
    let (invite, bye) = hung_up_early(&mut bench);
    bench.answer(&bye, &Answer::bare("200 OK"));
    assert_eq!(ended(&bench.event()), SessionEnd::LocalBye);
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    assert_eq!(bench.methods(), ["ACK", "BYE"]);
    assert_eq!(bench.terminating(), [SessionEnd::NotAccepted]);
    assert!(matches!(
        bench.invite_event(),
        OutgoingInviteEvent::Cancelled { message: Some(_) }
    ));
}

/// RFC 3261 §12.2.2: a PRACK behind our BYE would make that come out of order.
#[test]
fn nothing_is_acknowledged_behind_our_bye() {
    let mut bench = Bench::new();
    let (invite, bye) = hung_up_early(&mut bench);
    bench.answer(&invite, &Answer::new("183 Session Progress").reliable(1));
    assert!(bench.sent().is_empty());
    assert_eq!(bench.progressed(), None);
    bench.answer(&invite, &Answer::new("199 Early Dialog Terminated"));
    assert_eq!(bench.progressed(), None);
    bench.answer(&bye, &Answer::bare("200 OK"));
    assert_eq!(ended(&bench.event()), SessionEnd::LocalBye);
}

#[test]
fn a_bye_on_an_early_dialog_ends_it() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let ringing = Answer::new("180 Ringing").reliable(1);
    bench.answer(&invite, &ringing);
    bench.progressed();
    let prack = bench.one("PRACK");
    bench.receive(UDP, from_bob(&Method::Bye, &prack, 1));
    assert!(bench.sent()[0].text().starts_with("SIP/2.0 200"));
    assert!(matches!(
        bench.event(),
        Event::Ended {
            cause: SessionEnd::RemoteBye,
            ..
        }
    ));
    bench.answer(&invite, &Answer::new("180 Ringing"));
    assert_eq!(bench.progressed(), None, "it still says that it rings");
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    bench.accepted();
    bench.one("ACK");
}

/// RFC 3261 §15.1.2: also where the callee has accepted, and its 2xx waits for a PRACK.
#[test]
fn the_bye_that_ended_a_session_is_told() {
    let (mut alice, mut bob) = (Bench::new(), Bench::seeded(Config::default(), [3; 32]));
    let (_, invite) = alice.call();
    bob.receive(UDP, invite.message.clone());
    let Event::Invite(id) = bob.event() else {
        panic!("a call came");
    };
    bob.act(|core, now| {
        let answer = ResponseOptions::new(Provisional::SESSION_PROGRESS).reliably();
        let mut server = core.invite_server(now, id).unwrap();
        server
            .progress(answer.with_body(Body::sdp("answer")))
            .unwrap();
        server.accept(Success::OK).unwrap();
    });
    alice.receive(UDP, bob.sent().remove(0).message);
    let session = alice.progressed().unwrap();
    alice.one("PRACK");
    alice.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    bob.receive(UDP, alice.one("BYE").message);
    let Event::Ended { cause, message, .. } = bob.event() else {
        panic!("the session ends");
    };
    assert_eq!(cause, SessionEnd::RemoteBye);
    assert_eq!(*message.unwrap().method(), Method::Bye);
}
