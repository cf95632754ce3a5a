//! BYE on an early dialog: RFC 3261 §15.1.2.

use offhook_sim::{Draft, Fault, Faults, Policy, Simulation, milliseconds, seconds};

/// The sessions that live, and those that are over while their 2xx waits for its ACK.
fn alive(call: &Simulation) -> (usize, usize) {
    let counts = call.counts();
    (counts.sessions, counts.unacknowledged)
}

/// The BYE gets 200, and the INVITE that is still pending gets 487.
#[test]
fn the_invite_gets_487() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite();
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    call.run_until(seconds(1));
    call.send(&invite.in_dialog("BYE", &ringing));
    let terminated = call.receive("487 Request Terminated");
    call.send(&invite.ack(&terminated));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        1.0   BYE           ------->
        1.0   <------------ 200 OK
        1.0   <-- 487 Request Terminated
        1.0                 * InviteEnded Bye
        1.0   ACK           ------->
        ",
    );
    call.finish();
}

/// §12: a final response other than 2xx ends the early dialog at once.
#[test]
fn there_is_no_dialog_after_a_refusal() {
    let policy = Policy::new().ring().wait(seconds(1));
    let mut call = Simulation::new(policy.reject(offhook_core::message::Rejection::BUSY_HERE));
    let invite = Draft::invite();
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    call.run_until(seconds(1));
    let busy = call.receive("486 Busy Here");
    call.send(&invite.in_dialog("BYE", &ringing));
    call.send(&invite.ack(&busy));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        1.0   <----- 486 Busy Here
        1.0   BYE           ------->
        1.0   ACK           ------->
        1.0   <-- 481 Call/Transaction Does Not Exist
        ",
    );
    call.finish();
}

/// §13.3.1.4: a caller that knows the early dialog may hang up before our 2xx arrives. That is repeated all the same, or
/// the INVITE had no final response.
#[test]
fn a_success_that_meets_the_bye_is_repeated_until_its_ack() {
    let faults = Faults::Schedule(vec![(2, Fault::Lose)]);
    let policy = Policy::new().ring().wait(seconds(1)).answer();
    let mut call = Simulation::new(policy).faults(faults);
    let invite = Draft::invite();
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    call.run_until(seconds(1));
    call.send(&invite.in_dialog("BYE", &ringing));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        1.0   x------------ 200 OK
        1.0   BYE           ------->
        1.0   <------------ 200 OK
        1.0                 * Ended RemoteBye
        1.5   <------------ 200 OK
        ",
    );
    let ok = call.receive("200 OK");
    assert_eq!(ok.header("CSeq"), Some("1 INVITE"));
    // Who leaves waits for no session that is over.
    assert_eq!(alive(&call), (0, 1));
    let again = invite.in_dialog("BYE", &ok).cseq(3);
    call.send(&again.branch("z9hG4bK-again"));
    call.send(&invite.in_dialog("ACK", &ok));
    call.expect(
        "
        1.5   BYE           ------->
        1.5   ACK           ------->
        1.5   <-- 481 Call/Transaction Does Not Exist
        ",
    );
    assert_eq!(alive(&call), (0, 0));
    call.finish();
}

/// Nor does a BYE of ours follow where nobody acknowledges it.
#[test]
fn a_success_that_meets_the_bye_is_given_up_in_the_end() {
    let policy = Policy::new().ring().wait(seconds(1)).answer();
    let mut call = Simulation::new(policy);
    let invite = Draft::invite();
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    call.run_until(milliseconds(1100));
    call.send(&invite.in_dialog("BYE", &ringing));
    call.expect("...");
    for at in [15, 25, 45, 85, 125, 165, 205, 245, 285, 325] {
        let at = f64::from(at) / 10.0;
        call.expect(&format!("{at:.1}  <------------ 200 OK"));
    }
    assert_eq!(alive(&call), (0, 1));
    call.run_until(seconds(33));
    assert_eq!(alive(&call), (0, 0));
    call.finish();
}
