//! Session timers: RFC 4028, as the one who answers.

use offhook_core::message::{Body, Success};
use offhook_core::{Config, ResponseOptions, SessionTimerConfig};
use offhook_sim::{Draft, PEER, Packet, Policy, Simulation, seconds};

/// An INVITE of a caller that knows session timers.
fn invite() -> Draft {
    Draft::invite()
        .set("Supported", "timer")
        .set("Allow", "INVITE, ACK, BYE, UPDATE")
}

/// From the INVITE to the ACK.
fn begin(call: &mut Simulation, invite: &Draft) -> Packet {
    let ok = call.establish(invite);
    call.expect("...");
    ok
}

/// What the peer answers to a refresh of ours.
fn refreshed(update: &Packet) -> String {
    let ok = String::from_utf8(update.response("200 OK").to_vec()).unwrap();
    ok.replacen("\r\n", "\r\nSession-Expires: 90;refresher=uac\r\n", 1)
}

/// §9: who is asked for no refresher, and knows how to, refreshes.
#[test]
fn a_session_that_the_caller_does_not_refresh_ends_before_its_time_is_over() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = invite().set("Session-Expires", "90");
    let ok = begin(&mut call, &invite);
    assert_eq!(ok.header("Session-Expires"), Some("90;refresher=uac"));
    assert_eq!(ok.header("Require"), Some("timer"));
    // §10: a third of the time, at most 32 s, before its end.
    call.run_until(seconds(59));
    assert_eq!(call.counts().sessions, 1);
    call.run_until(seconds(60));
    let bye = call.receive("BYE");
    call.send_from(PEER, bye.response("200 OK"));
    call.expect(
        "
        ...
        60.0                 * Terminating Expired
        60.0   <------------ BYE
        60.0   200 OK        ------->
        60.0                 * Ended Expired
        ",
    );
    call.finish();
}

/// §9: a refresh begins the time anew, by re-INVITE or UPDATE.
#[test]
fn an_update_refreshes_the_session() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = invite().set("Session-Expires", "90;refresher=uac");
    let ok = begin(&mut call, &invite);
    let update = invite.in_dialog("UPDATE", &ok);
    let update = update
        .set("Session-Expires", "90;refresher=uac")
        .set("Supported", "timer");
    call.run_until(seconds(45));
    call.send(&update);
    let refreshed = call.receive("200 OK");
    assert_eq!(
        refreshed.header("Session-Expires"),
        Some("90;refresher=uac")
    );
    call.run_until(seconds(100));
    assert_eq!(call.counts().sessions, 1);
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// A session that nobody has accepted has no life to agree on: its end is the INVITE's.
#[test]
fn an_update_of_an_early_session_begins_no_timer() {
    let mut call = Simulation::new(Policy::new().early_answer_reliably());
    let invite = invite().set("Supported", "timer, 100rel");
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    call.send(&invite.prack(&progress));
    call.receive("200 OK");
    let update = invite.in_dialog("UPDATE", &progress).cseq(3);
    call.send(&update.set("Session-Expires", "90;refresher=uac"));
    let updated = call.receive("200 OK");
    assert_eq!(updated.header("CSeq"), Some("3 UPDATE"));
    assert_eq!(updated.header("Session-Expires"), None);
    call.run_until(seconds(100));
    assert_eq!(call.counts().sessions, 1);
    call.give_up(&invite);
    call.finish_here();
}

/// §8.2: 422 tells the least that we bear.
#[test]
fn too_short_a_time_gets_422() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = invite().set("Session-Expires", "60");
    call.send(&invite);
    let refused = call.receive("422 Session Interval Too Small");
    assert_eq!(refused.header("Min-SE"), Some("90"));
    call.send(&invite.ack(&refused));
    call.finish_here();
}

/// §9: a caller that does not know session timers gets what a proxy asked for, if we can refresh.
#[test]
fn we_refresh_for_a_caller_that_does_not_know_how() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite()
        .set("Session-Expires", "60")
        .set("Allow", "INVITE, ACK, BYE, UPDATE");
    let ok = begin(&mut call, &invite);
    assert_eq!(ok.header("Session-Expires"), Some("90;refresher=uas"));
    assert_eq!(ok.header("Require"), None);
    call.run_until(seconds(45));
    let update = call.receive("UPDATE");
    assert_eq!(update.header("Session-Expires"), Some("90;refresher=uac"));
    let supported = update.header("Supported").unwrap();
    assert!(
        supported.split(", ").any(|tag| tag == "timer"),
        "{supported}"
    );
    call.send_from(PEER, refreshed(&update));
    call.run_until(seconds(90));
    let again = call.receive("UPDATE");
    call.send_from(PEER, refreshed(&again));
    call.send(&invite.in_dialog("BYE", &ok));
    call.finish_here();
}

