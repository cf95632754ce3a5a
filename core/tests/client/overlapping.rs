//! Requests inside a session of which more than one is under way.

use offhook_core::message::{Body, Method, Text};
use offhook_core::{Credentials, Event, InsideError, SessionEnd, SessionId, Unanswered, VerbError};

use crate::support::{Answer, Bench, Sent, UDP, from_bob, offer_from_bob, request};

fn ok() -> Answer {
    Answer::new("200 OK").sdp("answer")
}

fn reinvite(bench: &mut Bench, id: SessionId, offer: &'static str) -> Sent {
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.invite(&Body::sdp(offer)).unwrap();
    });
    bench.one("INVITE")
}

/// RFC 3261 §13.2.2.4: the ACK of one re-INVITE is lost, and another follows at once.
#[test]
fn each_reinvite_keeps_its_ack() {
    let mut bench = Bench::new();
    let (id, _) = bench.session();
    let mut pairs = Vec::new();
    for offer in ["hold", "resume", "hold again"] {
        let invite = reinvite(&mut bench, id, offer);
        bench.answer(&invite, &ok());
        pairs.push((invite, bench.one("ACK")));
        bench.event();
    }
    for (invite, ack) in &pairs {
        bench.answer(invite, &ok());
        assert_eq!(bench.one("ACK").text(), ack.text());
    }
    bench.no_event();
}

/// The same when the peer has hung up meanwhile and repeats its 2xx.
#[test]
fn a_reinvite_keeps_its_ack_beyond_the_session() {
    let mut bench = Bench::new();
    let (id, ack) = bench.session();
    let invite = reinvite(&mut bench, id, "hold");
    bench.answer(&invite, &ok());
    let first = bench.one("ACK");
    bench.receive(UDP, from_bob(&Method::Bye, &ack, 7));
    assert_eq!(bench.sent().len(), 1);
    bench.answer(&invite, &ok());
    assert_eq!(bench.one("ACK").text(), first.text());
    bench.pass(64_000);
    assert!(bench.is_idle());
}

/// RFC 3261 §15: one BYE is enough, whatever else has no answer.
#[test]
fn a_reinvite_without_an_answer_adds_no_second_bye() {
    let mut bench = Bench::new();
    let (id, _) = bench.session();
    reinvite(&mut bench, id, "hold");
    bench.pass(2_000);
    bench.sent();
    bench.act(|core, now| core.session(now, id).unwrap().bye(Vec::new()));
    let bye = bench.one("BYE");
    bench.pass(33_000);
    let repeated = bench.sent();
    let mut byes = repeated.iter().filter(|sent| sent.method() == "BYE");
    assert!(byes.all(|again| again.text() == bye.text()));
    let Event::Unanswered { cause, .. } = bench.event() else {
        panic!("the re-INVITE has no outcome");
    };
    assert_eq!(cause, Unanswered::Timeout);
    bench.pass(35_000);
    let Event::Ended { cause, .. } = bench.event() else {
        panic!("the session is over");
    };
    assert_eq!(cause, SessionEnd::ByeUnanswered);
}

/// Nothing is told of a session after its end.
#[test]
fn a_reinvite_ends_in_silence_after_its_session() {
    let mut bench = Bench::new();
    let (id, ack) = bench.session();
    reinvite(&mut bench, id, "hold");
    bench.receive(UDP, from_bob(&Method::Bye, &ack, 7));
    assert!(matches!(bench.event(), Event::Ended { .. }));
    bench.pass(64_000);
    bench.no_event();
}

/// RFC 3261 §15: a re-INVITE that met another waits for its next attempt, and nothing follows a BYE.
#[test]
fn a_reinvite_that_waits_is_not_sent_after_the_bye() {
    let mut bench = Bench::new();
    let (id, _) = bench.session();
    let invite = reinvite(&mut bench, id, "hold");
    bench.answer(&invite, &Answer::new("491 Request Pending"));
    bench.one("ACK");
    bench.act(|core, now| core.session(now, id).unwrap().bye(Vec::new()));
    bench.one("BYE");
    bench.pass(4_000);
    let sent = bench.sent();
    assert!(sent.iter().all(|sent| sent.method() == "BYE"), "{sent:?}");
    bench.pass(64_000);
    assert!(matches!(bench.event(), Event::Ended { .. }));
    assert!(bench.is_idle());
}

/// RFC 3261 §15.1.2: what the peer has asked is refused before our BYE, and not granted behind it.
#[test]
fn an_offer_of_theirs_ends_with_our_bye() {
    for method in [Method::Invite, Method::Update] {
        let mut bench = Bench::new();
        let (id, request) = if method == Method::Invite {
            bench.session()
        } else {
            let (_, invite) = bench.call();
            bench.early(&invite)
        };
        bench.receive(UDP, offer_from_bob(&method, &request, 7));
        assert!(matches!(bench.event(), Event::Offer { .. }));
        bench.sent();
        bench.act(|core, now| core.session(now, id).unwrap().bye(Vec::new()));
        let sent = bench.sent();
        let starts: Vec<_> = sent.iter().map(|sent| &sent.text()[..4]).collect();
        assert_eq!(starts, ["SIP/", "BYE "]);
        assert!(sent[0].text().starts_with("SIP/2.0 487 "), "{sent:?}");
        let answered = bench.act(|core, now| {
            let mut session = core.session(now, id).unwrap();
            session.answer(&Body::sdp("answer"))
        });
        assert_eq!(answered, Err(VerbError::NoOffer));
        assert!(bench.sent().is_empty());
    }
}

