//! Re-INVITE and UPDATE of ours: without an offer, without an end, refused, met by others
//! ([RFC 3261 §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-14.1)).

use offhook_core::message::{Body, Message, Method, parse};
use offhook_core::{Event, InsideError, SessionEnd, SessionId, Unanswered, VerbError};

use crate::support::{Answer, Bench, Sent, UDP, ended, from_bob, offer_from_bob};

/// A session with a re-INVITE of ours that is not answered.
fn reinvited(offer: Option<&str>) -> (Bench, SessionId, Sent) {
    let mut bench = Bench::new();
    let (id, _) = bench.session();
    let offer = offer.map(|offer| Body::sdp(offer.to_owned()));
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        match &offer {
            Some(offer) => session.invite(offer).unwrap(),
            None => session.invite_without_offer().unwrap(),
        }
    });
    let invite = bench.one("INVITE");
    (bench, id, invite)
}

fn ok(sdp: &'static str) -> Answer {
    Answer::new("200 OK").sdp(sdp)
}

fn unanswered(event: &Event) -> Unanswered {
    match event {
        Event::Unanswered { cause, .. } => *cause,
        other => panic!("{other:?} is no outcome"),
    }
}

/// RFC 4028 §7.1, RFC 3261 §8.1.1.9: each says that we know session timers; none that its 1xx get a PRACK.
#[test]
fn a_change_says_what_we_support() {
    let (mut bench, id, invite) = reinvited(Some("hold"));
    bench.answer(&invite, &ok("held"));
    assert!(!bench.one("ACK").has("Supported"));
    bench.act(|core, now| core.session(now, id).unwrap().update(None).unwrap());
    let update = bench.one("UPDATE");
    for sent in [&invite, &update] {
        assert_eq!(sent.header("Supported"), "timer, replaces, norefersub");
    }
}

/// §13.2.1, §14.1: the 2xx makes the offer, our ACK the answer.
#[test]
fn a_reinvite_may_ask_for_an_offer() {
    let (mut bench, id, invite) = reinvited(None);
    assert_eq!(invite.body(), "");
    bench.answer(&invite, &ok("their offer"));
    let event = bench.event();
    let Event::AnsweredWithOffer { message, .. } = event else {
        panic!("{event:?} is no offer");
    };
    assert_eq!(message.session_description(), Some(&b"their offer"[..]));
    assert!(bench.sent().is_empty(), "the ACK waits for the answer");

    // It comes again, and there is nothing to say yet.
    bench.answer(&invite, &ok("their offer"));
    assert!(bench.sent().is_empty());
    bench.no_event();

    let answer = Body::sdp("our answer");
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        assert_eq!(session.invite(&answer), Err(InsideError::OfferPending));
        session.acknowledge(&answer).unwrap();
        assert_eq!(session.acknowledge(&answer), Err(VerbError::NoOffer));
    });
    let ack = bench.one("ACK");
    assert_eq!(ack.body(), "our answer");
    let number = |sent: &Sent| sent.request().headers().cseq().unwrap().number;
    assert_eq!(number(&ack), number(&invite));
    bench.answer(&invite, &ok("their offer"));
    assert_eq!(bench.one("ACK").branch(), ack.branch());
    bench.pass(40_000);
    assert!(bench.sent().is_empty(), "nobody is hung up on");
}

/// §13.2.2.4: what cannot be answered is acknowledged, and then the session ends.
#[test]
fn an_offer_of_no_use_is_acknowledged_before_the_bye() {
    let (mut bench, id, invite) = reinvited(None);
    bench.answer(&invite, &ok("their offer"));
    bench.event();
    bench.act(|core, now| core.session(now, id).unwrap().bye(Vec::new()));
    assert_eq!(bench.methods(), ["ACK", "BYE"]);
}

#[test]
fn an_offer_that_is_never_answered_ends_the_session() {
    let (mut bench, _, invite) = reinvited(None);
    bench.answer(&invite, &ok("their offer"));
    bench.event();
    bench.pass(31_999);
    assert!(bench.sent().is_empty());
    bench.pass(32_000);
    let sent = bench.sent();
    let methods: Vec<_> = sent.iter().map(Sent::method).collect();
    assert_eq!(methods, ["ACK", "BYE"]);
    bench.answer(&sent[1], &Answer::new("200 OK"));
    assert_eq!(ended(&bench.event()), SessionEnd::NotAnswered);
}

