//! The callee's phone rings before it answers: RFC 3261 §13.3.1.1.

use offhook_core::Transport;
use offhook_sim::{Plan, Policy, Simulation, seconds};

#[test]
fn ring_then_answer() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let policy = Policy::new().ring().wait(seconds(3)).answer();
        let mut call = Simulation::new(policy).over(transport);
        call.call(Plan::new().hang_up_after(seconds(5)));
        call.expect(
            "
            0.0   INVITE        ------->
            0.0                 * Invite
            0.0   <------- 180 Ringing
            3.0   <------------ 200 OK
            3.0   ACK           ------->
            3.0                 * Confirmed
            8.0   BYE           ------->
            8.0   <------------ 200 OK
            8.0                 * Ended RemoteBye
            ",
        );
        call.finish();
    }
}

/// §13.3.1.1: a provisional response every minute keeps proxies from giving up.
#[test]
fn the_last_provisional_response_is_repeated_every_minute() {
    let policy = Policy::new().ring().wait(seconds(150)).answer();
    let mut call = Simulation::new(policy);
    call.call(Plan::new().hang_up_after(seconds(1)));
    call.expect(
        "
          0.0   INVITE        ------->
          0.0                 * Invite
          0.0   <------- 180 Ringing
         60.0   <------- 180 Ringing
        120.0   <------- 180 Ringing
        150.0   <------------ 200 OK
        150.0   ACK           ------->
        150.0                 * Confirmed
        151.0   BYE           ------->
        151.0   <------------ 200 OK
        151.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// The minute begins anew with each response.
#[test]
fn a_new_provisional_response_begins_a_new_minute() {
    let policy = Policy::new().ring().wait(seconds(40)).early_answer();
    let mut call = Simulation::new(policy.wait(seconds(70)).answer());
    call.call(Plan::new().hang_up_after(seconds(1)));
    call.expect(
        "
          0.0   INVITE        ------->
          0.0                 * Invite
          0.0   <------- 180 Ringing
         40.0   <-- 183 Session Progress
        100.0   <-- 183 Session Progress
        110.0   <------------ 200 OK
        110.0   ACK           ------->
        110.0                 * Confirmed
        111.0   BYE           ------->
        111.0   <------------ 200 OK
        111.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}
