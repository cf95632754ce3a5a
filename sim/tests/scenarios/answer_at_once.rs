//! The call is answered at once: RFC 3261 §13.3.1.4, RFC 3665 §3.1.

use crate::methods::ALLOW;
use offhook_sim::{ANSWER, CallState, Plan, Policy, Simulation, seconds};

#[test]
fn the_caller_hangs_up() {
    let mut call = Simulation::new(Policy::new().answer());
    call.call(Plan::new().hang_up_after(seconds(5)));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------------ 200 OK
        0.0   ACK           ------->
        0.0                 * Confirmed
        ",
    );
    assert_eq!(call.caller(), CallState::Established);
    call.expect(
        "
        5.0   BYE           ------->
        5.0   <------------ 200 OK
        5.0                 * Ended RemoteBye
        ",
    );
    assert_eq!(call.caller(), CallState::Ended);
    call.finish();
}

/// §12.1.1, §13.3.1.4, §20.5: what a 2xx says.
#[test]
fn the_200_has_what_a_dialog_needs() {
    let mut call = Simulation::new(Policy::new().answer().wait(seconds(1)).hang_up());
    call.call(Plan::new());
    let ok = call.receive("200 OK");
    assert_eq!(ok.header("Contact"), Some("<sip:bob@198.51.100.1:5060>"));
    assert_eq!(ok.header("Allow"), ALLOW);
    assert_eq!(
        ok.header("Supported"),
        Some("100rel, timer, replaces, norefersub")
    );
    assert_eq!(ok.header("Content-Type"), Some("application/sdp"));
    assert_eq!(ok.body(), ANSWER);
    assert!(
        ok.to_tag().is_some_and(|tag| tag.len() >= 16),
        "64 random bits"
    );
    call.expect("...");
    call.run_until(seconds(1));
    call.finish_here();
}

/// §13.2.1, §14.1: without an offer in the INVITE, the 200 offers and the ACK answers.
#[test]
fn the_server_offers_where_the_invite_does_not() {
    let mut call = Simulation::new(Policy::new().answer());
    call.call(Plan::new().without_offer().hang_up_after(seconds(1)));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------------ 200 OK
        0.0   ACK           ------->
        0.0                 * Confirmed
        ",
    );
    let ack = call
        .acknowledgement()
        .expect("the ACK came to the application");
    assert_eq!(ack.body(), ANSWER.as_bytes());
    call.expect(
        "
        1.0   BYE           ------->
        1.0   <------------ 200 OK
        1.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// §8.2.6.2: the To tag of all responses is one.
#[test]
fn every_response_names_the_dialog_in_the_same_way() {
    let mut call = Simulation::new(Policy::new().ring().wait(seconds(1)).answer());
    call.call(Plan::new().hang_up_after(seconds(1)));
    call.run_until(seconds(1));
    let tags: Vec<_> = call
        .trace()
        .packets()
        .filter(|packet| packet.status().is_some())
        .map(|packet| packet.to_tag())
        .collect();
    assert_eq!(tags.len(), 2);
    assert_eq!(tags[0], tags[1]);
    call.run_until(seconds(2));
    call.finish_here();
}
