//! Methods and versions that are not served: RFC 3261 §8.2.1, §21.4.6, §21.5.2, §21.5.6.

use offhook_sim::{Draft, Policy, Simulation};

/// What the server serves, as it says in every Allow.
pub(crate) const ALLOW: Option<&str> =
    Some("INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, NOTIFY, PRACK");

#[test]
fn a_known_method_that_is_not_served_gets_405() {
    let mut call = Simulation::new(Policy::new());
    for method in [
        "REGISTER",
        "SUBSCRIBE",
        "MESSAGE",
        "INFO",
        "PUBLISH",
        "REFER",
    ] {
        call.send(&Draft::new(method));
        let answer = call.receive("405 Method Not Allowed");
        assert_eq!(answer.header("Allow"), ALLOW);
    }
    call.finish_here();
}

/// Methods have a case.
#[test]
fn an_unknown_method_gets_501() {
    let mut call = Simulation::new(Policy::new());
    for method in ["DANCE", "invite"] {
        call.send(&Draft::new(method));
        let answer = call.receive("501 Not Implemented");
        assert_eq!(answer.header("Allow"), ALLOW);
    }
    call.finish_here();
}

#[test]
fn another_version_gets_505() {
    let mut call = Simulation::new(Policy::new());
    call.send(&Draft::invite().version("SIP/7.0"));
    let answer = call.receive("505 Version Not Supported");
    assert!(answer.text().starts_with("SIP/2.0 505 "));
    call.finish_here();
}
