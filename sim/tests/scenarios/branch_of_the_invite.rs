//! An ACK to a 2xx that bears the branch of its INVITE: RFC 6026 §6, §7.1.

use offhook_sim::{Acknowledge, Plan, Policy, Simulation, seconds};

#[test]
fn it_reaches_the_dialog_in_accepted() {
    let mut call = Simulation::new(Policy::new().answer());
    let plan = Plan::new().acknowledge(Acknowledge::WithInviteBranch);
    call.call(plan.hang_up_after(seconds(1)));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------------ 200 OK
        0.0   ACK           ------->
        0.0                 * Confirmed
        1.0   BYE           ------->
        1.0   <------------ 200 OK
        1.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}