/// A caller that asks for nothing gets what is configured.
#[test]
fn a_timer_of_our_own_is_set_where_it_is_configured() {
    let session_timer = SessionTimerConfig {
        expires: Some(1800),
        ..SessionTimerConfig::default()
    };
    let config = Config {
        session_timer,
        ..Config::default()
    };
    let mut call = Simulation::with_config(Policy::new().answer(), config);
    let invite = invite();
    let ok = begin(&mut call, &invite);
    assert_eq!(ok.header("Session-Expires"), Some("1800;refresher=uac"));
    call.send(&invite.in_dialog("BYE", &ok));
    call.finish_here();
}

/// What the application of the route that insists on a timer says.
fn insisting() -> Policy {
    let ok = ResponseOptions::from(Body::sdp("v=0\r\n"));
    Policy::new().accept(ok.with_session_expires(90))
}

/// The answer of a peer to a request of ours, with a session description.
fn answered(request: &Packet) -> String {
    let ok = String::from_utf8(request.response("200 OK").to_vec()).unwrap();
    let body = "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
    ok.replace("Content-Length: 0\r\n\r\n", body)
}

/// §9: the answerer may ask for a shorter time than the caller, and for one where it asked for none.
#[test]
fn an_application_may_insist_on_a_timer() {
    for (asked, granted) in [(None, "90"), (Some("1800"), "90"), (Some("90"), "90")] {
        let mut call = Simulation::new(insisting());
        let mut invite = invite();
        if let Some(asked) = asked {
            invite = invite.set("Session-Expires", asked);
        }
        let ok = begin(&mut call, &invite);
        let expected = format!("{granted};refresher=uac");
        assert_eq!(ok.header("Session-Expires"), Some(&*expected));
        assert_eq!(ok.header("Require"), Some("timer"));
        call.send(&invite.in_dialog("BYE", &ok));
        call.finish_here();
    }
    let mut call = Simulation::new(insisting());
    let invite = invite().set("Min-SE", "300");
    let ok = begin(&mut call, &invite);
    assert_eq!(ok.header("Session-Expires"), Some("300;refresher=uac"));
    call.send(&invite.in_dialog("BYE", &ok));
    call.finish_here();
}

/// §7.4, §9: whoever takes no UPDATE is refreshed by re-INVITE, with the description that it knows.
#[test]
fn we_refresh_by_reinvite_for_a_caller_that_takes_no_update() {
    let mut call = Simulation::new(insisting());
    let invite = Draft::invite().set("Allow", "INVITE, ACK, BYE");
    let ok = begin(&mut call, &invite);
    assert_eq!(ok.header("Session-Expires"), Some("90;refresher=uas"));
    // It knows no timers, and its answers say nothing of one: it is refreshed all the same.
    for at in [45, 90] {
        call.run_until(seconds(at));
        let refresh = call.receive("INVITE");
        assert_eq!(refresh.header("Session-Expires"), Some("90;refresher=uac"));
        assert_eq!(refresh.body(), "v=0\r\n");
        call.send_from(PEER, answered(&refresh));
        call.receive("ACK");
    }
    call.send(&invite.in_dialog("BYE", &ok));
    call.finish_here();
}

/// §10: a refresh of ours that finds nobody ends the session.
#[test]
fn a_refresh_that_is_not_answered_ends_the_session() {
    let mut call = Simulation::new(insisting());
    let invite = Draft::invite();
    begin(&mut call, &invite);
    call.run_until(seconds(45));
    call.receive("INVITE");
    call.run_until(seconds(77));
    let bye = call.receive("BYE");
    call.send_from(PEER, bye.response("200 OK"));
    call.finish_here();
}

/// §9: what is repeated is what was agreed on last, in an answer of ours too.
#[test]
fn a_refresh_repeats_our_last_answer() {
    let mut call = Simulation::new(insisting());
    let invite = Draft::invite();
    let ok = begin(&mut call, &invite);
    call.run_until(seconds(10));
    let hold = invite.in_dialog("INVITE", &ok);
    let hold = hold.body("application/sdp", "v=0\r\n");
    call.send(&hold);
    let agreed = call.receive("200 OK");
    // A re-INVITE that says nothing of the timer leaves it as it is, and begins its time anew.
    assert_eq!(agreed.header("Session-Expires"), Some("90;refresher=uas"));
    call.send(&hold.in_dialog("ACK", &agreed));
    call.run_until(seconds(54));
    call.expect("...");
    call.run_until(seconds(55));
    let refresh = call.receive("INVITE");
    assert_eq!(refresh.body(), agreed.body());
    call.send_from(PEER, answered(&refresh));
    call.receive("ACK");
    call.send(&hold.in_dialog("BYE", &agreed));
    call.finish_here();
}

