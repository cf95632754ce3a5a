//! Extensions that a request requires: RFC 3261 §8.2.2.3.

use offhook_sim::{Draft, Policy, Simulation};

#[test]
fn what_is_not_supported_is_listed_in_the_420() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite().set("Require", "gruu, 100rel");
    call.send(&invite.add("Require", "nonsense"));
    let answer = call.receive("420 Bad Extension");
    assert_eq!(answer.header("Unsupported"), Some("gruu, nonsense"));
    call.finish_here();
}

/// Proxy-Require concerns proxies.
#[test]
fn proxy_require_does_not_concern_a_user_agent() {
    let mut call = Simulation::new(Policy::new());
    call.send(&Draft::new("OPTIONS").set("Proxy-Require", "nonsense"));
    call.receive("200 OK");
    call.finish_here();
}

/// In CANCEL and in the ACK of a refusal it is ignored.
#[test]
fn require_in_cancel_and_ack_is_ignored() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite();
    call.send(&invite);
    call.send(&invite.cancel().set("Require", "nonsense"));
    let terminated = call.receive("487 Request Terminated");
    call.send(&invite.ack(&terminated).set("Require", "nonsense"));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0   CANCEL        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        0.0   <------------ 200 OK
        0.0   <-- 487 Request Terminated
        0.0                 * Cancelled
        0.0   ACK           ------->
        ",
    );
    call.finish();
}

/// Every request outside of a dialog is asked, not INVITE alone.
#[test]
fn other_requests_are_asked_too() {
    let mut call = Simulation::new(Policy::new());
    call.send(&Draft::new("OPTIONS").set("Require", "nonsense"));
    call.receive("420 Bad Extension");
    call.finish_here();
}
