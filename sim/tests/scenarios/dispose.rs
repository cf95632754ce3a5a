//! The application lets a call go without a word: 480, RFC 3261 §21.4.18.

use offhook_sim::{Plan, Policy, Simulation, seconds};

#[test]
fn dispose_is_480() {
    let mut call = Simulation::new(Policy::new().ring().wait(seconds(1)).dispose());
    call.call(Plan::new());
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        1.0   <-- 480 Temporarily Unavailable
        1.0   ACK           ------->
        ",
    );
    call.finish();
}
