//! Requests of ours inside a session
//! ([RFC 3261 §12.2.1, §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-12.2.1)).

use offhook_core::message::{Body, Message, Method, Text, parse};
use offhook_core::{Event, InsideError, SessionEnd, SessionId, Unanswered};

use crate::support::{Answer, Bench, Sent, UDP, from_bob, request};

fn offer() -> Body {
    Body::sdp("hold")
}

/// A session with a re-INVITE of ours that is not answered.
fn reinvited() -> (Bench, SessionId, Sent) {
    let mut bench = Bench::new();
    let (id, _) = bench.session();
    bench.act(|core, now| core.session(now, id).unwrap().invite(&offer()).unwrap());
    let invite = bench.one("INVITE");
    (bench, id, invite)
}

/// The next INVITE after `from`, and when it went out, in milliseconds from the beginning.
fn next_invite(bench: &mut Bench, from: u64) -> (Sent, u64) {
    for at in (from..from + 10_000).step_by(10) {
        bench.pass(at);
        let mut sent = bench.sent();
        if let Some(invite) = sent.pop() {
            assert!(sent.is_empty() && invite.method() == "INVITE");
            return (invite, at);
        }
    }
    panic!("no INVITE went out")
}

fn status(event: Event) -> u16 {
    match event {
        Event::Answered { message, .. } => message.status().as_u16(),
        other => panic!("{other:?} is no answer"),
    }
}

#[test]
fn an_info_is_answered() {
    let mut bench = Bench::new();
    let (id, ack) = bench.session();
    let cseq = bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.request(Method::Info, &[], None).unwrap()
    });
    let info = bench.one("INFO");
    assert_eq!(info.header("CSeq"), format!("{cseq} INFO"));
    assert_eq!(info.header("Call-ID"), ack.header("Call-ID"));
    assert!(!info.has("Contact"));
    bench.answer(&info, &Answer::new("200 OK").tag("bob"));
    assert_eq!(status(bench.event()), 200);
}

#[test]
fn a_method_with_a_verb_of_its_own_is_no_request() {
    let mut bench = Bench::new();
    let (id, _) = bench.session();
    for method in [Method::Bye, Method::Invite, Method::Prack, Method::Update] {
        let sent = bench.act(|core, now| {
            let mut session = core.session(now, id).unwrap();
            session.request(method, &[], None)
        });
        assert_eq!(sent, Err(InsideError::OtherVerb));
    }
}

/// RFC 3261 §12.2.1.2, RFC 5057 §5.1
#[test]
fn a_481_ends_the_session() {
    let mut bench = Bench::new();
    let (id, _) = bench.session();
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.request(Method::Info, &[], None).unwrap();
    });
    let info = bench.one("INFO");
    bench.answer(&info, &Answer::new("481 Gone").tag("bob"));
    assert_eq!(status(bench.event()), 481);
    let bye = bench.one("BYE");
    assert_eq!(bench.terminating(), [SessionEnd::Gone]);
    bench.answer(&bye, &Answer::new("481 Gone").tag("bob"));
    let ended = bench.event();
    assert!(
        matches!(
            ended,
            Event::Ended {
                cause: SessionEnd::Gone,
                ..
            }
        ),
        "{ended:?}"
    );
}

#[test]
fn a_request_without_an_answer_ends_the_session() {
    let mut bench = Bench::new();
    let (id, _) = bench.session();
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.request(Method::Message, &[], None).unwrap();
    });
    bench.pass(32_000);
    let unanswered = bench.event();
    assert!(
        matches!(
            unanswered,
            Event::Unanswered {
                cause: Unanswered::Timeout,
                ..
            }
        ),
        "{unanswered:?}"
    );
    assert_eq!(bench.methods().last().map(String::as_str), Some("BYE"));
}

/// RFC 3261 §14.1, §13.2.2.4
#[test]
fn a_reinvite_is_acknowledged_and_again_when_its_200_comes_again() {
    let (mut bench, _, invite) = reinvited();
    assert_eq!(invite.body(), "hold");
    assert!(invite.has("Contact") && invite.has("Allow"));
    let answer = Answer::new("200 OK").tag("bob").sdp("held");
    bench.answer(&invite, &answer);
    let ack = bench.one("ACK");
    assert_ne!(ack.branch(), invite.branch());
    assert_eq!(status(bench.event()), 200);
    bench.answer(&invite, &answer);
    assert_eq!(bench.one("ACK").branch(), ack.branch());
    bench.no_event();
}

#[test]
fn a_refused_reinvite_changes_nothing_and_another_may_follow() {
    let (mut bench, id, invite) = reinvited();
    let second = bench.act(|core, now| core.session(now, id).unwrap().invite(&offer()));
    assert_eq!(second, Err(InsideError::OfferPending));
    bench.answer(&invite, &Answer::new("488 Not Acceptable Here").tag("bob"));
    assert_eq!(bench.one("ACK").branch(), invite.branch());
    assert_eq!(status(bench.event()), 488);
    bench.act(|core, now| core.session(now, id).unwrap().invite(&offer()).unwrap());
    bench.one("INVITE");
}

