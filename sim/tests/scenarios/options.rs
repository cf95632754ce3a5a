//! OPTIONS outside of a dialog and inside: RFC 3261 §11.2, §12.2.2.

use crate::methods::ALLOW;
use offhook_sim::{Draft, Policy, Simulation};

#[test]
fn outside_of_a_dialog_it_is_answered_and_forgotten() {
    let mut call = Simulation::new(Policy::new());
    call.send(&Draft::new("OPTIONS"));
    let ok = call.receive("200 OK");
    assert_eq!(ok.header("Allow"), ALLOW);
    assert_eq!(ok.header("Accept"), Some("application/sdp"));
    assert!(ok.to_tag().is_some());
    assert_eq!(call.counts().server_transactions, 0);
    call.expect(
        "
        0.0   OPTIONS       ------->
        0.0   <------------ 200 OK
        ",
    );
    call.finish();
}

/// It changes nothing in the dialog but the number of the next request.
#[test]
fn inside_a_dialog_it_is_answered_too() {
    let mut call = Simulation::new(Policy::new().ring().wait(offhook_sim::seconds(1)).answer());
    let invite = Draft::invite();
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    call.send(&invite.in_dialog("OPTIONS", &ringing));
    let ok = call.receive("200 OK");
    assert_eq!(ok.to_tag(), ringing.to_tag());
    call.run_until(offhook_sim::seconds(1));
    let ok = call.receive("200 OK");
    call.send(&invite.in_dialog("ACK", &ok));
    call.send(&invite.in_dialog("OPTIONS", &ok).cseq(3));
    call.send(&invite.in_dialog("BYE", &ok).cseq(4));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        0.0   OPTIONS       ------->
        0.0   <------------ 200 OK
        1.0   <------------ 200 OK
        1.0   ACK           ------->
        1.0   OPTIONS       ------->
        1.0   BYE           ------->
        1.0                 * Confirmed
        1.0   <------------ 200 OK
        1.0   <------------ 200 OK
        1.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// §11.2: as an INVITE would be answered. New calls are refused, and a call that is there goes on.
#[test]
fn where_new_calls_are_refused_it_is_answered_inside_of_a_dialog_alone() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite();
    let ok = call.establish(&invite);
    call.core(|core, _| core.refuse_new_calls(10));
    call.send(&invite.in_dialog("OPTIONS", &ok));
    call.receive("200 OK");
    call.send(&Draft::new("OPTIONS"));
    call.receive("503 Service Unavailable");
    call.hang_up(&invite, &ok);
    call.finish_here();
}