/// RFC 4028 §7.4: a peer may refresh as often as it likes, and for as long.
#[test]
fn refreshes_leave_no_timers_behind() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = invite().set("Session-Expires", "90;refresher=uac");
    let ok = begin(&mut call, &invite);
    for number in 2..102 {
        let update = invite.in_dialog("UPDATE", &ok).cseq(number);
        let update = update.branch(&format!("z9hG4bK-{number}"));
        call.send(&update.set(
            "Session-Expires",
            &format!("{};refresher=uac", 4_000_000 + number),
        ));
        call.receive("200 OK");
    }
    // The transactions are forgotten by then.
    call.run_until(seconds(40));
    assert_eq!(call.counts().timers, 1);
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// §10: a change of ours that is never answered keeps nobody from ending the session in time.
#[test]
fn a_refresh_waits_no_longer_than_the_session_lives() {
    let mut call = Simulation::new(insisting());
    begin(&mut call, &Draft::invite());
    call.run_until(seconds(40));
    let session = call.session();
    let hold = Body::sdp("v=0\r\n");
    let sent = call.core(|core, now| core.session(now, session).unwrap().invite(&hold));
    assert_eq!(sent, Ok(()));
    let change = call.receive("INVITE");
    call.send_from(PEER, change.response("100 Trying"));
    call.run_until(seconds(89));
    assert_eq!(call.receive("INVITE").bytes, change.bytes);
    call.run_until(seconds(90));
    let bye = call.receive("BYE");
    call.send_from(PEER, bye.response("200 OK"));
    call.send_from(PEER, change.response("487 Request Terminated"));
    call.finish_here();
}

/// A call that agrees on a description in a 183, and on a session timer a second later: the INVITE and the 183.
fn early() -> (Simulation, Draft, Packet) {
    let ok = ResponseOptions::new(Success::OK).with_session_expires(90);
    let policy = Policy::new().early_answer_reliably().wait(seconds(1));
    let mut call = Simulation::new(policy.accept(ok));
    let invite = Draft::invite().set("Supported", "100rel");
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    (call, invite, progress)
}

/// RFC 3262 §5: what is repeated is the answer to the offer of a PRACK, where that came last.
#[test]
fn a_refresh_repeats_the_answer_to_the_offer_of_a_prack() {
    let (mut call, invite, progress) = early();
    let prack = invite.prack(&progress);
    call.send(&prack.body("application/sdp", "v=0\r\na=sendonly\r\n"));
    let answer = call.receive("200 OK");
    assert_ne!(answer.body(), progress.body());
    call.run_until(seconds(1));
    let ok = call.receive("200 OK");
    call.send(&invite.in_dialog("ACK", &ok));
    call.run_until(seconds(46));
    let refresh = call.receive("INVITE");
    assert_eq!(refresh.body(), answer.body());
    call.send_from(PEER, answered(&refresh));
    call.receive("ACK");
    call.send(&invite.in_dialog("BYE", &ok).cseq(9));
    call.finish_here();
}

/// The same where an UPDATE without an offer follows it, and where the last offer before the answer was ours.
#[test]
fn a_refresh_repeats_what_was_agreed_on_early() {
    const HOLD: &str = "v=0\r\na=sendonly\r\n";
    for is_ours in [false, true] {
        let (mut call, invite, progress) = early();
        let prack = invite.prack(&progress);
        let agreed = if is_ours {
            call.send(&prack);
            call.receive("200 OK");
            let session = call.session();
            let offer = Body::sdp(HOLD);
            let sent =
                call.core(|core, now| core.session(now, session).unwrap().update(Some(&offer)));
            assert_eq!(sent, Ok(()));
            let update = call.receive("UPDATE");
            call.send_from(PEER, update.response("200 OK"));
            HOLD.to_owned()
        } else {
            call.send(&prack.body("application/sdp", HOLD));
            let answer = call.receive("200 OK");
            call.send(&invite.in_dialog("UPDATE", &progress).cseq(3));
            let updated = call.receive("200 OK");
            assert_eq!(updated.header("CSeq"), Some("3 UPDATE"));
            answer.body().to_owned()
        };
        call.run_until(seconds(1));
        let ok = call.receive("200 OK");
        call.send(&invite.in_dialog("ACK", &ok));
        call.run_until(seconds(46));
        let refresh = call.receive("INVITE");
        assert_eq!(refresh.body(), agreed);
        call.send_from(PEER, answered(&refresh));
        call.receive("ACK");
        call.hang_up(&invite, &ok);
        call.finish_here();
    }
}
