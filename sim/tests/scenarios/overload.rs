//! 503 with Retry-After where there is no room, and while the server is about to stop: RFC 3261
//! §21.5.4.

use offhook_core::{Config, Limits};
use offhook_sim::{Draft, Policy, Simulation};

fn with_limits(policy: Policy, limits: Limits) -> Simulation {
    let limits = Limits {
        retry_after: 7,
        ..limits
    };
    Simulation::with_config(
        policy,
        Config {
            limits,
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
