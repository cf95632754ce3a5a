//! BYE on an early dialog: RFC 3261 §15.1.2.

use offhook_sim::{Draft, Policy, Simulation, seconds};

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
