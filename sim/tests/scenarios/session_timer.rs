//! Session timers: RFC 4028, as the one who answers.

use offhook_core::{Config, SessionTimerConfig};
use offhook_sim::{Draft, PEER, Packet, Policy, Simulation, seconds};

/// An INVITE of a caller that knows session timers.
fn invite() -> Draft {
    Draft::invite()
        .set("Supported", "timer")
        .set("Allow", "INVITE, ACK, BYE, UPDATE")
}

/// From the INVITE to the ACK.
fn begin(call: &mut Simulation, invite: &Draft) -> Packet {
    call.send(invite);
    let ok = call.receive("200 OK");
    call.send(&invite.in_dialog("ACK", &ok));
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
    call.expect("...");
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
    call.send(&invite.in_dialog("BYE", &ok).cseq(3));
    call.receive("200 OK");
    call.expect("...");
    call.finish();
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
    call.expect("...");
    call.finish();
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
    assert_eq!(update.header("Supported"), Some("timer"));
    call.send_from(PEER, refreshed(&update));
    call.run_until(seconds(90));
    let again = call.receive("UPDATE");
    call.send_from(PEER, refreshed(&again));
    call.send(&invite.in_dialog("BYE", &ok));
    call.expect("...");
    call.finish();
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
    call.expect("...");
    call.finish();
}
