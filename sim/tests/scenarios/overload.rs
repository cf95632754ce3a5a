//! 503 with Retry-After where there is no room, and while the server is about to stop: RFC 3261
//! §21.5.4.

use offhook_core::message::Method;
use offhook_core::{Config, Limits, VerbError};
use offhook_sim::{Direction, Draft, PEER, Policy, Simulation, seconds};

fn with_limits(policy: Policy, limits: Limits) -> Simulation {
    let limits = Limits {
        retry_after: 7,
        ..limits
    };
    Simulation::with_config(
        policy,
        Config {
            limits,
            methods: vec![Method::Refer],
            ..Config::default()
        },
    )
}

/// Another call than the one of [`Draft::invite`].
fn another() -> Draft {
    Draft::invite()
        .set("Call-ID", "another")
        .branch("z9hG4bK-another")
}

/// Sends a call that must be refused.
fn expect_refused(call: &mut Simulation, seconds: &str) {
    call.send(&another());
    let refused = call.receive("503 Service Unavailable");
    assert_eq!(refused.header("Retry-After"), Some(seconds));
    assert_eq!(call.counts().totals.overload, 1);
}

#[test]
fn too_many_calls_that_are_not_answered() {
    let limits = Limits {
        invites: 1,
        ..Limits::default()
    };
    let mut call = with_limits(Policy::new().ring(), limits);
    let invite = Draft::invite();
    call.send(&invite);
    call.receive("180 Ringing");
    expect_refused(&mut call, "7");
    call.give_up(&invite);
    call.finish_here();
}

