//! Refreshes of a session timer, as the side that sends them
//! ([RFC 4028 §7.4, §10](https://www.rfc-editor.org/rfc/rfc4028#section-10)).

use offhook_core::message::{Body, Method};
use offhook_core::{Config, Event, SessionEnd, SessionId, SessionTimerConfig};

use crate::support::{Answer, Bench, Sent, UDP, ended, offer_from_bob};

fn ok(sdp: &'static str) -> Answer {
    Answer::new("200 OK").sdp(sdp)
}

fn timed() -> Config {
    let session_timer = SessionTimerConfig {
        expires: Some(90),
        ..SessionTimerConfig::default()
    };
    Config {
        session_timer,
        ..Config::default()
    }
}

/// A call of ours that we refresh; the peer takes these methods.
fn timed_session(allow: &str) -> (Bench, SessionId) {
    let mut bench = Bench::with(timed());
    let (_, invite) = bench.call();
    let accepted = ok("answer")
        .header("Session-Expires: 90;refresher=uac")
        .header(&format!("Allow: {allow}"));
    bench.answer(&invite, &accepted);
    let session = bench.accepted();
    bench.one("ACK");
    (bench, session)
}

/// The application changes the session meanwhile.
fn hold(bench: &mut Bench, id: SessionId) -> Sent {
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.invite(&Body::sdp("hold")).unwrap();
    });
    bench.one("INVITE")
}

/// RFC 4028 §10
#[test]
fn a_caller_refreshes_by_update_and_says_nothing() {
    let (mut bench, _) = timed_session("INVITE, ACK, BYE, UPDATE");
    bench.pass(45_000);
    let update = bench.one("UPDATE");
    assert_eq!(update.header("Session-Expires"), "90;refresher=uac");
    assert!(update.header("Supported").contains("timer"), "once");
    bench.answer(&update, &Answer::new("200 OK"));
    bench.no_event();
    bench.pass(89_999);
    assert!(bench.sent().is_empty());
    bench.pass(90_000);
    bench.one("UPDATE");
}

/// RFC 3264 §8: the answer to what a refresh repeats may say that the peer's media is elsewhere.
#[test]
fn the_answer_to_a_refresh_is_told() {
    let (mut bench, id) = timed_session("INVITE, ACK, BYE");
    bench.pass(45_000);
    let refresh = bench.one("INVITE");
    bench.answer(&refresh, &ok("moved"));
    bench.one("ACK");
    let Event::Refreshed { session, message } = bench.event() else {
        panic!("the answer");
    };
    assert_eq!(session, id);
    assert_eq!(message.session_description(), Some(&b"moved"[..]));
}

/// RFC 4028 §7.4, §10: by re-INVITE, with the offer that was agreed on.
#[test]
fn a_caller_refreshes_by_reinvite_where_the_peer_takes_no_update() {
    let (mut bench, id) = timed_session("INVITE, ACK, BYE");
    bench.pass(45_000);
    let refresh = bench.one("INVITE");
    assert_eq!(refresh.body(), "offer");
    assert_eq!(refresh.header("Session-Expires"), "90;refresher=uac");
    bench.answer(&refresh, &ok("answer"));
    bench.one("ACK");
    assert!(matches!(bench.event(), Event::Refreshed { .. }));

    // What is agreed on since is what is repeated.
    let hold = hold(&mut bench, id);
    bench.answer(&hold, &ok("held"));
    bench.one("ACK");
    bench.event();
    bench.pass(90_000);
    assert_eq!(bench.one("INVITE").body(), "hold");
}

/// RFC 4028 §9: each re-INVITE says that we know timers, so its 2xx may begin one.
#[test]
fn a_timer_that_begins_with_a_reinvite_is_refreshed_so_where_the_peer_takes_no_update() {
    let mut bench = Bench::new();
    let (id, _) = bench.session();
    let hold = hold(&mut bench, id);
    let accepted = ok("held")
        .header("Session-Expires: 90;refresher=uac")
        .header("Allow: INVITE, ACK, BYE");
    bench.answer(&hold, &accepted);
    bench.one("ACK");
    bench.event();
    bench.pass(45_000);
    assert_eq!(bench.one("INVITE").body(), "hold");
}

#[test]
fn a_refresh_repeats_no_offer_that_was_refused() {
    let (mut bench, id) = timed_session("INVITE, ACK, BYE");
    let hold = hold(&mut bench, id);
    bench.answer(&hold, &Answer::new("488 Not Acceptable Here"));
    bench.one("ACK");
    bench.event();
    bench.pass(45_000);
    assert_eq!(bench.one("INVITE").body(), "offer");
}