/// It has all the time for its answer, however late it came: that the re-INVITE rang is no part of it.
#[test]
fn an_offer_has_its_time_from_when_it_comes() {
    for since in [179_000, 211_000] {
        let (mut bench, _, invite) = reinvited(None);
        bench.answer(&invite, &Answer::new("180 Ringing"));
        bench.pass(since);
        bench.sent(); // From 180 s on, a CANCEL.
        bench.answer(&invite, &ok("their offer"));
        bench.event();
        bench.pass(since + 31_999);
        assert!(!bench.methods().iter().any(|method| method == "BYE"));
        bench.pass(since + 32_000);
        assert_eq!(bench.methods(), ["ACK", "BYE"]);
    }
}

/// §14.2: while the INVITE of one is in progress, that of the other gets 491.
#[test]
fn a_reinvite_meets_one_without_an_offer() {
    let (mut bench, _, invite) = reinvited(None);
    bench.receive(UDP, offer_from_bob(&Method::Invite, &invite, 7));
    let refused = bench.sent().remove(0);
    assert!(refused.text().starts_with("SIP/2.0 491 "), "{refused:?}");
    bench.no_event();
}

#[test]
fn without_an_offer_in_the_2xx_there_is_none_to_answer() {
    let (mut bench, _, invite) = reinvited(None);
    bench.answer(&invite, &Answer::new("200 OK"));
    bench.one("ACK");
    assert!(matches!(bench.event(), Event::Answered { .. }));
}

/// §9.1: three minutes, then CANCEL.
#[test]
fn a_reinvite_that_only_rings_is_cancelled() {
    let (mut bench, id, invite) = reinvited(Some("hold"));
    bench.answer(&invite, &Answer::bare("100 Trying"));
    bench.pass(100_000);
    bench.answer(&invite, &Answer::new("180 Ringing"));
    bench.pass(179_999);
    assert!(bench.sent().is_empty());
    bench.pass(180_000);
    let cancel = bench.one("CANCEL");
    assert_eq!(cancel.branch(), invite.branch());
    assert_eq!(cancel.header("To"), invite.header("To"));
    bench.answer(&cancel, &Answer::new("200 OK"));
    bench.answer(&invite, &Answer::new("487 Request Terminated"));
    bench.one("ACK");
    assert!(matches!(bench.event(), Event::Answered { .. }));
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.invite(&Body::sdp("again")).unwrap();
    });
    bench.one("INVITE");
}

/// §9.1: where CANCEL changes nothing, the INVITE is taken for cancelled.
#[test]
fn a_cancelled_reinvite_ends_without_a_final_response() {
    let (mut bench, id, invite) = reinvited(Some("hold"));
    bench.answer(&invite, &Answer::new("180 Ringing"));
    bench.pass(180_000);
    let cancel = bench.one("CANCEL");
    bench.answer(&cancel, &Answer::new("200 OK"));
    bench.pass(212_000);
    assert_eq!(unanswered(&bench.event()), Unanswered::Cancelled);
    assert!(bench.sent().is_empty(), "the session goes on");
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.invite(&Body::sdp("again")).unwrap();
    });
    bench.one("INVITE");
    bench.pass(211_000 + 33_000);
    assert_eq!(bench.methods().last().map(String::as_str), Some("BYE"));
}

/// §9.1: a 2xx crosses the CANCEL.
#[test]
fn a_2xx_that_crosses_the_cancel_counts() {
    let (mut bench, _, invite) = reinvited(Some("hold"));
    bench.answer(&invite, &Answer::new("180 Ringing"));
    bench.pass(180_000);
    bench.one("CANCEL");
    bench.answer(&invite, &ok("held"));
    bench.one("ACK");
    assert!(matches!(bench.event(), Event::Answered { .. }));
}

/// RFC 5057 §5.1, and RFC 3261 §14.1 for 405, 480 and 501.
#[test]
fn what_says_that_the_peer_is_gone_ends_the_session_and_nothing_else_does() {
    const GONE: [u16; 11] = [404, 408, 410, 416, 481, 482, 483, 484, 485, 502, 604];
    const REFUSED: [u16; 34] = [
        300, 400, 402, 403, 405, 406, 412, 413, 414, 415, 417, 420, 421, 423, 428, 429, 480, 486,
        487, 488, 489, 493, 494, 499, 500, 501, 503, 504, 505, 513, 580, 600, 603, 606,
    ];
    for status in GONE.into_iter().chain(REFUSED) {
        let (mut bench, _, invite) = reinvited(Some("hold"));
        bench.answer(&invite, &Answer::new(&format!("{status} No")));
        assert!(matches!(bench.event(), Event::Answered { .. }), "{status}");
        let expected = if GONE.contains(&status) {
            &["ACK", "BYE"][..]
        } else {
            &["ACK"]
        };
        assert_eq!(bench.methods(), expected, "{status}");
    }
}