#[test]
fn too_many_sessions() {
    let limits = Limits {
        sessions: 1,
        ..Limits::default()
    };
    let mut call = with_limits(Policy::new().answer(), limits);
    let invite = Draft::invite();
    let ok = call.establish(&invite);
    expect_refused(&mut call, "7");
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// RFC 3515 §2: the dialog that a REFER makes outside of any stands among the sessions.
#[test]
fn too_many_sessions_for_a_refer() {
    let limits = Limits {
        sessions: 1,
        ..Limits::default()
    };
    let mut call = with_limits(Policy::new().answer(), limits);
    let refer = Draft::new("REFER")
        .set("Call-ID", "another")
        .set("Refer-To", "<sip:carol@example.net>");
    call.send(&refer);
    call.run_until(seconds(0));
    let request = call.referred();
    let invite = Draft::invite();
    let ok = call.establish(&invite);
    call.run_until(seconds(0));
    let accepted = call.core(|core, now| core.refer_server(now, request).unwrap().accept());
    assert_eq!(accepted, Err(VerbError::Full));
    call.receive("503 Service Unavailable");
    let third = refer.clone().set("Call-ID", "third");
    call.send(&third.branch("z9hG4bK-third"));
    let refused = call.receive("503 Service Unavailable");
    assert_eq!(refused.header("Call-ID"), Some("third"));
    // RFC 4488 §4: without a subscription there is no dialog.
    let untold = refer.set("Call-ID", "fourth").set("Refer-Sub", "false");
    call.send(&untold.branch("z9hG4bK-fourth"));
    call.run_until(seconds(0));
    let request = call.referred();
    let accepted = call.core(|core, now| core.refer_server(now, request).unwrap().accept());
    assert_eq!(accepted, Ok(None));
    assert_eq!(call.counts().sessions, 1);
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// A CANCEL has no bound of its own.
#[test]
fn too_many_transactions() {
    let limits = Limits {
        transactions: 1,
        ..Limits::default()
    };
    let mut call = with_limits(Policy::new().ring(), limits);
    let invite = Draft::invite();
    call.send(&invite);
    call.receive("180 Ringing");
    expect_refused(&mut call, "7");
    call.give_up(&invite);
    call.finish_here();
}

/// What is in the tables goes on: a call that is up can be hung up.
#[test]
fn a_bye_is_served_when_there_are_too_many_transactions() {
    let limits = Limits {
        transactions: 1,
        ..Limits::default()
    };
    let mut call = with_limits(Policy::new().answer(), limits);
    let invite = Draft::invite();
    let ok = call.establish(&invite);
    call.hang_up(&invite, &ok);
    assert_eq!(call.counts().sessions, 0);
    call.finish_here();
}

/// Twenty BYEs, each a request of its own, that all get this.
fn expect_useless(call: &mut Simulation, answer: &str, bye: impl Fn(u32) -> Draft) {
    let before = call.counts().server_transactions;
    for number in 0..20 {
        let branch = format!("z9hG4bK-bye-{number}");
        call.send_from(PEER, bye(number).branch(&branch).bytes());
        call.run_until(seconds(0));
    }
    let sent = call.trace().packets();
    let answers = sent.filter(|packet| packet.label() == answer).count();
    assert_eq!(answers, 20, "{}", call.trace());
    assert_eq!(call.counts().server_transactions, before);
}

/// RFC 3261 §12.2.2: the first of them ends the session all the same, by a BYE of ours.
#[test]
fn a_bye_that_is_refused_makes_no_room() {
    let limits = Limits {
        transactions: 1,
        ..Limits::default()
    };
    let mut call = with_limits(Policy::new().answer(), limits);
    let invite = Draft::invite();
    let ok = call.establish(&invite);
    let bye = |_| invite.in_dialog("BYE", &ok).cseq(1);
    expect_useless(&mut call, "500 Server Internal Error", bye);
    let packets = call.trace().packets();
    let sent = packets.filter(|packet| packet.direction == Direction::FromServer);
    let byes: Vec<_> = sent.filter(|packet| packet.label() == "BYE").collect();
    let [bye] = byes[..] else {
        panic!("one BYE of ours is enough\n{}", call.trace());
    };
    let answer = bye.response("200 OK");
    call.send_from(PEER, answer);
    call.run_out();
    assert_eq!(call.counts().sessions, 0);
    call.finish_here();
}

/// RFC 5057 §4.2: a subscription goes on in the dialog, and there is no session to end.
#[test]
fn a_bye_behind_a_bye_makes_no_room() {
    let limits = Limits {
        transactions: 2,
        ..Limits::default()
    };
    let mut call = with_limits(Policy::new().answer(), limits);
    let invite = Draft::invite();
    let ok = call.establish(&invite);
    let refer = invite.in_dialog("REFER", &ok);
    call.send(&refer.set("Refer-To", "<sip:carol@example.net>"));
    call.run_until(seconds(0));
    let request = call.referred();
    let accepted = call.core(|core, now| core.refer_server(now, request).unwrap().accept());
    assert!(matches!(accepted, Ok(Some(_))));
    call.hang_up(&invite, &ok);
    let bye = |number| invite.in_dialog("BYE", &ok).cseq(10_000 + number);
    expect_useless(&mut call, "481 Call/Transaction Does Not Exist", bye);
    call.run_out();
    call.finish_here();
}

#[test]
fn a_server_about_to_stop_refuses_new_calls_and_goes_on_with_the_others() {
    let mut call = with_limits(Policy::new().answer(), Limits::default());
    let invite = Draft::invite();
    call.send(&invite);
    let ok = call.receive("200 OK");
    call.core(|core, _| core.refuse_new_calls(30));
    expect_refused(&mut call, "30");
    call.send(&Draft::new("OPTIONS").set("Call-ID", "ping"));
    let unavailable = call.receive("503 Service Unavailable");
    assert_eq!(
        unavailable.header("Retry-After"),
        Some("30"),
        "§11.2: as an INVITE"
    );
    call.send(&invite.in_dialog("ACK", &ok));
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// A few large requests take as much memory as many small ones.
#[test]
fn too_many_octets() {
    let limits = Limits {
        octets: 100_000,
        ..Limits::default()
    };
    let mut call = with_limits(Policy::new().ring(), limits);
    let invite = Draft::invite().add("Subject", &"x".repeat(60_000));
    call.send(&invite);
    expect_refused(&mut call, "7");
    call.send(&invite.cancel());
    call.run_out();
    call.send(&another().branch("z9hG4bK-later"));
    call.receive("180 Ringing");
    call.run_out();
    call.finish_here();
}