/// RFC 3261 §12.2.2: an UPDATE that overtakes a PRACK makes it come out of order.
#[test]
fn an_early_update_waits_for_the_answer_to_the_prack() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let progress = Answer::new("183 Session Progress")
        .reliable(1)
        .sdp("answer");
    bench.answer(&invite, &progress);
    let id = bench.progressed().unwrap();
    let prack = bench.one("PRACK");
    let update = |bench: &mut Bench| {
        bench.act(|core, now| {
            let mut session = core.session(now, id).unwrap();
            session.update(Some(&Body::sdp("hold")))
        })
    };
    assert_eq!(update(&mut bench), Err(InsideError::OfferPending));
    bench.answer(&prack, &Answer::bare("200 OK"));
    assert_eq!(update(&mut bench), Ok(()));
    bench.one("UPDATE");
}

/// A call of alice's with an early UPDATE out, and behind it the PRACK of a 180: the INVITE, the UPDATE and the PRACK.
fn crossing() -> (Bench, Sent, Sent, Sent) {
    let mut bench = Bench::new();
    let call = request([UDP]).with_body(Body::sdp("offer"));
    let alice = Credentials::password(Text::from_static("alice"), "secret");
    let (_, invite) = bench.call_with(call.with_credentials(alice));
    let (id, _) = bench.early(&invite);
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.update(Some(&Body::sdp("hold"))).unwrap();
    });
    let update = bench.one("UPDATE");
    bench.answer(&invite, &Answer::new("180 Ringing").reliable(2));
    bench.progressed();
    let prack = bench.one("PRACK");
    (bench, invite, update, prack)
}

/// The same where it is sent again: with credentials, or because it met another.
#[test]
fn an_early_update_that_is_sent_again_waits_for_the_answer_to_the_prack() {
    let challenge = "WWW-Authenticate: Digest realm=\"b\", nonce=\"n\"";
    for refusal in [
        Answer::new("401 Unauthorized").header(challenge),
        Answer::new("491 Request Pending"),
    ] {
        let (mut bench, _, update, prack) = crossing();
        bench.answer(&update, &refusal);
        bench.pass(10_000);
        assert!(bench.methods().iter().all(|method| method == "PRACK"));
        bench.answer(&prack, &Answer::bare("200 OK"));
        assert_eq!(bench.one("UPDATE").body(), "hold");
        bench.no_event();
    }
}

/// The same where the call is accepted before the answer to the PRACK.
#[test]
fn what_follows_the_2xx_waits_for_the_answer_to_the_prack() {
    let (mut bench, invite, update, prack) = crossing();
    bench.answer(&invite, &Answer::new("200 OK"));
    bench.accepted();
    bench.one("ACK");
    let challenge = "WWW-Authenticate: Digest realm=\"b\", nonce=\"n\"";
    bench.answer(&update, &Answer::new("401 Unauthorized").header(challenge));
    assert!(bench.sent().is_empty());
    bench.answer(&prack, &Answer::bare("200 OK"));
    assert_eq!(bench.one("UPDATE").body(), "hold");
    bench.no_event();
}

/// RFC 3261 §12.2.2, §15.1.1: a BYE of the callee's that a later request of its overtook is refused,
/// and ends the session all the same, the early one too.
#[test]
fn a_bye_that_was_overtaken_ends_the_session() {
    for is_early in [false, true] {
        let mut bench = Bench::new();
        let (_, invite) = bench.call();
        let request = if is_early {
            let progress = Answer::new("183 Session Progress").reliable(1);
            bench.answer(&invite, &progress.sdp("answer"));
            bench.progressed();
            bench.one("PRACK")
        } else {
            bench.answer(&invite, &ok());
            bench.accepted();
            bench.one("ACK")
        };
        bench.receive(UDP, from_bob(&Method::Options, &request, 8));
        bench.sent();
        bench.receive(UDP, from_bob(&Method::Bye, &request, 7));
        let sent = bench.sent();
        assert_eq!(sent.len(), 2);
        assert!(sent[0].text().starts_with("SIP/2.0 500 "));
        assert_eq!(sent[1].method(), "BYE");
        bench.no_event();
        let gone = Answer::bare("481 Call/Transaction Does Not Exist");
        bench.answer(&sent[1], &gone);
        let Event::Ended { cause, message, .. } = bench.event() else {
            panic!("the session is over");
        };
        assert_eq!(cause, SessionEnd::RemoteBye);
        assert!(message.is_none());
        bench.no_event();
    }
}

/// RFC 3261 §14.2: "a 491 (Request Pending)", also where ours is the first INVITE of the dialog.
#[test]
fn a_reinvite_that_meets_our_invite_gets_491() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let ringing = Answer::new("180 Ringing").reliable(1);
    bench.answer(&invite, &ringing);
    let prack = bench.one("PRACK");
    bench.receive(UDP, from_bob(&Method::Invite, &prack, 7));
    let refused = bench.sent().remove(0);
    assert!(refused.text().starts_with("SIP/2.0 491 "), "{refused:?}");
}