/// §14.1: the offer of one whose INVITE was refused with 491 is stale once the other's is served.
#[test]
fn an_offer_that_waits_gives_way_to_the_peers() {
    let (mut bench, id, invite) = reinvited(Some("hold"));
    bench.answer(&invite, &Answer::new("491 Request Pending"));
    bench.one("ACK");
    bench.receive(UDP, offer_from_bob(&Method::Invite, &invite, 7));
    assert!(matches!(bench.event(), Event::Offer { .. }));
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.answer(&Body::sdp("answer")).unwrap();
    });
    assert_eq!(unanswered(&bench.event()), Unanswered::Collision);
    bench.sent();
    bench.receive(UDP, from_bob(&Method::Ack, &invite, 7));
    bench.event();
    bench.pass(10_000);
    assert!(bench.sent().is_empty(), "the stale offer is not sent");
}

/// Whatever becomes of a change, the application hears of it.
#[test]
fn a_change_that_has_no_address_to_go_to_any_more_is_told() {
    let (mut bench, _, invite) = reinvited(Some("hold"));
    bench.answer(&invite, &Answer::new("491 Request Pending"));
    bench.one("ACK");
    let Message::Request(update) = from_bob(&Method::Update, &invite, 7) else {
        panic!("it is a request");
    };
    let update = String::from_utf8_lossy(update.as_bytes());
    let update = update.replace("Max-Forwards", "Contact: <tel:+1>\r\nMax-Forwards");
    bench.receive(UDP, parse(update.into_bytes().into()).unwrap());
    bench.sent();
    bench.pass(10_000);
    assert_eq!(unanswered(&bench.event()), Unanswered::Collision);
    assert!(bench.sent().is_empty());
}

/// §14.1: the time that one has to wait is not over when that of one before it is.
#[test]
fn the_wait_of_a_change_that_gave_way_is_not_that_of_the_next() {
    let (mut bench, id, invite) = reinvited(Some("hold"));
    bench.answer(&invite, &Answer::new("491 Request Pending"));
    bench.receive(UDP, offer_from_bob(&Method::Update, &invite, 7));
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.answer(&Body::sdp("answer")).unwrap();
    });
    bench.sent();
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.invite(&Body::sdp("hold again")).unwrap();
    });
    let invite = bench.one("INVITE");
    bench.pass(2_000);
    bench.sent();
    bench.answer(&invite, &Answer::new("491 Request Pending"));
    bench.one("ACK");
    bench.pass(4_099);
    assert!(bench.sent().is_empty(), "2.1 s are not over");
    bench.pass(6_000);
    assert_eq!(bench.sent()[0].body(), "hold again");
}

/// RFC 3264 §4: while the offer of our 2xx waits for the ACK, no other is asked for, however often the
/// time for that comes.
#[test]
fn a_change_that_waits_leaves_the_offer_of_a_2xx_open() {
    let (mut bench, id, invite) = reinvited(None);
    bench.answer(&invite, &Answer::new("491 Request Pending"));
    bench.receive(UDP, from_bob(&Method::Invite, &invite, 7));
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.answer(&Body::sdp("our offer")).unwrap();
    });
    bench.pass(8_000);
    let is_request = |sent: &Sent| sent.text().starts_with("INVITE");
    assert!(!bench.sent().iter().any(is_request), "the offer is open");
    bench.receive(UDP, offer_from_bob(&Method::Ack, &invite, 7));
    bench.pass(12_000);
    assert!(bench.sent().iter().any(is_request), "it is answered");
}

/// The same where the answer to a refresh of ours comes before the ACK.
#[test]
fn a_refresh_leaves_the_offer_of_a_2xx_open() {
    let mut bench = Bench::new();
    let (id, ack) = bench.session();
    bench.act(|core, now| core.session(now, id).unwrap().update(None).unwrap());
    let update = bench.one("UPDATE");
    bench.receive(UDP, from_bob(&Method::Invite, &ack, 7));
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.answer(&Body::sdp("our offer")).unwrap();
    });
    bench.answer(&update, &Answer::new("200 OK"));
    let reinvite = |bench: &mut Bench| {
        bench.act(|core, now| {
            let mut session = core.session(now, id).unwrap();
            session.invite(&Body::sdp("hold"))
        })
    };
    assert_eq!(reinvite(&mut bench), Err(InsideError::OfferPending));
    bench.receive(UDP, offer_from_bob(&Method::Ack, &ack, 7));
    assert_eq!(reinvite(&mut bench), Ok(()));
}