/// RFC 4028 §9, §10: an UPDATE that began before the timer, and whose 2xx says nothing of one, does not end it.
#[test]
fn the_answer_to_an_early_update_leaves_the_timer_of_the_call() {
    let mut bench = Bench::with(timed());
    let (_, invite) = bench.call();
    let (id, _) = bench.early(&invite);
    bench.act(|core, now| core.session(now, id).unwrap().update(None).unwrap());
    let update = bench.one("UPDATE");
    assert!(!update.has("Session-Expires"));
    let accepted = Answer::new("200 OK").header("Session-Expires: 90;refresher=uas");
    bench.answer(&invite, &accepted);
    bench.one("ACK");
    bench.answer(&update, &Answer::new("200 OK"));
    bench.pass(59_999);
    assert!(bench.sent().is_empty());
    bench.pass(60_000);
    bench.one("BYE");
    assert_eq!(bench.terminating(), [SessionEnd::Expired]);
}

/// RFC 4028 §7.4
#[test]
fn a_refresh_that_is_too_short_is_sent_again() {
    let (mut bench, _) = timed_session("INVITE, ACK, BYE, UPDATE");
    bench.pass(45_000);
    let update = bench.one("UPDATE");
    let refused = Answer::new("422 Session Interval Too Small").header("Min-SE: 300");
    bench.answer(&update, &refused);
    let again = bench.one("UPDATE");
    assert_eq!(again.header("Session-Expires"), "300;refresher=uac");
    assert_eq!(again.header("Min-SE"), "300");
    let accepted = Answer::new("200 OK").header("Session-Expires: 300;refresher=uac");
    bench.answer(&again, &accepted);
    bench.no_event();
    bench.pass(45_000 + 149_999);
    assert!(bench.sent().is_empty());
    bench.pass(45_000 + 150_000);
    assert_eq!(bench.one("UPDATE").header("Min-SE"), "300");
}

/// RFC 4028 §7.4: who asks for a little more each time gets three further attempts.
#[test]
fn a_refresh_is_not_sent_for_ever_for_being_too_short() {
    let (mut bench, _) = timed_session("INVITE, ACK, BYE, UPDATE");
    bench.pass(45_000);
    for least in [91, 92, 93] {
        let update = bench.one("UPDATE");
        let refused = Answer::new("422 Session Interval Too Small");
        bench.answer(&update, &refused.header(&format!("Min-SE: {least}")));
        bench.no_event();
    }
    let update = bench.one("UPDATE");
    let refused = Answer::new("422 Session Interval Too Small").header("Min-SE: 94");
    bench.answer(&update, &refused);
    bench.no_event();
    assert!(bench.sent().is_empty());
}

/// RFC 4028 §4: no less than 90 s, whatever the peer says.
#[test]
fn a_peer_cannot_make_us_refresh_all_the_time() {
    let mut bench = Bench::with(timed());
    let (_, invite) = bench.call();
    let none = || ok("answer").header("Session-Expires: 0;refresher=uac");
    bench.answer(&invite, &none().header("Allow: UPDATE"));
    bench.one("ACK");
    for refresh in 1..=3 {
        bench.pass(refresh * 45_000 - 1);
        assert!(bench.sent().is_empty());
        bench.pass(refresh * 45_000);
        let update = bench.one("UPDATE");
        let accepted = Answer::new("200 OK").header("Session-Expires: 0;refresher=uac");
        bench.answer(&update, &accepted);
    }
}

/// RFC 4028 §10: a session that cannot be refreshed ends with its time.
#[test]
fn refreshes_that_fail_end_the_session() {
    let (mut bench, _) = timed_session("INVITE, ACK, BYE, UPDATE");
    for at in [45_000, 67_500] {
        bench.pass(at);
        let update = bench.one("UPDATE");
        bench.answer(&update, &Answer::new("500 Oops"));
        bench.no_event();
    }
    bench.pass(89_999);
    assert!(bench.sent().is_empty());
    bench.pass(90_000);
    let bye = bench.one("BYE");
    assert_eq!(bench.terminating(), [SessionEnd::Expired]);
    bench.answer(&bye, &Answer::new("200 OK"));
    assert_eq!(ended(&bench.event()), SessionEnd::Expired);
}

/// The application may have offered something before it looks at what came.
#[test]
fn a_refused_refresh_is_not_taken_for_the_answer_to_an_offer() {
    let (mut bench, id) = timed_session("INVITE, ACK, BYE, UPDATE");
    bench.pass(45_000);
    let update = bench.one("UPDATE");
    bench.answer(&update, &Answer::new("500 Oops"));
    let hold = hold(&mut bench, id);
    bench.answer(&hold, &ok("held"));
    bench.one("ACK");
    let Event::Answered { message, .. } = bench.event() else {
        panic!("the answer");
    };
    assert_eq!(message.session_description(), Some(&b"held"[..]));
    bench.no_event();
}

/// A refresh that meets a change of the peer's has nothing to add to it.
#[test]
fn a_refresh_gives_way_in_silence() {
    let (mut bench, id) = timed_session("INVITE, ACK, BYE");
    bench.pass(45_000);
    let refresh = bench.one("INVITE");
    bench.answer(&refresh, &Answer::new("491 Request Pending"));
    bench.one("ACK");
    bench.receive(UDP, offer_from_bob(&Method::Update, &refresh, 7));
    bench.event();
    bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.answer(&Body::sdp("answer")).unwrap();
    });
    bench.no_event();
}
