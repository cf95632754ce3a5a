//! Early media: the answer is shown in a 183, RFC 3261 §13.2.1.

use offhook_core::message::{Body, Success};
use offhook_sim::{ANSWER, Packet, Plan, Policy, Simulation, seconds};

const FIGURE: &str = "
    0.0   INVITE        ------->
    0.0                 * Invite
    0.0   <-- 183 Session Progress
    2.0   <------------ 200 OK
    2.0   ACK           ------->
    2.0                 * Confirmed
    3.0   BYE           ------->
    3.0   <------------ 200 OK
    3.0                 * Ended RemoteBye
    ";

/// The 183 may get lost, so the 200 shows the same answer again.
#[test]
fn the_200_repeats_the_answer_that_the_183_showed() {
    let policy = Policy::new().early_answer().wait(seconds(2));
    let with_a_body = policy.clone().accept(Body::sdp(ANSWER));
    let without_a_body = policy.accept(Success::OK);
    for policy in [with_a_body, without_a_body] {
        let mut call = Simulation::new(policy);
        call.call(Plan::new().hang_up_after(seconds(1)));
        call.expect(FIGURE);
        for label in ["183 Session Progress", "200 OK"] {
            let mut packets = call.trace().packets();
            let response = packets.find(|packet| packet.label() == label);
            assert_eq!(response.map(Packet::body), Some(ANSWER), "{label}");
        }
        call.finish();
    }
}