/// RFC 5407 §3.1.4: BYE crosses re-INVITE. Whoever hangs up, nothing of ours stays unanswered.
#[test]
fn a_bye_of_theirs_ends_a_change_of_ours() {
    let (mut bench, _, invite) = reinvited(Some("hold"));
    bench.receive(UDP, from_bob(&Method::Bye, &invite, 7));
    assert!(bench.sent()[0].text().starts_with("SIP/2.0 200 "));
    assert_eq!(ended(&bench.event()), SessionEnd::RemoteBye);
    bench.answer(&invite, &Answer::new("481 Gone"));
    bench.one("ACK");
    bench.no_event();
    bench.pass(70_000);
    assert!(bench.is_idle());
}

#[test]
fn a_bye_of_ours_leaves_no_2xx_without_its_ack() {
    let (mut bench, id, invite) = reinvited(Some("hold"));
    bench.act(|core, now| core.session(now, id).unwrap().bye(Vec::new()));
    let bye = bench.one("BYE");
    bench.answer(&invite, &ok("held"));
    bench.one("ACK");
    bench.event();
    bench.answer(&bye, &Answer::new("200 OK"));
    assert_eq!(ended(&bench.event()), SessionEnd::LocalBye);
    bench.pass(70_000);
    assert!(bench.is_idle());
}

/// A 2xx that asks for nothing any more: the session is ending, and its offer is not shown.
#[test]
fn a_bye_of_ours_needs_no_answer_to_their_offer() {
    let (mut bench, id, invite) = reinvited(None);
    bench.act(|core, now| core.session(now, id).unwrap().bye(Vec::new()));
    bench.one("BYE");
    bench.answer(&invite, &ok("their offer"));
    bench.one("ACK");
    assert!(matches!(bench.event(), Event::Answered { .. }));
}

/// RFC 3311 §5.2: no response to the INVITE answers an UPDATE of ours in the early dialog, whatever it says.
#[test]
fn an_early_update_stays_open_when_the_call_is_accepted() {
    for accepted in [Answer::new("200 OK"), ok("answer")] {
        let mut bench = Bench::new();
        let (_, invite) = bench.call();
        let (id, prack) = bench.early(&invite);
        bench.act(|core, now| {
            let mut session = core.session(now, id).unwrap();
            session.update(Some(&Body::sdp("hold"))).unwrap();
        });
        let update = bench.one("UPDATE");
        bench.answer(&invite, &accepted);
        assert_eq!(bench.accepted(), id);
        bench.one("ACK");
        bench.receive(UDP, offer_from_bob(&Method::Update, &prack, 7));
        let refused = bench.sent().remove(0);
        assert!(refused.text().starts_with("SIP/2.0 491 "), "{refused:?}");
        bench.answer(&update, &ok("held"));
        assert!(matches!(bench.event(), Event::Answered { .. }));
        bench.receive(UDP, offer_from_bob(&Method::Update, &prack, 8));
        assert!(matches!(bench.event(), Event::Offer { .. }));
    }
}

/// RFC 3262 §4, RFC 3261 §13.2.2.4: an UPDATE of the callee that is not answered keeps back neither PRACK nor ACK.
#[test]
fn an_early_update_of_theirs_is_no_offer_of_a_response() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let (id, prack) = bench.early(&invite);
    bench.receive(UDP, offer_from_bob(&Method::Update, &prack, 7));
    assert!(matches!(bench.event(), Event::Offer { .. }));
    bench.answer(&invite, &Answer::new("180 Ringing").reliable(2));
    bench.progressed();
    bench.one("PRACK");
    bench.answer(&invite, &Answer::new("200 OK"));
    assert_eq!(bench.accepted(), id);
    bench.one("ACK");
    let answered = bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.answer(&Body::sdp("held"))
    });
    assert_eq!(answered, Ok(()));
    assert!(bench.sent().remove(0).text().starts_with("SIP/2.0 200 OK"));
}

/// RFC 3311 §5.2, RFC 3261 §15.1.2: an UPDATE of the callee that is not answered ends with its dialog, whatever
/// ends that.
#[test]
fn an_early_update_of_theirs_ends_with_the_call() {
    for answer in [
        Answer::new("486 Busy Here"),
        Answer::new("302 Moved Temporarily"),
        Answer::new("199 Early Dialog Terminated"),
        ok("answer").tag("carol"),
    ] {
        let mut bench = Bench::new();
        let (_, invite) = bench.call();
        let (_, prack) = bench.early(&invite);
        bench.receive(UDP, offer_from_bob(&Method::Update, &prack, 7));
        assert!(matches!(bench.event(), Event::Offer { .. }));
        bench.answer(&invite, &answer);
        let sent = bench.sent();
        let responses = sent.iter().filter(|sent| sent.text().starts_with("SIP"));
        let statuses: Vec<_> = responses.map(|sent| &sent.text()[..11]).collect();
        assert_eq!(statuses, ["SIP/2.0 487"], "{sent:?}");
    }
}
