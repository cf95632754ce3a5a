//! Early media: the answer is shown in a 183, RFC 3261 §13.2.1.

use offhook_core::message::{Body, Provisional, Success};
use offhook_core::{ResponseOptions, VerbError};
use offhook_sim::{ANSWER, Draft, Packet, Plan, Policy, Simulation, seconds};

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

/// The 200 must have the answer, as long as nothing has shown that the 183 arrived.
#[test]
fn the_200_has_no_other_body_in_the_place_of_the_answer() {
    let mut call = Simulation::new(Policy::new().early_answer());
    let invite = Draft::invite();
    call.send(&invite);
    call.receive("183 Session Progress");
    let id = call.invite();
    let other = Body::new("text/plain", "hello").unwrap();
    let accepted = call.core(|core, now| {
        let server = core.invite_server(now, id).expect("the call is there");
        server.accept(other).map(drop)
    });
    assert_eq!(accepted, Err(VerbError::NoBody));
    call.give_up(&invite);
    call.finish_here();
}

/// "That same exact answer": what a 183 has shown, neither another one nor the 200 may change.
#[test]
fn another_answer_than_the_one_shown_is_refused() {
    let mut call = Simulation::new(Policy::new().early_answer());
    let invite = Draft::invite();
    call.send(&invite);
    call.receive("183 Session Progress");
    let id = call.invite();
    let other = Body::sdp("v=0\r\n");
    let progress = ResponseOptions::new(Provisional::SESSION_PROGRESS);
    let progressed = call.core(|core, now| {
        let mut server = core.invite_server(now, id).expect("the call is there");
        let progressed = server.progress(progress.clone().with_body(Body::sdp(ANSWER)));
        assert!(progressed.is_ok(), "the same");
        server.progress(progress.with_body(other.clone())).map(drop)
    });
    assert_eq!(progressed, Err(VerbError::Described));
    let accepted = call.core(|core, now| {
        let server = core.invite_server(now, id).expect("the call is there");
        server.accept(other).map(drop)
    });
    assert_eq!(accepted, Err(VerbError::Described));
    call.give_up(&invite);
    call.finish_here();
}