/// RFC 3261 §14.1: the owner of the Call-ID waits 2.1 to 4 s.
#[test]
fn a_reinvite_that_met_another_is_sent_again() {
    let (mut bench, _, invite) = reinvited();
    bench.answer(&invite, &Answer::new("491 Request Pending").tag("bob"));
    bench.one("ACK");
    bench.no_event();
    let (again, at) = next_invite(&mut bench, 0);
    assert!((2_100..=4_000).contains(&at), "{at} ms");
    assert_eq!(again.body(), "hold");
    assert_ne!(again.header("CSeq"), invite.header("CSeq"));
    bench.answer(&again, &Answer::new("200 OK").tag("bob").sdp("held"));
    bench.one("ACK");
    assert_eq!(status(bench.event()), 200);
}

#[test]
fn collisions_end_some_time() {
    let (mut bench, id, mut invite) = reinvited();
    let mut at = 0;
    for _ in 0..5 {
        bench.answer(&invite, &Answer::new("491 Request Pending").tag("bob"));
        bench.one("ACK");
        (invite, at) = next_invite(&mut bench, at);
    }
    bench.answer(&invite, &Answer::new("491 Request Pending").tag("bob"));
    bench.one("ACK");
    let unanswered = bench.event();
    assert!(
        matches!(
            unanswered,
            Event::Unanswered {
                cause: Unanswered::Collision,
                ..
            }
        ),
        "{unanswered:?}"
    );
    bench.act(|core, now| core.session(now, id).unwrap().invite(&offer()).unwrap());
    bench.one("INVITE");
}

/// RFC 3311 §5.1
#[test]
fn an_update_without_an_offer_refreshes_the_target() {
    let mut bench = Bench::new();
    let (id, _) = bench.session();
    bench.act(|core, now| core.session(now, id).unwrap().update(None).unwrap());
    let update = bench.one("UPDATE");
    assert!(update.has("Contact"));
    let moved = Answer::bare("200 OK")
        .tag("bob")
        .header("Contact: <sip:bob@192.0.2.99>");
    bench.answer(&update, &moved);
    assert_eq!(status(bench.event()), 200);
    bench.act(|core, now| core.session(now, id).unwrap().bye(Vec::new()));
    let bye = bench.one("BYE");
    assert!(bye.text().starts_with("BYE sip:bob@192.0.2.99 SIP/2.0\r\n"));
}

/// RFC 3261 §12.2.1.1, RFC 3311 §5.1: who reads our Contact anew finds us where we were, whatever our From
/// is and whatever URI it has asked for.
#[test]
fn our_contact_stays_what_the_invite_said() {
    for (user, contact) in [
        (Some("line 1"), "<sip:line%201@192.0.2.1:5060>"),
        (None, "<sip:192.0.2.1:5060>"),
    ] {
        let mut bench = Bench::new();
        let mut call = request([UDP]).with_body(Body::sdp("offer"));
        call.contact_user = user.map(Text::from_static);
        let (_, invite) = bench.call_with(call);
        assert_eq!(invite.header("Contact"), contact);
        bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
        let (id, ack) = (bench.accepted(), bench.one("ACK"));
        bench.act(|core, now| core.session(now, id).unwrap().update(None).unwrap());
        let update = bench.one("UPDATE");
        assert_eq!(update.header("Contact"), contact);
        bench.answer(&update, &Answer::new("200 OK"));
        bench.receive(UDP, from_bob(&Method::Update, &ack, 7));
        assert_eq!(bench.sent()[0].header("Contact"), contact);
    }
}

/// A re-INVITE that has a provisional response has no other limit than that of its session.
#[test]
fn a_reinvite_does_not_outlive_its_session_for_long() {
    for ends in [
        |bench: &mut Bench, id, _: &Sent| {
            bench.act(|core, now| core.session(now, id).unwrap().bye(Vec::new()));
        },
        |bench: &mut Bench, _, invite: &Sent| bench.receive(UDP, from_bob(&Method::Bye, invite, 9)),
    ] {
        let (mut bench, id, invite) = reinvited();
        bench.answer(&invite, &Answer::new("100 Trying").tag("bob"));
        ends(&mut bench, id, &invite);
        bench.answer(&invite, &Answer::new("180 Ringing").tag("bob"));
        bench.pass(40_000);
        assert_eq!(bench.core.counts().sessions, 0);
        bench.pass(100_000);
        assert!(bench.is_idle());
    }
}

/// RFC 3261 §12.2.1.1: a gap is allowed, but who sees one looks for the request in it.
#[test]
fn a_request_that_cannot_be_written_takes_no_number() {
    let mut bench = Bench::new();
    let (id, ack) = bench.session();
    let move_to = |bench: &mut Bench, cseq, contact: &str| {
        let Message::Request(update) = from_bob(&Method::Update, &ack, cseq) else {
            panic!("it is a request");
        };
        let update = String::from_utf8_lossy(update.as_bytes());
        let contact = format!("Contact: <{contact}>\r\nMax-Forwards");
        let update = update.replace("Max-Forwards", &contact);
        bench.receive(UDP, parse(update.into_bytes().into()).unwrap());
        bench.sent();
    };
    let options = |bench: &mut Bench| {
        bench.act(|core, now| {
            let mut session = core.session(now, id).unwrap();
            session.request(Method::Options, &[], None)
        })
    };
    let first = options(&mut bench).unwrap();
    move_to(&mut bench, 7, "tel:+1");
    assert_eq!(options(&mut bench), Err(InsideError::NoTarget));
    move_to(&mut bench, 8, "sip:bob@192.0.2.2:5062");
    assert_eq!(options(&mut bench), Ok(first + 1));
}
