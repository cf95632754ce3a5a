//! Both hang up at once: RFC 3261 §15.1, RFC 5407 §3.2.1.

use offhook_sim::{CallState, Plan, Policy, Simulation, milliseconds, seconds};

#[test]
fn two_byes_cross() {
    let policy = Policy::new().answer().wait(seconds(1)).hang_up();
    let mut call = Simulation::new(policy).latency(milliseconds(50));
    call.call(Plan::new().hang_up_after(milliseconds(950)));
    call.expect(
        "
        0.0    INVITE        ------->
        0.05                 * Invite
        0.05   <------------ 200 OK
        0.1    ACK           ------->
        0.15                 * Confirmed
        1.05                 * Terminating LocalBye
        1.05   <------------ BYE
        1.05   BYE           ------->
        1.1    200 OK        ------->
        1.1    <------------ 200 OK
        1.1                  * Ended RemoteBye
        ",
    );
    assert_eq!(call.caller(), CallState::Ended);
    call.finish();
}
